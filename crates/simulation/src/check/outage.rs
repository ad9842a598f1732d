//! Checks a sweep during which AWS answered calls with errors for some seconds. No later sweep helps.

use serde_json::Value;

use super::Violation;
use super::observed::is_writable;
use crate::blockers::as_reference;
use crate::run::Run;
use crate::scenario::{Outage, Scenario, regions};
use crate::truth::suffix;
use secret_replicator_emulator::SecretView;
use secret_replicator_reference_policy::Answer;

/// The time before the deadline from which a slice may give up, in milliseconds.
const TOO_LATE: u64 = 30_000;

pub(super) fn violations(scenario: &Scenario, outage: &Outage, run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    if !run.first.is_complete {
        let what = "a sweep does not end although the outage did";
        violations.push(Violation::new("I9", what));
    }
    let is_limited = run.before.secrets.len() as u64 * 10 > outage.max_changes;
    for secret in run.later.secrets.iter().filter(|secret| {
        let before = run.before.secret(&secret.name);
        before.is_some_and(|before| is_healthy(scenario, run, before))
    }) {
        let missing =
            wanted(scenario, secret).find(|region| !run.later.is_in_sync(&secret.name, region));
        if let Some(region) = missing.filter(|_| !is_limited && run.first.is_complete) {
            let what = format!("{} in {region} was not processed", secret.name);
            violations.push(Violation::new("outage", what));
        }
        violations.extend(failures(scenario, run, secret));
    }
    violations
}

/// Returns whether nothing but the outage keeps a secret from its wanted state.
fn is_healthy(scenario: &Scenario, run: &Run, secret: &SecretView) -> bool {
    let reference = as_reference(secret);
    is_writable(secret)
        && !scenario.policy.covering(&reference).is_empty()
        && regions().into_iter().all(|region| {
            let wanted = (secret.name.clone(), region.to_owned());
            !run.before.blockers.contains_key(&wanted)
        })
        && secret
            .replicas
            .iter()
            .all(|replica| replica.status == "InSync")
}

fn wanted<'a>(
    scenario: &'a Scenario,
    secret: &SecretView,
) -> impl Iterator<Item = &'static str> + 'a {
    let reference = as_reference(secret);
    regions().into_iter().filter(move |region| {
        matches!(
            scenario.expected(&reference, region),
            Answer::Replica { .. }
        )
    })
}

/// A slice with time left leaves a healthy secret to the next one instead of failing it.
fn failures(scenario: &Scenario, run: &Run, secret: &SecretView) -> Vec<Violation> {
    let mut violations = Vec::new();
    for number in &run.first.invocations {
        let Some(invocation) = run.journal.invocation(*number) else {
            continue;
        };
        let deadline = invocation.began + scenario.settings.timeout * 1000;
        if invocation.ended + TOO_LATE > deadline {
            continue;
        }
        let records = run.journal.records(|written_by| written_by == *number);
        let is_failed = |record: &&Value| {
            record["secret_arn"] == secret.arn.as_str()
                && record["outcome"] == "failed"
                && !is_promoted_where_it_failed(run, secret, record)
        };
        violations.extend(records.iter().find(is_failed).map(|record| {
            let name = &secret.name;
            let what = format!("{name} failed while time remained: {record}");
            Violation::new("outage", what)
        }));
    }
    violations
}

/// Returns whether each Region of a record that failed had the secret's replica as a standalone secret. AWS may still
/// list it in sync. If its removal is due, it remains in its Region, and a slice rightly reports it at once.
fn is_promoted_where_it_failed(run: &Run, secret: &SecretView, record: &Value) -> bool {
    let replicas = record["replicas"].as_array().into_iter().flatten();
    let failed: Vec<_> = replicas.filter(|row| row["status"] == "failed").collect();
    let is_promoted = |replica: &&Value| {
        let region = replica["region"].as_str().unwrap_or_default();
        let place = (region, secret.name.as_str());
        let mut states = run.truth.during(place, 0, u64::MAX).flatten();
        replica["reason"] == "replica-stranded"
            && states.any(|state| !state.is_replica && suffix(&state.arn) == suffix(&secret.arn))
    };
    // A record without a failed Region is about the secret itself.
    !failed.is_empty() && failed.iter().all(is_promoted)
}
