//! Checks that an event does not fail because of an outage of seconds while time remains.

use serde_json::Value;

use super::Violation;
use crate::journal::{Invocation, Purpose};
use crate::run::Run;
use crate::scenario::Scenario;

/// The reasons for which another attempt may succeed a moment later.
const TRANSIENT: [&str; 2] = ["service-unavailable", "throttled"];

/// The time for which an event repeats failed calls at least, if the settings leave more, in milliseconds.
const PATIENCE: u64 = 25_000;

/// The longest pause between two attempts, with the time of a call, in milliseconds.
const SLACK: u64 = 7000;

pub(super) fn violations(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let events = run.journal.invocations.iter();
    let events = events.filter(|invocation| invocation.purpose == Purpose::Event);
    let impatient =
        events.filter(|invocation| invocation.ended - invocation.began + SLACK < least(scenario));
    let mut violations = Vec::new();
    for Invocation {
        number,
        began,
        ended,
        ..
    } in impatient
    {
        let records = run.journal.records(|written_by| written_by == *number);
        for record in records.iter().filter(|record| fails_transiently(record)) {
            let lasted = ended - began;
            let what = format!("invocation {number} failed after {lasted} ms: {record}");
            violations.push(Violation::new("outage", what));
        }
    }
    violations
}

/// Returns the time for which an invocation repeats failed calls at least.
fn least(scenario: &Scenario) -> u64 {
    let settings = &scenario.settings;
    let waits = settings.replication_wait.min(settings.timeout / 4) * 1000;
    waits.min(PATIENCE)
}

fn fails_transiently(record: &Value) -> bool {
    let is_transient = |reason: &Value| TRANSIENT.iter().any(|transient| *reason == *transient);
    let replicas = record["replicas"].as_array().into_iter().flatten();
    let mut failed = replicas.filter(|replica| replica["status"] == "failed");
    is_transient(&record["reason"]) || failed.any(|replica| is_transient(&replica["reason"]))
}
