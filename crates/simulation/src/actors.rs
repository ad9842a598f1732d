//! What owners and AWS do.

use std::time::Duration;

use secret_replicator_emulator::{Denial, KeyState, SecretSeed, Service, Time, World};
use serde_json::{Value, json};

use crate::events::{Events, secret_name};
use crate::scenario::{Action, HOME, Kind, Occupant, Scenario, SecretAtStart};

/// Creates the initial keys, secrets and denials.
pub(crate) fn set_up(service: &Service, scenario: &Scenario) {
    service.with(|world, now| {
        for (region, key, state) in &scenario.aws.keys {
            world.set_key(region, key, *state);
        }
        for secret in &scenario.secrets {
            for (region, occupant) in &secret.occupants {
                world.seed(now, occupant_seed(secret, region, *occupant));
            }
            if secret.kind == Kind::Gone {
                continue;
            }
            let arn = world.seed(now, seed(secret));
            for region in &secret.promoted {
                let suffix = arn.rsplit('-').next().unwrap_or_default();
                world.seed(
                    now,
                    SecretSeed::new(region, &secret.name).with_suffix(suffix),
                );
            }
        }
    });
    deny_region(service, scenario);
}

/// Denies the Region that the function's role may never replicate to.
pub(crate) fn deny_region(service: &Service, scenario: &Scenario) {
    if let Some(region) = &scenario.aws.denied_region {
        let denial = Denial::of("ReplicateSecretToRegions").on_replica_region(region);
        service.with(|world, _| world.deny(denial));
    }
}

/// The age of the secrets at the beginning. Quick sweeps describe younger secrets.
const AGE: Duration = Duration::from_hours(1);

fn seed(secret: &SecretAtStart) -> SecretSeed {
    let mut seed = SecretSeed::new(HOME, &secret.name).with_age(AGE);
    seed.tags = secret.tags.clone().into_iter().collect();
    seed.kms_key_id.clone_from(&secret.kms_key);
    if !secret.has_value {
        seed.value = None;
    }
    match secret.kind {
        Kind::Ordinary | Kind::Gone => seed.replicas = secret.replicas.iter().cloned().collect(),
        Kind::Managed => seed.owning_service = Some("rds".to_owned()),
        Kind::Replica => seed.replica_of = Some("eu-central-1".to_owned()),
        Kind::CrossAccount => seed.replica_of = Some(HOME.to_owned()),
        Kind::Deleted => seed.scheduled_for_deletion = true,
    }
    seed
}

/// The suffix of secrets that existed before the beginning.
const FORMER_SUFFIX: &str = "Former";

fn occupant_seed(secret: &SecretAtStart, region: &str, occupant: Occupant) -> SecretSeed {
    let mut seed = SecretSeed::new(region, &secret.name).with_suffix(FORMER_SUFFIX);
    seed.tags = secret.tags.clone().into_iter().collect();
    seed.replica_of = match occupant {
        Occupant::Stranded => None,
        Occupant::Orphaned => Some(HOME.to_owned()),
        Occupant::CrossAccount => Some(region.to_owned()),
    };
    seed
}

impl Action {
    /// A call in [`HOME`] about the secret of this name, with these other fields.
    pub(crate) fn call(operation: &str, name: &str, fields: Value) -> Action {
        Action::call_in(HOME, operation, name, fields)
    }

    /// A call in a Region about the secret of this name, with these other fields.
    pub(crate) fn call_in(region: &str, operation: &str, name: &str, mut fields: Value) -> Action {
        fields["SecretId"] = json!(name);
        Action::Call {
            region: region.to_owned(),
            operation: operation.to_owned(),
            body: fields,
        }
    }

    /// `CreateSecret` in [`HOME`]. Ignores the secret's kind.
    pub(crate) fn create(secret: &SecretAtStart) -> Action {
        let tags = secret.tags.iter();
        let tags = tags.map(|(key, value)| json!({"Key": key, "Value": value}));
        let mut body = json!({"Name": secret.name, "Tags": tags.collect::<Vec<_>>()});
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
        Action::Call {
            region: HOME.to_owned(),
            operation: "CreateSecret".to_owned(),
            body,
        }
    }

