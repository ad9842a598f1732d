use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;
use crate::secret::Region;

/// What a sweep has seen and done, in numbers of secrets. The token carries these fields, and the record of
/// a sweep shows them. Each covered secret counts once among
/// `in_sync`, `repaired`, `planned`, `pending`, `refused` and `failed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// The list showed them.
    pub seen: u64,
    /// A rule covers them.
    pub covered: u64,
    /// Nothing was to be done.
    pub in_sync: u64,
    /// Something was to be done, whatever came of it.
    pub drifted: u64,
    /// It was done: they are as wanted now.
    pub repaired: u64,
    /// It was not done: a dry run, or the changes were used up.
    pub planned: u64,
    /// They were not as wanted yet when the time was up.
    pub pending: u64,
    /// A Region is refused.
    pub refused: u64,
    /// They cannot be as wanted, or could not be read.
    pub failed: u64,
    /// They are left for the next sweep, because the changes were used up.
    pub limited: u64,
    /// How many replicas were added or removed, or were to be.
    pub changes: u64,
    /// The same by the Region of the replicas.
    pub regions: BTreeMap<Region, RegionTotals>,
}

/// What a sweep has seen and done in one Region, in numbers of replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionTotals {
    /// They were in sync.
    pub in_sync: u64,
    /// They are in sync now.
    pub repaired: u64,
    /// They are gone now.
    pub removed: u64,
    /// Something was to be done, and was not: a dry run, or the changes were used up.
    pub planned: u64,
    /// They were on their way when the time was up.
    pub pending: u64,
    /// There must be none, or the one that is there is kept.
    pub refused: u64,
    /// They failed.
    pub failed: u64,
}

/// As many Regions as a token may carry; AWS has fewer than fifty.
const MAX_REGIONS: usize = 100;

impl Totals {
    /// The totals of a Region. `None` if the totals already hold as many Regions as a token may
    /// carry.
    pub fn region_mut(&mut self, region: &Region) -> Option<&mut RegionTotals> {
        if !self.regions.contains_key(region) && self.regions.len() >= MAX_REGIONS {
            return None;
        }
        Some(self.regions.entry(region.clone()).or_default())
    }

    /// Adds what another slice did. What comes from a token may be anything, so nothing overflows.
    pub fn add(&mut self, other: &Self) {
        let Self {
            seen,
            covered,
            in_sync,
            drifted,
            repaired,
            planned,
            pending,
            refused,
            failed,
            limited,
            changes,
            regions,
        } = other;
        let sums = [
            (&mut self.seen, seen),
            (&mut self.covered, covered),
            (&mut self.in_sync, in_sync),
            (&mut self.drifted, drifted),
            (&mut self.repaired, repaired),
            (&mut self.planned, planned),
            (&mut self.pending, pending),
            (&mut self.refused, refused),
            (&mut self.failed, failed),
            (&mut self.limited, limited),
            (&mut self.changes, changes),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(*more);
        }
        for (region, more) in regions {
            if let Some(totals) = self.region_mut(region) {
                totals.add(more);
            }
        }
    }

    /// The gravest outcome among the covered secrets.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let counts = [
            (self.failed, Outcome::Failed),
            (self.pending, Outcome::Pending),
            (self.refused, Outcome::Refused),
            (self.repaired, Outcome::Replicated),
            (self.planned, Outcome::Planned),
        ];
        let gravest = counts.into_iter().find(|(count, _)| *count > 0);
        gravest.map_or(Outcome::Unchanged, |(_, outcome)| outcome)
    }
}

impl RegionTotals {
    fn add(&mut self, other: &Self) {
        let Self {
            in_sync,
            repaired,
            removed,
            planned,
            pending,
            refused,
            failed,
        } = other;
        let sums = [
            (&mut self.in_sync, in_sync),
            (&mut self.repaired, repaired),
            (&mut self.removed, removed),
            (&mut self.planned, planned),
            (&mut self.pending, pending),
            (&mut self.refused, refused),
            (&mut self.failed, failed),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(*more);
        }
    }
}
