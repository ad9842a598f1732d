//! Tests of the secret that an event names, in every form of a `CreateSecret` event, and of the secrets
//! that the function skips.

use secret_replicator_emulator::SecretSeed;
use serde_json::{Value, json};

use crate::stage::{HOME, Stage, create_secret_event, sample, tagged};

#[tokio::test]
async fn a_new_secret_that_names_its_regions_is_in_sync_in_each_of_them() {
    let mut stage = Stage::new().await;
    let delivery = stage
        .create(tagged("prod/db", "eu-west-1 us-west-2").with_suffix("a1b2c3"))
        .await;
    delivery.ends_well("replicated");
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1", "us-west-2"]);
    assert_eq!(stage.requested(), [["eu-west-1", "us-west-2"]]);
    insta::assert_json_snapshot!(delivery.record, {
        ".timestamp" => "[timestamp]",
        ".request_id" => "[request id]",
        ".duration_ms" => "[milliseconds]",
        ".event_age_ms" => "[milliseconds]",
        ".replicas[].replication_ms" => "[milliseconds]",
    });
}

#[tokio::test]
async fn the_same_event_twice_makes_one_request() {
    let mut stage = Stage::new().await;
    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
    let arn = stage.secret_arn("prod/db");
    let again = stage.deliver(&create_secret_event("prod/db", &arn)).await;
    again.ends_well("unchanged");
    assert_eq!(again.region("eu-west-1"), "keep in-sync");
    assert_eq!(stage.requested().len(), 1);
}

#[tokio::test]
async fn the_arn_is_found_in_each_of_its_spellings() {
    let mut stage = Stage::new().await;
    for spelling in ["arn", "aRN", "ARN"] {
        let name = format!("prod/{spelling}");
        let arn = stage.secret(tagged(&name, "eu-west-1"));
        let mut event = create_secret_event("another name", &arn);
        event["detail"]["responseElements"] = json!({ spelling: arn });
        stage.deliver(&event).await.ends_well("replicated");
        assert_eq!(stage.in_sync(&name), ["eu-west-1"]);
    }
}

#[tokio::test]
async fn without_an_answer_in_the_event_the_name_finds_the_secret() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    for elements in [
        Value::Null,
        json!({}),
        json!({ "arn": "nonsense" }),
        json!({ "arn": null }),
    ] {
        let mut event = create_secret_event("prod/db", &arn);
        event["detail"]["responseElements"] = elements;
        let delivery = stage.deliver(&event).await;
        assert_eq!(delivery.error(), "", "{:#}", delivery.record);
        assert_eq!(delivery.record["secret_arn"], arn);
    }
    assert_eq!(stage.requested().len(), 1);
}

#[tokio::test]
async fn an_event_of_a_failed_call_is_skipped_and_nothing_is_called() {
    let mut stage = Stage::new().await;
    let delivery = stage
        .deliver(&sample("create-secret-failed-call.json"))
        .await;
    delivery.ends_well("skipped");
    assert_eq!(delivery.reason(), "api-call-failed");
    assert!(stage.aws.calls().is_empty());
}

#[tokio::test]
async fn a_secret_of_another_account_or_region_is_skipped_and_nothing_is_called() {
    let mut stage = Stage::new().await;
    let cases = [
        (
            "arn:aws:secretsmanager:us-east-1:999999999999:secret:a-a1b2c3",
            "another-account",
        ),
        (
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-a1b2c3",
            "another-region",
        ),
    ];
    for (arn, reason) in cases {
        let delivery = stage.deliver(&create_secret_event("a", arn)).await;
        delivery.ends_well("skipped");
        assert_eq!(delivery.reason(), reason);
        assert_eq!(delivery.record["secret_arn"], arn);
    }
    assert!(stage.aws.calls().is_empty());
}

#[tokio::test]
async fn a_name_from_another_account_or_region_is_never_taken_for_a_secret_here() {
    let mut stage = Stage::new().await;
    stage.secret(tagged("prod/db", "eu-west-1"));
    let mut event = create_secret_event("prod/db", "");
    event["detail"]["responseElements"] = Value::Null;
    event["detail"]["awsRegion"] = json!("eu-west-1");
    assert_eq!(stage.deliver(&event).await.reason(), "another-region");
    event["detail"]["awsRegion"] = json!(HOME);
    event["detail"]["recipientAccountId"] = json!("999999999999");
    assert_eq!(stage.deliver(&event).await.reason(), "another-account");
    assert!(stage.aws.calls().is_empty());
}

#[tokio::test]
async fn a_replica_is_left_to_its_primary_secret() {
    let mut stage = Stage::new().await;
    let replica = tagged("prod/db", "eu-west-1").with_replica_of("eu-central-1");
    let delivery = stage.create(replica).await;
    delivery.ends_well("skipped");
    assert_eq!(delivery.reason(), "is-replica");
    assert_eq!(delivery.record["primary_region"], "eu-central-1");
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_secret_that_a_service_manages_is_left_to_the_service() {
    let mut stage = Stage::new().await;
    let by_service = tagged("rds-cluster", "eu-west-1").with_owning_service("rds");
    let by_name = tagged("rds!cluster-1234", "eu-west-1");
    let by_tag = tagged("cluster", "eu-west-1").with_tag("aws:secretsmanager:owningService", "rds");
    for seed in [by_service, by_name, by_tag] {
        let delivery = stage.create(seed).await;
        delivery.ends_well("skipped");
        assert_eq!(delivery.reason(), "managed-by-service");
    }
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_secret_that_is_scheduled_for_deletion_is_left_alone() {
    let mut stage = Stage::new().await;
    let delivery = stage
        .create(tagged("prod/db", "eu-west-1").with_scheduled_deletion())
        .await;
    delivery.ends_well("skipped");
    assert_eq!(delivery.reason(), "scheduled-for-deletion");
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_secret_that_no_rule_covers_is_left_alone() {
    let mut stage = Stage::new().await;
    let delivery = stage
        .create(SecretSeed::new(HOME, "prod/db").with_tag("tier", "1"))
        .await;
    delivery.ends_well("skipped");
    assert_eq!(delivery.reason(), "no-rule-matched");
    assert_eq!(stage.aws.calls().len(), 1, "one DescribeSecret");
}

#[tokio::test]
async fn a_secret_is_reconciled_by_hand_by_its_name_or_its_arn() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    let by_name = stage
        .deliver(&json!({"action": "reconcile", "secretId": "prod/db"}))
        .await;
    by_name.ends_well("replicated");
    assert_eq!(by_name.record["trigger"], "reconcile");
    let by_arn = json!({"action": "reconcile", "secretId": arn, "dryRun": false});
    stage.deliver(&by_arn).await.ends_well("unchanged");
}
