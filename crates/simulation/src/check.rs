//! What must hold of a scenario that was played: the invariants, checked against what the world saw,
//! with the naive second implementation of the policy language as the judge of what is wanted.

mod ends;
mod records;
mod seen;
mod writes;

use std::fmt;

use serde::Serialize;

use crate::scenario::Scenario;
use crate::story::Played;

/// Something that must hold and does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The invariant, as the architecture's documentation numbers them.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(invariant: &'static str, what: impl Into<String>) -> Violation {
        Violation {
            invariant,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// Everything that does not hold.
#[must_use]
pub fn violations(scenario: &Scenario, played: &Played) -> Vec<Violation> {
    let mut violations = writes::violations(scenario, played);
    violations.extend(records::violations(scenario, played));
    violations.extend(ends::violations(scenario, played));
    violations
}
