//! Why a wanted replica cannot be in sync, derived from the state of the world.

use std::collections::BTreeMap;
use std::time::Duration;

use secret_replicator_emulator::{
    KnownReplica, ReplicaView, SecretView, Time, World, WorldSettings,
};

use crate::scenario::{HOME, Scenario, regions};
use secret_replicator_reference_policy::{self as reference, Answer};

/// The reason why a wanted replica cannot be in sync after a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blocker {
    /// The secret has no value.
    NoValue,
    /// The function's role may not replicate to the Region.
    Denied,
    /// The account has not enabled the Region.
    NotEnabled,
    /// The key of the primary secret or of the replica does not work.
    Key,
    /// Another secret has the name in the Region.
    NameTaken,
    /// AWS reports an unknown status.
    UnknownStatus,
    /// The replica failed, and AWS does not retry it on request.
    NoRetry,
    /// AWS takes longer than the function waits.
    Slow,
}

/// Returns the blocker of each wanted replica that has one, by the secret's name and the Region.
pub(crate) fn blockers(
    scenario: &Scenario,
    world: &mut World,
    now: Time,
) -> BTreeMap<(String, String), Blocker> {
    let mut blockers = BTreeMap::new();
    for secret in world.secrets(now, HOME) {
        for region in regions() {
            let answer = scenario.expected(&as_reference(&secret), region);
            if let Answer::Replica { key, overwrite } = answer {
                let case = Case {
                    scenario,
                    secret: &secret,
                    region,
                    key: key.as_deref(),
                    overwrite,
                };
                if let Some(blocker) = case.blocker(world, now) {
                    blockers.insert((secret.name.clone(), region.to_owned()), blocker);
                }
            }
        }
    }
    blockers
}

/// Converts a secret for the second implementation of the policy.
pub(crate) fn as_reference(secret: &SecretView) -> reference::Secret {
    reference::Secret {
        name: secret.name.clone(),
        tags: secret.tags.iter().cloned().collect(),
        primary_region: secret
            .primary_region
            .as_ref()
            .unwrap_or(&secret.region)
            .clone(),
        kms_key: secret.kms_key_id.clone(),
    }
}

/// A wanted replica.
struct Case<'a> {
    scenario: &'a Scenario,
    secret: &'a SecretView,
    region: &'a str,
    key: Option<&'a str>,
    overwrite: bool,
}

impl Case<'_> {
    fn blocker(&self, world: &mut World, now: Time) -> Option<Blocker> {
        let aws = &self.scenario.aws;
        let enabled = WorldSettings::default().enabled_regions;
        let fails = |region: &str, key: Option<&str>| {
            key.is_some_and(|key| !world.key_works(now, region, key))
        };
        let mut replicas = self.secret.replicas.iter();
        let replica = replicas.find(|replica| replica.region == self.region);
        let status = replica.map(|replica| replica.status.as_str());
        let known = [None, Some("InSync"), Some("InProgress"), Some("Failed")];
        if self.secret.value.is_none() {
            Some(Blocker::NoValue)
        } else if aws.denied_region.as_deref() == Some(self.region) {
            Some(Blocker::Denied)
        } else if !enabled.contains(self.region) {
            Some(Blocker::NotEnabled)
        } else if fails(HOME, self.secret.kms_key_id.as_deref()) || fails(self.region, self.key) {
            Some(Blocker::Key)
        } else if self.is_name_taken(world, now, replica) {
            Some(Blocker::NameTaken)
        } else if !known.contains(&status) {
            Some(Blocker::UnknownStatus)
        } else if status == Some("Failed") && aws.known_replica != KnownReplica::RetryIfFailed {
            Some(Blocker::NoRetry)
        } else {
            is_slow(self.scenario).then_some(Blocker::Slow)
        }
    }

    fn is_name_taken(&self, world: &mut World, now: Time, row: Option<&ReplicaView>) -> bool {
        let Some(found) = world.secret(now, self.region, &self.secret.name) else {
            return false;
        };
        let suffix = |arn: &str| arn.rsplit('-').next().map(str::to_owned);
        let is_same = suffix(&found.arn) == suffix(&self.secret.arn);
        let is_ours = found.primary_region.as_deref() == Some(HOME) && is_same;
        // AWS overwrites no replica of another secret, and the function no promoted former replica. A standalone secret
        // can look like a replica of another account, so what AWS once named as a replica must be deleted.
        let message = row.and_then(|row| row.status_message.as_deref());
        let was_a_replica = message.is_some_and(|message| message.contains("different arn"));
        let is_free = !found.is_replica && self.overwrite && !is_same && !was_a_replica;
        !is_ours && !is_free
    }
}

/// Returns whether AWS can take longer to replicate than the function waits.
pub(crate) fn is_slow(scenario: &Scenario) -> bool {
    takes_longer(scenario, 0)
}

/// Returns whether AWS can take longer to remove and recreate a failed replica than the function waits.
pub(crate) fn is_slow_to_recreate(scenario: &Scenario) -> bool {
    takes_longer(scenario, scenario.aws.removal)
}

fn takes_longer(scenario: &Scenario, removal: u64) -> bool {
    let aws = &scenario.aws;
    let settings = &scenario.settings;
    let waited = Duration::from_secs(settings.replication_wait.min(settings.timeout / 4));
    let calls = Duration::from_millis(aws.latency * 8);
    let needed = Duration::from_millis(aws.replication + aws.read_lag() + removal);
    // The pauses between polls grow to five seconds.
    waited < needed + calls + Duration::from_secs(5)
}
