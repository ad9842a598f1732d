use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_core::secret::Region;

use super::Kind;
use super::mark::Mark;
use crate::coverage::{Cell, Coverage, State};
use crate::remedies::Remedy;
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
    /// The numbers of cells by Region and mark. `None` for the secrets as a whole, [`NOT_A_REGION`] for tokens.
    pub(super) regions: BTreeMap<Option<String>, BTreeMap<Mark, u64>>,
    /// What stands in the way, by mark and code of the reason.
    pub(super) problems: BTreeMap<(Mark, Option<&'static str>), Problem>,
}

/// A reason why Regions differ from the wanted state.
#[derive(Debug, Default)]
pub(super) struct Problem {
    /// The numbers of secrets by Region.
    pub(super) regions: BTreeMap<Option<String>, u64>,
    /// The secrets.
    pub(super) secrets: Sample,
    /// The remediation, if there is one.
    pub(super) remedy: Option<Remedy>,
}

impl Totals {
    /// Adds a secret.
    pub(super) fn add(&mut self, kind: Kind, coverage: &Coverage) {
        self.secrets += 1;
        self.covered += u64::from(coverage.is_covered());
        if !self.accounts.contains(coverage.account()) {
            self.accounts.insert(coverage.account().to_owned());
        }
        let mut problems: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for cell in &coverage.regions {
            let mark = Mark::of(kind, cell);
            let region = place(cell);
            *self.marks.entry(mark).or_default() += 1;
            let counts = self.regions.entry(region.clone()).or_default();
            *counts.entry(mark).or_default() += 1;
            if coverage.is_covered() && is_wanted(cell.state) && self::region(cell).is_some() {
                self.wanted += 1;
                self.in_sync += u64::from(cell.state == State::InSync);
                self.verified += u64::from(cell.verified);
            }
            if mark.is_problem() {
                let problem = (mark, cell.reason);
                self.add_remedy(problem, coverage, cell);
                problems.entry(problem).or_default().insert(region);
            }
        }
        for (problem, regions) in problems {
            let problem = self.problems.entry(problem).or_default();
            problem.secrets.add(coverage);
            for region in regions {
                *problem.regions.entry(region).or_default() += 1;
            }
        }
    }

    fn add_remedy(
        &mut self,
        problem: (Mark, Option<&'static str>),
        secret: &Coverage,
        cell: &Cell,
    ) {
        let problem = self.problems.entry(problem).or_default();
        let text = cell.remediation().or(cell.detail()).unwrap_or_default();
        match &mut problem.remedy {
            Some(remedy) => remedy.note(text),
            None if text.is_empty() => {}
            None => problem.remedy = Some(Remedy::new(&secret.name, text)),
        }
    }

    /// Returns the number of cells whose mark satisfies a condition.
    pub(super) fn count(&self, condition: impl Fn(Mark) -> bool) -> u64 {
        let marks = self.marks.iter();
        let marks = marks.filter(|(mark, _)| condition(**mark));
        marks.map(|(_, number)| number).sum()
    }
}

/// The name of all tokens of tags that are not Regions, in the place of a Region.
const NOT_A_REGION: &str = "not a Region";

/// Returns what the numbers of a cell belong to. `None` for the secret as a whole.
fn place(cell: &Cell) -> Option<String> {
    let is_token = cell.region.is_some() && region(cell).is_none();
    if is_token {
        Some(NOT_A_REGION.to_owned())
    } else {
        region(cell)
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
