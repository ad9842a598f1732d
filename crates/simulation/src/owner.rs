//! What owners and AWS do, and the events that tell of it.

use secret_replicator_emulator::{ApiError, KeyState, SecretSeed, Service, Time, World};
use serde_json::{Value, json};

use crate::scenario::{Deed, HOME, Kind, Scenario, SecretAtStart};

/// Whoever acts does not wait for a quota of the function's.
type Done = Result<Value, ApiError>;

/// Makes the world as it is at the beginning.
pub fn set_up(service: &Service, scenario: &Scenario) {
    service.with(|world, now| {
        for (region, key, state) in &scenario.aws.keys {
            world.set_key(region, key, *state);
        }
        for secret in &scenario.secrets {
            world.seed(now, seed(secret));
        }
    });
    deny_always(service, scenario);
}

/// What the function's role may never do in this scenario.
pub fn deny_always(service: &Service, scenario: &Scenario) {
    let Some(region) = &scenario.aws.denied_region else {
        return;
    };
    let denial = secret_replicator_emulator::Denial::of("ReplicateSecretToRegions");
    service.with(|world, _| world.deny(denial.on_replica_region(region.clone())));
}

fn seed(secret: &SecretAtStart) -> SecretSeed {
    let mut seed = SecretSeed::new(HOME, secret.name.clone());
    seed.tags = secret.tags.clone().into_iter().collect();
    seed.kms_key_id.clone_from(&secret.kms_key);
    if !secret.has_value {
        seed.value = None;
    }
    match secret.kind {
        Kind::Ordinary => seed.replicas = secret.replicas.iter().cloned().collect(),
        Kind::Managed => seed.owning_service = Some("rds".to_owned()),
        Kind::Replica => seed.replica_of = Some("eu-central-1".to_owned()),
        Kind::Deleted => seed.scheduled_for_deletion = true,
    }
    seed
}

/// Does it. Answers the event that tells of it, if CloudTrail writes one.
pub fn act(service: &Service, deed: &Deed, number: usize) -> Option<Value> {
    let (operation, body, done) = match deed {
        Deed::Status(name, region, status, message) => {
            service.with(|world, now| {
                // A status is one of a replica that is there, or was.
                if world.secret(now, HOME, name).is_some() {
                    world.force_status(now, HOME, name, region, status, message.as_deref());
                }
            });
            return None;
        }
        Deed::Key(region, key, state) => {
            service.with(|world, now| world.set_key(region, key, from(now, *state)));
            return None;
        }
        Deed::Deny(denial) => {
            service.with(|world, _| world.deny(denial.clone()));
            return None;
        }
        Deed::Occupy(name, region) => {
            service.with(|world, now| {
                let _ = world.handle(now, region, "CreateSecret", &body_of_another(name));
            });
            return None;
        }
        Deed::Vacate(name, region) => {
            service.with(|world, now| vacate(world, now, region, name));
            return None;
        }
        Deed::Detach(name, region) => {
            let body = json!({"SecretId": name});
            service.with(|world, now| {
                let _ = world.handle(now, region, "StopReplicationToReplica", &body);
            });
            return None;
        }
        Deed::Reconcile { .. } | Deed::Explain(_) | Deed::Sweep(_) => return None,
        deed => {
            let (operation, body) = call(deed)?;
            let done = by_owner(service, operation, &body);
            (operation, body, done)
        }
    };
    event(service, operation, &body, &done, number)
}

/// A time that counts from now.
fn from(now: Time, state: KeyState) -> KeyState {
    match state {
        KeyState::UsableFrom(Time(after)) => KeyState::UsableFrom(Time(now.0 + after)),
        state => state,
    }
}

fn body_of_another(name: &str) -> Value {
    json!({"Name": name, "SecretString": "another", "ClientRequestToken": "another"})
}

/// The recovery window is not waited for.
fn vacate(world: &mut World, now: Time, region: &str, name: &str) {
    let body = json!({"SecretId": name, "ForceDeleteWithoutRecovery": true});
    let stop = json!({"SecretId": name});
    let is_orphan = |world: &mut World| {
        let is_replica = world
            .secret(now, region, name)
            .is_some_and(|found| found.primary_region.as_deref() == Some("eu-central-1"));
        is_replica && region != "eu-central-1"
    };
    if is_orphan(world) {
        let _ = world.handle(now, region, "StopReplicationToReplica", &stop);
    }
    let _ = world.handle(now, region, "DeleteSecret", &body);
}

