//! Tests of replications that AWS accepts and later reports as failed, with reasons and remediations.

use std::time::Duration;

use secret_replicator_emulator::{FailedReplicas, KeyState, KnownReplica, SecretSeed};
use serde_json::Value;

use crate::stage::{Delivery, HOME, Stage, create_secret_event, setting, tagged};

const MULTI_REGION_KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/mrk-1234";
const RELATED_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/mrk-1234";

fn failed_because(delivery: &Delivery, region: &str, reason: &str) {
    delivery.ends_in_error("failed", "ReplicationFailed");
    assert_eq!(
        delivery.region(region),
        format!("replicate failed {reason}")
    );
    assert_eq!(delivery.record["level"], "ERROR");
    let message = delivery.error_message.as_deref().unwrap();
    let replica = delivery.replica(region);
    for part in ["detail", "remediation"] {
        // The message ends no detail with a full stop.
        let part = replica[part].as_str().unwrap().trim_end_matches('.');
        assert!(
            !part.is_empty() && message.contains(part),
            "{part:?} is not in {message:?}"
        );
    }
}

#[tokio::test]
async fn a_name_that_is_taken_in_the_target_region_is_a_failure_and_the_rest_is_replicated() {
    let mut stage = Stage::new().await;
    stage.secret(SecretSeed::new("eu-west-1", "prod/db"));
    let delivery = stage.create(tagged("prod/db", "eu-west-1 us-west-2")).await;
    failed_because(&delivery, "eu-west-1", "name-already-exists");
    assert_eq!(delivery.region("us-west-2"), "replicate in-sync");
    insta::assert_json_snapshot!(delivery.replica("eu-west-1"));
    insta::assert_snapshot!(delivery.error_message.unwrap());
}

#[tokio::test]
async fn an_orphaned_replica_is_a_failure_of_its_own() {
    let mut stage = Stage::new().await;
    stage.secret(SecretSeed::new("eu-west-1", "prod/db").with_replica_of("sa-east-1"));
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    failed_because(&delivery, "eu-west-1", "orphaned-replica");
    insta::assert_json_snapshot!(delivery.replica("eu-west-1"));
}

#[tokio::test]
async fn a_key_that_is_missing_disabled_or_denied_is_a_failure() {
    let states = [
        (KeyState::Missing, "kms-key-unavailable"),
        (KeyState::Disabled, "kms-key-unavailable"),
        (KeyState::Denied, "kms-access-denied"),
    ];
    for (state, reason) in states {
        let mut stage = Stage::new().await;
        stage
            .aws
            .with(|world, _| world.set_key("eu-west-1", RELATED_KEY, state));
        let seed = tagged("prod/db", "eu-west-1").with_kms_key_id(MULTI_REGION_KEY);
        failed_because(&stage.create(seed).await, "eu-west-1", reason);
    }
}

#[tokio::test]
async fn a_region_that_the_account_has_not_enabled_is_a_failure() {
    let mut stage = Stage::new().await;
    let delivery = stage.create(tagged("prod/db", "me-south-1")).await;
    failed_because(&delivery, "me-south-1", "region-not-enabled");
}

#[tokio::test]
async fn a_key_that_becomes_ready_is_tried_again_on_the_next_delivery() {
    let mut stage = Stage::new().await;
    let seed = tagged("prod/db", "eu-west-1").with_kms_key_id(MULTI_REGION_KEY);
    let first = stage.create(seed).await;
    failed_because(&first, "eu-west-1", "kms-key-unavailable");
    stage
        .aws
        .with(|world, _| world.set_key("eu-west-1", RELATED_KEY, KeyState::Usable));
    let event = create_secret_event("prod/db", &stage.secret_arn("prod/db"));
    let second = stage.deliver(&event).await;
    second.ends_well("replicated");
    assert_eq!(second.region("eu-west-1"), "retry in-sync");
    assert_eq!(stage.requested().len(), 2);
}

