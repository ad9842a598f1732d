//! Checks that an event about a replica leads to no write: the function of the replica's Region skips it as a
//! replica, and the function of the primary secret's Region as a secret of another Region.

use std::collections::BTreeSet;

use super::Violation;
use crate::journal::{End, Invocation, Purpose};
use crate::run::Run;
use crate::scenario::{HOME, Scenario};
use crate::truth::suffix;

pub(super) fn violations(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    for invocation in invocations(run) {
        if !was_a_replica(scenario, run, invocation) {
            continue;
        }
        let mut calls = run.journal.calls_of(invocation.number);
        let place = format!("invocation {}, an event about a replica", invocation.number);
        if let Some(write) = calls.find(|call| call.is_write()) {
            let what = format!("{} for {:?}", write.operation, invocation.resource);
            violations.push(Violation::new("I13", what).at(&place));
        }
        let is_answer = matches!(invocation.end, End::Answer(_));
        let reasons = reasons(run, invocation);
        let expected = BTreeSet::from([expected(invocation).to_owned()]);
        if is_answer && reasons != expected {
            let what = format!("{reasons:?}, not {expected:?}");
            violations.push(Violation::new("I4", what).at(&place));
        }
    }
    violations
}

/// Returns the Regions whose functions skipped an event about a replica.
pub(crate) fn skipped(run: &Run) -> BTreeSet<&'static str> {
    let skipped = invocations(run)
        .filter(|invocation| reasons(run, invocation).contains(expected(invocation)))
        .map(|invocation| invocation.region);
    skipped.collect()
}

fn invocations(run: &Run) -> impl Iterator<Item = &Invocation> {
    let invocations = run.journal.invocations.iter();
    invocations.filter(|invocation| invocation.purpose == Purpose::ReplicaEvent)
}

fn expected(invocation: &Invocation) -> &'static str {
    if invocation.region == HOME {
        "another-region"
    } else {
        "is-replica"
    }
}

fn reasons(run: &Run, invocation: &Invocation) -> BTreeSet<String> {
    let records = run.journal.records(|number| number == invocation.number);
    let reasons = records
        .iter()
        .filter_map(|record| record["reason"].as_str());
    reasons.map(str::to_owned).collect()
}

/// Returns whether all reads of the invocation show a replica. The secret may be promoted or removed before the
/// event arrives. The function of the primary secret's Region reads nothing.
fn was_a_replica(scenario: &Scenario, run: &Run, invocation: &Invocation) -> bool {
    let arn = invocation.resource.as_deref().unwrap_or_default();
    let name = arn.split_once(":secret:").map_or("", |(_, name)| name);
    let name = name.rsplit_once('-').map_or("", |(name, _)| name);
    let from = invocation.began.saturating_sub(scenario.aws.read_lag());
    let place = (invocation.region, name);
    let mut states = run.truth.during(place, from, invocation.ended);
    let is_replica = |state: &secret_replicator_emulator::SecretView| {
        state.is_replica && suffix(&state.arn) == suffix(arn)
    };
    invocation.region == HOME
        || states.all(|state| state.is_some_and(is_replica)) && invocation.ended > invocation.began
}
