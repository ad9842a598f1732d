//! The events of calls.

use std::net::Ipv4Addr;

use secret_replicator_emulator::{Emulator, SecretSeed, WorldSettings};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::support::{HOME, IRELAND, call, is_answer, post, signed};

async fn started() -> (Emulator, UnboundedReceiver<Value>) {
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let settings = WorldSettings::default();
    Emulator::start_with_events(address, settings)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_call_that_a_rule_matches_has_the_event_of_its_trail() {
    let (emulator, mut events) = started().await;
    let body = json!({
        "Name": "app",
        "SecretString": "hunter2",
        "ClientRequestToken": "token",
        "KmsKeyId": "alias/aws/secretsmanager",
        "Tags": [{"Key": "tier", "Value": "1"}],
    });
    call(&emulator, HOME, "CreateSecret", &body);
    let event = events.try_recv().unwrap();
    assert_eq!(event["detail-type"], "AWS API Call via CloudTrail");
    assert_eq!(event["region"], HOME);
    let detail = &event["detail"];
    assert_eq!(detail["eventName"], "CreateSecret");
    let request = json!({
        "name": "app",
        "kmsKeyId": "alias/aws/secretsmanager",
        "tags": [{"key": "tier", "value": "1"}],
    });
    assert_eq!(detail["requestParameters"], request);
    let arn = detail["responseElements"]["arn"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:secretsmanager:us-east-1:123456789012:secret:app-"));
    assert!(event["time"].as_str().unwrap().ends_with('Z'));
    let body = json!({"SecretId": "app", "TagKeys": ["tier"]});
    call(&emulator, HOME, "UntagResource", &body);
    let detail = events.try_recv().unwrap()["detail"].clone();
    assert_eq!(detail["requestParameters"]["secretId"], "app");
    assert!(detail["responseElements"].is_null());
}

#[tokio::test]
async fn a_call_that_moves_the_current_label_has_the_event_of_the_label() {
    let (emulator, mut events) = started().await;
    let arn = emulator.with(|world, now| world.seed(now, SecretSeed::new(HOME, "app")));
    let put = |token: &str, labels: Value| {
        let body = json!({
            "SecretId": "app",
            "SecretString": token,
            "ClientRequestToken": token,
            "VersionStages": labels,
        });
        call(&emulator, HOME, "PutSecretValue", &body)
    };
    put("one", json!(["AWSCURRENT"]));
    let event = events.try_recv().unwrap();
    assert_eq!(event["detail-type"], "Secret Label Updated");
    assert_eq!(event["resources"], json!([arn]));
    let label = json!({"name": "app", "labelUpdated": "AWSCURRENT", "versionId": "one"});
    assert_eq!(event["detail"], label);
    put("two", json!(["AWSPENDING"]));
    events.try_recv().unwrap_err();
    let body = json!({
        "SecretId": "app",
        "VersionStage": "AWSCURRENT",
        "RemoveFromVersionId": "one",
        "MoveToVersionId": "two",
    });
    call(&emulator, HOME, "UpdateSecretVersionStage", &body);
    assert_eq!(events.try_recv().unwrap()["detail"]["versionId"], "two");
    let body = json!({"SecretId": "app", "SecretString": "3", "ClientRequestToken": "three"});
    call(&emulator, HOME, "UpdateSecret", &body);
    assert_eq!(events.try_recv().unwrap()["detail"]["versionId"], "three");
    let body = json!({"SecretId": "app", "Description": "d"});
    call(&emulator, HOME, "UpdateSecret", &body);
    events.try_recv().unwrap_err();
}

#[tokio::test]
async fn only_deletions_that_replicas_block_have_an_event() {
    let (emulator, mut events) = started().await;
    emulator.with(|world, now| {
        let seed = SecretSeed::new(HOME, "app").with_replica_in(IRELAND);
        world.seed(now, seed);
        world.seed(now, SecretSeed::new(HOME, "other"));
    });
    for name in ["other", "missing", "app"] {
        call(&emulator, HOME, "DeleteSecret", &json!({"SecretId": name}));
    }
    let detail = events.try_recv().unwrap()["detail"].clone();
    assert_eq!(detail["requestParameters"]["secretId"], "app");
    assert_eq!(detail["errorCode"], "InvalidParameterException");
    events.try_recv().unwrap_err();
}

#[tokio::test]
async fn reads_and_the_calls_of_the_function_have_none() {
    let (emulator, mut events) = started().await;
    emulator.with(|world, now| world.seed(now, SecretSeed::new(HOME, "app")));
    call(
        &emulator,
        HOME,
        "DescribeSecret",
        &json!({"SecretId": "app"}),
    );
    let headers = [
        ("X-Amz-Target", "secretsmanager.TagResource"),
        ("Authorization", &signed(HOME)),
        ("X-Amz-Security-Token", "{\"region\":\"us-east-1\"}"),
    ];
    let body = json!({"SecretId": "app", "Tags": [{"Key": "tier", "Value": "1"}]});
    let answer = post(&emulator, &headers, &body.to_string());
    assert!(is_answer(&answer, 200, ""), "{answer}");
    events.try_recv().unwrap_err();
}
