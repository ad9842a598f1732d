//! The result of an event, from the function's own record.

use std::collections::BTreeSet;
use std::time::Duration;

use secret_replicator_emulator::{Answer, Invocation};
use serde_json::Value;

/// An event after its last invocation.
#[derive(Debug, Clone)]
pub(super) struct EventResult {
    /// The index of its secret in the population.
    pub(super) subject: usize,
    /// The number of invocations.
    pub(super) attempts: usize,
    /// The time from its arrival to the end of its last invocation.
    pub(super) after: Duration,
    pub(super) state: FinalState,
    /// Irregular invocations: without a record, with several, timed out, or with a process that exited.
    pub(super) irregular: Vec<String>,
}

/// The final state of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FinalState {
    /// Every wanted replica is in sync.
    InSync,
    /// The policy wants no replica, for this reason.
    NotWanted(String),
    /// Lambda sent the event to the failure queue after its last retry.
    FailureQueue { error_type: String, reason: String },
}

/// The result of one invocation.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) state: FinalState,
    pub(super) irregular: Option<String>,
}

impl Attempt {
    pub(super) fn of(invocation: &Invocation) -> Attempt {
        let records: Vec<Value> = invocation
            .log
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|line: &Value| line.get("outcome").is_some())
            .collect();
        let irregular = match (&invocation.answer, &records[..]) {
            (Answer::TimedOut, _) => Some("an invocation timed out".to_owned()),
            (Answer::Exited(status), _) => Some(format!("a process exited: {status}")),
            (_, [_]) => None,
            (_, records) => Some(format!("an invocation wrote {} records", records.len())),
        };
        let record = records.first().unwrap_or(&Value::Null);
        let state = match &invocation.answer {
            Answer::Success(_) => final_state(record),
            Answer::Error { error_type, .. } => FinalState::FailureQueue {
                error_type: error_type.clone(),
                reason: reasons(record),
            },
            Answer::TimedOut => FinalState::failed("Sandbox.Timedout"),
            Answer::Exited(_) => FinalState::failed("Runtime.ExitError"),
        };
        Attempt { state, irregular }
    }
}

impl FinalState {
    /// An error that Lambda reports because the function did not answer.
    pub(super) fn failed(error_type: &str) -> FinalState {
        FinalState::FailureQueue {
            error_type: error_type.to_owned(),
            reason: String::new(),
        }
    }
}

fn final_state(record: &Value) -> FinalState {
    let outcome = record["outcome"].as_str().unwrap_or_default();
    let mut statuses = replicas(record).map(|replica| &replica["status"]);
    match outcome {
        "replicated" | "unchanged" if statuses.any(|status| status == "in-sync") => {
            FinalState::InSync
        }
        _ => FinalState::NotWanted(format!("{outcome}: {}", reasons(record))),
    }
}

/// Returns the reasons in a record, those of the secret and those of its Regions.
fn reasons(record: &Value) -> String {
    let of_regions = replicas(record).map(|replica| &replica["reason"]);
    let reasons: BTreeSet<&str> = std::iter::once(&record["reason"])
        .chain(of_regions)
        .filter_map(Value::as_str)
        .collect();
    reasons.into_iter().collect::<Vec<_>>().join(", ")
}

fn replicas(record: &Value) -> impl Iterator<Item = &Value> {
    record["replicas"].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn invocation(answer: Answer, records: &[Value]) -> Invocation {
        Invocation {
            request_id: "1".to_owned(),
            answer,
            log: records.iter().map(Value::to_string).collect(),
            stderr: Vec::new(),
            duration: Duration::ZERO,
        }
    }

    fn state(outcome: &str, status: &str, reason: &str) -> FinalState {
        let record = json!({
            "outcome": outcome,
            "replicas": [{ "region": "eu-west-1", "status": status, "reason": reason }],
        });
        let answer = Answer::Success(record.clone());
        let attempt = Attempt::of(&invocation(answer, &[record]));
        assert_eq!(attempt.irregular, None);
        attempt.state
    }

    #[test]
    fn only_a_replica_in_sync_counts_as_in_sync() {
        assert_eq!(state("replicated", "in-sync", ""), FinalState::InSync);
        let refused = FinalState::NotWanted("refused: region-not-allowed".to_owned());
        assert_eq!(state("refused", "refused", "region-not-allowed"), refused);
    }

    #[test]
    fn an_error_goes_to_the_failure_queue_with_the_reasons_of_its_record() {
        let answer = Answer::Error {
            error_type: "Throttled".to_owned(),
            error_message: String::new(),
        };
        let record = json!({ "outcome": "failed", "replicas": [{ "reason": "throttled" }] });
        let attempt = Attempt::of(&invocation(answer, &[record]));
        let expected = FinalState::FailureQueue {
            error_type: "Throttled".to_owned(),
            reason: "throttled".to_owned(),
        };
        assert_eq!((attempt.state, attempt.irregular), (expected, None));
    }

    #[test]
    fn records_that_are_missing_or_too_many_and_killed_processes_are_irregular() {
        let record = json!({ "outcome": "unchanged" });
        let success = || Answer::Success(record.clone());
        let cases = [
            invocation(success(), &[]),
            invocation(success(), &[record.clone(), record.clone()]),
            invocation(Answer::TimedOut, std::slice::from_ref(&record)),
            invocation(Answer::Exited("1".to_owned()), &[]),
        ];
        for invocation in cases {
            assert!(
                Attempt::of(&invocation).irregular.is_some(),
                "{invocation:?}"
            );
        }
    }
}
