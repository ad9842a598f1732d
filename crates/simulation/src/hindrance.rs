//! Why a replica that is wanted cannot be in sync, by what is true in the world.

use std::collections::BTreeMap;
use std::time::Duration;

use secret_replicator_emulator::{KnownReplica, SecretView, Time, World, WorldSettings};

use crate::scenario::{HOME, Scenario, regions};
use secret_replicator_reference_policy::{self as reference, Answer};

/// Why a replica that is wanted cannot be in sync after a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// The secret has no value.
    NoValue,
    /// The function's role may not replicate to the Region.
    Denied,
    /// The account has not enabled the Region.
    NotEnabled,
    /// The primary secret's key, or the replica's, does not work.
    Key,
    /// Another secret has the name in the Region.
    NameTaken,
    /// AWS shows a status that nobody knows.
    UnknownStatus,
    /// The replica failed, and AWS does not try again when asked to.
    NoRetry,
    /// AWS takes longer than the function follows it.
    Slow,
}

/// A replica that is wanted: the secret's name, and the Region.
type Wanted = (String, String);

/// What hinders each replica that is wanted and hindered.
pub fn hindrances(
    scenario: &Scenario,
    world: &mut World,
    now: Time,
) -> BTreeMap<Wanted, Hindrance> {
    let mut hindrances = BTreeMap::new();
    for secret in world.secrets(now, HOME) {
        let question = question(&secret);
        for region in regions() {
            let settings = scenario.reference_settings();
            let answer = scenario.policy.answer(&question, region, &settings);
            if let Answer::Replica { key, overwrite } = answer {
                let case = Case {
                    scenario,
                    secret: &secret,
                    region,
                    key: key.as_deref(),
                    overwrite,
                };
                if let Some(hindrance) = case.hindrance(world, now) {
                    hindrances.insert((secret.name.clone(), region.to_owned()), hindrance);
                }
            }
        }
    }
    hindrances
}

/// What a policy asks of a secret.
pub(crate) fn question(secret: &SecretView) -> reference::Secret {
    reference::Secret {
        name: secret.name.clone(),
        tags: secret.tags.iter().cloned().collect(),
        primary_region: HOME.to_owned(),
        kms_key: secret.kms_key_id.clone(),
    }
}

struct Case<'a> {
    scenario: &'a Scenario,
    secret: &'a SecretView,
    region: &'a str,
    key: Option<&'a str>,
    overwrite: bool,
}

impl Case<'_> {
    fn hindrance(&self, world: &mut World, now: Time) -> Option<Hindrance> {
        let aws = &self.scenario.aws;
        let enabled = WorldSettings::default().enabled_regions;
        let works = |world: &World, region: &str, key: Option<&str>| {
            key.is_none_or(|key| world.key_works(now, region, key))
        };
        let rows = self.secret.replicas.iter();
        let row = rows.clone().find(|row| row.region == self.region);
        let status = row.map(|row| row.status.as_str());
        let known = [None, Some("InSync"), Some("InProgress"), Some("Failed")];
        let reasons = [
            (self.secret.value.is_none(), Hindrance::NoValue),
            (
                aws.denied_region.as_deref() == Some(self.region),
                Hindrance::Denied,
            ),
            (!enabled.contains(self.region), Hindrance::NotEnabled),
            (
                !works(world, HOME, self.secret.kms_key_id.as_deref())
                    || !works(world, self.region, self.key),
                Hindrance::Key,
            ),
            (self.is_name_taken(world, now), Hindrance::NameTaken),
            (!known.contains(&status), Hindrance::UnknownStatus),
            (
                status == Some("Failed") && aws.known_replica != KnownReplica::RetryIfFailed,
                Hindrance::NoRetry,
            ),
            (self.is_slow(), Hindrance::Slow),
        ];
        let reason = reasons.into_iter().find(|(is_so, _)| *is_so);
        reason.map(|(_, hindrance)| hindrance)
    }

    fn is_name_taken(&self, world: &mut World, now: Time) -> bool {
        let Some(found) = world.secret(now, self.region, &self.secret.name) else {
            return false;
        };
        let suffix = |arn: &str| arn.rsplit('-').next().map(str::to_owned);
        let is_the_same = suffix(&found.arn) == suffix(&self.secret.arn);
        let is_ours = found.primary_region.as_deref() == Some(HOME) && is_the_same;
        // A promoted former replica is never overwritten.
        let is_free = found.primary_region.is_none() && self.overwrite && !is_the_same;
        !is_ours && !is_free
    }

    fn is_slow(&self) -> bool {
        is_slow(self.scenario)
    }
}

/// Whether AWS may take longer than the function follows it.
pub(crate) fn is_slow(scenario: &Scenario) -> bool {
    takes_longer(scenario, 0)
}

/// Whether AWS may take longer than that to remove a failed replica and to make it anew.
pub(crate) fn is_slow_to_remake(scenario: &Scenario) -> bool {
    takes_longer(scenario, scenario.aws.removal)
}

fn takes_longer(scenario: &Scenario, besides: u64) -> bool {
    let aws = &scenario.aws;
    let settings = &scenario.settings;
    let followed = Duration::from_secs(settings.settle.min(settings.timeout / 4));
    let calls = Duration::from_millis(aws.latency * 8);
    let needed = Duration::from_millis(aws.replication + aws.status_lag + aws.read_lag + besides);
    // The looks come in growing pauses of at most five seconds.
    followed < needed + calls + Duration::from_secs(5)
}
