//! Checks that a dry run, an explanation and a run of the same secret say the same.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Violation;
use crate::run::Run;

/// The action in a Region, and the reason for a refusal.
type Steps<'a> = BTreeMap<&'a str, (&'a str, Option<&'a str>)>;

/// A comparison of a dry run with another invocation.
struct Comparison {
    dry_run: Value,
    name: &'static str,
    other: Value,
}

pub(super) fn violations(run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    for Comparison {
        dry_run,
        name,
        other,
    } in comparisons(run)
    {
        let (planned, done) = (steps(&dry_run), steps(&other));
        if dry_run["rules"] != other["rules"] || planned != done {
            let what = format!("{planned:?}, but {name}: {done:?}");
            violations.push(Violation::new("dry run", what));
        }
    }
    violations
}

/// Returns the number of explanations and runs that are compared with a dry run, and the number of these in which
/// the dry run reports a former replica in a Region without one.
pub(crate) fn compared(run: &Run) -> (usize, usize) {
    let comparisons = comparisons(run);
    let reports_a_leftover = |comparison: &&Comparison| {
        let replicas = comparison.dry_run["replicas"].as_array();
        let mut replicas = replicas.into_iter().flatten();
        replicas
            .any(|replica| replica["action"] == "keep" && replica["reason"] == "promoted-replica")
    };
    let leftovers = comparisons.iter().filter(reports_a_leftover).count();
    (comparisons.len(), leftovers)
}

/// Returns the comparisons for which there are records. A killed invocation has none.
fn comparisons(run: &Run) -> Vec<Comparison> {
    let Some(rehearsal) = run.rehearsal else {
        return Vec::new();
    };
    let record = |number| {
        let records = run.journal.records(|written_by| written_by == number);
        records.into_iter().next()
    };
    let others = [
        ("the explanation", rehearsal.explanation),
        ("the run", rehearsal.run),
    ];
    let Some(dry_run) = record(rehearsal.dry_run) else {
        return Vec::new();
    };
    let mut secrets = run.before.secrets.iter();
    let secret = secrets.find(|secret| dry_run["secret_arn"] == secret.arn.as_str());
    // Only the answer to a write shows that it is a replica of another account's secret. A dry run for a
    // secret without a value shows what follows its first value.
    if secret.is_some_and(|secret| secret.is_replica || secret.version_id.is_none()) {
        return Vec::new();
    }
    let compared = others.into_iter().filter_map(|(name, number)| {
        Some(Comparison {
            dry_run: dry_run.clone(),
            name,
            other: record(number)?,
        })
    });
    compared.collect()
}

/// Returns the steps of a record. Only a step that needs no request has a reason before it is made. A removal
/// can also turn out to have to wait for replicas that are requested first.
fn steps(record: &Value) -> Steps<'_> {
    let replicas = record["replicas"].as_array().into_iter().flatten();
    let requests = ["replicate", "retry", "overwrite"];
    let has_requests = replicas
        .clone()
        .any(|replica| requests.iter().any(|action| replica["action"] == *action));
    let steps = replicas.map(|replica| {
        let action = replica["action"].as_str().unwrap_or_default();
        let is_retained = action == "remove" && replica["status"] == "refused" && !has_requests;
        let is_decided = action == "refuse" || action == "keep" || is_retained;
        let reason = replica["reason"].as_str().filter(|_| is_decided);
        let region = replica["region"].as_str().unwrap_or_default();
        (region, (action, reason))
    });
    steps.collect()
}
