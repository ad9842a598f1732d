//! Tests of replicas whose key is not the policy's, and of replicas in another account.

use secret_replicator_emulator::{Fault, FaultKind, SecretSeed};

use crate::stage::{HOME, Stage, create_secret_event, setting, tagged};

const WITH_KEY: &str = "{version: 1, rules: [
    {name: keyed, when: all, replicate-to: [eu-west-1, us-west-2], kms-key: {eu-west-1: alias/app}}]}";

#[tokio::test]
async fn a_replica_on_another_key_is_refused_with_both_keys_and_changed_by_no_write() {
    let mut stage = setting().env("REPLICATION_POLICY", WITH_KEY).start().await;
    let seed = SecretSeed::new(HOME, "prod/db");
    let arn = stage.secret(
        seed.with_replica_in("eu-west-1")
            .with_replica_in("us-west-2"),
    );
    let event = create_secret_event("prod/db", &arn);
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("refused");
    assert_eq!(delivery.record["level"], "WARN");
    assert_eq!(
        delivery.region("eu-west-1"),
        "refuse refused kms-key-differs"
    );
    assert_eq!(delivery.region("us-west-2"), "keep in-sync");
    insta::assert_json_snapshot!(delivery.replica("eu-west-1"));
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_replica_on_a_weaker_key_shows_beside_its_status() {
    let mut stage = Stage::new().await;
    let seed = tagged("prod/db", "eu-west-1").with_kms_key_id("alias/app");
    let arn = stage.secret(seed.with_replica_in("eu-west-1"));
    let event = create_secret_event("prod/db", &arn);
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("refused");
    assert_eq!(
        delivery.region("eu-west-1"),
        "refuse refused weaker-encryption"
    );
    let replica = delivery.replica("eu-west-1");
    assert_eq!(replica["detail"], "a replica is there: InSync");
    assert_eq!(replica["kms_key"], "aws/secretsmanager");
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_secret_that_aws_calls_a_replica_is_skipped() {
    let mut stage = Stage::new().await;
    let message = "Operation not permitted on a replica secret. Call must be made in primary secret's region.";
    let fault = FaultKind::answer(400, "InvalidParameterException", message);
    stage
        .aws
        .script(Fault::on("ReplicateSecretToRegions", fault).always());
    let delivery = stage.create(tagged("prod/db", "eu-west-1 us-west-2")).await;
    delivery.ends_well("skipped");
    assert_eq!(delivery.reason(), "is-replica");
    let detail = delivery.record["detail"].as_str().expect("a detail");
    assert!(detail.contains("another account"), "{detail}");
    assert_eq!(stage.requested().len(), 1);
}
