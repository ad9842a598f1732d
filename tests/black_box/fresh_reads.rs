//! Tests of the age of the read on which a write rests: at most two seconds.

use std::time::Duration;

use secret_replicator_emulator::{Call, Fault, FaultKind, KnownReplica, Outcome};
use serde_json::json;

use crate::stage::{HOME, Setting, Stage, create_secret_event, deliver, setting, tagged};
use crate::sweep::{seed, slice};

const POLICY: &str = "{version: 1, removal: covered, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: {tag: replicate-to}},
    {name: residency, when: {tags: {data-residency: eu}}, forbid: {except: ['eu-*']}}]}";

const TAKEN: &str = "Replication failed: Secret with this name already exists in this region.";

fn removing() -> Setting {
    setting()
        .env("REPLICATION_POLICY", POLICY)
        .env("ALLOW_REMOVAL", "true")
}

fn is_write(call: &Call) -> bool {
    ["ReplicateSecretToRegions", "RemoveRegionsFromReplication"].contains(&&*call.operation)
}

/// Checks that a read of the secret arrived at most two seconds before each write. Returns the number of
/// writes.
fn writes_rest_on_fresh_reads(stage: &Stage) -> usize {
    let calls = stage.aws.calls();
    let mut writes = 0;
    for (index, write) in calls.iter().enumerate().filter(|(_, call)| is_write(call)) {
        writes += 1;
        let mut reads = calls[..index].iter().filter(|call| {
            call.operation == "DescribeSecret"
                && call.region == HOME
                && call.secret_id == write.secret_id
                && call.outcome == Outcome::Success
        });
        let last = reads.next_back().expect("a read before the write");
        let age = write.time.since(last.time);
        assert!(age <= Duration::from_secs(2), "{age:?} before {write:?}");
    }
    writes
}

#[tokio::test]
async fn a_region_that_the_owner_forbids_while_aws_throttles_is_not_requested_any_more() {
    let mut stage = removing().start().await;
    let throttled = Fault::on("ReplicateSecretToRegions", FaultKind::Throttle);
    stage.aws.script(throttled.times(8));
    let arn = stage.secret(tagged("prod/db", "us-west-2"));
    let event = create_secret_event("prod/db", &arn);
    let Stage { aws, function, .. } = &mut stage;
    let owner = async {
        while aws.calls_to("ReplicateSecretToRegions").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let tags = json!([{ "Key": "data-residency", "Value": "eu" }]);
        let body = json!({ "SecretId": "prod/db", "Tags": tags });
        aws.with(|world, now| world.handle(now, HOME, "TagResource", &body))
    };
    let (delivery, tagged) = tokio::join!(deliver(function, &event), owner);
    tagged.expect("the owner may tag");
    delivery.ends_well("unchanged");
    assert_eq!(delivery.record["level"], "INFO");
    assert_eq!(
        delivery.region("us-west-2"),
        "replicate superseded secret-changed"
    );
    insta::assert_json_snapshot!(delivery.replica("us-west-2"));
    assert!(stage.in_sync("prod/db").is_empty());
    writes_rest_on_fresh_reads(&stage);
}

#[tokio::test]
async fn a_throttled_write_is_made_again_after_another_read() {
    let mut stage = removing().timeout(Duration::from_secs(30)).start().await;
    stage.may_remove = true;
    for operation in ["ReplicateSecretToRegions", "RemoveRegionsFromReplication"] {
        stage
            .aws
            .script(Fault::on(operation, FaultKind::Throttle).times(6));
    }
    let arn = stage.secret(tagged("prod/db", "us-west-2").with_replica_in("eu-west-1"));
    let delivery = stage.deliver(&create_secret_event("prod/db", &arn)).await;
    delivery.ends_well("replicated");
    assert_eq!(stage.in_sync("prod/db"), ["us-west-2"]);
    assert_eq!(writes_rest_on_fresh_reads(&stage), 14);
}

#[tokio::test]
async fn an_event_that_waits_for_nothing_reads_once_before_its_write() {
    let mut stage = Stage::new().await;
    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
    let calls = stage.aws.calls();
    let operations: Vec<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
    let [first, second, polls @ ..] = &operations[..] else {
        panic!("{operations:?}");
    };
    assert_eq!(
        (*first, *second),
        ("DescribeSecret", "ReplicateSecretToRegions")
    );
    assert_eq!(polls, ["DescribeSecret"]);
}

#[tokio::test]
async fn a_secret_that_waits_for_its_turn_in_a_sweep_is_read_again_before_its_write() {
    let setting = removing()
        .env("SWEEP_WRITES_PER_SECOND", "2")
        .env("REPLICATION_WAIT_SECONDS", "1");
    let mut stage = setting.start().await;
    for index in 0..14 {
        seed(&stage, &format!("s{index:02}"), "us-west-2 eu-west-1");
    }
    let result = slice(&mut stage, &json!({ "action": "sweep" })).await;
    assert_eq!((result.count("repaired"), result.count("failed")), (14, 0));
    assert_eq!(writes_rest_on_fresh_reads(&stage), 14);
}

#[tokio::test]
async fn a_replica_that_is_recreated_slowly_is_requested_after_another_read() {
    let setting = removing()
        .env("SWEEP_WRITES_PER_SECOND", "1")
        .env("REPLICATION_WAIT_SECONDS", "3")
        .world(|world| world.known_replica = KnownReplica::Ignore);
    let mut stage = setting.start().await;
    stage.may_remove = true;
    for name in ["a", "b"] {
        seed(&stage, name, "eu-west-1");
        stage.aws.with(|world, now| {
            world.force_status(now, HOME, name, "eu-west-1", "Failed", Some(TAKEN));
        });
    }
    let result = slice(&mut stage, &json!({ "action": "sweep" })).await;
    assert_eq!(result.count("repaired"), 2, "{:#}", result.summary);
    assert_eq!(writes_rest_on_fresh_reads(&stage), 6);
}

#[tokio::test]
async fn reads_that_are_too_slow_for_a_write_end_in_an_error_and_not_at_the_deadline() {
    let setting = removing()
        .env("REPLICATION_WAIT_SECONDS", "0")
        .timeout(Duration::from_mins(1));
    let mut stage = setting.start().await;
    let arn = stage.secret(tagged("prod/db", "us-west-2"));
    let slow = FaultKind::Latency(Duration::from_secs(2));
    stage.aws.script(Fault::on("DescribeSecret", slow).always());
    let action = json!({ "action": "reconcile", "secretId": arn });
    let delivery = stage.deliver(&action).await;
    delivery.ends_in_error("failed", "ServiceUnavailable");
    let detail = delivery.replica("us-west-2")["detail"].to_string();
    assert!(detail.contains("DescribeSecret takes too long"), "{detail}");
    assert!(stage.requested().is_empty());
    let reads = stage.calls("DescribeSecret").len();
    assert!(reads <= 15, "{reads} reads");
}
