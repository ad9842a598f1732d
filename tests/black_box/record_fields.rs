//! Tests of the fields of the record that programs use: sweep, account and keys.

use std::time::Duration;

use secret_replicator_emulator::KeyState;
use serde_json::{Value, json};

use crate::stage::{Stage, create_secret_event, setting, tagged};
use crate::sweep::{seed, slice, whole};

const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:sweep:1234";

#[tokio::test]
async fn every_record_of_a_sweep_names_its_execution_also_in_slices_that_have_only_its_token() {
    let setting = setting()
        .env("SWEEP_WRITES_PER_SECOND", "2")
        .env("REPLICATION_WAIT_SECONDS", "1")
        .timeout(Duration::from_secs(8));
    let mut stage = setting.start().await;
    for index in 0..30 {
        seed(&stage, &format!("s{index}"), "eu-west-1");
    }
    let mut action = json!({ "action": "sweep", "sweepId": EXECUTION });
    let first = slice(&mut stage, &action).await;
    assert!(!first.is_complete());
    action = json!({ "action": "sweep", "nextToken": first.summary["nextToken"] });
    let second = slice(&mut stage, &action).await;

    for slice in [&first, &second] {
        assert!(!slice.records.is_empty());
        let records = slice.records.iter().chain([&slice.summary]);
        for record in records {
            assert_eq!(record["sweep_id"], EXECUTION, "{record:#}");
            assert_eq!(record["account"], "123456789012", "{record:#}");
        }
    }

    // Another execution continues the sweep.
    action["sweepId"] = json!("another");
    let third = slice(&mut stage, &action).await;
    assert_eq!(third.summary["sweep_id"], "another");
}

#[tokio::test]
async fn without_an_id_a_sweep_has_none_and_a_wrong_id_is_a_bad_event() {
    let mut stage = Stage::new().await;
    let slice = whole(&mut stage, json!({ "action": "sweep", "sweepId": null })).await;
    assert_eq!(slice.summary.get("sweep_id"), None);
    for wrong in [json!(""), json!("x".repeat(257)), json!(7)] {
        let action = json!({ "action": "sweep", "sweepId": wrong });
        let delivery = stage.deliver(&action).await;
        delivery.ends_in_error("failed", "BadEvent");
        assert_eq!(delivery.record["account"], "123456789012");
    }
}

#[tokio::test]
async fn the_key_of_a_replica_has_one_form_before_and_after_the_replication() {
    const POLICY: &str = "{version: 1, rules: [
        {name: a, when: all, replicate-to: [eu-west-1, us-west-2], kms-key: alias/app}]}";
    let mut stage = setting().env("REPLICATION_POLICY", POLICY).start().await;
    stage
        .aws
        .with(|world, _| world.set_key("eu-west-1", "alias/app", KeyState::Usable));
    let arn = stage.secret(tagged("prod/db", "none").with_replica_in("us-west-2"));
    let event = create_secret_event("prod/db", &arn);
    let keys = |record: &Value| -> Vec<Value> {
        let replicas = record["replicas"].as_array().expect("a list");
        replicas.iter().map(|row| row["kms_key"].clone()).collect()
    };

    let first = stage.deliver(&event).await;
    let second = stage.deliver(&event).await;

    let expected = [
        json!("arn:aws:kms:eu-west-1:123456789012:alias/app"),
        // The replica was there before, on the AWS managed key.
        json!("aws/secretsmanager"),
    ];
    assert_eq!(first.region("eu-west-1"), "replicate in-sync");
    assert_eq!(second.region("eu-west-1"), "keep in-sync");
    assert_eq!(keys(&first.record), expected);
    assert_eq!(keys(&second.record), expected);
}
