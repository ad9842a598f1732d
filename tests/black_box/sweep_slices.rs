//! Tests of sweeps that need several invocations.

use std::collections::BTreeSet;
use std::time::Duration;

use secret_replicator_core::secret::Region;
use secret_replicator_emulator::{Denial, Fault, FaultKind, SecretSeed, WorldSettings};
use serde_json::json;

use crate::stage::{HOME, Stage, setting, tagged};
use crate::sweep::{action, quick, seed, slice, sweep, writes};

#[tokio::test]
async fn secrets_whose_turn_to_write_would_come_too_late_are_left_for_the_next_slice() {
    let setting = setting()
        .env("SWEEP_WRITES_PER_SECOND", "2")
        .env("REPLICATION_WAIT_SECONDS", "1")
        .timeout(Duration::from_secs(8));
    let mut stage = setting.start().await;
    for index in 0..40 {
        seed(&stage, &format!("s{index}"), "eu-west-1");
    }
    let slices = sweep(&mut stage, action()).await;
    assert!(slices.len() > 1, "{} slices", slices.len());
    for slice in &slices {
        for nothing in ["failed", "pending", "limited"] {
            assert_eq!(slice.count(nothing), 0, "{nothing}");
        }
    }
    let last = slices.last().expect("a slice");
    assert_eq!((last.count("seen"), last.count("changes")), (40, 40));
    assert_eq!(writes(&stage), 40);
}

#[tokio::test]
async fn a_region_that_aws_refuses_makes_no_other_region_fail() {
    let setting = setting()
        .env("SWEEP_WRITES_PER_SECOND", "4")
        .env("REPLICATION_WAIT_SECONDS", "1")
        .timeout(Duration::from_secs(5));
    let mut stage = setting.start().await;
    for index in 0..12 {
        seed(&stage, &format!("s{index:02}"), "eu-west-1 us-west-2");
    }
    let denial = Denial::of("ReplicateSecretToRegions").on_replica_region("us-west-2");
    stage.aws.with(|world, _| world.deny(denial));
    // AWS rejects each request for both Regions, so each secret takes three requests.
    let slices = sweep(&mut stage, action()).await;
    assert!(slices.len() > 1, "{} slices", slices.len());
    for index in 0..12 {
        let name = format!("s{index:02}");
        assert_eq!(stage.in_sync(&name), ["eu-west-1"], "{name}");
    }
    let records = slices.iter().flat_map(|slice| &slice.records);
    let replicas = records.flat_map(|record| record["replicas"].as_array().expect("a list"));
    let last = slices.last().expect("a slice");
    for count in ["seen", "failed", "changes"] {
        assert_eq!(last.count(count), 12, "{count}");
    }
    let reasons: BTreeSet<_> = replicas
        .filter_map(|replica| replica["reason"].as_str())
        .collect();
    assert_eq!(reasons, ["access-denied"].into());
}

#[tokio::test]
async fn a_secret_that_moves_up_to_a_page_that_is_done_in_part_is_not_overlooked() {
    let setting = setting()
        .env("SWEEP_WRITES_PER_SECOND", "20")
        .env("REPLICATION_WAIT_SECONDS", "1")
        .timeout(Duration::from_secs(4));
    let mut stage = setting.start().await;
    let names: Vec<String> = (0..110).map(|index| format!("s{index:03}")).collect();
    for name in &names {
        seed(&stage, name, "eu-west-1");
    }
    let mut action = json!({ "action": "sweep", "maxChanges": 200 });
    let begun = slice(&mut stage, &action).await;
    let seen = begun.count("seen");
    assert!((1..100).contains(&seen), "{seen} seen");
    // The second page's first secret becomes the first page's last one.
    let gone = &names[0];
    assert_eq!(stage.in_sync(gone), ["eu-west-1"]);
    stage.untag(gone, "replicate-to");
    action["nextToken"] = begun.summary["nextToken"].clone();
    let slices = sweep(&mut stage, action).await;
    assert_eq!(slices.last().expect("a slice").count("seen"), 110);
    for name in &names[1..] {
        assert_eq!(stage.in_sync(name), ["eu-west-1"], "{name}");
    }
}

#[tokio::test]
async fn secrets_that_fail_each_time_do_not_keep_a_sweep_on_their_page() {
    let setting = setting()
        .env("SWEEP_WRITES_PER_SECOND", "4")
        .env("REPLICATION_WAIT_SECONDS", "1")
        .timeout(Duration::from_secs(4));
    let mut stage = setting.start().await;
    for index in 0..30 {
        seed(&stage, &format!("s{index:02}"), "eu-west-1");
    }
    let denial = Denial::of("ReplicateSecretToRegions");
    stage.aws.with(|world, _| world.deny(denial));
    let slices = sweep(&mut stage, action()).await;
    let last = slices.last().expect("a slice");
    assert_eq!((last.count("seen"), last.count("failed")), (30, 30));
    let sum: u64 = slices
        .iter()
        .map(|slice| slice.metric("SweepSecrets"))
        .sum();
    assert_eq!(sum, 30);
}

