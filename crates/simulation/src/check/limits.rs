//! Checks that no sweep makes more changes than `maxChanges`, and that at most half of them are repeats.

use std::collections::BTreeSet;

use secret_replicator_emulator::FailedReplicas;
use serde_json::Value;

use super::Violation;
use super::observed::{ObservedSecret, reads};
use crate::journal::{Call, End, Sweep};
use crate::run::Run;
use crate::scenario::{HOME, Scenario};

/// A changed replica: the secret's ARN and the Region.
type Change<'a> = (&'a str, &'a str);

pub(super) fn violations(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    for sweep in &run.journal.sweeps {
        let changes = changes(scenario, run, sweep);
        let (count, limit) = (changes.len() as u64, sweep.max_changes);
        if count > limit {
            let what = format!("{count} changes, not {limit}: {changes:?}");
            violations.push(Violation::new("maxChanges", what));
        }
        let Some(summary) = summary(run, sweep) else {
            continue;
        };
        let [counted, repeats] = ["changes", "repeats"].map(|name| summary[name].as_u64());
        if counted > Some(limit) || repeats > Some(most_repeats(limit)) {
            let what = format!("{counted:?} changes, {repeats:?} repeats, not {limit}");
            violations.push(Violation::new("maxChanges", what));
        }
    }
    violations
}

/// Returns the maximum number of repeats. If a sweep makes one change, it may be a repeat.
fn most_repeats(max_changes: u64) -> u64 {
    if max_changes == 1 { 1 } else { max_changes / 2 }
}

/// Returns the sweeps that left changes to the next sweep.
pub(crate) fn binding(run: &Run) -> impl Iterator<Item = &Sweep> {
    let sweeps = run.journal.sweeps.iter();
    sweeps.filter(|sweep| summary(run, sweep).is_some_and(|summary| summary["limited"] != 0))
}

/// Returns the last summary of a sweep.
fn summary<'a>(run: &'a Run, sweep: &Sweep) -> Option<&'a Value> {
    let invocations = run.journal.invocations.iter();
    let summaries = invocations
        .filter(|invocation| sweep.invocations.contains(&invocation.number))
        .filter_map(|invocation| match &invocation.end {
            End::Answer(summary) => Some((invocation.number, summary)),
            _ => None,
        });
    let last = summaries.max_by_key(|(number, _)| *number);
    last.map(|(_, summary)| summary)
}

/// Returns the changes of a sweep. Those of a slice without an answer are unknown to the next slice.
fn changes<'a>(scenario: &Scenario, run: &'a Run, sweep: &Sweep) -> BTreeSet<Change<'a>> {
    let invocations = run.journal.invocations.iter();
    let answered = invocations.filter(|invocation| {
        sweep.invocations.contains(&invocation.number) && matches!(invocation.end, End::Answer(_))
    });
    let mut changes = BTreeSet::new();
    for invocation in answered {
        let calls: Vec<&Call> = run.journal.calls_of(invocation.number).collect();
        let writes = calls.iter().filter(|call| call.is_write());
        for write in writes {
            changes.extend(changes_of(scenario, run, write, &calls));
        }
    }
    changes
}

/// Returns the replicas that a write changed.
fn changes_of<'a>(
    scenario: &Scenario,
    run: &Run,
    write: &'a Call,
    calls: &[&Call],
) -> Vec<Change<'a>> {
    let arn = write.secret_id().unwrap_or_default();
    let mut earlier: Vec<_> = calls
        .iter()
        .filter(|call| reads(call, arn) && call.success().is_some())
        .filter_map(|call| call.answer_before(write))
        .collect();
    earlier.sort_by_key(|answer| answer.received);
    let Some(first) = earlier.first() else {
        return Vec::new();
    };
    let seen = ObservedSecret::new(&first.body);
    let added = write.regions("AddReplicaRegions");
    let added = added.filter(|region| was_executed(scenario, run, write, &seen, region));
    let removed = write.regions("RemoveReplicaRegions");
    let removed = removed.filter(|_| write.success().is_some());
    added.chain(removed).map(|region| (arn, region)).collect()
}

/// Returns whether AWS executed a request for a replica. After a lost answer, the state of the primary secret shows
/// it. A replica that fails, and that AWS then drops, has changed nothing, unless it overwrote another secret. A
/// request that AWS refused or throttled was not executed, although another principal may have created the replica at
/// that time. The state does not show it for a replica that had failed before, so such a request counts only with its
/// answer.
fn was_executed(
    scenario: &Scenario,
    run: &Run,
    write: &Call,
    before: &ObservedSecret,
    region: &str,
) -> bool {
    if write.success().is_some() {
        return true;
    }
    let forces = write.body["ForceOverwriteReplicaSecret"] == true;
    if write.is_refused() || !forces && before.status(region) == Some("Failed") {
        return false;
    }
    let place = (HOME, before.secret.name.as_str());
    let is_listed = |from, until| {
        let mut states = run.truth.during(place, from, until).flatten();
        states.any(|state| state.replicas.iter().any(|row| row.region == region))
    };
    let invocation = run.journal.invocation(write.invocation);
    let ended = invocation.map_or(u64::MAX, |invocation| invocation.ended);
    let may_vanish = scenario.aws.failed_replicas == FailedReplicas::Dropped && !forces;
    is_listed(write.at, write.at + 1000) && (!may_vanish || is_listed(ended, ended))
}
