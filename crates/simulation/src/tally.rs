//! What was simulated, in numbers.

use std::collections::BTreeMap;

use secret_replicator_emulator::{Execution, FaultKind};
use serde::Serialize;

use crate::lambda::{End, Fate};
use crate::story::Played;

/// Sums over worlds.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Worlds.
    pub worlds: u64,
    /// Events that were delivered.
    pub events: u64,
    /// Events that ended in the failure queue.
    pub failure_queue: u64,
    /// Invocations.
    pub invocations: u64,
    /// Invocations that were killed.
    pub kills: u64,
    /// Invocations that answered an error.
    pub errors: u64,
    /// Sweeps.
    pub sweeps: u64,
    /// Calls of the function, retries of the SDK included.
    pub calls: u64,
    /// Those among them that write.
    pub writes: u64,
    /// Records of secrets and sweeps.
    pub records: u64,
    /// Faults that calls met, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Worlds in which something did not hold.
    pub violations: u64,
}

impl Tally {
    /// Counts a world.
    pub fn count(&mut self, played: &Played) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let ends = || played.invocations.iter().map(|invocation| &invocation.end);
        self.worlds += 1;
        self.events += number(played.fates.len());
        let failed = played
            .fates
            .iter()
            .filter(|fate| **fate == Fate::FailureQueue);
        self.failure_queue += number(failed.count());
        self.invocations += number(played.invocations.len());
        self.kills += number(ends().filter(|end| **end == End::Killed).count());
        self.errors += number(ends().filter(|end| matches!(end, End::Error(_))).count());
        self.sweeps += played.sweeps;
        self.calls += number(played.journal.calls.len());
        let writes = played.journal.calls.iter();
        let writes = writes.filter(|call| crate::check::is_write(&call.operation));
        self.writes += number(writes.count());
        let lines = played.journal.lines.iter();
        let records = lines.filter(|line| line.text.starts_with("{\"timestamp\""));
        self.records += number(records.count());
        for fault in &played.faults {
            *self.faults.entry(name(fault)).or_default() += 1;
        }
    }

    /// Adds another tally.
    pub fn add(&mut self, other: &Tally) {
        self.worlds += other.worlds;
        self.events += other.events;
        self.failure_queue += other.failure_queue;
        self.invocations += other.invocations;
        self.kills += other.kills;
        self.errors += other.errors;
        self.sweeps += other.sweeps;
        self.calls += other.calls;
        self.writes += other.writes;
        self.records += other.records;
        self.violations += other.violations;
        for (kind, count) in &other.faults {
            *self.faults.entry(kind.clone()).or_default() += count;
        }
    }

    /// How many faults calls met.
    #[must_use]
    pub fn all_faults(&self) -> u64 {
        self.faults.values().sum()
    }
}

fn name(fault: &FaultKind) -> String {
    let when = |execution: &Execution| match execution {
        Execution::Skipped => "before execution",
        Execution::Done => "after execution",
    };
    match fault {
        FaultKind::Answer {
            code, execution, ..
        } => format!("{code} {}", when(execution)),
        FaultKind::Throttle => "throttled".to_owned(),
        FaultKind::Latency(_) => "late".to_owned(),
        FaultKind::Hang(execution) => format!("no answer, {}", when(execution)),
        FaultKind::CloseConnection(execution) => format!("connection broken {}", when(execution)),
        FaultKind::MalformedBody(execution) => format!("half an answer {}", when(execution)),
    }
}
