//! Tests of the whole policy language in the real function, by the contents of the calls to AWS.

use secret_replicator_emulator::{KeyState, SecretSeed};
use serde_json::{Value, json};

use crate::stage::{HOME, Stage, setting, tagged};

const POLICY: &str = "
version: 1
groups: { dr: [eu-west-1, us-west-2] }
kms-keys: { us-west-2: alias/secrets }
rules:
  - name: tier-1
    when: { tags: { tier: \"1\" }, not: { secret-name: \"*/scratch\" } }
    replicate-to: dr
    kms-key: { eu-west-1: aws/secretsmanager }
  - name: settled
    when: { tags: { overwrite: \"yes\" } }
    replicate-to: eu-west-1
    overwrite: true
  - name: no-america
    when: { tags: { residency: eu } }
    forbid: { except: [\"eu-*\"] }
";

async fn stage() -> Stage {
    let stage = setting()
        .env("REPLICATION_POLICY", POLICY)
        .env("ALLOW_OVERWRITE", "true")
        .start()
        .await;
    stage
        .aws
        .with(|world, _| world.set_key("us-west-2", "alias/secrets", KeyState::Usable));
    stage
}

fn tier_1(name: &str) -> SecretSeed {
    SecretSeed::new(HOME, name)
        .with_tag("tier", "1")
        .with_kms_key_id("alias/app")
}

#[tokio::test]
async fn keys_of_the_rule_and_of_the_policy_reach_aws() {
    let mut stage = stage().await;
    stage
        .create(tier_1("prod/db"))
        .await
        .ends_well("replicated");
    let added = stage.calls("ReplicateSecretToRegions")[0].body["AddReplicaRegions"].clone();
    let expected = json!([
        {"Region": "eu-west-1"},
        {"Region": "us-west-2", "KmsKeyId": "alias/secrets"},
    ]);
    assert_eq!(added, expected);
}

#[tokio::test]
async fn a_forbidden_region_is_refused_and_names_the_rule_and_the_secret_is_right() {
    let mut stage = stage().await;
    let delivery = stage
        .create(tier_1("prod/db").with_tag("residency", "eu"))
        .await;
    delivery.ends_well("replicated");
    assert_eq!(delivery.record["level"], "INFO");
    assert_eq!(
        delivery.record["message"],
        "prod/db: in sync in eu-west-1; no replica in us-west-2 (forbidden-by-policy)"
    );
    assert_eq!(
        delivery.region("us-west-2"),
        "refuse refused forbidden-by-policy"
    );
    assert_eq!(stage.requested(), [["eu-west-1"]]);
    insta::assert_json_snapshot!(delivery.replica("us-west-2"));
}

#[tokio::test]
async fn what_may_overwrite_goes_in_a_call_of_its_own() {
    let mut stage = stage().await;
    stage.secret(SecretSeed::new("eu-west-1", "prod/db"));
    let delivery = stage
        .create(tier_1("prod/db").with_tag("overwrite", "yes"))
        .await;
    delivery.ends_well("replicated");
    let calls = stage.calls("ReplicateSecretToRegions");
    let forced: Vec<_> = calls
        .iter()
        .map(|call| call.body["ForceOverwriteReplicaSecret"] == true)
        .collect();
    assert_eq!(forced, [false, true]);
    assert_eq!(stage.requested(), [["us-west-2"], ["eu-west-1"]]);
    assert_eq!(delivery.region("eu-west-1"), "overwrite in-sync");
    stage.may_overwrite = true;
}

#[tokio::test]
async fn without_the_setting_nothing_is_overwritten() {
    let stage = setting().env("REPLICATION_POLICY", POLICY);
    let mut stage = stage.start().await;
    stage.secret(SecretSeed::new("eu-west-1", "prod/db"));
    let seed = SecretSeed::new(HOME, "prod/db").with_tag("overwrite", "yes");
    let delivery = stage.create(seed).await;
    delivery.ends_in_error("failed", "ReplicationFailed");
    assert_eq!(
        delivery.region("eu-west-1"),
        "replicate failed name-already-exists"
    );
    let log = stage.function.idle_log().join("\n");
    assert!(log.contains("ALLOW_OVERWRITE is not `true`"), "{log}");
}

#[tokio::test]
async fn an_explanation_says_rule_by_rule_why_and_writes_nothing() {
    let mut stage = stage().await;
    stage.secret(tier_1("prod/db").with_tag("residency", "eu"));
    let delivery = stage
        .explain(&json!({"action": "explain", "secretId": "prod/db"}))
        .await;
    assert_eq!(delivery["dry_run"], true);
    insta::assert_json_snapshot!(delivery["explanation"]);
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_secret_that_need_not_exist_is_explained_without_a_call() {
    let mut stage = stage().await;
    let secret = json!({
        "name": "prod/db",
        "tags": {"tier": "1"},
        "primaryRegion": "us-west-2",
        "kmsKeyId": "alias/app",
    });
    let answer = stage
        .explain(&json!({"action": "explain", "secret": secret}))
        .await;
    let regions: Vec<&Value> = answer["explanation"]["regions"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    assert_eq!(regions[0]["action"], "replicate");
    assert_eq!(regions[1]["reason"], "primary-region");
    assert!(stage.aws.calls().is_empty());
}

#[tokio::test]
async fn a_secret_to_explain_that_is_given_wrongly_is_a_bad_event() {
    let mut stage = Stage::new().await;
    stage.secret(tagged("prod/db", "eu-west-1"));
    let wrong = [
        json!({"action": "explain"}),
        json!({"action": "explain", "secretId": "a", "secret": {"name": "a"}}),
        json!({"action": "explain", "secret": "prod/db"}),
        json!({"action": "explain", "secret": {}}),
        json!({"action": "explain", "secret": {"name": "a", "tags": {"a": 1}}}),
        json!({"action": "explain", "secret": {"name": "a", "Tags": {}}}),
        json!({"action": "explain", "secret": {"name": "a", "primaryRegion": "frankfurt"}}),
    ];
    let mut messages = Vec::new();
    for event in wrong {
        let delivery = stage.deliver(&event).await;
        delivery.ends_in_error("failed", "BadEvent");
        messages.push(delivery.error_message.unwrap());
    }
    insta::assert_snapshot!(messages.join("\n"));
}
