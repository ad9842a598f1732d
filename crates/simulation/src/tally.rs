//! Counts what was simulated.

use std::collections::BTreeMap;
use std::fmt;

use secret_replicator_emulator::FaultKind;

use crate::check::{limits, rehearsal};
use crate::interleavings::{Interleaving, interleavings};
use crate::journal::{End, EventEnd};
use crate::run::Run;
use crate::scenario::{Action, Scenario};

/// The explanations and runs that were compared with a dry run.
pub(crate) const REHEARSALS: &str = "rehearsals compared";
/// Those whose dry run reports a former replica in a Region in which no rule wants one.
pub(crate) const REHEARSED_LEFTOVERS: &str = "rehearsals compared, with a former replica";
/// The sweeps whose `maxChanges` left changes to the next sweep.
pub(crate) const LIMITED_SWEEPS: &str = "sweeps that reached maxChanges";

/// Sums over worlds, by name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tally(BTreeMap<String, usize>);

impl Tally {
    /// Counts a world.
    pub(crate) fn count(&mut self, scenario: &Scenario, run: &Run, violations: usize) {
        let journal = &run.journal;
        let ends = || journal.invocations.iter().map(|invocation| &invocation.end);
        let actions = scenario.actions.iter();
        let sweeps = actions.filter(|timed| matches!(timed.action, Action::Sweep(_)));
        let queued = journal.events.iter();
        let queued = queued.filter(|end| **end == EventEnd::FailureQueue);
        let writes = journal.calls.iter().filter(|call| call.is_write());
        self.add("worlds", 1);
        self.add("worlds with a violation", usize::from(violations > 0));
        self.add("sweeps", sweeps.count() + 2);
        self.add("events", journal.events.len());
        self.add("events in the failure queue", queued.count());
        self.add("invocations", journal.invocations.len());
        self.add(
            "invocations with an error",
            ends().filter(|end| matches!(end, End::Error(_))).count(),
        );
        self.add(
            "invocations killed",
            ends().filter(|end| **end == End::Killed).count(),
        );
        self.add("calls", journal.calls.len());
        self.add("calls that write", writes.count());
        self.add("records", journal.records(|_| true).len());
        self.add("faults", run.faults.len());
        for fault in &run.faults {
            self.add(&format!("faults: {}", name(fault)), 1);
        }
        let (rehearsals, leftovers) = rehearsal::compared(run);
        self.add(REHEARSALS, rehearsals);
        self.add(REHEARSED_LEFTOVERS, leftovers);
        self.add(LIMITED_SWEEPS, limits::binding(run).count());
        for interleaving in interleavings(scenario, run) {
            self.add(&worlds_with(interleaving), 1);
        }
    }

    fn add(&mut self, name: &str, count: usize) {
        *self.0.entry(name.to_owned()).or_default() += count;
    }

    /// Adds another tally.
    pub(crate) fn merge(&mut self, other: &Tally) {
        for (name, count) in &other.0 {
            self.add(name, *count);
        }
    }

    /// Returns the sum of this name.
    #[cfg(test)]
    pub(crate) fn get(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or_default()
    }
}

/// Returns the name under which worlds with an interleaving are counted.
pub(crate) fn worlds_with(interleaving: Interleaving) -> String {
    format!("worlds with {interleaving:?}")
}

/// One count a line.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = self.0.iter();
        counts.try_for_each(|(name, count)| writeln!(f, "{count:>12}  {name}"))
    }
}

/// The kind of a fault without its details.
fn name(fault: &FaultKind) -> String {
    match fault {
        FaultKind::Answer {
            code, execution, ..
        } => format!("{code}({execution:?})"),
        FaultKind::Latency(_) => "Latency".to_owned(),
        other => format!("{other:?}"),
    }
}
