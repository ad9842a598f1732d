//! The account of a burst: how every event ended, and whether the emulator's state agrees.

use std::collections::BTreeMap;
use std::time::Duration;

use secret_replicator_emulator::{Call, Emulator, Outcome, ReplicaView};
use serde_json::{Value, json};

use super::population::{OTHER_VALUE, Subject, Wanted};
use super::result::{EventResult, FinalState};
use crate::scenario::HOME;

/// How every event ended, and what is wrong with that.
#[derive(Debug)]
pub(super) struct Account<'a> {
    results: &'a [EventResult],
    covered: usize,
    covered_in_sync: usize,
    /// Events in the failure queue that no permanent condition explains.
    needless: usize,
    /// Every event, secret or call that violates an expectation.
    pub(super) wrong: Vec<String>,
}

/// The function's error types.
const ERROR_TYPES: [&str; 10] = [
    "AccessDenied",
    "BadEvent",
    "ConfigInvalid",
    "Internal",
    "PolicyInvalid",
    "ReplicationFailed",
    "ReplicationPending",
    "SecretNotReady",
    "ServiceUnavailable",
    "Throttled",
];

/// The calls that the function may make in a burst.
const CALLS: [&str; 2] = ["DescribeSecret", "ReplicateSecretToRegions"];

impl<'a> Account<'a> {
    pub(super) fn new(
        aws: &Emulator,
        subjects: &[Subject],
        sent: usize,
        results: &'a [EventResult],
    ) -> Account<'a> {
        let mut account = Account {
            results,
            covered: 0,
            covered_in_sync: 0,
            needless: 0,
            wrong: Vec::new(),
        };
        if results.len() != sent {
            let ended = results.len();
            account
                .wrong
                .push(format!("{sent} events were sent, {ended} ended"));
        }
        let replicas: Vec<Vec<ReplicaView>> = subjects
            .iter()
            .map(|subject| aws.with(|world, now| world.replicas(now, HOME, &subject.name)))
            .collect();
        for (subject, replicas) in subjects.iter().zip(&replicas) {
            account.check_secret(aws, subject, replicas);
        }
        for result in results {
            let index = result.subject;
            account.check_event(&subjects[index], &replicas[index], result);
        }
        account.check_calls(&aws.calls());
        account
    }

    fn check_secret(&mut self, aws: &Emulator, subject: &Subject, replicas: &[ReplicaView]) {
        let name = &subject.name;
        if let Wanted::Replicas(_) = subject.wanted {
            self.covered += 1;
            self.covered_in_sync += usize::from(is_as_wanted(subject, replicas));
        } else if replicas.iter().any(|replica| replica.status != "Failed") {
            self.wrong.push(format!("{name} has a replica"));
        }
        if subject.wanted == Wanted::Impossible {
            let other = aws.with(|world, now| world.secret(now, "eu-west-1", name));
            let value = other.and_then(|other| other.value);
            if value.as_deref() != Some(OTHER_VALUE) {
                self.wrong
                    .push(format!("{name}: the unrelated secret is {value:?}"));
            }
        }
    }

    fn check_event(&mut self, subject: &Subject, replicas: &[ReplicaView], result: &EventResult) {
        let name = &subject.name;
        let irregular = result.irregular.iter();
        self.wrong
            .extend(irregular.map(|what| format!("{name}: {what}")));
        let is_right = match (&result.state, subject.wanted) {
            (FinalState::InSync, _) => is_as_wanted(subject, replicas),
            (FinalState::NotWanted(_), wanted) => wanted == Wanted::Nothing,
            (FinalState::FailureQueue { error_type, reason }, wanted) => {
                self.needless += usize::from(wanted != Wanted::Impossible);
                ERROR_TYPES.contains(&error_type.as_str()) && !reason.is_empty()
            }
        };
        if !is_right {
            let state = &result.state;
            self.wrong
                .push(format!("{name}: {state:?}, but AWS has {replicas:?}"));
        }
    }

    fn check_calls(&mut self, calls: &[Call]) {
        for call in calls {
            let overwrites = call.body["ForceOverwriteReplicaSecret"] == true;
            if overwrites || !CALLS.contains(&call.operation.as_str()) {
                let (operation, body) = (&call.operation, &call.body);
                self.wrong
                    .push(format!("the function called {operation}: {body}"));
            }
        }
    }

    /// Returns the numbers of the burst.
    pub(super) fn summary(&self, aws: &Emulator, sandboxes: usize) -> Value {
        let attempts = || self.results.iter().map(|result| result.attempts);
        let states = self.results.iter().map(|result| match &result.state {
            FinalState::FailureQueue { error_type, reason } => {
                format!("failure queue: {error_type} {reason}")
            }
            other => format!("{other:?}"),
        });
        let calls = aws.calls();
        let calls = calls.iter().map(|call| match &call.outcome {
            Outcome::Error(code) => format!("{}: {code}", call.operation),
            other => format!("{}: {other:?}", call.operation),
        });
        json!({
            "events": self.results.len(),
            "events by result": count(states),
            "events that Lambda retried": attempts().filter(|attempts| *attempts > 1).count(),
            "events in the failure queue needlessly": self.needless,
            "seconds until 50 %, 99 % and 100 % of the events ended": self.quantiles(),
            "covered secrets": self.covered,
            "covered secrets in sync": self.covered_in_sync,
            "invocations": attempts().sum::<usize>(),
            "sandboxes": sandboxes,
            "calls": count(calls),
            "faults": aws.disturbed().iter().map(|(_, count)| count).sum::<usize>(),
            "wrong": self.wrong.len(),
        })
    }

    fn quantiles(&self) -> [f64; 3] {
        let mut ends: Vec<Duration> = self.results.iter().map(|result| result.after).collect();
        ends.sort_unstable();
        [50, 99, 100].map(|share| {
            let index = (ends.len() * share / 100).min(ends.len().saturating_sub(1));
            ends.get(index).map_or(0.0, Duration::as_secs_f64)
        })
    }
}

/// Counts equal names.
fn count(names: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

fn is_as_wanted(subject: &Subject, replicas: &[ReplicaView]) -> bool {
    let Wanted::Replicas(regions) = subject.wanted else {
        return false;
    };
    let in_sync = |region: &&str| {
        let mut replicas = replicas.iter();
        replicas.any(|replica| replica.region == **region && replica.status == "InSync")
    };
    replicas.len() == regions.len() && regions.iter().all(in_sync)
}
