use std::collections::{BTreeMap, BTreeSet};

use super::summary::is_noteworthy_cell;
use crate::coverage::{Cell, Coverage, DryRun};
use crate::remedies::Remedies;
use crate::sample::Sample;

/// Secrets with the same changes and problems, from the gravest to the mildest.
#[derive(Debug)]
pub(super) struct Groups {
    all: bool,
    by_title: BTreeMap<Title, Sample>,
    remedies: Remedies,
}

/// What the secrets of a group have in common. Sorted by severity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Title {
    rank: u8,
    text: String,
}

impl Groups {
    /// Creates an empty report with all names, or with a sample.
    pub(super) fn new(all: bool) -> Self {
        Self {
            all,
            by_title: BTreeMap::new(),
            remedies: Remedies::default(),
        }
    }

    /// Adds a secret.
    pub(super) fn add(&mut self, coverage: &Coverage) {
        let mut parts: BTreeMap<(u8, String), BTreeSet<&str>> = BTreeMap::new();
        for cell in coverage
            .regions
            .iter()
            .filter(|cell| is_noteworthy_cell(cell))
        {
            let region = cell.region.as_deref().map(quoted_if_empty);
            parts.entry(part(cell)).or_default().extend(region);
            if let (Some(reason), Some(remediation)) = (cell.reason, cell.advice()) {
                self.remedies.add(reason, &coverage.name, remediation);
            }
        }
        let Some(rank) = parts.keys().map(|(rank, _)| *rank).min() else {
            return;
        };
        let texts = parts.into_iter().map(|((_, text), regions)| {
            let regions: Vec<&str> = regions.into_iter().collect();
            if regions.is_empty() {
                // Of the secret as a whole.
                text
            } else {
                format!("{text} in {}", regions.join(", "))
            }
        });
        let text = texts.collect::<Vec<_>>().join("; ");
        let group = self.by_title.entry(Title { rank, text });
        let new = if self.all {
            Sample::of_all
        } else {
            Sample::default
        };
        group.or_insert_with(new).add(coverage);
    }

    /// Returns whether the report contains every name.
    pub(super) fn has_all(&self) -> bool {
        self.all
    }

    /// Returns the groups with their titles.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Sample)> {
        let groups = self.by_title.iter();
        groups.map(|(title, group)| (title.text.as_str(), group))
    }

    /// Returns the remediations.
    pub(super) fn remedies(&self) -> &Remedies {
        &self.remedies
    }
}

/// Returns a token of a tag, which can be empty.
fn quoted_if_empty(token: &str) -> &str {
    if token.is_empty() { "``" } else { token }
}

/// Returns the rank and the words for the state of a Region.
fn part(cell: &Cell) -> (u8, String) {
    let reason = cell.reason.unwrap_or("unknown reason");
    match cell.dry_run {
        DryRun::Failed => (0, format!("failed: {reason}")),
        DryRun::Refused => (2, format!("refused: {reason}")),
        DryRun::Planned(change) if cell.is_name_taken() => (
            1,
            format!("{}, but the name is taken: {reason}", change.name()),
        ),
        DryRun::Planned(change) => {
            // Removals and overwritten secrets come first.
            let rank = 3 + u8::try_from(change as usize).unwrap_or(u8::MAX);
            (rank, change.name().to_owned())
        }
        DryRun::None | DryRun::Excluded | DryRun::InSync | DryRun::Pending => {
            (9, format!("behind: {reason}"))
        }
    }
}
