//! Stories of secrets in an account without CloudTrail: only the native label and tag events arrive.

use std::time::Duration;

use serde_json::{Value, json};

use crate::native_events::{calls_for, label_updated, tag_change};
use crate::stage::{HOME, Stage, deliver, now};

/// Creates a secret as its owner does. Returns its ARN.
fn create(stage: &Stage, more: Value) -> String {
    let mut body = more;
    body["Name"] = json!("prod/db");
    stage.owner("CreateSecret", &body);
    stage.secret_arn("prod/db")
}

fn tags(regions: &str) -> Value {
    json!([{ "Key": "replicate-to", "Value": regions }])
}

/// Returns a native event as if it had just been sent.
fn fresh(mut event: Value) -> Value {
    event["time"] = json!(now());
    event
}

#[tokio::test]
async fn a_secret_that_is_created_with_value_and_tag_is_in_sync_at_its_label_event() {
    let mut stage = Stage::new().await;
    let arn = create(
        &stage,
        json!({ "SecretString": "value", "Tags": tags("eu-west-1") }),
    );

    let event = fresh(label_updated("prod/db", &arn, "AWSCURRENT"));
    let delivery = stage.deliver(&event).await;

    delivery.ends_well("replicated");
    assert_eq!(delivery.record["trigger"], "Secret Label Updated");
    assert_eq!(delivery.record["event_id"], event["id"]);
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
}

#[tokio::test]
async fn a_secret_in_the_order_of_terraform_is_in_sync_at_the_label_event_of_its_value() {
    let mut stage = Stage::new().await;
    let arn = create(&stage, json!({ "Tags": tags("eu-west-1 us-west-2") }));
    stage.put_value("prod/db", "value");

    let event = fresh(label_updated("prod/db", &arn, "AWSCURRENT"));
    stage.deliver(&event).await.ends_well("replicated");

    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1", "us-west-2"]);
    assert_eq!(stage.requested().len(), 1);
}

/// AWS does not document whether the tags of a new secret send a tag event.
#[tokio::test]
async fn a_tag_event_before_the_value_waits_for_it_and_the_label_event_finds_nothing_to_do() {
    let mut stage = Stage::new().await;
    let arn = create(&stage, json!({ "Tags": tags("eu-west-1") }));
    let event = tag_change(&arn);
    let Stage { aws, function, .. } = &mut stage;
    let owner = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let body = json!({ "SecretId": "prod/db", "SecretString": "value" });
        aws.with(|world, now| world.handle(now, HOME, "PutSecretValue", &body))
    };

    let (delivery, put) = tokio::join!(deliver(function, &event), owner);

    put.expect("the owner may put a value");
    delivery.ends_well("replicated");
    let label = label_updated("prod/db", &arn, "AWSCURRENT");
    stage.deliver(&label).await.ends_well("unchanged");
    assert_eq!(stage.requested().len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_tagged_later_is_in_sync_through_its_tag_event() {
    let mut stage = Stage::new().await;
    let arn = create(&stage, json!({ "SecretString": "value" }));
    let label = label_updated("prod/db", &arn, "AWSCURRENT");
    let skipped = stage.deliver(&label).await;
    assert_eq!(skipped.reason(), "no-rule-matched");

    stage.tag("prod/db", "replicate-to", "eu-west-1");
    stage
        .deliver(&tag_change(&arn))
        .await
        .ends_well("replicated");

    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
}

#[tokio::test]
async fn a_rotation_costs_one_read_and_one_probe_per_replica_and_no_write() {
    let mut stage = Stage::new().await;
    let arn = create(
        &stage,
        json!({ "SecretString": "old", "Tags": tags("eu-west-1 us-west-2") }),
    );
    let event = label_updated("prod/db", &arn, "AWSCURRENT");
    stage.deliver(&event).await.ends_well("replicated");
    stage.put_value("prod/db", "new");
    // The replication of a version takes 20 ms here.
    tokio::time::sleep(Duration::from_millis(200)).await;

    let event = stage.new_version_event("prod/db");
    let calls = calls_for(&mut stage, &event, "unchanged").await;

    let read = |region| format!("DescribeSecret {region}");
    assert_eq!(calls, ["eu-west-1", HOME, "us-west-2"].map(read));
    for region in ["eu-west-1", "us-west-2"] {
        let there = stage
            .aws
            .with(|world, now| world.secret(now, region, "prod/db"));
        let value = there.expect("the replica is there").value;
        assert_eq!(value.as_deref(), Some("new"), "{region}");
    }
}
