//! Tests of quick sweeps, which compare the lists of the Regions.

use std::time::Duration;

use secret_replicator_emulator::{Denial, Fault, FaultKind, SecretSeed};
use serde_json::{Value, json};

use crate::stage::{HOME, Stage, tagged};
use crate::sweep::{action, quick, slice, sweep, whole, writes};

const IRELAND: &str = "eu-west-1";
const OREGON: &str = "us-west-2";

/// Starts a stage whose function knows the Regions to compare.
async fn stage() -> Stage {
    let setting = quick().env("ALLOWED_REPLICA_REGIONS", "eu-west-1 us-west-2");
    setting.start().await
}

/// A secret that changed an hour ago, with both replicas.
fn old(name: &str) -> SecretSeed {
    tagged(name, "eu-west-1 us-west-2")
        .with_suffix("AbCdEf")
        .with_age(Duration::from_hours(1))
        .with_replica_in(IRELAND)
        .with_replica_in(OREGON)
}

/// Counts the calls of an operation in a Region.
fn calls(stage: &Stage, operation: &str, region: &str) -> usize {
    let calls = stage.calls(operation).into_iter();
    calls.filter(|call| call.region == region).count()
}

fn thorough() -> Value {
    json!({ "action": "sweep", "thorough": true })
}

#[tokio::test]
async fn secrets_that_the_lists_show_in_sync_are_not_described() {
    let mut stage = stage().await;
    for index in 0..250 {
        stage.secret(old(&format!("prod/db-{index:03}")));
    }
    let swept = whole(&mut stage, action()).await;
    for (name, count) in [
        ("seen", 250),
        ("covered", 250),
        ("compared", 250),
        ("in_sync", 250),
    ] {
        assert_eq!(swept.count(name), count, "{name}");
    }
    assert_eq!((swept.count("described"), swept.records.len()), (0, 0));
    assert_eq!(swept.summary["regions"][IRELAND]["compared"], 250);
    assert_eq!(swept.summary["regions"][IRELAND]["in_sync"], 250);
    assert_eq!(
        (
            swept.metric("SweepCompared"),
            swept.metric("SweepDescribed")
        ),
        (250, 0)
    );
    assert!(stage.calls("DescribeSecret").is_empty());
    for region in [HOME, IRELAND, OREGON] {
        assert_eq!(calls(&stage, "ListSecrets", region), 3, "{region}");
    }
}

#[tokio::test]
async fn a_thorough_sweep_describes_every_covered_secret_and_finds_failures_that_the_lists_do_not_show()
 {
    let mut stage = stage().await;
    for name in ["a", "b"] {
        stage.secret(old(name));
    }
    let message = Some("No permissions available on the KMS key to complete the replication");
    stage.aws.with(|world, now| {
        world.force_status(now, HOME, "a", IRELAND, "Failed", message);
    });
    let swept = whole(&mut stage, action()).await;
    assert_eq!((swept.count("in_sync"), swept.count("failed")), (2, 0));
    assert!(stage.calls("DescribeSecret").is_empty());
    let swept = whole(&mut stage, thorough()).await;
    assert_eq!((swept.count("compared"), swept.count("described")), (0, 2));
    assert_eq!(swept.summary["regions"][IRELAND]["described"], 2);
    assert_eq!(swept.metric("SweepDescribed"), 2);
    // The thorough sweep requests the failed replica again.
    assert_eq!((swept.count("drifted"), writes(&stage)), (1, 1));
}

#[tokio::test]
async fn only_secrets_that_differ_or_are_young_are_described_and_repaired() {
    let mut stage = stage().await;
    for index in 0..120 {
        stage.secret(old(&format!("s{index:03}")));
    }
    let missing = tagged("s050x", "eu-west-1 us-west-2");
    stage.secret(
        missing
            .with_age(Duration::from_hours(1))
            .with_replica_in(IRELAND),
    );
    stage.secret(tagged("young", IRELAND).with_replica_in(IRELAND));
    stage.secret(SecretSeed::new(HOME, "untagged"));
    let swept = whole(&mut stage, action()).await;
    assert_eq!(
        (swept.count("compared"), swept.count("described")),
        (120, 2)
    );
    assert_eq!((swept.count("in_sync"), swept.count("repaired")), (121, 1));
    assert_eq!(swept.recorded(), [("s050x", "replicated")]);
    assert_eq!(stage.in_sync("s050x"), [IRELAND, OREGON]);
}

