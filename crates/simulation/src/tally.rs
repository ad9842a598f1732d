//! What was simulated, in numbers.

use std::collections::BTreeMap;
use std::fmt;

use secret_replicator_emulator::{Execution, FaultKind};

use crate::encounters::{Encounter, encounters};
use crate::journal::is_write;
use crate::lambda::{End, Fate};
use crate::scenario::Scenario;
use crate::story::Played;

/// Sums over worlds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
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
    /// Invocations that returned an error.
    pub errors: u64,
    /// Sweeps.
    pub sweeps: u64,
    /// Calls of the function, retries of the SDK included.
    pub calls: u64,
    /// The writes among the calls.
    pub writes: u64,
    /// Records of secrets and sweeps.
    pub records: u64,
    /// Faults that calls met, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Worlds by the interleavings that they contained.
    pub encounters: BTreeMap<Encounter, u64>,
    /// Worlds in which an invariant did not hold.
    pub violations: u64,
}

impl Tally {
    /// Counts a world.
    pub fn count(&mut self, scenario: &Scenario, played: &Played) {
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
        let writes = writes.filter(|call| is_write(&call.operation));
        self.writes += number(writes.count());
        let lines = played.journal.lines.iter();
        let records = lines.filter(|line| line.text.starts_with("{\"timestamp\""));
        self.records += number(records.count());
        for fault in &played.faults {
            *self.faults.entry(name(fault)).or_default() += 1;
        }
        for encounter in encounters(scenario, played) {
            *self.encounters.entry(encounter).or_default() += 1;
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
        for (encounter, count) in &other.encounters {
            *self.encounters.entry(*encounter).or_default() += count;
        }
    }

    /// The number of faults that calls met.
    #[must_use]
    pub fn all_faults(&self) -> u64 {
        self.faults.values().sum()
    }

    /// The number of worlds with an interleaving.
    #[must_use]
    pub fn worlds_with(&self, encounter: Encounter) -> u64 {
        self.encounters.get(&encounter).copied().unwrap_or_default()
    }
}

/// One number a line.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |what: &str, number: u64| writeln!(f, "{number:>12}  {what}");
        row("worlds", self.worlds)?;
        row("events delivered", self.events)?;
        row("events in the failure queue", self.failure_queue)?;
        row("invocations", self.invocations)?;
        row("invocations that returned an error", self.errors)?;
        row("invocations killed", self.kills)?;
        row("sweeps", self.sweeps)?;
        row("calls", self.calls)?;
        row("of these, writes", self.writes)?;
        row("records", self.records)?;
        row("faults injected", self.all_faults())?;
        for (kind, number) in &self.faults {
            row(&format!("  {kind}"), *number)?;
        }
        for encounter in Encounter::ALL {
            let what = format!("worlds in which {encounter}");
            row(&what, self.worlds_with(encounter))?;
        }
        row("worlds with a violation", self.violations)
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