    /// `CreateSecret` of an unrelated secret with this name in another Region.
    pub(crate) fn occupy(name: &str, region: &str) -> Action {
        let body =
            json!({"Name": name, "SecretString": "another", "ClientRequestToken": "another"});
        Action::Call {
            region: region.to_owned(),
            operation: "CreateSecret".to_owned(),
            body,
        }
    }

    /// `TagResource` with one tag.
    pub(crate) fn tag(name: &str, key: &str, value: &str) -> Action {
        let tags = json!([{"Key": key, "Value": value}]);
        Action::call("TagResource", name, json!({"Tags": tags}))
    }

    /// `UntagResource` with one key.
    pub(crate) fn untag(name: &str, key: &str) -> Action {
        Action::call("UntagResource", name, json!({"TagKeys": [key]}))
    }

    /// `ReplicateSecretToRegions` with one Region, and a key or none.
    pub(crate) fn replicate(name: &str, region: &str, key: Option<&str>) -> Action {
        let mut target = json!({"Region": region});
        if let Some(key) = key {
            target["KmsKeyId"] = json!(key);
        }
        let fields = json!({"AddReplicaRegions": [target]});
        Action::call("ReplicateSecretToRegions", name, fields)
    }

    /// `RemoveRegionsFromReplication` with one Region.
    pub(crate) fn remove(name: &str, region: &str) -> Action {
        let fields = json!({"RemoveReplicaRegions": [region]});
        Action::call("RemoveRegionsFromReplication", name, fields)
    }

    /// `StopReplicationToReplica` in the replica's Region.
    pub(crate) fn promote(name: &str, region: &str) -> Action {
        Action::call_in(region, "StopReplicationToReplica", name, json!({}))
    }

    /// Returns the name of the secret of [`HOME`] that the action can change.
    pub(crate) fn changes(&self) -> Option<&str> {
        match self {
            Action::Call { region, body, .. } if region == HOME => secret_name(body),
            // A promoted replica disappears from its primary secret.
            Action::Call { body, .. } => body["SecretId"].as_str(),
            Action::Status(name, ..) => Some(name),
            _ => None,
        }
    }
}

/// Performs an action. Returns its events.
///
/// Owners have their own permissions and quota, so the function's denials do not apply.
pub(crate) fn perform(service: &Service, action: &Action, number: usize) -> Events {
    service.with(|world, now| {
        match action {
            Action::Call {
                region,
                operation,
                body,
            } => {
                let result = world.handle(now, region, operation, body);
                if region == HOME {
                    return Events::of_call(world, now, operation, body, &result, number);
                }
            }
            Action::Vacate(name, region) => vacate(world, now, region, name),
            Action::Status(name, region, status, message) => {
                if world.secret(now, HOME, name).is_some() {
                    world.force_status(now, HOME, name, region, status, message.as_deref());
                }
            }
            Action::Key(region, key, state) => world.set_key(region, key, from(now, *state)),
            Action::Deny(denial) => world.deny(denial.clone()),
            Action::Reconcile { .. }
            | Action::Explain(_)
            | Action::Sweep(_)
            | Action::SweepIn(_)
            | Action::PromoteAll(_) => {}
        }
        Events::default()
    })
}

/// Makes a relative time absolute.
fn from(now: Time, state: KeyState) -> KeyState {
    match state {
        KeyState::UsableFrom(Time(after)) => KeyState::UsableFrom(Time(now.0 + after)),
        state => state,
    }
}

fn vacate(world: &mut World, now: Time, region: &str, name: &str) {
    let found = world.secret(now, region, name);
    let primary = found.and_then(|found| found.primary_region);
    if primary.as_deref() == Some("eu-central-1") && region != "eu-central-1" {
        let body = json!({"SecretId": name});
        let _ = world.handle(now, region, "StopReplicationToReplica", &body);
    }
    let body = json!({"SecretId": name, "ForceDeleteWithoutRecovery": true});
    let _ = world.handle(now, region, "DeleteSecret", &body);
}