#[tokio::test]
async fn a_replica_without_the_current_version_is_behind_although_aws_reports_it_in_sync() {
    let setting = quick().env("REPLICATION_WAIT_SECONDS", "1");
    let mut stage = setting
        .env("ALLOWED_REPLICA_REGIONS", "eu-west-1 us-west-2")
        .start()
        .await;
    stage.secret(old("db"));
    // Another version ID, under the name and suffix of the replica.
    let replica = tagged("db", "eu-west-1 us-west-2").with_suffix("AbCdEf");
    stage.secret(SecretSeed {
        region: IRELAND.to_owned(),
        ..replica.with_replica_of(HOME)
    });
    let swept = whole(&mut stage, action()).await;
    assert_eq!(swept.recorded(), [("db", "pending")]);
    assert_eq!(swept.metric("VersionsBehind"), 1);
    let replicas = swept.records[0]["replicas"].as_array().expect("a list");
    assert_eq!(replicas[0]["reason"], "version-behind");
    assert_eq!(writes(&stage), 0);
}

#[tokio::test]
async fn the_secrets_of_a_region_whose_list_is_denied_are_described() {
    let mut stage = stage().await;
    for index in 0..3 {
        stage.secret(old(&format!("both{index}")));
        let single = tagged(&format!("single{index}"), IRELAND).with_replica_in(IRELAND);
        stage.secret(single.with_age(Duration::from_hours(1)));
    }
    let denial = Denial::of("ListSecrets").in_region(OREGON);
    stage.aws.with(|world, _| world.deny(denial));
    let swept = whole(&mut stage, action()).await;
    assert_eq!((swept.count("compared"), swept.count("described")), (3, 3));
    assert_eq!((swept.count("in_sync"), swept.count("failed")), (6, 0));
    assert_eq!(calls(&stage, "ListSecrets", OREGON), 1);
}

/// A fault that refuses the token of a page in a Region this number of times.
fn refused_token(region: &str, times: u32) -> Fault {
    let message = "The NextToken value is invalid.";
    let refused = FaultKind::answer(400, "InvalidNextTokenException", message);
    Fault {
        region: Some(region.to_owned()),
        ..Fault::on("ListSecrets", refused).times(times)
    }
}

#[tokio::test]
async fn a_list_whose_token_is_refused_is_read_again_twice() {
    let mut stage = stage().await;
    for index in 0..150 {
        stage.secret(old(&format!("s{index:03}")));
    }
    stage.aws.script(refused_token(IRELAND, 2));
    let swept = whole(&mut stage, action()).await;
    assert_eq!(
        (swept.count("compared"), swept.count("described")),
        (150, 0)
    );
    assert_eq!(calls(&stage, "ListSecrets", IRELAND), 4);
    stage.aws.forget_calls();
    stage.aws.script(refused_token(IRELAND, 3));
    let swept = whole(&mut stage, action()).await;
    assert_eq!(
        (swept.count("compared"), swept.count("described")),
        (0, 150)
    );
    assert_eq!((swept.count("in_sync"), swept.count("failed")), (150, 0));
    assert_eq!(calls(&stage, "ListSecrets", IRELAND), 3);
}

#[tokio::test]
async fn a_sweep_whose_own_token_is_refused_starts_again_and_keeps_the_count_of_its_changes() {
    let setting = quick()
        .env("ALLOWED_REPLICA_REGIONS", "eu-west-1 us-west-2")
        .env("SWEEP_WRITES_PER_SECOND", "1")
        .env("REPLICATION_WAIT_SECONDS", "1")
        .timeout(Duration::from_secs(5));
    let mut stage = setting.start().await;
    for index in 0..100 {
        stage.secret(old(&format!("a{index:03}")));
    }
    for index in 0..8 {
        stage.secret(tagged(&format!("b{index}"), IRELAND));
    }
    let mut request = action();
    let first = slice(&mut stage, &request).await;
    let changes = first.count("changes");
    assert!((1..8).contains(&changes), "{changes} changes");
    stage.aws.script(refused_token(HOME, 1));
    request["nextToken"] = first.summary["nextToken"].clone();
    let restarted = slice(&mut stage, &request).await;
    assert_eq!(
        (restarted.count("seen"), restarted.count("changes")),
        (0, changes)
    );
    request["nextToken"] = restarted.summary["nextToken"].clone();
    let slices = sweep(&mut stage, request).await;
    let last = slices.last().expect("a slice");
    assert_eq!((last.count("seen"), last.count("changes")), (108, 8));
    assert_eq!(writes(&stage), 8);
}