/// The denials are those of the function's role, not the owner's.
fn by_owner(service: &Service, operation: &str, body: &Value) -> Done {
    service.with(|world, now| world.handle(now, HOME, operation, body))
}

/// The call that a deed is.
fn call(deed: &Deed) -> Option<(&'static str, Value)> {
    Some(match deed {
        Deed::Create { secret } => ("CreateSecret", creation(secret)),
        Deed::PutValue(name) => (
            "PutSecretValue",
            json!({"SecretId": name, "SecretString": "value"}),
        ),
        Deed::Tag(name, key, value) => (
            "TagResource",
            json!({"SecretId": name, "Tags": [{"Key": key, "Value": value}]}),
        ),
        Deed::Untag(name, key) => ("UntagResource", json!({"SecretId": name, "TagKeys": [key]})),
        Deed::Delete(name, true) => (
            "DeleteSecret",
            json!({"SecretId": name, "ForceDeleteWithoutRecovery": true}),
        ),
        Deed::Delete(name, false) => (
            "DeleteSecret",
            json!({"SecretId": name, "RecoveryWindowInDays": 30}),
        ),
        Deed::Restore(name) => ("RestoreSecret", json!({"SecretId": name})),
        Deed::Replicate(name, region, key) => {
            let mut target = json!({"Region": region});
            if let Some(key) = key {
                target["KmsKeyId"] = json!(key);
            }
            let body = json!({"SecretId": name, "AddReplicaRegions": [target]});
            ("ReplicateSecretToRegions", body)
        }
        Deed::Remove(name, region) => (
            "RemoveRegionsFromReplication",
            json!({"SecretId": name, "RemoveReplicaRegions": [region]}),
        ),
        _ => return None,
    })
}

fn creation(secret: &SecretAtStart) -> Value {
    let tags = secret.tags.iter();
    let tags: Vec<Value> = tags
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    let mut body = json!({"Name": secret.name, "Tags": tags});
    if secret.has_value {
        body["SecretString"] = json!("value");
    }
    if let Some(key) = &secret.kms_key {
        body["KmsKeyId"] = json!(key);
    }
    if !secret.replicas.is_empty() {
        let replicas = secret.replicas.iter();
        body["AddReplicaRegions"] = replicas.map(|region| json!({"Region": region})).collect();
    }
    body
}

/// The event as CloudTrail and EventBridge write it, with what recorded ones have; a failed call has
/// one too.
fn event(
    service: &Service,
    operation: &str,
    body: &Value,
    done: &Done,
    number: usize,
) -> Option<Value> {
    let handled = [
        "CreateSecret",
        "TagResource",
        "UntagResource",
        "RestoreSecret",
    ];
    if !handled.contains(&operation) && operation != "PutSecretValue" {
        return None;
    }
    let time = crate::clock::date().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let arn = done.as_ref().ok().and_then(|answer| answer.get("ARN"));
    let name = body["Name"].as_str().or(body["SecretId"].as_str())?;
    let secret = service.with(|world, now| world.secret(now, HOME, name));
    let mut detail = json!({
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": operation,
        "awsRegion": HOME,
        "eventTime": time,
        "eventID": format!("event-{number}"),
        "recipientAccountId": "123456789012",
        "requestParameters": if operation == "CreateSecret" {
            json!({"name": name})
        } else {
            json!({"secretId": secret.map_or(name.to_owned(), |secret| secret.arn)})
        },
        "responseElements": arn.map(|arn| json!({"arn": arn})),
    });
    if let Err(error) = done {
        detail["errorCode"] = json!(error.code);
        detail["errorMessage"] = json!(error.message);
    }
    Some(json!({
        "version": "0",
        "id": format!("delivery-{number}"),
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.secretsmanager",
        "account": "123456789012",
        "time": time,
        "region": HOME,
        "resources": [],
        "detail": detail,
    }))
}
