//! Tests of the repair of failed replicas.

use std::time::Duration;

use secret_replicator_emulator::{
    Execution, Fault, FaultKind, KnownReplica, RemovedReplicas, SecretSeed,
};
use serde_json::{Value, json};

use crate::record_schema::invoke;
use crate::stage::{HOME, Setting, Stage, create_secret_event, setting, tagged};

const TAKEN: &str = "Replication failed: Secret name prod/db already exists in region eu-west-1.";
const EX_REPLICA: &str =
    "Replication failed: Secret prod/db is currently replicated to eu-west-1 with a different arn.";
const DISABLED: &str = "You have not enabled the Region where the replication occurs.";
/// A failure of unknown cause.
const UNKNOWN: &str = "Replication failed: nobody has heard of it.";

const REMOVING: &str = "{version: 1, removal: covered, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: {tag: replicate-to}}]}";

fn removing() -> Setting {
    setting()
        .env("REPLICATION_POLICY", REMOVING)
        .env("ALLOW_REMOVAL", "true")
}

/// Creates a secret that wants a replica in `eu-west-1`, where the replica was never in sync. Returns its
/// event.
fn never_in_sync(stage: &Stage, words: &str) -> Value {
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    stage.aws.with(|world, now| {
        world.force_status(now, HOME, "prod/db", "eu-west-1", "Failed", Some(words));
    });
    create_secret_event("prod/db", &arn)
}

#[tokio::test]
async fn a_name_conflict_that_was_resolved_by_hand_is_tried_again() {
    for words in [TAKEN, EX_REPLICA, DISABLED] {
        let mut stage = Stage::new().await;
        let event = never_in_sync(&stage, words);
        let delivery = stage.deliver(&event).await;
        delivery.ends_well("replicated");
        assert_eq!(delivery.region("eu-west-1"), "retry in-sync", "{words}");
        stage.deliver(&event).await.ends_well("unchanged");
        assert_eq!(stage.requested().len(), 1);
    }
}

#[tokio::test]
async fn a_conflict_ends_in_a_replica_once_the_other_secret_is_gone() {
    let mut stage = Stage::new().await;
    stage.secret(SecretSeed::new("eu-west-1", "prod/db"));
    let first = stage.create(tagged("prod/db", "eu-west-1")).await;
    first.ends_in_error("failed", "ReplicationFailed");
    let event = create_secret_event("prod/db", &stage.secret_arn("prod/db"));
    stage
        .deliver(&event)
        .await
        .ends_in_error("failed", "ReplicationFailed");
    let body = json!({ "SecretId": "prod/db", "ForceDeleteWithoutRecovery": true });
    let deleted = stage
        .aws
        .with(|world, now| world.handle(now, "eu-west-1", "DeleteSecret", &body));
    deleted.expect("it can be deleted");
    stage.deliver(&event).await.ends_well("replicated");
    stage.deliver(&event).await.ends_well("unchanged");
    assert_eq!(stage.requested().len(), 2);
}

