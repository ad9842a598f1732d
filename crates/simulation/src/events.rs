//! The events about calls of owners.

use chrono::SecondsFormat;
use secret_replicator_emulator::{ApiError, SecretView, Time, World};
use serde_json::{Value, json};

use crate::clock;
use crate::scenario::HOME;

/// The events about one call.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// CloudTrail's event.
    pub(crate) trail: Option<Value>,
    /// The events that AWS sends without a trail: a label that moved, and a changed tag.
    pub(crate) native: Vec<Value>,
}

impl Events {
    /// Returns the events about a call in [`HOME`] that reach the function.
    pub(crate) fn of_call(
        world: &mut World,
        now: Time,
        operation: &str,
        body: &Value,
        result: &Result<Value, ApiError>,
        number: usize,
    ) -> Events {
        let mut events = Events::default();
        if WITH_TRAIL.contains(&operation) {
            events.trail = trail(world, now, operation, body, result, number);
        }
        let name = secret_name(body);
        let secret = name.and_then(|name| world.secret(now, HOME, name));
        let (Some(secret), Ok(answer)) = (secret, result) else {
            return events;
        };
        let is_current = answer["VersionId"].as_str() == secret.version_id.as_deref();
        if answer["VersionId"].is_string() && is_current {
            events.native.push(label(&secret, &native(number)));
        }
        // It is not known whether tags at creation cause an event [gap].
        let tags = body["Tags"].as_array().is_some_and(|tags| !tags.is_empty());
        if operation.ends_with("tagResource")
            || operation == "TagResource"
            || tags && number.is_multiple_of(2)
        {
            events.native.push(tag_change(&secret, &native(number)));
        }
        events
    }
}

/// Returns the event about a label that moved to a secret's current version.
pub(crate) fn label(secret: &SecretView, id: &str) -> Value {
    let detail = json!({
        "name": secret.name,
        "labelUpdated": "AWSCURRENT",
        "versionId": secret.version_id,
    });
    native_event(
        "Secret Label Updated",
        "aws.secretsmanager",
        secret,
        id,
        &detail,
    )
}

/// Returns the event about changed tags of a secret.
pub(crate) fn tag_change(secret: &SecretView, id: &str) -> Value {
    let detail = json!({
        "changed-tag-keys": [],
        "service": "secretsmanager",
        "resource-type": "secret",
        "version": 1.0,
        "tags": {},
    });
    native_event("Tag Change on Resource", "aws.tag", secret, id, &detail)
}

fn native_event(kind: &str, source: &str, secret: &SecretView, id: &str, detail: &Value) -> Value {
    let mut event = envelope((kind, source), id, &[&secret.arn], detail);
    event["region"] = json!(secret.region);
    event
}

/// Returns the ID of a native event. Both kinds about one call have the same.
fn native(number: usize) -> String {
    format!("native-{number}")
}

/// Returns an event with the fields that EventBridge adds to each.
fn envelope((kind, source): (&str, &str), id: &str, resources: &[&str], detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": id,
        "detail-type": kind,
        "source": source,
        "account": "123456789012",
        "time": timestamp(),
        "region": HOME,
        "resources": resources,
        "detail": detail,
    })
}

fn timestamp() -> String {
    clock::date().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Returns the ID of the secret in a request.
pub(crate) fn secret_name(body: &Value) -> Option<&str> {
    body["Name"].as_str().or(body["SecretId"].as_str())
}

/// The operations whose events reach the function. It skips those of `PutSecretValue`.
const WITH_TRAIL: [&str; 8] = [
    "CreateSecret",
    "TagResource",
    "UntagResource",
    "RestoreSecret",
    "PutSecretValue",
    "DeleteSecret",
    "RemoveRegionsFromReplication",
    "StopReplicationToReplica",
];

/// Returns the event with the fields that recorded events of CloudTrail and EventBridge have. A failed
/// call has an event too.
fn trail(
    world: &mut World,
    now: Time,
    operation: &str,
    body: &Value,
    result: &Result<Value, ApiError>,
    number: usize,
) -> Option<Value> {
    let arn = result.as_ref().ok().and_then(|answer| answer.get("ARN"));
    let name = secret_name(body)?;
    let secret = world.secret(now, HOME, name);
    let mut detail = json!({
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": operation,
        "awsRegion": HOME,
        "eventTime": timestamp(),
        "eventID": format!("event-{number}"),
        "recipientAccountId": "123456789012",
        "requestParameters": if operation == "CreateSecret" {
            json!({"name": name})
        } else {
            json!({"secretId": secret.map_or(name.to_owned(), |secret| secret.arn)})
        },
        "responseElements": arn.map(|arn| json!({"arn": arn})),
    });
    if let Err(error) = result {
        detail["errorCode"] = json!(error.code);
        detail["errorMessage"] = json!(error.message);
    }
    let call = ("AWS API Call via CloudTrail", "aws.secretsmanager");
    Some(envelope(call, &format!("delivery-{number}"), &[], &detail))
}
