//! Checks that no sweep makes more changes than `maxChanges`.

use std::collections::BTreeSet;

use super::Violation;
use super::observed::{ObservedSecret, reads};
use crate::journal::{Call, End, Sweep};
use crate::run::Run;
use crate::scenario::HOME;

/// A change: the operation, the secret's ARN and the Region.
type Change<'a> = (&'a str, &'a str, &'a str);

pub(super) fn violations(run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    for sweep in &run.journal.sweeps {
        let changes = changes(run, sweep);
        let (count, limit) = (changes.len() as u64, sweep.max_changes);
        if count > limit {
            let what = format!("{count} changes, not {limit}: {changes:?}");
            violations.push(Violation::new("maxChanges", what));
        }
    }
    violations
}

/// Returns the changes of a sweep. Those of a slice without an answer are unknown to the next slice.
fn changes<'a>(run: &'a Run, sweep: &Sweep) -> BTreeSet<Change<'a>> {
    let invocations = run.journal.invocations.iter();
    let answered = invocations.filter(|invocation| {
        sweep.invocations.contains(&invocation.number) && matches!(invocation.end, End::Answer(_))
    });
    let mut changes = BTreeSet::new();
    for invocation in answered {
        let calls: Vec<&Call> = run.journal.calls_of(invocation.number).collect();
        let writes = calls.iter().filter(|call| call.is_write());
        for write in writes {
            changes.extend(changes_of(run, write, &calls));
        }
    }
    changes
}

/// Returns the changes that a write made. The retry of a failed replica is none. After a lost answer to a
/// request for a replica, the state of the primary secret shows whether AWS executed it.
fn changes_of<'a>(run: &Run, write: &'a Call, calls: &[&Call]) -> Vec<Change<'a>> {
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
    let forces = write.body["ForceOverwriteReplicaSecret"] == true;
    let was_executed = |region: &str| {
        let place = (HOME, seen.secret.name.as_str());
        let mut states = run.truth.during(place, write.at, write.at + 1000).flatten();
        write.success().is_some()
            || states.any(|state| state.replicas.iter().any(|row| row.region == region))
    };
    let has_failed = |region: &&str| seen.status(region) == Some("Failed");
    let added = write.regions("AddReplicaRegions");
    let added = added.filter(|region| (forces || !has_failed(region)) && was_executed(region));
    let removed = write.regions("RemoveReplicaRegions");
    let removed = removed.filter(|region| !has_failed(region) && write.success().is_some());
    let operation = write.operation.as_str();
    added
        .chain(removed)
        .map(|region| (operation, arn, region))
        .collect()
}
