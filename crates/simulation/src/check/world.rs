//! Compares the records with the world as it was, which the function cannot see.

use std::collections::BTreeSet;

use secret_replicator_emulator::{PromotedReplicas, SecretView};
use serde_json::Value;

use super::Violation;
use crate::journal::{End, Invocation};
use crate::run::Run;
use crate::scenario::{Action, HOME, Scenario};
use crate::truth::suffix;

pub(super) fn violations(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let mut violations = overwrites(scenario, run);
    let invocations = run.journal.invocations.iter();
    for invocation in invocations.filter(|invocation| invocation.region == HOME) {
        let records = run.journal.records(|number| number == invocation.number);
        for record in &records {
            let case = Case {
                scenario,
                run,
                invocation,
                record,
            };
            violations.extend(case.violations());
        }
    }
    violations
}

/// A record of an invocation.
struct Case<'a> {
    scenario: &'a Scenario,
    run: &'a Run,
    invocation: &'a Invocation,
    record: &'a Value,
}

impl Case<'_> {
    fn violations(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        for replica in self.record["replicas"].as_array().into_iter().flatten() {
            let region = replica["region"].as_str().unwrap_or_default();
            let detail = replica["detail"].as_str().unwrap_or_default();
            let is_false = match replica["status"].as_str() {
                Some("in-sync") => !self.was_in_sync(region),
                Some("removed") => !detail.contains("not verified") && !self.was_gone(region),
                _ => false,
            };
            if is_false {
                let (name, status) = (&self.record["secret_name"], &replica["status"]);
                let (number, purpose) = (self.invocation.number, self.invocation.purpose);
                let what = format!("{name} in {region} was never {status}");
                let place = format!("invocation {number}, {purpose:?}");
                violations.push(Violation::new("truth", what).at(&place));
            }
        }
        violations
    }

    fn arn(&self) -> &str {
        self.record["secret_arn"].as_str().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.record["secret_name"].as_str().unwrap_or_default()
    }

    /// Returns the states of the secret's name in a Region that an answer during the invocation can show.
    fn states(&self, region: &str) -> impl Iterator<Item = Option<&SecretView>> {
        let lag = self.scenario.aws.read_lag();
        let from = self.invocation.began.saturating_sub(lag);
        let place = (region, self.name());
        self.run.truth.during(place, from, self.invocation.ended)
    }

    /// Returns whether the Region had the replica with a version that was the primary secret's. After an
    /// event about a version, it must be that version or a later one.
    fn was_in_sync(&self, region: &str) -> bool {
        if self.is_status_forced(region) || self.is_status_of_a_promoted(region) {
            return true;
        }
        let reported = self.invocation.version.as_deref();
        let primary = (HOME, self.name());
        let mut versions = BTreeSet::new();
        let mut has_begun = false;
        for state in self.run.truth.during(primary, 0, self.invocation.ended) {
            let state = state.filter(|state| suffix(&state.arn) == suffix(self.arn()));
            let version = state.map(|state| state.version_id.as_deref());
            has_begun |= reported.is_none_or(|reported| version == Some(Some(reported)));
            versions.extend(version.filter(|_| has_begun));
        }
        self.states(region).flatten().any(|state| {
            state.is_replica
                && suffix(&state.arn) == suffix(self.arn())
                && versions.contains(&state.version_id.as_deref())
        })
    }

    /// Returns whether AWS claims against the truth that the replica is in sync.
    fn is_status_forced(&self, region: &str) -> bool {
        let actions = self.scenario.actions.iter();
        let mut forced = actions.filter_map(|timed| match &timed.action {
            Action::Status(name, region, status, _) => Some((name, region, status)),
            _ => None,
        });
        forced.any(|(name, forced, status)| {
            name == self.name() && forced == region && status == "InSync"
        })
    }

    /// Returns whether AWS may still list a promoted replica as before. Only a sweep and an event about a version read
    /// its Region.
    fn is_status_of_a_promoted(&self, region: &str) -> bool {
        let shows_as_before =
            self.scenario.aws.promoted_replicas == PromotedReplicas::ShownAsBefore;
        shows_as_before
            && self
                .states(region)
                .flatten()
                .any(|state| !state.is_replica && suffix(&state.arn) == suffix(self.arn()))
    }

    /// Returns whether the Region had no secret of this name, or an unrelated one.
    fn was_gone(&self, region: &str) -> bool {
        let place = (region, self.name());
        let (began, ended) = (self.invocation.began, self.invocation.ended);
        let mut states = self.run.truth.during(place, began, ended);
        states.any(|state| state.is_none_or(|state| suffix(&state.arn) != suffix(self.arn())))
    }
}

/// Each secret that AWS replaced by a replica is in a record of the invocation that asked for it.
fn overwrites(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (region, name, states) in run.truth.all() {
        let mut existing: Option<(&SecretView, u64)> = None;
        let mut ended = None;
        for (at, state) in states {
            if let Some(state) = state {
                let lost = existing.filter(|(lost, since)| {
                    let was_alive = ended.is_none_or(|ended| ended == *at);
                    !lost.is_replica && state.is_replica && was_alive && since < at
                });
                if let Some((lost, _)) = lost {
                    if suffix(&lost.arn) == suffix(&state.arn) {
                        let what = format!("the promoted {name} in {region} was overwritten");
                        violations.push(Violation::new("I5", what));
                    }
                    violations.extend(unrecorded(scenario, run, (region, state), *at));
                }
                existing = Some((state, *at));
                ended = None;
            } else {
                ended = Some(*at);
            }
        }
    }
    violations
}

/// Returns a violation if no invocation that asked for an overwrite recorded it.
fn unrecorded(
    scenario: &Scenario,
    run: &Run,
    (region, replica): (&str, &SecretView),
    at: u64,
) -> Option<Violation> {
    let earliest = at.saturating_sub(scenario.aws.replication + 60_000);
    let calls = run.journal.calls.iter().filter(|call| {
        call.body["ForceOverwriteReplicaSecret"] == true
            && call.secret_id().map(suffix) == Some(suffix(&replica.arn))
            && call
                .regions("AddReplicaRegions")
                .any(|added| added == region)
            && (earliest..=at).contains(&call.at)
    });
    let invocations: BTreeSet<u64> = calls.map(|call| call.invocation).collect();
    let ended = run.journal.invocations.iter().filter(|invocation| {
        invocations.contains(&invocation.number)
            && matches!(invocation.end, End::Answer(_) | End::Error(_))
    });
    if ended.count() == 0 {
        return None;
    }
    let records = run.journal.records(|number| invocations.contains(&number));
    let is_recorded = records.iter().any(|record| {
        let replicas = record["replicas"].as_array().into_iter().flatten();
        let mut of_region = replicas.filter(|replica| replica["region"] == region);
        record["secret_arn"].as_str().map(suffix) == Some(suffix(&replica.arn))
            && of_region.any(|replica| replica["action"] == "overwrite")
    });
    let name = &replica.name;
    let what = format!("no record says that {name} overwrote a secret in {region}");
    (!is_recorded).then(|| Violation::new("overwrite", what))
}
