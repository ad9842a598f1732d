//! Checks the sweeps after the storm.
//!
//! After one sweep, every covered secret is in sync or in a record with its reason. Another sweep writes
//! nothing.

use serde_json::Value;

use super::Violation;
use super::observed::{is_taken_name, is_writable, needs_manual_fix};
use crate::blockers::{as_reference, is_slow, is_slow_to_recreate};
use crate::run::Run;
use crate::scenario::{Scenario, regions};
use crate::truth::suffix;
use secret_replicator_emulator::SecretView;
use secret_replicator_reference_policy::{Answer, managed_is_none};

pub(super) fn violations(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    let sweeps = run.second.iter().chain([&run.first]);
    if sweeps.into_iter().any(|sweep| !sweep.is_complete) {
        violations.push(Violation::new("I9", "a sweep without faults does not end"));
    }
    let records = run
        .journal
        .records(|number| run.first.invocations.contains(&number));
    for secret in &run.after.secrets {
        let records = records.iter();
        let case = Case {
            scenario,
            run,
            secret,
            records: records
                .filter(|record| record["secret_arn"] == secret.arn.as_str())
                .collect(),
        };
        violations.extend(case.violations());
    }
    violations.extend(second_sweep(scenario, run));
    violations.extend(missing_in_second_sweep(scenario, run));
    violations
}

/// A secret after the first sweep, and its records.
struct Case<'a> {
    scenario: &'a Scenario,
    run: &'a Run,
    secret: &'a SecretView,
    records: Vec<&'a Value>,
}

impl Case<'_> {
    fn violations(&self) -> Vec<Violation> {
        let secret = as_reference(self.secret);
        let policy = &self.scenario.policy;
        if !is_writable(self.secret) || policy.covering(&secret).is_empty() {
            return Vec::new();
        }
        let mut violations = Vec::new();
        for region in regions() {
            violations.extend(match self.scenario.expected(&secret, region) {
                Answer::Replica { key, .. } if self.has_wrong_key(region, key.as_deref()) => {
                    self.refused(region, "another key")
                }
                Answer::Replica { .. } => self.wanted(region),
                Answer::Refused(reasons) if reasons.contains("primary-region") => None,
                // The policy intends it, so the record of a secret in sync is not needed.
                Answer::Refused(reasons)
                    if reasons.contains("forbidden-by-policy")
                        && !reasons.contains("other-partition")
                        && self.run.after.replica(&self.secret.name, region).is_none() =>
                {
                    None
                }
                // A replica that someone else created with a customer managed key is not weaker.
                Answer::Refused(reasons)
                    if reasons == ["weaker-encryption".to_owned()].into()
                        && self
                            .key_of_replica(region)
                            .is_some_and(|key| managed_is_none(key).is_some()) =>
                {
                    None
                }
                Answer::Refused(reasons) => self.refused(region, &format!("{reasons:?}")),
                Answer::NotWanted => self.unwanted(region),
            });
        }
        for token in policy.bad_tokens(&secret) {
            violations.extend(self.refused(&token, "not a Region"));
        }
        violations
    }

    /// Returns the key of a replica in sync.
    fn key_of_replica(&self, region: &str) -> Option<&str> {
        let mut rows = self.secret.replicas.iter();
        let row = rows.find(|row| row.region == region)?;
        (row.status == "InSync").then_some(row.kms_key_id.as_str())
    }

    fn has_wrong_key(&self, region: &str, wanted: Option<&str>) -> bool {
        let secret = as_reference(self.secret);
        let policy = &self.scenario.policy;
        self.key_of_replica(region)
            .is_some_and(|found| policy.refuses_key(&secret, region, wanted, found))
    }

    fn wanted(&self, region: &str) -> Option<Violation> {
        let name = &self.secret.name;
        if self.run.after.is_in_sync(name, region) {
            return None;
        }
        let replica = self.run.after.replica(name, region);
        let status = replica.map(|replica| &replica.status);
        let wanted = (name.clone(), region.to_owned());
        let blocker = self.run.before.blockers.get(&wanted);
        match (blocker, self.reason(region)) {
            // A secret without a value has one reason for all its Regions.
            (Some(_), Some(_)) => None,
            (Some(blocker), None) => Some(Violation::new(
                "promise",
                format!("{name} in {region} is {status:?} ({blocker:?}), without a record"),
            )),
            (None, reason) => Some(Violation::new(
                "I8",
                format!("{name} in {region} is {status:?} ({reason:?}) without a blocker"),
            )),
        }
    }

    fn refused(&self, region: &str, why: &str) -> Option<Violation> {
        if self.reason(region).is_some() {
            return None;
        }
        let name = &self.secret.name;
        let what = format!("{name} is refused in {region:?} ({why}), without a record");
        Some(Violation::new("promise", what))
    }

    fn unwanted(&self, region: &str) -> Option<Violation> {
        let name = &self.secret.name;
        let is_there = self.run.after.replica(name, region).is_some();
        let needs_reason =
            self.scenario.removes() || self.scenario.excludes(&as_reference(self.secret), region);
        if !is_there || !needs_reason || self.reason(region).is_some() {
            return None;
        }
        let what = format!("{name} has an unwanted replica in {region}, without a record");
        Some(Violation::new("I6", what))
    }

    /// Returns the reason that a record gives for the Region or for the whole secret.
    fn reason(&self, region: &str) -> Option<&str> {
        self.records.iter().find_map(|record| {
            let replicas = record["replicas"].as_array().into_iter().flatten();
            let mut named = replicas.filter(|replica| replica["region"] == region);
            let of_region = named.find_map(|replica| replica["reason"].as_str());
            of_region.or(record["reason"].as_str())
        })
    }
}

