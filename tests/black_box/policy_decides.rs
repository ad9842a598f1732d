//! Tests of the decisions by policy, allowed Regions and keys about an existing secret.

use secret_replicator_emulator::{KeyState, SecretSeed};
use serde_json::json;

use crate::stage::{HOME, Stage, create_secret_event, setting, tagged};

const MULTI_REGION_KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/mrk-1234";
const RELATED_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/mrk-1234";

#[tokio::test]
async fn only_the_missing_replicas_are_requested() {
    let mut stage = Stage::new().await;
    let delivery = stage
        .create(tagged("prod/db", "eu-west-1 us-west-2").with_replica_in("eu-west-1"))
        .await;
    delivery.ends_well("replicated");
    assert_eq!(delivery.region("eu-west-1"), "keep in-sync");
    assert_eq!(delivery.region("us-west-2"), "replicate in-sync");
    assert_eq!(stage.requested(), [["us-west-2"]]);
}

#[tokio::test]
async fn a_secret_that_is_replicated_already_costs_one_read_and_no_write() {
    let mut stage = Stage::new().await;
    stage
        .create(tagged("prod/db", "eu-west-1").with_replica_in("eu-west-1"))
        .await
        .ends_well("unchanged");
    assert_eq!(stage.aws.calls().len(), 1);
}

#[tokio::test]
async fn a_replica_that_no_rule_wants_is_left_alone() {
    let mut stage = Stage::new().await;
    stage
        .create(
            tagged("prod/db", "eu-west-1")
                .with_replica_in("eu-west-1")
                .with_replica_in("sa-east-1"),
        )
        .await
        .ends_well("unchanged");
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1", "sa-east-1"]);
}

#[tokio::test]
async fn the_primary_secrets_own_region_is_shown_and_is_not_a_refusal() {
    let mut stage = Stage::new().await;
    let delivery = stage.create(tagged("prod/db", "us-east-1 eu-west-1")).await;
    delivery.ends_well("replicated");
    assert_eq!(
        delivery.region("us-east-1"),
        "refuse refused primary-region"
    );
    assert_eq!(stage.requested(), [["eu-west-1"]]);
}

