//! Each invocation ends in time and in exactly one record, which agrees with the answer and with what
//! was seen.

use serde_json::Value;

use super::Violation;
use super::seen::{Seen, is_about, is_look};
use crate::journal::Call;
use crate::lambda::{End, Invocation, Purpose};
use crate::scenario::{Scenario, regions};
use crate::story::Played;
use secret_replicator_reference_policy::Answer;

pub(super) fn violations(scenario: &Scenario, played: &Played) -> Vec<Violation> {
    let mut violations = Vec::new();
    for invocation in &played.invocations {
        let lines = played.journal.lines.iter();
        let records = lines
            .filter(|line| line.invocation == invocation.number)
            .filter(|line| line.text.starts_with("{\"timestamp\""))
            .filter_map(|line| serde_json::from_str(&line.text).ok());
        let case = Case {
            scenario,
            invocation,
            records: records.collect(),
            calls: played
                .journal
                .calls
                .iter()
                .filter(|call| call.invocation == invocation.number)
                .collect(),
        };
        let place = |violation: Violation| {
            let number = invocation.number;
            let purpose = invocation.purpose;
            let what = format!("{} (invocation {number}, {purpose:?})", violation.what);
            Violation { what, ..violation }
        };
        violations.extend(case.violations().into_iter().map(place));
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
            violations.push(Violation::new("I12", "the time was up before it answered"));
        }
        violations.extend(self.count());
        for record in &self.records {
            if record["reason"] == "internal" {
                let what = format!("a panic: {}", record["detail"]);
                violations.push(Violation::new("I11", what));
            }
            violations.extend(self.agrees_with_looks(record));
        }
        if let ([record], Purpose::Event | Purpose::Reconcile) =
            (&self.records[..], self.invocation.purpose)
        {
            violations.extend(self.agrees_with_answer(record));
            violations.extend(self.is_reached(record));
        }
        violations
    }

    /// Exactly one record, and of a sweep exactly one summary.
    fn count(&self) -> Option<Violation> {
        let is_summary = |record: &&Value| record["seen"].is_number();
        let summaries = self.records.iter().filter(is_summary).count();
        let count = self.records.len();
        let is_right = match (&self.invocation.end, self.invocation.purpose) {
            (End::Killed | End::TimedOut, _) => return None,
            (End::Answer(_), Purpose::Sweep) => summaries == 1,
            (End::Error(_), Purpose::Sweep) => summaries == 0 && count == 1,
            _ => count == 1,
        };
        (!is_right).then(|| Violation::new("I9", format!("{count} records, {summaries} summaries")))
    }

    /// Ok if and only if the wanted state is reached or deliberately not wanted.
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
            Violation::new(
                "I9",
                format!("the record says {outcome}, the answer is {end:?}"),
            )
        })
    }

    /// The looks at the secret of a record.
    fn looks(&self, record: &Value) -> Vec<Seen> {
        let arn = record["secret_arn"].as_str().unwrap_or_default();
        let looks = self.calls.iter();
        let looks = looks.filter(|call| is_look(call) && is_about(call, arn));
        let mut answers: Vec<_> = looks.filter_map(|call| call.success()).collect();
        answers.sort_by_key(|answer| answer.came);
        answers
            .iter()
            .map(|answer| Seen::new(&answer.body))
            .collect()
    }

    /// Whether AWS's answer to a request for replicas has shown the one in the Region in sync.
    fn was_answered_in_sync(&self, record: &Value, region: &str) -> bool {
        let arn = record["secret_arn"].as_str();
        let requests = self.calls.iter();
        let requests = requests
            .filter(|call| call.operation == "ReplicateSecretToRegions" && call.secret_id() == arn);
        let mut answers = requests.filter_map(|call| call.success());
        answers.any(|answer| Seen::new(&answer.body).status(region) == Some("InSync"))
    }

    /// Whether the Region itself has answered that it has no replica of the secret, or the record says that
    /// this is not verified, and the Region gave no answer.
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
            answer.is_some_and(|answer| answer.error_code() == Some("ResourceNotFoundException"))
        };
        let is_another = |call: &&Call| {
            let body = call.success().map(|answer| &answer.body);
            body.is_some_and(|body| suffix(&body["ARN"]) != suffix(&record["secret_arn"]))
        };
        let last = probes.next_back().copied();
        let detail = replica["detail"].as_str().unwrap_or_default();
        if detail.contains("not verified") {
            return last.is_none_or(|call| call.success().is_none() && !is_free(&call));
        }
        last.is_some_and(|call| is_free(&call) || is_another(&call))
    }

    /// What a record claims was seen.
    fn agrees_with_looks(&self, record: &Value) -> Vec<Violation> {
        let looks = self.looks(record);
        let mut violations = Vec::new();
        for replica in record["replicas"].as_array().into_iter().flatten() {
            let region = replica["region"].as_str().unwrap_or_default();
            let saw = |status: Option<&str>| looks.iter().any(|seen| seen.status(region) == status);
            let claim = replica["status"].as_str().unwrap_or_default();
            let is_so = match claim {
                "in-sync" => saw(Some("InSync")) || self.was_answered_in_sync(record, region),
                "removed" => saw(None) && self.is_gone(record, replica),
                "failed" | "in-progress" | "refused" => replica["reason"].is_string(),
                _ => true,
            };
            if !is_so {
                let what = format!("{region} is called {claim}, which no look has shown");
                violations.push(Violation::new("I9", what));
            }
        }
        violations
    }

    /// Success means that the last look has shown what is wanted, unless the secret has changed
    /// meanwhile.
    fn is_reached(&self, record: &Value) -> Vec<Violation> {
        let outcome = record["outcome"].as_str().unwrap_or_default();
        let is_success = matches!(self.invocation.end, End::Answer(_));
        let looks = self.looks(record);
        let (Some(first), Some(last)) = (looks.first(), looks.last()) else {
            return Vec::new();
        };
        let has_changed = looks
            .iter()
            .any(|seen| seen.secret.tags != first.secret.tags);
        if !is_success || !["replicated", "unchanged"].contains(&outcome) || has_changed {
            return Vec::new();
        }
        let settings = self.scenario.reference_settings();
        let answer = |region| self.scenario.policy.answer(&last.secret, region, &settings);
        let wanted = regions()
            .into_iter()
            .filter(|region| matches!(answer(region), Answer::Replica { .. }));
        let missing = wanted.filter(|region| {
            let mut looks = looks.iter();
            let was_seen = looks.any(|seen| seen.status(region) == Some("InSync"));
            !was_seen && !self.was_answered_in_sync(record, region)
        });
        missing
            .map(|region| {
                let what = format!("{outcome}, yet {region} never was in sync");
                Violation::new("I9", what)
            })
            .collect()
    }
}
