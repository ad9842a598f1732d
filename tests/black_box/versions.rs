//! Tests of the events of a new current version, after which every replica must have that version.

use std::time::Duration;

use secret_replicator_emulator::Denial;
use serde_json::{Value, json};

use crate::stage::{Delivery, HOME, Stage, deliver, setting, tagged};

/// The ID of a version that a read does not show.
const ANOTHER: &str = "99999999-0000-4000-8000-000000000000";

fn with_two_replicas(stage: &Stage) {
    let seed = tagged("prod/db", "eu-west-1 us-west-2")
        .with_replica_in("eu-west-1")
        .with_replica_in("us-west-2");
    stage.secret(seed);
}

/// Makes AWS report a replica in sync that never gets another version.
fn freeze(stage: &Stage, region: &str) {
    stage.aws.with(|world, now| {
        world.force_status(now, HOME, "prod/db", region, "InSync", None);
    });
}

fn count(delivery: &Delivery, metric: &str) -> u64 {
    let lines = delivery.metrics.iter();
    lines.filter_map(|line| line[metric].as_u64()).sum()
}

#[tokio::test]
async fn a_version_that_has_arrived_costs_one_read_and_one_probe_per_region() {
    let mut stage = Stage::new().await;
    with_two_replicas(&stage);
    let delivery = stage.deliver(&stage.new_version_event("prod/db")).await;
    delivery.ends_well("unchanged");
    let mut regions: Vec<String> = stage
        .aws
        .calls()
        .into_iter()
        .map(|call| call.region)
        .collect();
    regions.sort();
    assert_eq!(regions, ["eu-west-1", HOME, "us-west-2"]);
}

#[tokio::test]
async fn a_replica_that_is_called_in_sync_too_early_is_followed_until_it_has_the_version() {
    let setting = setting().world(|world| {
        world.replication_delay = Duration::from_secs(2);
        world.status_lag = Duration::from_secs(1);
    });
    let mut stage = setting.start().await;
    with_two_replicas(&stage);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    stage.put_value("prod/db", "new");
    let delivery = stage.deliver(&stage.new_version_event("prod/db")).await;
    delivery.ends_well("unchanged");
    let value = |region| {
        let secret = stage
            .aws
            .with(|world, now| world.secret(now, region, "prod/db"));
        secret.expect("it exists").value
    };
    assert_eq!(value("eu-west-1").as_deref(), Some("new"));
    assert_eq!(value("us-west-2").as_deref(), Some("new"));
}

#[tokio::test]
async fn a_replica_that_does_not_get_the_version_is_behind_and_nothing_is_written() {
    let mut stage = setting().env("REPLICATION_WAIT_SECONDS", "1").start().await;
    with_two_replicas(&stage);
    freeze(&stage, "eu-west-1");
    stage.put_value("prod/db", "new");
    freeze(&stage, "eu-west-1");
    let delivery = stage.deliver(&stage.new_version_event("prod/db")).await;
    delivery.ends_in_error("pending", "ReplicationPending");
    assert_eq!(
        delivery.region("eu-west-1"),
        "keep in-progress version-behind"
    );
    assert_eq!(delivery.region("us-west-2"), "keep in-sync");
    assert_eq!(count(&delivery, "VersionsBehind"), 1);
    assert_eq!(count(&delivery, "ReplicasPending"), 1);
    assert!(stage.requested().is_empty());
    // The version ID is the client request token of the caller.
    assert!(
        !delivery.log.contains("00000000-0000-4000-8000-"),
        "{}",
        delivery.log
    );
}

#[tokio::test]
async fn a_region_that_cannot_be_read_stays_in_sync_without_a_claim_about_its_version() {
    let mut stage = Stage::new().await;
    with_two_replicas(&stage);
    stage.put_value("prod/db", "new");
    freeze(&stage, "eu-west-1");
    stage.aws.with(|world, _| {
        world.deny(Denial::of("DescribeSecret").in_region("eu-west-1"));
    });
    let delivery = stage.deliver(&stage.new_version_event("prod/db")).await;
    delivery.ends_well("unchanged");
    assert_eq!(count(&delivery, "VersionsBehind"), 0);
}

#[tokio::test]
async fn no_other_event_checks_versions() {
    let mut stage = Stage::new().await;
    with_two_replicas(&stage);
    freeze(&stage, "eu-west-1");
    stage.put_value("prod/db", "new");
    freeze(&stage, "eu-west-1");
    freeze(&stage, "us-west-2");
    let event = stage.event_of("tag-resource.json", "prod/db");
    stage.deliver(&event).await.ends_well("unchanged");
    assert_eq!(stage.aws.calls().len(), 1);
}

/// Returns the event of a version that a read does not show.
fn event_of_another_version(stage: &Stage) -> Value {
    let mut event = stage.new_version_event("prod/db");
    event["detail"]["versionId"] = json!(ANOTHER);
    event
}

/// Returns the number of reads of the primary secret.
fn reads(stage: &Stage) -> usize {
    let calls = stage.calls("DescribeSecret").into_iter();
    calls.filter(|call| call.region == HOME).count()
}

#[tokio::test]
async fn a_secret_whose_new_version_a_read_does_not_show_is_read_again() {
    let mut stage = setting().env("REPLICATION_WAIT_SECONDS", "1").start().await;
    with_two_replicas(&stage);
    freeze(&stage, "eu-west-1");
    let event = event_of_another_version(&stage);
    let Stage { aws, function, .. } = &mut stage;
    let owner = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        aws.with(|world, now| {
            let body = json!({ "SecretId": "prod/db", "SecretString": "new", "ClientRequestToken": ANOTHER });
            let put = world.handle(now, HOME, "PutSecretValue", &body);
            world.force_status(now, HOME, "prod/db", "eu-west-1", "InSync", None);
            put
        })
    };
    let (delivery, put) = tokio::join!(deliver(function, &event), owner);
    put.expect("the owner may put a value");
    delivery.ends_in_error("pending", "ReplicationPending");
    assert_eq!(
        delivery.region("eu-west-1"),
        "keep in-progress version-behind"
    );
    assert_eq!(delivery.region("us-west-2"), "keep in-sync");
}

#[tokio::test]
async fn an_event_about_a_version_that_never_appears_costs_one_more_read_only_while_it_is_new() {
    let mut stage = Stage::new().await;
    with_two_replicas(&stage);
    let mut event = event_of_another_version(&stage);
    stage.deliver(&event).await.ends_well("unchanged");
    assert_eq!(reads(&stage), 2);
    event["time"] = json!("2025-11-13T02:14:05Z");
    stage.deliver(&event).await.ends_well("unchanged");
    assert_eq!(reads(&stage), 3);
}