#[tokio::test]
async fn a_failure_that_does_not_heal_by_itself_is_reported_again_and_not_tried_again() {
    let mut stage = Stage::new().await;
    stage.secret(SecretSeed::new("eu-west-1", "prod/db"));
    stage.create(tagged("prod/db", "eu-west-1")).await;
    let event = create_secret_event("prod/db", &stage.secret_arn("prod/db"));
    let again = stage.deliver(&event).await;
    again.ends_in_error("failed", "ReplicationFailed");
    assert_eq!(again.region("eu-west-1"), "keep failed name-already-exists");
    assert_eq!(stage.requested().len(), 1);
}

#[tokio::test]
async fn a_replica_that_fails_and_disappears_is_pending_rather_than_forgotten() {
    let setting = setting()
        .env("REPLICATION_WAIT_SECONDS", "1")
        .world(|world| world.failed_replicas = FailedReplicas::Dropped);
    let mut stage = setting.start().await;
    stage.secret(SecretSeed::new("eu-west-1", "prod/db"));
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_in_error("pending", "ReplicationPending");
    assert_eq!(
        delivery.region("eu-west-1"),
        "replicate in-progress not-reported"
    );
}

/// Creates a secret that wants a replica in `eu-west-1`, where a replica has failed. Returns its event.
fn failed_in_eu_west_1(stage: &Stage, seed: SecretSeed, words: &str) -> Value {
    let name = seed.name.clone();
    let arn = stage.secret(seed.with_replica_in("eu-west-1"));
    stage.aws.with(|world, now| {
        world.force_status(now, HOME, &name, "eu-west-1", "Failed", Some(words));
    });
    create_secret_event(&name, &arn)
}

#[tokio::test]
async fn a_failure_for_an_unknown_reason_is_tried_again() {
    let mut stage = Stage::new().await;
    let words = "Replication failed: nobody has heard of it.";
    let event = failed_in_eu_west_1(&stage, tagged("prod/db", "eu-west-1"), words);
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("replicated");
    assert_eq!(delivery.region("eu-west-1"), "retry in-sync");
}

#[tokio::test]
async fn a_retry_that_aws_refuses_keeps_the_reason_of_the_failure() {
    let setting = setting().world(|world| world.known_replica = KnownReplica::RefuseCall);
    let mut stage = setting.start().await;
    let words = "Replication failed: the KMS key is disabled.";
    let event = failed_in_eu_west_1(&stage, tagged("prod/db", "eu-west-1"), words);
    let delivery = stage.deliver(&event).await;
    delivery.ends_in_error("failed", "ReplicationFailed");
    assert_eq!(
        delivery.region("eu-west-1"),
        "retry failed kms-key-unavailable"
    );
    let detail = delivery.replica("eu-west-1")["detail"].as_str().unwrap();
    assert!(
        detail.contains("the KMS key is disabled. (the retry was refused: "),
        "{detail}"
    );
}

#[tokio::test]
async fn a_failed_replica_on_a_weaker_key_is_a_refusal_that_names_the_failure() {
    let mut stage = Stage::new().await;
    let seed = tagged("prod/db", "eu-west-1").with_kms_key_id("alias/app");
    let words = "Replication failed: the KMS key is disabled.";
    let event = failed_in_eu_west_1(&stage, seed, words);
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("refused");
    assert_eq!(
        delivery.region("eu-west-1"),
        "refuse refused weaker-encryption"
    );
    let detail = delivery.replica("eu-west-1")["detail"].as_str().unwrap();
    assert!(detail.contains(words), "{detail}");
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_key_that_is_still_being_created_works_on_the_next_delivery() {
    let mut stage = Stage::new().await;
    let ready_in = Duration::from_secs(2);
    stage.aws.with(|world, now| {
        world.set_key(
            "eu-west-1",
            RELATED_KEY,
            KeyState::UsableFrom(now + ready_in),
        );
    });
    let seed = tagged("prod/db", "eu-west-1").with_kms_key_id(MULTI_REGION_KEY);
    let first = stage.create(seed).await;
    failed_because(&first, "eu-west-1", "kms-key-unavailable");
    tokio::time::sleep(ready_in).await;
    let event = create_secret_event("prod/db", &stage.secret_arn("prod/db"));
    stage.deliver(&event).await.ends_well("replicated");
}