/// Once the wanted state is reached, a sweep does not write. It does not retry a failure that needs a
/// manual fix.
fn second_sweep(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    let numbers = run.second.iter().flat_map(|sweep| &sweep.invocations);
    let calls = numbers.flat_map(|number| run.journal.calls_of(*number));
    for write in calls.filter(|call| call.is_write()) {
        let arn = write.secret_id().unwrap_or_default();
        let secret = run.later.secrets.iter().find(|secret| secret.arn == arn);
        let name = secret.map_or("", |secret| secret.name.as_str());
        // Only the answer to a write shows that it is a replica of another account's secret.
        if secret.is_some_and(|secret| secret.is_replica) {
            continue;
        }
        let added = write.regions("AddReplicaRegions");
        let removed = write.regions("RemoveReplicaRegions");
        let removed = removed.filter(|region| !waits_for_others(scenario, run, name, region));
        for region in added.chain(removed) {
            if !may_be_left(scenario, run, name, region) {
                let replica = run.later.replica(name, region);
                let operation = &write.operation;
                let what = format!("{operation} for {name} in {region}, which is {replica:?}");
                violations.push(Violation::new("I7", what));
            }
        }
    }
    violations
}

/// A quick sweep compares lists. It does not overlook a replica that does not exist: after it, the replica
/// is there or in a record with its reason. Only a thorough sweep records a promoted former replica.
fn missing_in_second_sweep(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let Some(second) = &run.second else {
        return Vec::new();
    };
    let of_second = |id| second.invocations.contains(&id);
    let records = run.journal.records(of_second);
    let is_recorded = |arn: &str| records.iter().any(|record| record["secret_arn"] == arn);
    let mut violations = Vec::new();
    let secrets = run.later.secrets.iter();
    for secret in secrets.filter(|secret| is_writable(secret)) {
        for region in regions() {
            let is_wanted = scenario.wants(&as_reference(secret), region);
            let is_there = run.later.replica(&secret.name, region).is_some();
            let is_promoted = run.truth.last((region, &secret.name)).is_some_and(|there| {
                !there.is_replica && suffix(&there.arn) == suffix(&secret.arn)
            });
            if is_wanted && !is_there && !is_promoted && !is_recorded(&secret.arn) {
                let what = format!(
                    "{} lacks a replica in {region}, without a record",
                    secret.name
                );
                violations.push(Violation::new("promise", what));
            }
        }
    }
    violations
}

/// Returns whether the first sweep may leave a write for a replica to the second one.
fn may_be_left(scenario: &Scenario, run: &Run, name: &str, region: &str) -> bool {
    let wanted = (name.to_owned(), region.to_owned());
    let is_blocked = run.later.blockers.contains_key(&wanted);
    let later = run.later.replica(name, region);
    let may_recover = match later {
        None => is_blocked,
        Some(replica) if replica.status == "Failed" => {
            let message = replica.status_message.as_deref().unwrap_or_default();
            if is_taken_name(message) {
                // AWS may refuse to overwrite what it knows as a replica. The function cannot know
                // beforehand.
                overwrites(scenario, run, name, region)
            } else {
                is_blocked && !needs_manual_fix(message)
            }
        }
        Some(_) => false,
    };
    let before = run.before.replica(name, region);
    let has_failed = before.is_some_and(|replica| replica.status == "Failed");
    let is_recreated = has_failed && scenario.removes() && !run.later.is_in_sync(name, region);
    // The first sweep did not wait until the end of these.
    let is_unfinished = is_slow(scenario) || is_recreated && is_slow_to_recreate(scenario);
    may_recover || is_unfinished
}

/// Returns whether the removal of a replica may have waited for another Region's replica, which the
/// first sweep began to recreate. Removal starts only when every wanted replica is in sync.
fn waits_for_others(scenario: &Scenario, run: &Run, name: &str, region: &str) -> bool {
    let Some(secret) = run.before.secret(name) else {
        return false;
    };
    let is_recreated = secret.replicas.iter().any(|other| {
        other.region != region
            && other.status == "Failed"
            && !run.later.is_in_sync(name, &other.region)
            && scenario.wants(&as_reference(secret), &other.region)
    });
    is_recreated && scenario.removes() && is_slow_to_recreate(scenario)
}

/// Returns whether the replica may overwrite another secret of its name in the Region.
fn overwrites(scenario: &Scenario, run: &Run, name: &str, region: &str) -> bool {
    run.later.secret(name).is_some_and(|secret| {
        let answer = scenario.expected(&as_reference(secret), region);
        matches!(answer, Answer::Replica { overwrite, .. } if overwrite)
    })
}
