use std::collections::BTreeSet;

use super::{Plan, Step};
use crate::secret::Region;

/// Numbers of replicas that a sweep changes: creates, overwrites, recreates, repairs or removes. A replica
/// that takes several requests counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Replicas without a failure.
    pub first: u64,
    /// Replicas that have failed before, and are requested again or recreated.
    pub repeats: u64,
}

impl Changes {
    /// Returns the sum.
    #[must_use]
    pub fn total(self) -> u64 {
        self.first.saturating_add(self.repeats)
    }

    /// Returns the sum of both. It saturates.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            first: self.first.saturating_add(other.first),
            repeats: self.repeats.saturating_add(other.repeats),
        }
    }

    /// Returns these changes without the others.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self {
            first: self.first.saturating_sub(other.first),
            repeats: self.repeats.saturating_sub(other.repeats),
        }
    }
}

impl Plan {
    /// Returns the number of replicas that the plan changes at most. It counts a replica that is in progress
    /// and unwanted, because it is removed as soon as it is in sync.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.changes_in(|_| true)
    }

    /// Returns the number of replicas that the plan changes in the Regions that satisfy `is_counted`.
    pub fn changes_in(&self, is_counted: impl Fn(&Region) -> bool) -> Changes {
        let mut changes = Changes::default();
        for (_, step) in self.steps.iter().filter(|(region, _)| is_counted(region)) {
            match step {
                Step::Replicate(_) | Step::Remove(..) | Step::AwaitRemoval(..) => {
                    changes.first += 1;
                }
                Step::Retry(_) => changes.repeats += 1,
                Step::Keep(_) | Step::ReportFailure(..) | Step::Refuse(..) | Step::Retain(..) => {}
            }
        }
        changes
    }

    /// Returns the Regions whose step exceeds the granted changes. If the step of a wanted Region does, all
    /// removals wait, because they come last.
    #[must_use]
    pub fn beyond(&self, granted: Changes) -> BTreeSet<Region> {
        let mut left = granted;
        let mut beyond = BTreeSet::new();
        for (region, step) in &self.steps {
            let left = match step {
                Step::Replicate(_) => &mut left.first,
                Step::Retry(_) => &mut left.repeats,
                _ => continue,
            };
            match left.checked_sub(1) {
                Some(rest) => *left = rest,
                None => {
                    beyond.insert(region.clone());
                }
            }
        }
        if !beyond.is_empty() {
            left.first = 0;
        }
        let removals = self.unwanted().map(|(region, _)| region);
        let granted = usize::try_from(left.first).unwrap_or(usize::MAX);
        beyond.extend(removals.skip(granted).cloned());
        beyond
    }
}
