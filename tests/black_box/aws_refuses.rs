//! Tests of AWS calls that fail: rejected, denied, throttled, or lost.

use std::time::Duration;

use secret_replicator_emulator::{
    Denial, Execution, Fault, FaultKind, KnownReplica, RegionNotEnabled,
};
use serde_json::json;

use crate::stage::{HOME, Stage, create_secret_event, deliver, setting, tagged};

const REPLICATE: &str = "ReplicateSecretToRegions";

#[tokio::test]
async fn when_aws_refuses_the_whole_call_each_region_is_requested_by_itself() {
    let setting = setting().world(|world| world.region_not_enabled = RegionNotEnabled::RefusesCall);
    let mut stage = setting.start().await;
    let delivery = stage
        .create(tagged("prod/db", "eu-west-1 me-south-1 us-west-2"))
        .await;
    delivery.ends_in_error("failed", "ReplicationFailed");
    assert_eq!(delivery.region("eu-west-1"), "replicate in-sync");
    assert_eq!(
        delivery.region("me-south-1"),
        "replicate failed region-not-enabled"
    );
    assert_eq!(delivery.region("us-west-2"), "replicate in-sync");
    assert_eq!(
        stage.requested().len(),
        4,
        "one call for all, then one for each"
    );
}

#[tokio::test]
async fn a_role_that_may_not_read_is_an_error_with_its_remediation() {
    let mut stage = Stage::new().await;
    stage
        .aws
        .with(|world, _| world.deny(Denial::of("DescribeSecret")));
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_in_error("failed", "AccessDenied");
    assert_eq!(delivery.reason(), "access-denied");
    assert!(
        delivery
            .error_message
            .unwrap()
            .contains("remediation: allow the function's role")
    );
    assert_eq!(
        stage.aws.calls().len(),
        1,
        "what is denied is not tried again"
    );
}

#[tokio::test]
async fn a_role_that_may_not_write_is_an_error() {
    let mut stage = Stage::new().await;
    stage.aws.with(|world, _| world.deny(Denial::of(REPLICATE)));
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_in_error("failed", "AccessDenied");
    assert_eq!(
        delivery.region("eu-west-1"),
        "replicate failed access-denied"
    );
}

#[tokio::test]
async fn a_role_that_may_not_write_to_one_region_still_writes_to_the_others() {
    let mut stage = Stage::new().await;
    let denial = Denial::of(REPLICATE).on_replica_region("eu-west-1");
    stage.aws.with(|world, _| world.deny(denial));
    let delivery = stage.create(tagged("prod/db", "eu-west-1 us-west-2")).await;
    delivery.ends_in_error("failed", "AccessDenied");
    assert_eq!(
        delivery.region("eu-west-1"),
        "replicate failed access-denied"
    );
    assert_eq!(delivery.region("us-west-2"), "replicate in-sync");
}

#[tokio::test]
async fn a_throttled_call_is_made_again() {
    let mut stage = Stage::new().await;
    stage
        .aws
        .script(Fault::on("DescribeSecret", FaultKind::Throttle));
    stage.aws.script(Fault::on(REPLICATE, FaultKind::Throttle));
    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
    assert_eq!(stage.requested().len(), 2);
}

/// In a burst, all events wait for the same quota of the account.
#[tokio::test]
async fn an_event_waits_for_the_quota_for_writes_longer_than_the_sdk_does() {
    let mut stage = Stage::new().await;
    stage
        .aws
        .script(Fault::on(REPLICATE, FaultKind::Throttle).times(6));
    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
    assert_eq!(stage.requested().len(), 7);
}

#[tokio::test]
async fn throttling_without_end_is_an_error_of_its_own() {
    let setting = setting().timeout(Duration::from_secs(16));
    for operation in ["DescribeSecret", REPLICATE] {
        let mut stage = setting.start().await;
        stage
            .aws
            .script(Fault::on(operation, FaultKind::Throttle).always());
        let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
        delivery.ends_in_error("failed", "Throttled");
        let calls = stage.calls(operation).len();
        assert!((5..40).contains(&calls), "{calls} calls of {operation}");
    }
}

#[tokio::test]
async fn a_secret_that_is_asked_for_by_hand_does_not_wait_for_the_quota() {
    let mut stage = Stage::new().await;
    stage.secret(tagged("prod/db", "eu-west-1"));
    stage
        .aws
        .script(Fault::on(REPLICATE, FaultKind::Throttle).always());
    let action = json!({ "action": "reconcile", "secretId": "prod/db" });
    let delivery = stage.deliver(&action).await;
    delivery.ends_in_error("failed", "Throttled");
    assert_eq!(stage.requested().len(), 4);
}

