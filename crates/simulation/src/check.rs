//! The invariants, checked against what was observed of a world.
//!
//! The second, naive implementation of the policy language decides which replicas are expected.

pub(crate) mod limits;
mod observed;
mod outage;
mod patience;
mod promoted;
mod records;
pub(crate) mod rehearsal;
pub(crate) mod replica_events;
mod sweeps;
mod world;
mod writes;

use std::fmt;

use crate::run::Run;
use crate::scenario::Scenario;
pub(crate) use observed::ObservedSecret;

/// A violated invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The invariant's number in the documentation.
    pub(crate) invariant: &'static str,
    /// What was observed.
    what: String,
}

impl Violation {
    fn new(invariant: &'static str, what: impl Into<String>) -> Violation {
        Violation {
            invariant,
            what: what.into(),
        }
    }

    /// Appends the place of the violation.
    fn at(mut self, place: &str) -> Violation {
        self.what = format!("{} ({place})", self.what);
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// Returns all violations in a world.
pub(crate) fn violations(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let mut violations = writes::violations(scenario, run);
    violations.extend(records::violations(scenario, run));
    violations.extend(world::violations(scenario, run));
    violations.extend(limits::violations(scenario, run));
    violations.extend(patience::violations(scenario, run));
    violations.extend(promoted::violations(scenario, run));
    violations.extend(rehearsal::violations(run));
    violations.extend(replica_events::violations(scenario, run));
    violations.extend(match &scenario.outage {
        None => sweeps::violations(scenario, run),
        Some(outage) => outage::violations(scenario, outage, run),
    });
    violations
}