#[tokio::test]
async fn a_name_that_is_still_taken_is_left_alone_and_reported_with_its_remediation() {
    let mut stage = Stage::new().await;
    let event = never_in_sync(&stage, TAKEN);
    stage.secret(SecretSeed::new("eu-west-1", "prod/db"));
    let delivery = stage.deliver(&event).await;
    delivery.ends_in_error("failed", "ReplicationFailed");
    assert_eq!(
        delivery.region("eu-west-1"),
        "keep failed name-already-exists"
    );
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_name_that_a_deleted_secret_still_holds_is_left_alone() {
    let mut stage = Stage::new().await;
    let event = never_in_sync(&stage, TAKEN);
    stage.secret(SecretSeed::new("eu-west-1", "prod/db").with_scheduled_deletion());
    stage
        .deliver(&event)
        .await
        .ends_in_error("failed", "ReplicationFailed");
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_region_that_cannot_be_probed_is_left_alone() {
    let mut stage = Stage::new().await;
    let event = never_in_sync(&stage, TAKEN);
    stage.aws.with(|world, _| {
        world.deny(secret_replicator_emulator::Denial::of("DescribeSecret").in_region("eu-west-1"));
    });
    let delivery = stage.deliver(&event).await;
    delivery.ends_in_error("failed", "ReplicationFailed");
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_failed_replica_that_a_retry_does_not_change_is_removed_and_recreated() {
    for known in [KnownReplica::Ignore, KnownReplica::RefuseCall] {
        let mut stage = removing()
            .world(|world| world.known_replica = known)
            .start()
            .await;
        stage.may_remove = true;
        let event = never_in_sync(&stage, EX_REPLICA);
        let delivery = stage.deliver(&event).await;
        delivery.ends_well("replicated");
        assert_eq!(
            delivery.region("eu-west-1"),
            "retry in-sync failed-replica",
            "{known:?}"
        );
        let removed = delivery
            .metrics
            .iter()
            .filter(|line| line["ReplicasRemoved"] == 1);
        assert_eq!(removed.count(), 1);
        assert_eq!(stage.removed(), [json!(["eu-west-1"])]);
        assert_eq!(stage.requested().len(), 2);
        stage.deliver(&event).await.ends_well("unchanged");
    }
}

#[tokio::test]
async fn a_failed_replica_that_is_removed_but_not_yet_recreated_is_not_a_success() {
    let mut stage = removing()
        .env("REPLICATION_WAIT_SECONDS", "1")
        .world(|world| {
            world.known_replica = KnownReplica::Ignore;
            world.removed_replicas = RemovedReplicas::Shown;
        })
        .start()
        .await;
    stage.may_remove = true;
    let event = never_in_sync(&stage, EX_REPLICA);
    let first = stage.deliver(&event).await;
    first.ends_in_error("pending", "ReplicationPending");
    assert_eq!(
        first.region("eu-west-1"),
        "retry in-progress removal-in-progress"
    );
    while !stage
        .aws
        .with(|world, now| world.replicas(now, HOME, "prod/db"))
        .is_empty()
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stage.deliver(&event).await.ends_well("replicated");
    assert_eq!(stage.removed().len(), 1);
}

#[tokio::test]
async fn a_failed_replica_that_was_in_sync_once_is_never_removed() {
    let mut stage = removing()
        .world(|world| world.known_replica = KnownReplica::Ignore)
        .start()
        .await;
    stage.may_remove = true;
    let arn = stage.secret(tagged("prod/db", "eu-west-1").with_replica_in("eu-west-1"));
    stage.aws.with(|world, now| {
        world.force_status(
            now,
            HOME,
            "prod/db",
            "eu-west-1",
            "Failed",
            Some(EX_REPLICA),
        );
    });
    let delivery = stage.deliver(&create_secret_event("prod/db", &arn)).await;
    delivery.ends_in_error("failed", "ReplicationFailed");
    assert_eq!(
        delivery.region("eu-west-1"),
        "retry failed orphaned-replica"
    );
    assert!(stage.removed().is_empty());
}

#[tokio::test]
async fn a_failed_replica_is_not_removed_where_removal_is_not_allowed() {
    let mut stage = setting()
        .world(|world| world.known_replica = KnownReplica::Ignore)
        .start()
        .await;
    let event = never_in_sync(&stage, EX_REPLICA);
    stage
        .deliver(&event)
        .await
        .ends_in_error("failed", "ReplicationFailed");
    assert!(stage.removed().is_empty());
}

#[tokio::test]
async fn a_replica_that_fails_again_for_its_key_is_reported_and_not_removed() {
    let mut stage = removing().start().await;
    stage.may_remove = true;
    let key = "arn:aws:kms:us-east-1:123456789012:key/mrk-1234";
    let seed = tagged("prod/db", "eu-west-1").with_kms_key_id(key);
    let first = stage.create(seed).await;
    let event = create_secret_event("prod/db", &stage.secret_arn("prod/db"));
    let second = stage.deliver(&event).await;
    for delivery in [&first, &second] {
        delivery.ends_in_error("failed", "ReplicationFailed");
        assert_eq!(
            delivery.replica("eu-west-1")["reason"],
            "kms-key-unavailable"
        );
    }
    assert!(stage.removed().is_empty());
}

#[tokio::test]
async fn a_failed_replica_whose_answer_was_lost_is_not_removed() {
    let mut stage = removing()
        .world(|world| world.known_replica = KnownReplica::Ignore)
        .start()
        .await;
    stage.may_remove = true;
    let event = never_in_sync(&stage, EX_REPLICA);
    let lost = FaultKind::CloseConnection(Execution::Done);
    stage
        .aws
        .script(Fault::on("ReplicateSecretToRegions", lost).always());
    stage
        .deliver(&event)
        .await
        .ends_in_error("failed", "ServiceUnavailable");
    assert!(stage.removed().is_empty());
}

#[tokio::test]
async fn a_failed_replica_that_moves_while_reads_lag_behind_is_not_removed() {
    let mut stage = removing()
        .world(|world| world.status_lag = Duration::from_secs(7))
        .start()
        .await;
    stage.may_remove = true;
    let event = never_in_sync(&stage, EX_REPLICA);
    tokio::time::sleep(Duration::from_secs(7)).await;
    stage.deliver(&event).await;
    assert!(stage.removed().is_empty());
}

#[tokio::test]
async fn a_replica_that_failed_for_an_unknown_reason_is_requested_again_and_never_recreated() {
    let mut stage = removing()
        .world(|world| world.known_replica = KnownReplica::Ignore)
        .start()
        .await;
    stage.may_remove = true;
    let event = never_in_sync(&stage, UNKNOWN);
    let delivery = stage.deliver(&event).await;
    delivery.ends_in_error("failed", "ReplicationFailed");
    assert_eq!(
        delivery.region("eu-west-1"),
        "retry failed replication-failed"
    );
    assert_eq!(stage.requested().len(), 1);
    assert!(stage.removed().is_empty());
}

#[tokio::test]
async fn a_quick_sweep_reports_a_failure_of_unknown_cause_and_a_thorough_one_requests_it_again() {
    let setting = setting().env("ALLOWED_REPLICA_REGIONS", "eu-west-1");
    let mut stage = setting.start().await;
    never_in_sync(&stage, UNKNOWN);
    let sweep = |thorough: bool| json!({ "action": "sweep", "thorough": thorough });
    let swept = invoke(&mut stage.function, &sweep(false))
        .await
        .expect("there");
    assert!(
        swept.log.join("").contains("replication-failed"),
        "{swept:#?}"
    );
    assert!(stage.requested().is_empty());
    invoke(&mut stage.function, &sweep(true))
        .await
        .expect("there");
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
}
