//! Tests of secrets whose tags change after their creation, and of restored secrets.

use std::time::Duration;

use secret_replicator_emulator::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::stage::{HOME, Setting, Stage, create_secret_event, deliver, setting, tagged};

const POLICY: &str = "{version: 1, removal: covered, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: {tag: replicate-to}}]}";

/// Returns settings that allow removal.
fn removing() -> Setting {
    setting()
        .env("REPLICATION_POLICY", POLICY)
        .env("ALLOW_REMOVAL", "true")
}

async fn stage() -> Stage {
    let mut stage = removing().start().await;
    stage.may_remove = true;
    stage
}

fn none() -> Vec<Value> {
    Vec::new()
}

#[tokio::test]
async fn a_secret_that_is_tagged_long_after_its_creation_is_replicated_then() {
    let mut stage = stage().await;
    let created = stage
        .create(secret_replicator_emulator::SecretSeed::new(HOME, "prod/db"))
        .await;
    created.ends_well("skipped");
    let event = stage.tag("prod/db", "replicate-to", "eu-west-1");
    stage.deliver(&event).await.ends_well("replicated");
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
    stage.deliver(&event).await.ends_well("unchanged");
    assert_eq!(stage.requested().len(), 1);
    assert_eq!(stage.removed(), none());
}

#[tokio::test]
async fn a_secret_that_is_retagged_to_fewer_regions_lets_go_of_the_others() {
    let mut stage = stage().await;
    stage
        .create(tagged("prod/db", "eu-west-1 us-west-2 eu-central-1"))
        .await;
    let event = stage.tag("prod/db", "replicate-to", "eu-west-1");
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("replicated");
    assert_eq!(delivery.region("eu-west-1"), "keep in-sync");
    for region in ["us-west-2", "eu-central-1"] {
        assert_eq!(delivery.region(region), "remove removed no-longer-targeted");
    }
    assert_eq!(stage.removed(), [json!(["eu-central-1", "us-west-2"])]);
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
    stage.deliver(&event).await.ends_well("unchanged");
    assert_eq!(stage.removed().len(), 1);
}

#[tokio::test]
async fn a_secret_that_moves_to_another_region_lets_go_of_the_old_one_after_the_new_one_is_in_sync()
{
    let mut stage = stage().await;
    stage.create(tagged("prod/db", "eu-west-1")).await;
    let event = stage.tag("prod/db", "replicate-to", "us-west-2");
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("replicated");
    assert_eq!(delivery.region("us-west-2"), "replicate in-sync");
    assert_eq!(
        delivery.region("eu-west-1"),
        "remove removed no-longer-targeted"
    );
    let calls = stage.aws.calls();
    let operations: Vec<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
    let last = |operation| operations.iter().rposition(|other| *other == operation);
    assert!(last("ReplicateSecretToRegions") < last("RemoveRegionsFromReplication"));
}

#[tokio::test]
async fn a_secret_that_is_untagged_keeps_its_replicas() {
    let mut stage = stage().await;
    stage.create(tagged("prod/db", "eu-west-1")).await;
    let event = stage.untag("prod/db", "replicate-to");
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("skipped");
    assert_eq!(delivery.reason(), "no-rule-matched");
    assert_eq!(stage.removed(), none());
    let replicas = stage
        .aws
        .with(|world, now| world.replicas(now, HOME, "prod/db"));
    assert_eq!(replicas.len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_tagged_none_lets_go_of_every_replica_and_can_be_deleted() {
    let mut stage = stage().await;
    stage.create(tagged("prod/db", "eu-west-1 us-west-2")).await;
    let event = stage.tag("prod/db", "replicate-to", "none");
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("replicated");
    insta::assert_json_snapshot!(delivery.record["replicas"]);
    assert_eq!(
        delivery.record["message"],
        "prod/db: removed from eu-west-1 (no-longer-targeted), us-west-2 (no-longer-targeted)"
    );
    stage.deliver(&event).await.ends_well("unchanged");
    assert_eq!(stage.removed().len(), 1);
    stage.owner("DeleteSecret", &json!({ "SecretId": "prod/db" }));
}

#[tokio::test]
async fn a_secret_that_is_restored_is_replicated_again() {
    let mut stage = stage().await;
    let seed = tagged("prod/db", "eu-west-1").with_scheduled_deletion();
    let deleted = stage.create(seed).await;
    assert_eq!(deleted.reason(), "scheduled-for-deletion");
    stage.owner("RestoreSecret", &json!({ "SecretId": "prod/db" }));
    let event = stage.event_of("restore-secret.json", "prod/db");
    stage.deliver(&event).await.ends_well("replicated");
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
}

#[tokio::test]
async fn a_secret_that_gets_more_regions_before_its_request_gets_them_all() {
    let mut stage = stage().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    // Two slow reads make the plan too old for a write, so the secret is read a third time.
    let slow = FaultKind::Latency(Duration::from_secs(2));
    stage.aws.script(Fault::on("DescribeSecret", slow).times(2));
    let event = create_secret_event("prod/db", &arn);
    let Stage { aws, function, .. } = &mut stage;
    let owner = async {
        while aws.calls_to("DescribeSecret").len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let tags = json!([{ "Key": "replicate-to", "Value": "eu-west-1 us-west-2" }]);
        let body = json!({ "SecretId": "prod/db", "Tags": tags });
        aws.with(|world, now| world.handle(now, HOME, "TagResource", &body))
    };
    let (delivery, answer) = tokio::join!(deliver(function, &event), owner);
    answer.expect("the owner may tag");
    delivery.ends_well("replicated");
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1", "us-west-2"]);
}
