//! Tests of former replicas in Regions in which no rule wants a replica: the primary secret does not list
//! them, so only their Regions show them.

use std::time::Duration;

use secret_replicator_emulator::{Denial, Fault, FaultKind};
use serde_json::{Value, json};

use crate::promoted::after_a_failover;
use crate::stage::{HOME, Setting, Stage, create_secret_event, setting, tagged};
use crate::sweep::slice;

const POLICY: &str = "{version: 1, removal: covered, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: {tag: replicate-to}},
    {name: residency, when: {tags: {data-residency: us}}, forbid: {except: ['us-*']}}]}";

fn removing() -> Setting {
    setting()
        .env("REPLICATION_POLICY", POLICY)
        .env("ALLOWED_REPLICA_REGIONS", "eu-west-1 us-west-2")
        .env("ALLOW_REMOVAL", "true")
}

/// Returns the number of reads in a Region.
fn reads(stage: &Stage, region: &str) -> usize {
    let calls = stage.calls("DescribeSecret");
    calls.iter().filter(|call| call.region == region).count()
}

fn sweep(thorough: bool) -> Value {
    json!({ "action": "sweep", "thorough": thorough })
}

#[tokio::test]
async fn the_retry_of_an_event_sees_a_removal_that_has_not_ended() {
    let setting = removing()
        .env("REPLICATION_WAIT_SECONDS", "1")
        .timeout(Duration::from_secs(4))
        .world(|world| world.removal_delay = Duration::from_secs(6));
    let mut stage = setting.start().await;
    stage.may_remove = true;
    let seed = tagged("prod/db", "eu-west-1 us-west-2");
    stage.secret(
        seed.with_replica_in("eu-west-1")
            .with_replica_in("us-west-2"),
    );
    let event = stage.tag("prod/db", "replicate-to", "us-west-2");
    let first = stage.deliver(&event).await;
    first.ends_in_error("pending", "ReplicationPending");
    assert_eq!(
        first.region("eu-west-1"),
        "remove in-progress removal-in-progress"
    );

    let retry = stage.deliver(&event).await;

    retry.ends_in_error("pending", "ReplicationPending");
    assert_eq!(
        retry.region("eu-west-1"),
        "keep in-progress removal-in-progress"
    );
    while stage.is_in("eu-west-1", "prod/db") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stage.deliver(&event).await.ends_well("unchanged");
    assert_eq!(stage.removed().len(), 1);
}

#[tokio::test]
async fn a_standalone_secret_that_no_rule_wants_is_named_until_it_is_gone_and_never_removed() {
    let mut stage = removing().start().await;
    after_a_failover(&stage, "prod/db");
    let event = stage.tag("prod/db", "replicate-to", "none");

    let delivery = stage.deliver(&event).await;

    delivery.ends_well("refused");
    assert_eq!(delivery.record["level"], "WARN");
    assert_eq!(
        delivery.region("eu-west-1"),
        "keep refused promoted-replica"
    );
    insta::assert_json_snapshot!(delivery.replica("eu-west-1"));
    assert!(stage.is_in("eu-west-1", "prod/db"));

    let body = json!({ "SecretId": "prod/db", "ForceDeleteWithoutRecovery": true });
    let deleted = stage
        .aws
        .with(|world, now| world.handle(now, "eu-west-1", "DeleteSecret", &body));
    deleted.expect("the owner may delete");
    stage.deliver(&event).await.ends_well("unchanged");
}

#[tokio::test]
async fn a_standalone_secret_is_named_although_following_another_replica_takes_all_the_time() {
    let setting = removing()
        .timeout(Duration::from_secs(4))
        .world(|world| world.replication_delay = Duration::from_hours(1));
    let mut stage = setting.start().await;
    after_a_failover(&stage, "prod/db");
    let event = stage.tag("prod/db", "replicate-to", "us-west-2");
    let slow = FaultKind::Latency(Duration::from_millis(400));
    stage.aws.script(Fault::on("DescribeSecret", slow).always());

    let delivery = stage.deliver(&event).await;

    delivery.ends_in_error("pending", "ReplicationPending");
    assert_eq!(
        delivery.region("eu-west-1"),
        "keep refused promoted-replica"
    );
    assert_eq!(reads(&stage, "eu-west-1"), 1);
}

#[tokio::test]
async fn a_standalone_secret_in_a_forbidden_region_is_named_instead_of_the_refusal() {
    let mut stage = removing().start().await;
    after_a_failover(&stage, "prod/db");
    let event = stage.tag("prod/db", "data-residency", "us");

    let delivery = stage.deliver(&event).await;

    assert_eq!(
        delivery.region("eu-west-1"),
        "keep refused promoted-replica"
    );
}

#[tokio::test]
async fn a_thorough_sweep_and_a_reconciliation_by_hand_find_it_and_a_quick_sweep_reads_nothing_more()
 {
    let mut stage = removing().start().await;
    after_a_failover(&stage, "prod/db");
    stage.tag("prod/db", "replicate-to", "none");

    let quick = slice(&mut stage, &sweep(false)).await;
    assert_eq!(quick.count("in_sync"), 1);
    assert_eq!(reads(&stage, "eu-west-1") + reads(&stage, "us-west-2"), 0);

    let thorough = slice(&mut stage, &sweep(true)).await;
    assert_eq!(thorough.recorded(), [("prod/db", "refused")]);
    assert_eq!(thorough.metric("SweepFailures"), 0);
    assert_eq!(reads(&stage, "eu-west-1"), 1);
    assert_eq!(reads(&stage, "us-west-2"), 1);

    let action = json!({ "action": "reconcile", "secretId": "prod/db" });
    let by_hand = stage.deliver(&action).await;
    assert_eq!(by_hand.region("eu-west-1"), "keep refused promoted-replica");
}

#[tokio::test]
async fn other_events_and_stacks_without_removal_read_no_other_region() {
    let mut stage = removing().start().await;
    after_a_failover(&stage, "prod/db");
    stage.tag("prod/db", "replicate-to", "none");
    let event = create_secret_event("prod/db", &stage.secret_arn("prod/db"));
    stage.deliver(&event).await.ends_well("unchanged");
    let rotated = stage.new_version_event("prod/db");
    stage.deliver(&rotated).await.ends_well("unchanged");
    assert_eq!(reads(&stage, "eu-west-1"), 0);

    let setting = removing().env("ALLOW_REMOVAL", "false");
    let mut stage = setting.start().await;
    after_a_failover(&stage, "prod/db");
    let event = stage.tag("prod/db", "replicate-to", "none");
    stage.deliver(&event).await.ends_well("unchanged");
    let thorough = slice(&mut stage, &sweep(true)).await;
    assert_eq!(thorough.count("in_sync"), 1);
    assert_eq!(reads(&stage, "eu-west-1"), 0);
}

#[tokio::test]
async fn a_region_that_cannot_be_read_changes_no_outcome() {
    let mut stage = removing().start().await;
    after_a_failover(&stage, "prod/db");
    let event = stage.tag("prod/db", "replicate-to", "none");
    stage.aws.with(|world, _| {
        world.deny(Denial::of("DescribeSecret").in_region("eu-west-1"));
    });

    let delivery = stage.deliver(&event).await;

    delivery.ends_well("unchanged");
    assert!(delivery.log.contains("AccessDenied"), "{}", delivery.log);
    assert_eq!(reads(&stage, HOME), 1);
}
