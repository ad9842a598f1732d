//! Tests of a sweep, and of other requests, while AWS throttles or fails for a moment.

use std::time::Duration;

use secret_replicator_emulator::{Fault, FaultKind, KnownReplica, SecretSeed};
use serde_json::{Value, json};

use crate::stage::{HOME, create_secret_event, setting, tagged};
use crate::sweep::{action, quick, seed, sweep, whole};

fn unavailable() -> FaultKind {
    FaultKind::answer(503, "ServiceUnavailable", "Service is unavailable")
}

#[tokio::test]
async fn a_moment_of_errors_fails_no_secret_of_a_sweep_while_time_remains() {
    for fault in [unavailable(), FaultKind::Throttle] {
        let mut stage = quick().start().await;
        for index in 0..200 {
            let name = format!("s{index:03}");
            stage.secret(tagged(&name, "eu-west-1").with_replica_in("eu-west-1"));
        }
        let fault = Fault::on("DescribeSecret", fault);
        stage.aws.script(fault.times(600));
        let slice = whole(&mut stage, action()).await;
        assert_eq!((slice.count("in_sync"), slice.count("failed")), (200, 0));
        assert!(slice.records.is_empty());
    }
}

#[tokio::test]
async fn a_moment_of_errors_on_writes_fails_no_secret_of_a_sweep() {
    let mut stage = quick().start().await;
    for index in 0..40 {
        seed(&stage, &format!("s{index:03}"), "eu-west-1");
    }
    let fault = Fault::on("ReplicateSecretToRegions", unavailable());
    stage.aws.script(fault.times(200));
    let slice = whole(&mut stage, action()).await;
    assert_eq!((slice.count("repaired"), slice.count("failed")), (40, 0));
    assert_eq!(slice.count("changes"), 40);
}

#[tokio::test]
async fn an_overwrite_is_visible_although_another_region_of_the_secret_fails_for_a_moment() {
    let policy = "{version: 1, rules: [
        {name: here, when: all, replicate-to: eu-west-1, overwrite: true},
        {name: there, when: all, replicate-to: us-west-2}]}";
    let setting = quick()
        .env("REPLICATION_POLICY", policy)
        .env("ALLOW_OVERWRITE", "true");
    let mut stage = setting.start().await;
    stage.may_overwrite = true;
    seed(&stage, "taken", "eu-west-1");
    stage.secret(SecretSeed::new("eu-west-1", "taken"));
    let fault = Fault::on("ReplicateSecretToRegions", unavailable());
    stage
        .aws
        .script(fault.on_replica_region("us-west-2").times(4));

    let slices = sweep(&mut stage, action()).await;

    let records: Vec<_> = slices.iter().flat_map(|slice| &slice.records).collect();
    let overwrites = records.iter().filter(|record| {
        let replicas = record["replicas"].as_array().expect("a list");
        let is_overwrite = |replica: &Value| replica["action"] == "overwrite";
        replicas.iter().any(is_overwrite)
    });
    assert_eq!(overwrites.count(), 1, "{records:#?}");
    let last = slices.last().expect("a slice");
    assert_eq!((last.count("overwritten"), last.count("failed")), (1, 0));
    assert_eq!(stage.in_sync("taken"), ["eu-west-1", "us-west-2"]);
}

#[tokio::test]
async fn a_secret_that_can_never_be_read_fails_and_the_sweep_ends() {
    let setting = quick()
        .env("REPLICATION_WAIT_SECONDS", "1")
        .timeout(Duration::from_secs(8));
    let mut stage = setting.start().await;
    for name in ["a", "broken", "c"] {
        seed(&stage, name, "eu-west-1");
    }
    let broken = Fault::on("DescribeSecret", unavailable()).on_secret("broken");
    stage.aws.script(broken.always());
    let slices = sweep(&mut stage, action()).await;
    assert!(slices.len() <= 2, "{} slices", slices.len());
    let last = slices.last().expect("a slice");
    assert_eq!((last.count("repaired"), last.count("failed")), (2, 1));
    assert_eq!(last.count("seen"), 3);
    let records = slices.iter().flat_map(|slice| &slice.records);
    let failed = records
        .filter(|record| record["outcome"] == "failed")
        .count();
    assert_eq!(failed, 1);
}

#[tokio::test]
async fn an_outage_leaves_the_next_invocation_its_retries() {
    let mut stage = quick().timeout(Duration::from_secs(12)).start().await;
    for index in 0..120 {
        let name = format!("s{index:03}");
        stage.secret(tagged(&name, "eu-west-1").with_replica_in("eu-west-1"));
    }
    let fault = Fault::on("DescribeSecret", unavailable());
    stage.aws.script(fault.times(500));
    whole(&mut stage, action()).await;
    let once = Fault::on("DescribeSecret", unavailable());
    stage.aws.script(once);
    // A manual call does not wait, so only the SDK retries its read.
    let action = json!({ "action": "reconcile", "secretId": "s000" });
    stage.deliver(&action).await.ends_well("unchanged");
}

#[tokio::test]
async fn an_event_reads_again_while_time_remains() {
    let mut stage = setting().timeout(Duration::from_mins(1)).start().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    stage
        .aws
        .script(Fault::on("DescribeSecret", unavailable()).times(6));
    let delivery = stage.deliver(&create_secret_event("prod/db", &arn)).await;
    delivery.ends_well("replicated");
}

#[tokio::test]
async fn a_refused_retry_of_a_replica_that_failed_for_a_moment_is_not_repeated() {
    let setting = quick()
        .timeout(Duration::from_secs(20))
        .world(|world| world.known_replica = KnownReplica::RefuseCall);
    let mut stage = setting.start().await;
    stage.secret(tagged("s", "eu-west-1").with_replica_in("eu-west-1"));
    let message = Some("Replication failed: Rate exceeded");
    stage.aws.with(|world, now| {
        world.force_status(now, HOME, "s", "eu-west-1", "Failed", message);
    });
    let slice = whole(&mut stage, action()).await;
    assert_eq!(slice.count("failed"), 1);
    assert_eq!(stage.requested().len(), 1);
}
