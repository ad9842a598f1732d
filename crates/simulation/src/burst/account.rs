//! The account of a burst: how every event ended, and whether the emulator's state agrees.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use secret_replicator_emulator::{Call, Emulator, Outcome, ReplicaView};

use super::Options;
use super::ending::{Ending, Fate};
use super::population::{OTHER_VALUE, Population, Subject, Wanted};
use super::queue::Queue;
use crate::scenario::HOME;

/// How every event ended, and what is wrong with that.
#[derive(Debug)]
pub(super) struct Account<'a> {
    endings: &'a [Ending],
    covered: usize,
    covered_in_sync: usize,
    /// Events in the failure queue although nothing hindered them permanently.
    needless: usize,
    wrong: Vec<String>,
}

/// The function's error types.
const ERROR_TYPES: [&str; 9] = [
    "AccessDenied",
    "BadEvent",
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
        population: &Population,
        sent: usize,
        endings: &'a [Ending],
    ) -> Account<'a> {
        let mut account = Account {
            endings,
            covered: 0,
            covered_in_sync: 0,
            needless: 0,
            wrong: Vec::new(),
        };
        if endings.len() != sent {
            let ended = endings.len();
            let line = format!("{sent} events were sent, and {ended} have ended");
            account.wrong.push(line);
        }
        let rows: Vec<Vec<ReplicaView>> = population
            .subjects
            .iter()
            .map(|subject| aws.with(|world, now| world.replicas(now, HOME, &subject.name)))
            .collect();
        for (subject, rows) in population.subjects.iter().zip(&rows) {
            account.check_secret(subject, rows);
        }
        for ending in endings {
            let subject = &population.subjects[ending.subject];
            account.check_ending(subject, &rows[ending.subject], ending);
        }
        account.check_other_secrets(aws, population);
        account.check_calls(aws);
        account
    }

    /// Everything that did not end as it must.
    pub(super) fn wrong(&self) -> &[String] {
        &self.wrong
    }

    fn check_secret(&mut self, subject: &Subject, rows: &[ReplicaView]) {
        if let Wanted::Replicas(_) = subject.wanted {
            self.covered += 1;
            self.covered_in_sync += usize::from(is_as_wanted(subject, rows));
        } else if rows.iter().any(|row| row.status != "Failed") {
            self.wrong.push(format!("{} has a replica", subject.name));
        }
    }

    fn check_ending(&mut self, subject: &Subject, rows: &[ReplicaView], ending: &Ending) {
        let name = &subject.name;
        self.wrong.extend(
            ending
                .irregular
                .iter()
                .map(|what| format!("{name}: {what}")),
        );
        let is_right = match (&ending.fate, subject.wanted) {
            (Fate::InSync, _) => is_as_wanted(subject, rows),
            (Fate::DeliberatelyNot(_), wanted) => wanted == Wanted::Nothing,
            (Fate::FailureQueue { error_type, reason }, wanted) => {
                self.needless += usize::from(wanted != Wanted::Impossible);
                ERROR_TYPES.contains(&error_type.as_str()) && !reason.is_empty()
            }
        };
        if !is_right {
            self.wrong
                .push(format!("{name}: {:?}, but AWS has {rows:?}", ending.fate));
        }
    }

    /// The unrelated secrets with the name of a wanted replica still have their values.
    fn check_other_secrets(&mut self, aws: &Emulator, population: &Population) {
        let subjects = population.subjects.iter();
        for subject in subjects.filter(|subject| subject.wanted == Wanted::Impossible) {
            let other = aws.with(|world, now| world.secret(now, "eu-west-1", &subject.name));
            let value = other.and_then(|other| other.value);
            if value.as_deref() != Some(OTHER_VALUE) {
                self.wrong
                    .push(format!("{}: the other secret is {value:?}", subject.name));
            }
        }
    }

    fn check_calls(&mut self, aws: &Emulator) {
        for call in aws.calls() {
            let overwrites = call.body["ForceOverwriteReplicaSecret"] == true;
            if overwrites || !CALLS.contains(&call.operation.as_str()) {
                self.wrong.push(format!(
                    "the function called {}: {}",
                    call.operation, call.body
                ));
            }
        }
    }

    /// The numbers of the burst, one a line.
    pub(super) fn summary(
        &self,
        options: &Options,
        queue: &Queue,
        aws: &Emulator,
        elapsed: Duration,
    ) -> Summary {
        let mut summary = Summary(Vec::new());
        summary.count("events", self.endings.len());
        for (fate, count) in self.by_fate() {
            summary.count(fate, count);
        }
        summary.count("events or secrets that ended wrongly", self.wrong.len());
        summary.count("events in the failure queue needlessly", self.needless);
        summary.add(
            "covered secrets in sync at the end",
            format!("{} of {}", self.covered_in_sync, self.covered),
        );
        summary.count("invocations", self.attempts().sum());
        summary.count(
            "events that Lambda retried",
            self.attempts().filter(|attempts| *attempts > 1).count(),
        );
        summary.count("sandboxes", queue.sandboxes());
        summary.calls(&aws.calls());
        let faults = aws.disturbed();
        let faults = faults.iter().map(|(_, count)| count).sum();
        summary.count("faults injected", faults);
        summary.add("until half, 99 %, all events had ended", self.quantiles());
        summary.add("duration", seconds(elapsed));
        summary.add("seed", options.seed.to_string());
        summary
    }

    fn attempts(&self) -> impl Iterator<Item = usize> {
        self.endings.iter().map(|ending| ending.attempts)
    }

    fn by_fate(&self) -> BTreeMap<String, usize> {
        let mut fates = BTreeMap::new();
        for ending in self.endings {
            let fate = match &ending.fate {
                Fate::InSync => "  in sync".to_owned(),
                Fate::DeliberatelyNot(reason) => format!("  deliberately not: {reason}"),
                Fate::FailureQueue { error_type, reason } => {
                    format!("  failure queue: {error_type} {reason}")
                }
            };
            *fates.entry(fate).or_default() += 1;
        }
        fates
    }

    fn quantiles(&self) -> String {
        let mut ends: Vec<Duration> = self.endings.iter().map(|ending| ending.after).collect();
        ends.sort_unstable();
        let last = ends.len().saturating_sub(1);
        let at = |share: usize| ends.get((ends.len() * share / 100).min(last));
        let shown = [50, 99, 100].map(|share| at(share).copied().map_or_else(String::new, seconds));
        shown.join(", ")
    }
}

