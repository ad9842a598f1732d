//! Tests of secrets and replicas that are not ready, and of the function's deadlines.

use std::time::Duration;

use secret_replicator_emulator::{Execution, Fault, FaultKind};
use serde_json::json;

use crate::stage::{HOME, Stage, create_secret_event, deliver, just_now, setting, tagged};

#[tokio::test]
async fn a_secret_that_cannot_be_found_yet_is_waited_for() {
    let setting = setting().world(|world| world.visibility_delay = Duration::from_millis(700));
    let mut stage = setting.start().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    let event = just_now(create_secret_event("prod/db", &arn));
    stage.deliver(&event).await.ends_well("replicated");
    assert!(stage.calls("DescribeSecret").len() > 2);
}

#[tokio::test]
async fn a_secret_without_a_value_is_waited_for_as_terraform_creates_it() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1").without_value());
    let event = create_secret_event("prod/db", &arn);
    let Stage { aws, function, .. } = &mut stage;
    let put_value = async {
        while aws.calls().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
        let value = json!({"SecretId": arn, "SecretString": "hunter2"});
        let put = aws.with(|world, now| world.handle(now, HOME, "PutSecretValue", &value));
        assert!(put.is_ok() && aws.calls_to("ReplicateSecretToRegions").is_empty());
    };
    let (delivery, ()) = tokio::join!(deliver(function, &event), put_value);
    delivery.ends_well("replicated");
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
}

#[tokio::test]
async fn a_secret_that_gets_no_value_is_left_to_lambdas_retries_and_never_replicated() {
    let mut stage = setting().timeout(Duration::from_secs(3)).start().await;
    let delivery = stage
        .create(tagged("prod/db", "eu-west-1").without_value())
        .await;
    delivery.ends_in_error("pending", "SecretNotReady");
    assert_eq!(delivery.reason(), "no-value-yet");
    assert_eq!(
        delivery.record["rules"],
        json!(["secret-names-its-regions"])
    );
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_secret_without_a_value_that_wants_no_replica_is_not_waited_for() {
    let mut stage = Stage::new().await;
    stage
        .create(tagged("prod/db", "none").without_value())
        .await
        .ends_well("unchanged");
    assert_eq!(stage.aws.calls().len(), 1);
}

#[tokio::test]
async fn a_replica_still_in_progress_when_the_time_is_up_is_pending() {
    let setting = setting()
        .env("REPLICATION_WAIT_SECONDS", "1")
        .world(|world| world.replication_delay = Duration::from_hours(1));
    let mut stage = setting.start().await;
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_in_error("pending", "ReplicationPending");
    assert_eq!(
        delivery.region("eu-west-1"),
        "replicate in-progress replication-in-progress"
    );
    assert_eq!(delivery.record["level"], "WARN");
}

#[tokio::test]
async fn a_replica_that_someone_else_began_is_followed_without_a_request() {
    let setting = setting().world(|world| world.replication_delay = Duration::from_millis(600));
    let mut stage = setting.start().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    let request = json!({"SecretId": arn, "AddReplicaRegions": [{"Region": "eu-west-1"}]});
    let begun = stage
        .aws
        .with(|world, now| world.handle(now, HOME, "ReplicateSecretToRegions", &request));
    assert!(begun.is_ok());
    let delivery = stage.deliver(&create_secret_event("prod/db", &arn)).await;
    delivery.ends_well("unchanged");
    assert_eq!(delivery.region("eu-west-1"), "keep in-sync");
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn an_unknown_status_in_a_region_that_no_rule_wants_is_ignored() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "none").with_replica_in("eu-west-1"));
    stage.aws.with(|world, now| {
        world.force_status(now, HOME, "prod/db", "eu-west-1", "Detached", None);
    });
    let event = create_secret_event("prod/db", &arn);
    stage.deliver(&event).await.ends_well("unchanged");
}

#[tokio::test]
async fn an_aws_that_never_answers_still_leaves_a_record_before_the_deadline() {
    for operation in ["DescribeSecret", "ReplicateSecretToRegions"] {
        let mut stage = setting().timeout(Duration::from_secs(3)).start().await;
        stage
            .aws
            .script(Fault::on(operation, FaultKind::Hang(Execution::Skipped)).always());
        let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
        delivery.ends_in_error("failed", "ServiceUnavailable");
    }
}

