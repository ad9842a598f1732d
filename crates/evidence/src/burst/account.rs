//! The account of a burst: where every event has gone, and whether AWS agrees.

use std::collections::BTreeMap;
use std::time::Duration;

use secret_replicator_emulator::{Call, Emulator, FaultKind, Outcome, ReplicaView};

use super::ending::{Ending, Fate};
use super::population::{Population, Subject, Wanted};
use super::queue::Queue;
use super::{HOME, Options};
use crate::figures::Part;

/// Where every event has gone, and what is wrong with that.
#[derive(Debug)]
pub(crate) struct Account<'a> {
    endings: &'a [Ending],
    covered: usize,
    covered_in_sync: usize,
    /// Events in the failure queue although nothing stood in their way for good.
    needless: usize,
    wrong: Vec<String>,
}

/// What the function's errors are called.
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
    pub(crate) fn new(
        aws: &Emulator,
        population: &Population,
        endings: &'a [Ending],
    ) -> Account<'a> {
        let mut account = Account {
            endings,
            covered: 0,
            covered_in_sync: 0,
            needless: 0,
            wrong: Vec::new(),
        };
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
        account.check_strangers(aws, population);
        account.check_calls(aws);
        account
    }

    /// What must not be, and is.
    pub(crate) fn wrong(&self) -> &[String] {
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

    /// The secrets of others that have the name of a wanted replica.
    fn check_strangers(&mut self, aws: &Emulator, population: &Population) {
        let subjects = population.subjects.iter();
        for subject in subjects.filter(|subject| subject.wanted == Wanted::Impossible) {
            let stranger = aws.with(|world, now| world.secret(now, "eu-west-1", &subject.name));
            let value = stranger.and_then(|stranger| stranger.value);
            if value.as_deref() != Some("of somebody else") {
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

    /// Every event, and what it cost.
    pub(crate) fn figures(
        &self,
        options: &Options,
        queue: &Queue,
        aws: &Emulator,
        elapsed: Duration,
    ) -> Part {
        let mut part = Part::new("make burst");
        part.text("settings", settings(options));
        part.count("events", self.endings.len());
        for (fate, count) in self.by_fate() {
            part.count(fate, count);
        }
        part.count(
            "events unaccounted for, or accounted wrongly",
            self.wrong.len(),
        );
        part.count("events in the failure queue needlessly", self.needless);
        part.text(
            "covered secrets in sync at the end",
            format!("{} of {}", self.covered_in_sync, self.covered),
        );
        part.count("invocations", self.attempts().sum());
        part.count(
            "events that Lambda had to repeat",
            self.attempts().filter(|n| *n > 1).count(),
        );
        part.count("sandboxes", queue.sandboxes());
        add_calls(&mut part, &aws.calls(), &aws.disturbed());
        part.text("until half / 99 % / all events had ended", self.quantiles());
        part.text("duration", seconds(elapsed));
        part
    }

    fn attempts(&self) -> impl Iterator<Item = usize> {
        self.endings.iter().map(|ending| ending.attempts)
    }

    fn by_fate(&self) -> BTreeMap<String, usize> {
        let mut fates = BTreeMap::new();
        for ending in self.endings {
            let fate = match &ending.fate {
                Fate::InSync => "→ in sync".to_owned(),
                Fate::DeliberatelyNot(reason) => format!("→ deliberately not: {reason}"),
                Fate::FailureQueue { error_type, reason } => {
                    format!("→ failure queue: {error_type} {reason}")
                }
            };
            *fates.entry(fate).or_default() += 1;
        }
        fates
    }

    fn quantiles(&self) -> String {
        let mut ends: Vec<Duration> = self.endings.iter().map(|ending| ending.after).collect();
        ends.sort_unstable();
        let at = |share: usize| ends.get((ends.len() * share / 100).min(ends.len() - 1));
        let shown = [50, 99, 100].map(|share| at(share).copied().map_or_else(String::new, seconds));
        shown.join(" / ")
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

fn settings(options: &Options) -> String {
    let retries: Vec<String> = options.retries.iter().map(u64::to_string).collect();
    format!(
        "{} secrets, {} writes/s, faults {} ‰, duplicates {} ‰,\nat most {} sandboxes, retries after {} s, seed {}",
        options.secrets,
        options.writes_per_second,
        options.faults,
        options.duplicates,
        options.sandboxes,
        retries.join(" and "),
        options.seed,
    )
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn add_calls(part: &mut Part, calls: &[Call], faults: &[(FaultKind, usize)]) {
    let of = |operation: &str| {
        calls
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    };
    let throttled = |call: &&Call| call.outcome.code() == Some("ThrottlingException");
    let accepted = |call: &&Call| call.outcome == Outcome::Success;
    let writes = || calls.iter().filter(|call| call.operation == CALLS[1]);
    part.count("DescribeSecret calls", of(CALLS[0]));
    part.count("ReplicateSecretToRegions calls", of(CALLS[1]));
    part.count("of these, accepted", writes().filter(accepted).count());
    part.count("of these, throttled", writes().filter(throttled).count());
    part.count(
        "faults injected",
        faults.iter().map(|(_, count)| count).sum(),
    );
}
