//! Tests of the limit on the replicas that a sweep changes.

use std::time::Duration;

use secret_replicator_emulator::{Denial, Execution, Fault, FaultKind, KnownReplica, SecretSeed};
use serde_json::json;

use crate::stage::{HOME, tagged};
use crate::sweep::{quick, seed, sweep, whole, writes};

#[tokio::test]
async fn no_more_replicas_are_made_than_the_changes_allow_and_the_next_sweep_does_the_rest() {
    let mut stage = quick().start().await;
    for index in 0..7 {
        seed(&stage, &format!("s{index}"), "eu-west-1");
    }
    let limited = json!({ "action": "sweep", "maxChanges": 5 });
    let first = whole(&mut stage, limited.clone()).await;
    assert_eq!((first.count("changes"), first.count("limited")), (5, 2));
    assert_eq!(first.summary["reason"], "limited");
    assert_eq!(first.summary["level"], "WARN");
    assert_eq!(writes(&stage), 5);
    let second = whole(&mut stage, limited).await;
    assert_eq!((second.count("repaired"), second.count("limited")), (2, 0));
    assert_eq!(writes(&stage), 7);
}

#[tokio::test]
async fn secrets_that_aws_refuses_every_time_do_not_use_up_the_changes_of_others() {
    let mut stage = quick().start().await;
    for index in 0..20 {
        seed(&stage, &format!("denied-{index:02}"), "eu-west-1");
        let denial = Denial::of("ReplicateSecretToRegions");
        let denial = denial.on_secret(format!("denied-{index:02}"));
        stage.aws.with(|world, _| world.deny(denial));
    }
    seed(&stage, "good", "eu-west-1");
    let slice = whole(&mut stage, json!({ "action": "sweep", "maxChanges": 5 })).await;
    assert_eq!((slice.count("failed"), slice.count("repaired")), (20, 1));
    assert_eq!((slice.count("limited"), slice.count("changes")), (0, 1));
}

#[tokio::test]
async fn a_failure_has_its_record_even_if_the_changes_are_used_up() {
    let mut stage = quick().start().await;
    let arn = stage.secret(tagged("half", "eu-west-1 us-west-2"));
    assert!(!arn.is_empty());
    stage.secret(SecretSeed::new("eu-west-1", "half"));
    let words = "Secret name half already exists in region eu-west-1.";
    stage.aws.with(|world, now| {
        world.force_status(now, HOME, "half", "eu-west-1", "Failed", Some(words));
    });
    seed(&stage, "other", "eu-west-1 us-west-2");
    let slice = whole(&mut stage, json!({ "action": "sweep", "maxChanges": 2 })).await;
    assert!(
        slice.recorded().contains(&("half", "failed")),
        "{:?}",
        slice.recorded()
    );
}

const TAKEN: &str = "Replication failed: Secret with this name already exists in this region.";

#[tokio::test]
async fn a_replica_that_is_requested_again_and_then_recreated_is_one_change() {
    let mut stage = quick()
        .env(
            "REPLICATION_POLICY",
            "{version: 1, removal: covered, rules: [{name: a, when: {tags: {replicate-to: '*'}}, \
             replicate-to: {tag: replicate-to}}]}",
        )
        .env("ALLOW_REMOVAL", "true")
        .world(|world| world.known_replica = KnownReplica::Ignore)
        .start()
        .await;
    stage.may_remove = true;
    for name in ["a", "b", "c"] {
        seed(&stage, name, "eu-west-1");
        stage.aws.with(|world, now| {
            world.force_status(now, HOME, name, "eu-west-1", "Failed", Some(TAKEN));
        });
    }
    let slice = whole(&mut stage, json!({ "action": "sweep", "maxChanges": 3 })).await;
    // At most half of the changes are repeats.
    assert_eq!((slice.count("repaired"), slice.count("limited")), (1, 2));
    assert_eq!((slice.count("changes"), slice.count("repeats")), (1, 1));
    assert_eq!(stage.removed().len(), 1);
}

#[tokio::test]
async fn a_sweep_removes_what_is_unwanted_within_its_changes() {
    let mut stage = quick()
        .env(
            "REPLICATION_POLICY",
            "{version: 1, removal: covered, rules: [{name: a, when: {tags: {replicate-to: '*'}}, \
             replicate-to: {tag: replicate-to}}]}",
        )
        .env("ALLOW_REMOVAL", "true")
        .start()
        .await;
    stage.may_remove = true;
    for name in ["a", "b"] {
        stage.secret(tagged(name, "none").with_replica_in("eu-west-1"));
    }
    let slice = whole(&mut stage, json!({ "action": "sweep", "maxChanges": 1 })).await;
    assert_eq!((slice.count("repaired"), slice.count("limited")), (1, 1));
    assert_eq!(slice.summary["regions"]["eu-west-1"]["removed"], 1);
    assert_eq!(slice.summary["regions"]["eu-west-1"]["planned"], 1);
    assert_eq!(stage.removed().len(), 1);
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_and_that_no_read_shows_yet_counts() {
    let setting = quick()
        .env("REPLICATION_WAIT_SECONDS", "1")
        .timeout(Duration::from_secs(8))
        .world(|world| world.status_lag = Duration::from_hours(1));
    let mut stage = setting.start().await;
    seed(&stage, "a", "eu-west-1");
    seed(&stage, "b", "eu-west-1");
    let lost = FaultKind::CloseConnection(Execution::Done);
    stage
        .aws
        .script(Fault::on("ReplicateSecretToRegions", lost).always());
    // The slice repeats the request until it ends. The next one counts the secret that waited for the change.
    let slices = sweep(&mut stage, json!({ "action": "sweep", "maxChanges": 1 })).await;
    let end = slices.last().expect("a slice");
    assert_eq!((end.count("failed"), end.count("limited")), (1, 1));
    assert_eq!(end.count("changes"), 1);
    let secrets = stage.aws.with(|world, now| world.secrets(now, "eu-west-1"));
    assert_eq!(secrets.len(), 1, "one of both has its replica");
}