#[tokio::test]
async fn a_request_that_was_executed_although_its_answer_was_lost_is_not_made_again() {
    let lost = [
        FaultKind::CloseConnection(Execution::Done),
        FaultKind::MalformedBody(Execution::Done),
        FaultKind::Answer {
            status: 500,
            code: "InternalServiceError".to_owned(),
            message: "An error occurred on the server side.".to_owned(),
            execution: Execution::Done,
        },
    ];
    for fault in lost {
        // AWS may reject a second request for the same Region. The behavior is not documented.
        let setting = setting().world(|world| world.known_replica = KnownReplica::RefuseCall);
        let mut stage = setting.start().await;
        stage.aws.script(Fault::on(REPLICATE, fault.clone()));
        let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
        delivery.ends_well("replicated");
        assert_eq!(stage.requested().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_request_that_was_lost_before_it_was_executed_is_made_again() {
    let mut stage = Stage::new().await;
    stage.aws.script(Fault::on(
        REPLICATE,
        FaultKind::CloseConnection(Execution::Skipped),
    ));
    stage
        .create(tagged("prod/db", "eu-west-1 us-west-2"))
        .await
        .ends_well("replicated");
    assert_eq!(
        stage.requested().len(),
        3,
        "one call for both, then one for each"
    );
}

#[tokio::test]
async fn an_answer_that_never_comes_is_given_up_and_the_secret_read_again() {
    let mut stage = Stage::new().await;
    stage
        .aws
        .script(Fault::on(REPLICATE, FaultKind::Hang(Execution::Done)));
    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
    assert_eq!(stage.requested().len(), 1);
}

#[tokio::test]
async fn an_aws_that_is_down_is_an_error_of_its_own() {
    let down = FaultKind::answer(503, "ServiceUnavailable", "Service is unavailable");
    let mut stage = Stage::new().await;
    stage
        .aws
        .script(Fault::on(REPLICATE, down.clone()).always());
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_in_error("failed", "ServiceUnavailable");
    assert_eq!(
        delivery.region("eu-west-1"),
        "replicate failed service-unavailable"
    );
    let mut stage = Stage::new().await;
    stage.aws.script(Fault::on("DescribeSecret", down).always());
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_in_error("failed", "ServiceUnavailable");
    assert_eq!(delivery.reason(), "service-unavailable");
}

#[tokio::test]
async fn a_failed_poll_while_following_replicas_does_not_decide_the_outcome() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    let refusal = FaultKind::answer(400, "InvalidRequestException", "for no reason");
    stage.aws.script(Fault::on(
        "DescribeSecret",
        FaultKind::Latency(Duration::ZERO),
    ));
    stage
        .aws
        .script(Fault::on("DescribeSecret", refusal).times(2));
    let delivery = stage.deliver(&create_secret_event("prod/db", &arn)).await;
    delivery.ends_well("replicated");
}

#[tokio::test]
async fn two_deliveries_of_one_event_at_the_same_time_both_end_well() {
    for known_replica in [
        KnownReplica::Ignore,
        KnownReplica::RetryIfFailed,
        KnownReplica::RefuseCall,
    ] {
        let setting = setting().world(|world| world.known_replica = known_replica);
        let mut stage = setting.start().await;
        let mut second = setting.function(&stage.aws).await.unwrap();
        let arn = stage.secret(tagged("prod/db", "eu-west-1"));
        // Slow writes, so that both deliveries read before one of them has written.
        let slow = FaultKind::Latency(Duration::from_secs(1));
        stage.aws.script(Fault::on(REPLICATE, slow).times(2));
        let event = create_secret_event("prod/db", &arn);
        let (one, two) = tokio::join!(
            deliver(&mut stage.function, &event),
            deliver(&mut second, &event)
        );
        for delivery in [one, two] {
            delivery.ends_well("replicated");
        }
        assert_eq!(stage.requested().len(), 2, "both read before either wrote");
        let replicas = stage
            .aws
            .with(|world, now| world.replicas(now, HOME, "prod/db"));
        assert_eq!(replicas.len(), 1, "{known_replica:?}");
    }
}

#[tokio::test]
async fn a_replica_that_the_answer_shows_in_sync_is_not_polled_again() {
    let setting = setting()
        .env("REPLICATION_WAIT_SECONDS", "1")
        .world(|world| {
            world.known_replica = KnownReplica::Ignore;
            world.status_lag = Duration::from_hours(1);
        });
    let mut stage = setting.start().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    // Another caller has requested the replica, and reads do not show it yet.
    stage.owner(
        REPLICATE,
        &json!({ "SecretId": arn, "AddReplicaRegions": [{ "Region": "eu-west-1" }] }),
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    let delivery = stage.deliver(&create_secret_event("prod/db", &arn)).await;
    delivery.ends_well("replicated");
    assert_eq!(delivery.region("eu-west-1"), "replicate in-sync");
    assert_eq!(stage.calls("DescribeSecret").len(), 1);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_a_clear_error() {
    let mut stage = Stage::new().await;
    let garbage = FaultKind::MalformedBody(Execution::Skipped);
    stage
        .aws
        .script(Fault::on("DescribeSecret", garbage).always());
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_in_error("failed", "ServiceUnavailable");
}

#[tokio::test]
async fn a_role_that_may_not_use_a_key_is_told_apart() {
    let mut stage = Stage::new().await;
    let words = [
        "User: arn:aws:sts::123456789012:assumed-role/f/f is not authorized to perform: \
         kms:Decrypt on this resource because no identity-based policy allows the kms:Decrypt action",
        "Access to KMS is not allowed",
    ];
    for message in words {
        let denied = FaultKind::answer(400, "AccessDeniedException", message);
        stage.aws.script(Fault::on(REPLICATE, denied));
        let delivery = stage.create(tagged(&message[..4], "eu-west-1")).await;
        delivery.ends_in_error("failed", "ReplicationFailed");
        assert_eq!(
            delivery.region("eu-west-1"),
            "replicate failed kms-access-denied"
        );
    }
}

#[tokio::test]
async fn a_region_that_aws_stumbles_over_does_not_stop_the_others() {
    let mut stage = Stage::new().await;
    let stumble = FaultKind::answer(500, "InternalServiceError", "An error occurred");
    stage.aws.script(
        Fault::on(REPLICATE, stumble)
            .on_replica_region("aa-nope-1")
            .always(),
    );
    let delivery = stage
        .create(tagged("prod/db", "eu-west-1 aa-nope-1 us-west-2"))
        .await;
    delivery.ends_in_error("failed", "ServiceUnavailable");
    assert_eq!(
        delivery.region("aa-nope-1"),
        "replicate failed service-unavailable"
    );
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1", "us-west-2"]);
}

#[tokio::test]
async fn regions_that_hang_do_not_use_up_the_time_of_the_others() {
    let mut stage = Stage::new().await;
    let refusal = FaultKind::answer(400, "InvalidParameterException", "not all at once");
    stage.aws.script(Fault::on(REPLICATE, refusal));
    for region in ["ap-northeast-1", "ap-northeast-2", "ap-south-1"] {
        let hang = FaultKind::Hang(Execution::Skipped);
        stage.aws.script(
            Fault::on(REPLICATE, hang)
                .on_replica_region(region)
                .always(),
        );
    }
    let regions = "ap-northeast-1 ap-northeast-2 ap-south-1 eu-west-1 eu-west-2 us-west-2";
    let delivery = stage.create(tagged("prod/db", regions)).await;
    delivery.ends_in_error("failed", "ServiceUnavailable");
    assert_eq!(
        stage.in_sync("prod/db"),
        ["eu-west-1", "eu-west-2", "us-west-2"]
    );
}

#[tokio::test]
async fn a_secret_that_a_write_does_not_find_yet_is_requested_again() {
    let mut stage = Stage::new().await;
    let not_found = FaultKind::answer(
        400,
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    );
    stage.aws.script(Fault::on(REPLICATE, not_found).times(2));
    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
}

#[tokio::test]
async fn a_lost_answer_a_stale_read_and_a_refused_repeat_are_not_a_failure() {
    let setting = setting().world(|world| {
        world.status_lag = Duration::from_millis(1500);
        world.known_replica = KnownReplica::RefuseCall;
    });
    let mut stage = setting.start().await;
    stage.aws.script(Fault::on(
        REPLICATE,
        FaultKind::CloseConnection(Execution::Done),
    ));
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_well("replicated");
    assert!(stage.requested().len() > 1, "the repeat was refused");
}

#[tokio::test]
async fn an_error_between_the_function_and_aws_is_not_a_bad_event() {
    let cases = [
        (403, "InvalidClientTokenId", "AccessDenied"),
        (400, "OptInRequired", "AccessDenied"),
        (400, "SomethingNew", "Internal"),
    ];
    for (status, code, error_type) in cases {
        let mut stage = Stage::new().await;
        stage
            .aws
            .script(Fault::on("DescribeSecret", FaultKind::answer(status, code, "no")).always());
        let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
        delivery.ends_in_error("failed", error_type);
    }
}
