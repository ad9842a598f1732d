use std::collections::BTreeMap;

use serde::Serialize;

use crate::coverage::{Coverage, State};

/// The numbers of a coverage report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Summary {
    /// Primary secrets in the report.
    pub(super) secrets: u64,
    /// Secrets that the policy covers.
    pub(super) covered: u64,
    /// The numbers of secrets by Region and state. The Region is empty for secrets as a whole.
    pub(super) regions: BTreeMap<String, BTreeMap<State, u64>>,
}

impl Summary {
    /// Adds a secret.
    pub(super) fn add(&mut self, coverage: &Coverage) {
        self.secrets += 1;
        self.covered += u64::from(coverage.is_covered());
        for cell in &coverage.regions {
            let region = cell.region.clone().unwrap_or_default();
            let states = self.regions.entry(region).or_default();
            *states.entry(cell.state).or_default() += 1;
        }
    }

    /// Returns whether a secret has one of these states in a Region.
    pub(super) fn has_any(&self, states: &[State]) -> bool {
        let mut regions = self.regions.values();
        regions.any(|counts| states.iter().any(|state| counts.contains_key(state)))
    }

    /// Returns the states that occur, from the gravest to the mildest.
    pub(super) fn states(&self) -> Vec<State> {
        let states = self.regions.values().flat_map(BTreeMap::keys).copied();
        let mut states: Vec<State> = states.collect();
        states.sort_unstable();
        states.dedup();
        states
    }
}