/// Names and values, printed one a line.
#[derive(Debug)]
pub(super) struct Summary(Vec<(String, String)>);

impl Summary {
    fn add(&mut self, name: impl Into<String>, value: String) {
        self.0.push((name.into(), value));
    }

    fn count(&mut self, name: impl Into<String>, count: usize) {
        self.add(name, count.to_string());
    }

    fn calls(&mut self, calls: &[Call]) {
        let of = |operation: &'static str| {
            let calls = calls.iter();
            calls.filter(move |call| call.operation == operation)
        };
        let is_throttled = |call: &&Call| call.outcome.code() == Some("ThrottlingException");
        let is_accepted = |call: &&Call| call.outcome == Outcome::Success;
        let [describe, replicate] = CALLS;
        self.count(format!("{describe} calls"), of(describe).count());
        self.count(format!("{replicate} calls"), of(replicate).count());
        self.count("  accepted", of(replicate).filter(is_accepted).count());
        self.count("  throttled", of(replicate).filter(is_throttled).count());
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            writeln!(f, "{value:>24}  {name}")?;
        }
        Ok(())
    }
}

fn is_as_wanted(subject: &Subject, rows: &[ReplicaView]) -> bool {
    let Wanted::Replicas(regions) = subject.wanted else {
        return false;
    };
    let in_sync = |region: &&str| {
        rows.iter()
            .any(|row| row.region == **region && row.status == "InSync")
    };
    rows.len() == regions.len() && regions.iter().all(in_sync)
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
