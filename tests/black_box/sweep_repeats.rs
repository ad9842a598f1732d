//! Tests of what counts towards a sweep's changes: every replica with a request, and repeats for at most half.

use secret_replicator_emulator::SecretSeed;
use serde_json::{Value, json};

use crate::stage::{HOME, Setting, Stage};
use crate::sweep::{quick, seed, whole, writes};

/// A policy whose key does not exist in `us-west-2`.
const WITHOUT_KEY: &str = "{version: 1, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: {tag: replicate-to}},
    {name: keyed, when: {secret-name: 'fails/*'}, replicate-to: us-west-2, kms-key: {us-west-2: alias/missing}}]}";

const OVERWRITING: &str = "{version: 1, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: {tag: replicate-to}, overwrite: true}]}";

fn keyless() -> Setting {
    quick().env("REPLICATION_POLICY", WITHOUT_KEY)
}

fn sweep_of(changes: u64) -> Value {
    json!({ "action": "sweep", "maxChanges": changes })
}

/// Returns the names of the secrets for which a replica was requested, from the given request on.
fn requested(stage: &Stage, from: usize) -> Vec<String> {
    let calls = stage.calls("ReplicateSecretToRegions");
    let ids = calls[from..]
        .iter()
        .filter_map(|call| call.secret_id.clone());
    ids.collect()
}

#[tokio::test]
async fn secrets_behind_many_that_make_no_progress_are_replicated_within_three_sweeps() {
    let mut stage = keyless().start().await;
    for index in 0..230 {
        stage.secret(SecretSeed::new(HOME, format!("fails/{index:03}")));
    }
    for index in 0..20 {
        seed(&stage, &format!("waits/{index:02}"), "eu-west-1");
    }
    for _ in 0..3 {
        let before = writes(&stage);
        let slice = whole(&mut stage, sweep_of(100)).await;
        assert_eq!(writes(&stage) - before, 100);
        assert_eq!(slice.count("changes"), 100);
        assert!(slice.count("repeats") <= 50, "{:#}", slice.summary);
    }
    for index in 0..20 {
        let name = format!("waits/{index:02}");
        assert_eq!(stage.in_sync(&name), ["eu-west-1"], "{name}");
    }
}

#[tokio::test]
async fn repeats_take_half_of_the_changes_and_differ_from_sweep_to_sweep() {
    let mut stage = keyless().start().await;
    for index in 0..40 {
        stage.secret(SecretSeed::new(HOME, format!("fails/{index:03}")));
    }
    let first = whole(&mut stage, sweep_of(40)).await;
    assert_eq!((first.count("changes"), first.count("repeats")), (40, 0));
    let mut sets = Vec::new();
    for _ in 0..3 {
        let before = writes(&stage);
        let slice = whole(&mut stage, sweep_of(20)).await;
        assert_eq!((slice.count("changes"), slice.count("repeats")), (10, 10));
        assert_eq!(slice.count("limited"), 30);
        assert_eq!(slice.summary["reason"], "limited");
        let mut names = requested(&stage, before);
        names.sort_unstable();
        assert_eq!(names.len(), 10);
        sets.push(names);
    }
    // Two equal selections of 10 out of 40 are as good as impossible.
    assert_ne!(sets[0], sets[1]);
    assert_ne!(sets[1], sets[2]);
}

#[tokio::test]
async fn a_secret_that_needs_more_replicas_than_the_changes_allow_gets_them_sweep_by_sweep() {
    let mut stage = quick().start().await;
    seed(&stage, "wide", "eu-west-1 eu-central-1 us-west-2");
    for (changes, expected) in [(2, 2), (2, 3)] {
        let slice = whole(&mut stage, sweep_of(changes)).await;
        assert_eq!(slice.count("failed"), 0);
        assert_eq!(stage.in_sync("wide").len(), expected);
    }
    assert_eq!(writes(&stage), 2);
}

#[tokio::test]
async fn every_overwritten_secret_is_a_change_and_is_visible() {
    let mut stage = quick()
        .env("REPLICATION_POLICY", OVERWRITING)
        .env("ALLOW_OVERWRITE", "true")
        .start()
        .await;
    stage.may_overwrite = true;
    for index in 0..30 {
        let name = format!("taken/{index:02}");
        seed(&stage, &name, "eu-west-1");
        stage.secret(SecretSeed::new("eu-west-1", name));
    }
    let mut dry_run = sweep_of(1);
    dry_run["dryRun"] = json!(true);
    let planned = whole(&mut stage, dry_run).await;
    assert_eq!(
        (planned.count("planned"), planned.count("overwritten")),
        (30, 0)
    );
    for record in &planned.records {
        assert_eq!(record["replicas"][0]["action"], "overwrite");
        let message = record["message"].as_str().expect("a text");
        assert!(
            message.contains("would overwrite a secret in eu-west-1"),
            "{message}"
        );
    }
    let explained = stage
        .explain(&json!({ "action": "explain", "secretId": "taken/00" }))
        .await;
    assert_eq!(
        explained["explanation"]["regions"][0]["action"],
        "overwrite"
    );
    assert_eq!(writes(&stage), 0);
    let slice = whole(&mut stage, sweep_of(1)).await;
    assert_eq!((slice.count("overwritten"), slice.count("changes")), (1, 1));
    assert_eq!(slice.count("limited"), 29);
    let message = slice.summary["message"].as_str().expect("a text");
    assert!(message.contains("1 other secrets overwritten"), "{message}");
    assert_eq!(slice.metric("ReplicasOverwritten"), 1);
    let [record] = &slice.records[..] else {
        panic!("{:#?}", slice.records);
    };
    assert_eq!(record["replicas"][0]["action"], "overwrite");
    let message = record["message"].as_str().expect("a text");
    assert!(
        message.ends_with("overwritten and in sync in eu-west-1"),
        "{message}"
    );
    assert_eq!(writes(&stage), 1);
}

#[tokio::test]
async fn an_overwritten_secret_whose_replication_then_fails_is_a_change_and_is_visible() {
    let policy = OVERWRITING.replace(
        "overwrite: true",
        "overwrite: true, kms-key: {eu-west-1: alias/missing}",
    );
    let mut stage = quick()
        .env("REPLICATION_POLICY", &policy)
        .env("ALLOW_OVERWRITE", "true")
        .start()
        .await;
    stage.may_overwrite = true;
    for index in 0..10 {
        let name = format!("taken/{index:02}");
        seed(&stage, &name, "eu-west-1");
        stage.secret(SecretSeed::new("eu-west-1", name));
    }
    let slice = whole(&mut stage, sweep_of(1)).await;
    assert_eq!((slice.count("failed"), slice.count("limited")), (1, 9));
    assert_eq!((slice.count("overwritten"), slice.count("changes")), (1, 1));
    assert_eq!(slice.metric("ReplicasOverwritten"), 1);
    assert_eq!(writes(&stage), 1);
}