#[tokio::test]
async fn a_tag_that_names_only_the_own_region_is_unchanged() {
    let mut stage = Stage::new().await;
    stage
        .create(tagged("prod/db", "us-east-1"))
        .await
        .ends_well("unchanged");
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_bad_token_is_named_and_the_rest_counts() {
    let mut stage = Stage::new().await;
    let delivery = stage.create(tagged("prod/db", "frankfurt eu-west-1")).await;
    delivery.ends_well("refused");
    assert_eq!(
        delivery.region("frankfurt"),
        "refuse refused invalid-region"
    );
    assert_eq!(delivery.region("eu-west-1"), "replicate in-sync");
    assert_eq!(delivery.record["level"], "WARN");
    insta::assert_json_snapshot!(delivery.replica("frankfurt"));
}

#[tokio::test]
async fn an_empty_tag_value_is_reported() {
    let mut stage = Stage::new().await;
    let delivery = stage.create(tagged("prod/db", "")).await;
    delivery.ends_well("refused");
    assert_eq!(delivery.region(""), "refuse refused empty-tag-value");
}

#[tokio::test]
async fn the_tag_value_none_wants_no_replica() {
    let mut stage = Stage::new().await;
    let delivery = stage.create(tagged("prod/db", "none")).await;
    delivery.ends_well("unchanged");
    assert_eq!(delivery.record["message"], "prod/db: wants no replica");
    assert_eq!(
        delivery.record["rules"],
        json!(["secret-names-its-regions"])
    );
}

#[tokio::test]
async fn a_region_outside_the_allowed_regions_is_refused_and_the_rest_is_replicated() {
    let allowed_regions = "eu-west-1, eu-central-1";
    let mut stage = setting()
        .env("ALLOWED_REPLICA_REGIONS", allowed_regions)
        .start()
        .await;
    let delivery = stage.create(tagged("prod/db", "us-west-2 eu-west-1")).await;
    delivery.ends_well("refused");
    assert_eq!(
        delivery.region("us-west-2"),
        "refuse refused region-not-allowed"
    );
    assert_eq!(stage.requested(), [["eu-west-1"]]);
    insta::assert_json_snapshot!(delivery.replica("us-west-2"));
}

#[tokio::test]
async fn a_refusal_of_a_region_that_does_not_exist_names_the_typo_first() {
    let mut stage = setting()
        .env("ALLOWED_REPLICA_REGIONS", "eu-west-1")
        .start()
        .await;
    let value = "eu-wset-1 us-west2 none";
    let delivery = stage.create(tagged("prod/db", value)).await;
    delivery.ends_well("refused");
    for (region, hint) in [
        (
            "eu-wset-1",
            "did you mean `eu-west-1`? Otherwise: name an allowed Region",
        ),
        (
            "us-west2",
            "did you mean `us-west-2`? Otherwise: set the tag",
        ),
        ("none", "`none` must stand alone"),
    ] {
        let remediation = &delivery.replica(region)["remediation"];
        assert!(
            remediation.as_str().unwrap().contains(hint),
            "{remediation}"
        );
    }
}

#[tokio::test]
async fn a_region_of_another_partition_is_refused() {
    let mut stage = Stage::new().await;
    let delivery = stage
        .create(tagged("prod/db", "cn-north-1 us-gov-west-1"))
        .await;
    delivery.ends_well("refused");
    assert_eq!(
        delivery.region("cn-north-1"),
        "refuse refused other-partition"
    );
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_customer_key_without_a_counterpart_refuses_rather_than_weakens() {
    let mut stage = Stage::new().await;
    let seed = tagged("prod/db", "eu-west-1").with_kms_key_id("alias/app");
    let delivery = stage.create(seed).await;
    delivery.ends_well("refused");
    assert_eq!(
        delivery.region("eu-west-1"),
        "refuse refused weaker-encryption"
    );
    assert!(stage.requested().is_empty());
    insta::assert_json_snapshot!(delivery.replica("eu-west-1"));
}

#[tokio::test]
async fn a_multi_region_key_takes_its_related_key_along() {
    let mut stage = Stage::new().await;
    stage
        .aws
        .with(|world, _| world.set_key("eu-west-1", RELATED_KEY, KeyState::Usable));
    let seed = tagged("prod/db", "eu-west-1").with_kms_key_id(MULTI_REGION_KEY);
    let delivery = stage.create(seed).await;
    delivery.ends_well("replicated");
    assert_eq!(delivery.replica("eu-west-1")["kms_key"], RELATED_KEY);
    let replicas = stage
        .aws
        .with(|world, now| world.replicas(now, HOME, "prod/db"));
    assert_eq!(replicas[0].kms_key_id, RELATED_KEY);
}

#[tokio::test]
async fn a_policy_of_ones_own_takes_the_place_of_the_built_in_one() {
    let policy = "
version: 1
rules:
  - name: production
    when: { tags: { environment: prod, tier: [0, 1] }, secret-name: [\"app/*\"] }
    replicate-to: [eu-west-1]
  - name: everything
    when: { tags: { backup: \"*\" } }
    replicate-to: us-west-2
";
    let mut stage = setting().env("REPLICATION_POLICY", policy).start().await;
    let seed = |name| {
        SecretSeed::new(HOME, name)
            .with_tag("environment", "prod")
            .with_tag("tier", "1")
    };
    let both = stage.create(seed("app/db").with_tag("backup", "")).await;
    both.ends_well("replicated");
    assert_eq!(both.record["rules"], json!(["everything", "production"]));
    assert_eq!(stage.in_sync("app/db"), ["eu-west-1", "us-west-2"]);
    stage.create(seed("web/db")).await.ends_well("skipped");
    let other_tier = SecretSeed::new(HOME, "app/x").with_tag("environment", "prod");
    stage
        .create(other_tier.with_tag("tier", "2"))
        .await
        .ends_well("skipped");
    stage
        .create(tagged("app/y", "eu-west-1"))
        .await
        .ends_well("skipped");
}

#[tokio::test]
async fn a_dry_run_decides_and_writes_nothing() {
    let mut stage = setting().env("DRY_RUN", "true").start().await;
    let delivery = stage.create(tagged("prod/db", "eu-west-1 us-east-1")).await;
    delivery.ends_well("planned");
    assert_eq!(delivery.region("eu-west-1"), "replicate planned");
    assert_eq!(delivery.record["dry_run"], true);
    assert_eq!(stage.aws.calls().len(), 1, "one DescribeSecret");
}

#[tokio::test]
async fn a_dry_run_by_hand_writes_nothing_and_a_typo_in_it_is_an_error() {
    let mut stage = Stage::new().await;
    stage.secret(tagged("prod/db", "eu-west-1"));
    let action = json!({"action": "reconcile", "secretId": "prod/db", "dryRun": true});
    stage.deliver(&action).await.ends_well("planned");
    let typo = json!({"action": "reconcile", "secretId": "prod/db", "dryrun": true});
    let delivery = stage.deliver(&typo).await;
    delivery.ends_in_error("failed", "BadEvent");
    let message = delivery.error_message.unwrap();
    for text in [
        "unknown field `dryrun`; did you mean `dryRun`?",
        "'secretId': '...', 'dryRun': true}",
    ] {
        assert!(message.contains(text), "{message}");
    }
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_dry_run_by_setting_cannot_be_undone_by_an_action() {
    let mut stage = setting().env("DRY_RUN", "true").start().await;
    stage.secret(tagged("prod/db", "eu-west-1"));
    let action = json!({"action": "reconcile", "secretId": "prod/db", "dryRun": false});
    stage.deliver(&action).await.ends_well("planned");
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn what_the_event_says_of_tags_counts_for_nothing() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(SecretSeed::new(HOME, "prod/db"));
    let mut event = create_secret_event("prod/db", &arn);
    event["detail"]["requestParameters"]["tags"] =
        json!([{"key": "replicate-to", "value": "eu-west-1"}]);
    stage.deliver(&event).await.ends_well("skipped");
}

#[tokio::test]
async fn a_replica_that_is_there_outside_the_allowed_regions_is_left_alone_and_shown() {
    let mut stage = setting()
        .env("ALLOWED_REPLICA_REGIONS", "eu-west-1")
        .start()
        .await;
    let seed = tagged("prod/db", "us-west-2").with_replica_in("us-west-2");
    let delivery = stage.create(seed).await;
    delivery.ends_well("refused");
    assert_eq!(
        delivery.replica("us-west-2")["detail"],
        "a replica is there: InSync"
    );
    assert_eq!(stage.in_sync("prod/db"), ["us-west-2"]);
}