#[tokio::test]
async fn a_secret_that_is_never_found_is_left_to_lambdas_retries() {
    let mut stage = setting().timeout(Duration::from_secs(3)).start().await;
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-a1b2c3";
    let event = just_now(create_secret_event("prod/db", arn));
    let delivery = stage.deliver(&event).await;
    delivery.ends_in_error("pending", "SecretNotReady");
    assert_eq!(delivery.reason(), "secret-not-found");
    assert!(stage.aws.calls().len() > 3);
}

#[tokio::test]
async fn a_secret_that_is_asked_for_by_hand_is_not_waited_for() {
    let mut stage = Stage::new().await;
    let delivery = stage
        .deliver(&json!({"action": "reconcile", "secretId": "prod/bd"}))
        .await;
    delivery.ends_in_error("pending", "SecretNotReady");
    let remediation = delivery.record["remediation"].as_str().unwrap();
    assert!(
        remediation.starts_with("check the name and the Region"),
        "{remediation}"
    );
    assert_eq!(stage.aws.calls().len(), 1);
}

#[tokio::test]
async fn a_failed_poll_while_waiting_does_not_undo_what_is_known() {
    let mut stage = setting().timeout(Duration::from_secs(12)).start().await;
    let down = FaultKind::answer(503, "ServiceUnavailable", "Service is unavailable");
    stage.aws.script(Fault::on(
        "DescribeSecret",
        FaultKind::Latency(Duration::ZERO),
    ));
    stage.aws.script(Fault::on("DescribeSecret", down).times(4));
    let delivery = stage
        .create(tagged("prod/db", "eu-west-1").without_value())
        .await;
    delivery.ends_in_error("pending", "SecretNotReady");
    assert_eq!(delivery.reason(), "no-value-yet");
}

#[tokio::test]
async fn an_unknown_status_is_followed_and_named_and_never_fails_the_event() {
    let mut stage = setting().env("REPLICATION_WAIT_SECONDS", "1").start().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1").with_replica_in("eu-west-1"));
    stage.aws.with(|world, now| {
        world.force_status(now, HOME, "prod/db", "eu-west-1", "Detached", None);
    });
    let delivery = stage.deliver(&create_secret_event("prod/db", &arn)).await;
    delivery.ends_well("pending");
    assert_eq!(delivery.record["level"], "WARN");
    assert_eq!(
        delivery.region("eu-west-1"),
        "keep in-progress unknown-status"
    );
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn an_unknown_status_beside_a_replica_in_progress_is_pending_all_the_same() {
    let setting = setting()
        .env("REPLICATION_WAIT_SECONDS", "1")
        .world(|world| world.replication_delay = Duration::from_hours(1));
    let mut stage = setting.start().await;
    let seed = tagged("prod/db", "eu-west-1 us-west-2").with_replica_in("eu-west-1");
    let arn = stage.secret(seed);
    stage.aws.with(|world, now| {
        world.force_status(now, HOME, "prod/db", "eu-west-1", "Detached", None);
    });
    let delivery = stage.deliver(&create_secret_event("prod/db", &arn)).await;
    delivery.ends_in_error("pending", "ReplicationPending");
}

#[tokio::test]
async fn the_deadline_ends_the_following_with_a_last_poll() {
    let setting = setting()
        .timeout(Duration::from_secs(4))
        .world(|world| world.replication_delay = Duration::from_millis(2200));
    let mut stage = setting.start().await;
    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
}

#[tokio::test]
async fn a_replica_that_no_poll_could_read_is_not_reported_as_missing() {
    let mut stage = setting().env("REPLICATION_WAIT_SECONDS", "1").start().await;
    let denied = FaultKind::answer(400, "AccessDeniedException", "not any more");
    stage.aws.script(Fault::on(
        "DescribeSecret",
        FaultKind::Latency(Duration::ZERO),
    ));
    stage
        .aws
        .script(Fault::on("DescribeSecret", denied).always());
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_in_error("pending", "ReplicationPending");
    assert_eq!(
        delivery.region("eu-west-1"),
        "replicate in-progress status-unavailable"
    );
    let detail = delivery.replica("eu-west-1")["detail"].as_str().unwrap();
    assert!(detail.contains("not any more"), "{detail}");
}

#[tokio::test]
async fn a_read_that_lags_behind_the_write_is_waited_for() {
    let setting = setting().world(|world| world.status_lag = Duration::from_millis(1500));
    let mut stage = setting.start().await;
    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
    assert_eq!(stage.requested().len(), 1);
}
