//! Checks that each invocation ends in time and in exactly one record, which agrees with the answer and
//! with the reads.

use serde_json::Value;

use super::Violation;
use super::observed::{ObservedSecret, reads};
use crate::journal::Call;
use crate::journal::{End, Invocation, Purpose};
use crate::run::Run;
use crate::scenario::{Scenario, regions};

pub(super) fn violations(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    for invocation in &run.journal.invocations {
        let number = invocation.number;
        let case = Case {
            scenario,
            invocation,
            records: run.journal.records(|written_by| written_by == number),
            calls: run.journal.calls_of(number).collect(),
        };
        let place = format!("invocation {number}, {:?}", invocation.purpose);
        let found = case.violations().into_iter();
        violations.extend(found.map(|violation| violation.at(&place)));
    }
    violations
}

struct Case<'a> {
    scenario: &'a Scenario,
    invocation: &'a Invocation,
    records: Vec<Value>,
    calls: Vec<&'a Call>,
}

impl Case<'_> {
    fn violations(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        if self.invocation.end == End::TimedOut {
            violations.push(Violation::new("I12", "no answer before the deadline"));
        }
        violations.extend(self.count());
        for record in &self.records {
            if record["reason"] == "internal" {
                let what = format!("a panic: {}", record["detail"]);
                violations.push(Violation::new("I11", what));
            }
            violations.extend(self.agrees_with_reads(record));
        }
        if let ([record], Purpose::Event | Purpose::Reconcile) =
            (&self.records[..], self.invocation.purpose)
        {
            violations.extend(self.agrees_with_answer(record));
            violations.extend(self.is_reached(record));
        }
        violations
    }

    /// Exactly one record for each invocation. A slice of a sweep and a promotion have exactly one summary.
    fn count(&self) -> Option<Violation> {
        let is_summary = |record: &&Value| record["seen"].is_number();
        let summaries = self.records.iter().filter(is_summary).count();
        let count = self.records.len();
        let is_right = match (&self.invocation.end, self.invocation.purpose) {
            (End::Killed | End::TimedOut, _) => return None,
            (End::Answer(_), Purpose::Sweep | Purpose::Promotion) => summaries == 1,
            (End::Error(_), Purpose::Promotion) => summaries == 1 || count == 1,
            (End::Error(_), Purpose::Sweep) => summaries == 0 && count == 1,
            _ => count == 1,
        };
        (!is_right).then(|| Violation::new("I9", format!("{count} records, {summaries} summaries")))
    }

    /// The answer is Ok if and only if the wanted state is reached or deliberately not wanted.
    fn agrees_with_answer(&self, record: &Value) -> Option<Violation> {
        let outcome = record["outcome"].as_str().unwrap_or_default();
        let replicas = record["replicas"].as_array().into_iter().flatten();
        let mut open = replicas.filter(|replica| replica["status"] == "in-progress");
        let is_reached = match outcome {
            "replicated" | "unchanged" | "skipped" | "refused" => true,
            "pending" => {
                let has_replicas = open.clone().next().is_some();
                has_replicas && open.all(|replica| replica["reason"] == "unknown-status")
            }
            _ => false,
        };
        let is_right = match &self.invocation.end {
            End::Answer(answer) => is_reached && answer["outcome"] == outcome,
            End::Error(_) => !is_reached,
            End::Killed | End::TimedOut => true,
        };
        (!is_right).then(|| {
            let end = &self.invocation.end;
            let what = format!("the record says {outcome}, the answer is {end:?}");
            Violation::new("I9", what)
        })
    }

    /// Returns what the reads of a record's secret showed, in the order of their answers.
    fn observations(&self, record: &Value) -> Vec<ObservedSecret> {
        let arn = record["secret_arn"].as_str().unwrap_or_default();
        let reads = self.calls.iter().filter(|call| reads(call, arn));
        let mut answers: Vec<_> = reads.filter_map(|call| call.success()).collect();
        answers.sort_by_key(|answer| answer.received);
        let answers = answers.iter();
        answers
            .map(|answer| ObservedSecret::new(&answer.body))
            .collect()
    }

    /// Returns whether an answer to a request for replicas showed the Region's replica in sync.
    fn was_answered_in_sync(&self, record: &Value, region: &str) -> bool {
        let arn = record["secret_arn"].as_str();
        let requests = self.calls.iter();
        let requests = requests
            .filter(|call| call.operation == "ReplicateSecretToRegions" && call.secret_id() == arn);
        let mut answers = requests.filter_map(|call| call.success());
        answers.any(|answer| ObservedSecret::new(&answer.body).is_in_sync(region))
    }

    /// Returns whether the Region itself answered that it has no replica of the secret, or the record says
    /// that this is not verified and the Region rejected the question. An outage is not such an answer.
    fn is_gone(&self, record: &Value, replica: &Value) -> bool {
        let region = &replica["region"];
        let suffix = |arn: &Value| arn.as_str()?.rsplit('-').next().map(str::to_owned);
        let mut probes = self.calls.iter().filter(|call| {
            call.operation == "DescribeSecret"
                && *region == *call.region
                && call.secret_id() == record["secret_name"].as_str()
        });
        let is_free = |call: &&Call| {
            let answer = call.answer.as_ref();
            answer.is_some_and(|answer| answer.body["__type"] == "ResourceNotFoundException")
        };
        let is_another = |call: &&Call| {
            let body = call.success().map(|answer| &answer.body);
            body.is_some_and(|body| suffix(&body["ARN"]) != suffix(&record["secret_arn"]))
        };
        let last = probes.next_back().copied();
        let detail = replica["detail"].as_str().unwrap_or_default();
        if detail.contains("not verified") {
            return last.is_some_and(|call| call.is_rejected() && !is_free(&call));
        }
        last.is_some_and(|call| is_free(&call) || is_another(&call))
    }

    /// Returns whether a read by its ARN did not find the record's secret.
    fn was_deleted(&self, record: &Value) -> bool {
        let arn = record["secret_arn"].as_str().unwrap_or_default();
        let mut reads = self.calls.iter().filter(|call| reads(call, arn));
        reads.any(|call| {
            let answer = call.answer.as_ref();
            answer.is_some_and(|answer| answer.body["__type"] == "ResourceNotFoundException")
        })
    }

    /// Each status in the record was observed, or has a reason.
    fn agrees_with_reads(&self, record: &Value) -> Vec<Violation> {
        let observed = self.observations(record);
        let mut violations = Vec::new();
        for replica in record["replicas"].as_array().into_iter().flatten() {
            let region = replica["region"].as_str().unwrap_or_default();
            let saw =
                |status: Option<&str>| observed.iter().any(|seen| seen.status(region) == status);
            let status = replica["status"].as_str().unwrap_or_default();
            let is_right = match status {
                "in-sync" => saw(Some("InSync")) || self.was_answered_in_sync(record, region),
                "removed" => {
                    let is_unlisted = saw(None) || self.was_deleted(record);
                    is_unlisted && self.is_gone(record, replica)
                }
                "failed" | "in-progress" | "refused" => replica["reason"].is_string(),
                _ => true,
            };
            if !is_right {
                let what = format!("{region} is reported as {status}, which no read showed");
                violations.push(Violation::new("I9", what));
            }
        }
        violations
    }

    /// Success means that a read showed every replica that the last read wants in sync, unless the
    /// secret changed during the invocation.
    fn is_reached(&self, record: &Value) -> Vec<Violation> {
        let outcome = record["outcome"].as_str().unwrap_or_default();
        let is_success = matches!(self.invocation.end, End::Answer(_));
        let observed = self.observations(record);
        let (Some(first), Some(last)) = (observed.first(), observed.last()) else {
            return Vec::new();
        };
        let mut observations = observed.iter();
        let has_changed = observations.any(|seen| seen.secret.tags != first.secret.tags);
        if !is_success || !["replicated", "unchanged"].contains(&outcome) || has_changed {
            return Vec::new();
        }
        // Another principal has removed the replica. The record says so.
        let is_superseded = |region: &&str| {
            let mut replicas = record["replicas"].as_array().into_iter().flatten();
            replicas
                .any(|replica| replica["region"] == **region && replica["status"] == "superseded")
        };
        let missing = regions().into_iter().filter(|region| {
            self.scenario.wants(&last.secret, region)
                && !is_superseded(region)
                && !observed.iter().any(|seen| seen.is_in_sync(region))
                && !self.was_answered_in_sync(record, region)
        });
        missing
            .map(|region| {
                Violation::new("I9", format!("{outcome}, but {region} was never in sync"))
            })
            .collect()
    }
}
