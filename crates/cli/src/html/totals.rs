use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_core::secret::Region;

use super::Kind;
use super::mark::Mark;
use crate::coverage::{Cell, Coverage, State};
use crate::sample::Sample;

/// The numbers of a page.
#[derive(Debug, Default)]
pub(super) struct Totals {
    /// The secrets.
    pub(super) secrets: u64,
    /// The secrets that the policy covers.
    pub(super) covered: u64,
    /// The replicas that the policy wants and does not refuse.
    pub(super) wanted: u64,
    /// The wanted replicas in sync.
    pub(super) in_sync: u64,
    /// The wanted replicas whose Region showed the current version.
    pub(super) verified: u64,
    /// The accounts of the secrets.
    pub(super) accounts: BTreeSet<String>,
    /// The numbers of cells by mark.
    pub(super) marks: BTreeMap<Mark, u64>,
    /// The numbers of cells by Region and mark. `None` for the secrets as a whole.
    pub(super) regions: BTreeMap<Option<String>, BTreeMap<Mark, u64>>,
    /// What stands in the way, by mark and code of the reason.
    pub(super) problems: BTreeMap<(Mark, Option<&'static str>), Problem>,
}

/// A reason why Regions differ from the wanted state.
#[derive(Debug, Default)]
pub(super) struct Problem {
    /// The numbers of secrets by Region. Tokens of tags that are not Regions count as `None`.
    pub(super) regions: BTreeMap<Option<String>, u64>,
    /// The secrets.
    pub(super) secrets: Sample,
    /// The remediation of the first secret.
    pub(super) remediation: String,
}

impl Totals {
    /// Adds a secret.
    pub(super) fn add(&mut self, kind: Kind, coverage: &Coverage) {
        self.secrets += 1;
        self.covered += u64::from(coverage.is_covered());
        if !self.accounts.contains(coverage.account()) {
            self.accounts.insert(coverage.account().to_owned());
        }
        let mut problems = BTreeSet::new();
        for cell in &coverage.regions {
            let mark = Mark::of(kind, cell);
            let region = region(cell);
            *self.marks.entry(mark).or_default() += 1;
            let counts = self.regions.entry(region.clone()).or_default();
            *counts.entry(mark).or_default() += 1;
            if coverage.is_covered() && is_wanted(cell.state) && region.is_some() {
                self.wanted += 1;
                self.in_sync += u64::from(cell.state == State::InSync);
                self.verified += u64::from(cell.verified);
            }
            if mark.is_problem() {
                self.add_problem(mark, region, cell);
                problems.insert((mark, cell.reason));
            }
        }
        for problem in problems {
            let problem = self.problems.entry(problem).or_default();
            problem.secrets.add(coverage);
        }
    }

    fn add_problem(&mut self, mark: Mark, region: Option<String>, cell: &Cell) {
        let problem = self.problems.entry((mark, cell.reason)).or_default();
        *problem.regions.entry(region).or_default() += 1;
        if problem.remediation.is_empty() {
            let text = cell.remediation().or(cell.detail());
            text.unwrap_or_default()
                .clone_into(&mut problem.remediation);
        }
    }

    /// Returns the number of cells whose mark satisfies a condition.
    pub(super) fn count(&self, condition: impl Fn(Mark) -> bool) -> u64 {
        let marks = self.marks.iter();
        let marks = marks.filter(|(mark, _)| condition(**mark));
        marks.map(|(_, number)| number).sum()
    }
}

/// Returns the Region of a cell. `None` for the secret as a whole, and for a token of a tag that is not a Region.
pub(super) fn region(cell: &Cell) -> Option<String> {
    let region = cell.region.as_ref();
    region
        .filter(|region| Region::parse(region).is_ok())
        .cloned()
}

/// Returns whether the policy wants a replica that has this state, and does not refuse it.
fn is_wanted(state: State) -> bool {
    match state {
        State::Failed
        | State::Shadowed
        | State::Promoted
        | State::Missing
        | State::Behind
        | State::KmsKeyDiffers
        | State::InProgress
        | State::InSync => true,
        State::Unreadable
        | State::Refused
        | State::Unwanted
        | State::NotCovered
        | State::Excluded => false,
    }
}