/// Starts a stage with a timeout so short that a sweep needs several invocations.
pub(crate) async fn short(secrets: usize) -> Stage {
    let stage = quick()
        .timeout(Duration::from_secs(8))
        .env("REPLICATION_WAIT_SECONDS", "1")
        .start()
        .await;
    for index in 0..secrets {
        seed(&stage, &format!("s{index:04}"), "eu-west-1");
    }
    let slow = FaultKind::Latency(Duration::from_secs(2));
    stage.aws.script(Fault::on("ListSecrets", slow).always());
    stage
}

#[tokio::test]
async fn a_sweep_that_outlasts_an_invocation_continues_with_its_token_and_the_totals_add_up() {
    let mut stage = short(300).await;
    let slices = sweep(&mut stage, json!({ "action": "sweep", "maxChanges": 250 })).await;
    assert!(slices.len() > 1, "{} slices", slices.len());
    let last = slices.last().expect("a slice");
    assert_eq!((last.count("seen"), last.count("covered")), (300, 300));
    assert_eq!((last.count("changes"), last.count("limited")), (250, 50));
    assert_eq!(writes(&stage), 250);
    let sum: u64 = slices
        .iter()
        .map(|slice| slice.metric("SweepSecrets"))
        .sum();
    assert_eq!(sum, 300);
    for slice in &slices[..slices.len() - 1] {
        let message = slice.summary["message"].as_str().expect("a text");
        assert!(message.starts_with("sweep so far: "), "{message}");
    }
}

#[tokio::test]
async fn a_slice_that_runs_twice_changes_nothing_twice() {
    let mut stage = short(300).await;
    let mut action = json!({ "action": "sweep", "maxChanges": 1000 });
    loop {
        slice(&mut stage, &action).await;
        let again = slice(&mut stage, &action).await;
        if again.is_complete() {
            break;
        }
        action["nextToken"] = again.summary["nextToken"].clone();
    }
    assert_eq!(writes(&stage), 300);
    assert_eq!(stage.in_sync("s0299"), ["eu-west-1"]);
}

/// Returns the replica Regions that are enabled by default beside the function's, and one more.
fn seventeen_regions() -> Vec<String> {
    let enabled = WorldSettings::default().enabled_regions.into_iter();
    let others = enabled.filter(|code| {
        Region::parse(code).is_ok_and(|region| region.partition() == "aws") && code != HOME
    });
    let mut regions: Vec<String> = others.chain(["eu-south-1".to_owned()]).collect();
    regions.sort();
    assert_eq!(regions.len(), 17);
    regions
}

#[tokio::test]
async fn a_sweep_carries_the_longest_page_token_of_each_of_eighteen_lists_from_slice_to_slice() {
    const LONGEST: usize = 4096;
    let regions = seventeen_regions();
    let setting = setting()
        .timeout(Duration::from_secs(12))
        .env("SWEEP_WRITES_PER_SECOND", "2")
        .env("REPLICATION_WAIT_SECONDS", "1")
        .env("ALLOWED_REPLICA_REGIONS", &regions.join(" "))
        .world(|world| {
            world.list_token_length = LONGEST;
            world.enabled_regions.insert("eu-south-1".to_owned());
        });
    let mut stage = setting.start().await;
    for index in 0..250 {
        // The last forty secrets have no replica in the first Region.
        let existing = &regions[usize::from(index >= 210)..];
        let seed = tagged(&format!("s{index:03}"), &regions.join(" "));
        let seed = seed.with_age(Duration::from_hours(1));
        let with_replica = |seed: SecretSeed, region: &String| seed.with_replica_in(region);
        stage.secret(existing.iter().fold(seed, with_replica));
    }

    let slices = sweep(&mut stage, action()).await;

    let tokens = slices
        .iter()
        .filter_map(|slice| slice.summary["nextToken"].as_str());
    let longest = tokens.map(str::len).max().expect("a token");
    assert!(longest > 18 * LONGEST, "{longest}");
    let last = slices.last().expect("a slice");
    for (name, count) in [
        ("seen", 250),
        ("compared", 210),
        ("described", 40),
        ("repaired", 40),
        ("in_sync", 210),
    ] {
        assert_eq!(last.count(name), count, "{name}");
    }
    let mut in_sync = stage.in_sync("s249");
    in_sync.sort_unstable();
    assert_eq!(in_sync, regions);
}
