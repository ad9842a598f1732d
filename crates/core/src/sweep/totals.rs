use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;
use crate::secret::Region;

/// The totals of a sweep, in numbers of secrets. They are part of the token and of the sweep's record.
/// Each covered secret counts once among `in_sync`, `repaired`, `planned`, `pending`, `refused` and
/// `failed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Secrets that the list contained.
    pub seen: u64,
    /// Secrets that a rule covers.
    pub covered: u64,
    /// Covered secrets that the lists of the Regions show in sync.
    pub compared: u64,
    /// Secrets that were read with `DescribeSecret`, because the lists do not show them in sync or because
    /// the sweep is thorough.
    pub described: u64,
    /// Secrets that needed no change.
    pub in_sync: u64,
    /// Secrets that needed a change, regardless of its result.
    pub drifted: u64,
    /// Secrets that were changed and have reached the wanted state.
    pub repaired: u64,
    /// Secrets of which at least one replica was created, overwritten, repaired or removed. Another Region of such
    /// a secret may be pending, refused or failed.
    pub secrets_changed: u64,
    /// Secrets whose changes were not made: in a dry run, or because the change limit was reached.
    pub planned: u64,
    /// Secrets that had not reached the wanted state at the deadline.
    pub pending: u64,
    /// Secrets with a refused Region.
    pub refused: u64,
    /// Secrets that cannot reach the wanted state or could not be read.
    pub failed: u64,
    /// Secrets left for the next sweep, because the change limit was reached.
    pub limited: u64,
    /// Replicas that were created, overwritten, recreated, repaired or removed, as far as AWS accepted the
    /// requests or may have executed them.
    pub changes: u64,
    /// The changes of replicas that had failed before.
    pub repeats: u64,
    /// Other secrets that were overwritten.
    pub overwritten: u64,
    /// The totals by the Region of the replicas.
    pub regions: BTreeMap<Region, RegionTotals>,
}

/// The totals of a sweep in one Region, in numbers of replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionTotals {
    /// Replicas that the list of the Region shows in sync.
    pub compared: u64,
    /// Replicas of secrets that were read with `DescribeSecret`.
    pub described: u64,
    /// Replicas that were already in sync.
    pub in_sync: u64,
    /// Replicas that this sweep brought in sync.
    pub repaired: u64,
    /// Replicas that this sweep removed.
    pub removed: u64,
    /// Replicas whose changes were not made: in a dry run, or because the change limit was reached.
    pub planned: u64,
    /// Replicas that were in progress at the deadline.
    pub pending: u64,
    /// Replicas that are refused, or unwanted but kept.
    pub refused: u64,
    /// Replicas that failed.
    pub failed: u64,
}

/// The maximum number of Regions in a token. AWS has fewer than fifty.
const MAX_REGIONS: usize = 100;

impl Totals {
    /// Returns the totals of a Region. `None` for a new Region if the totals already contain the
    /// maximum number of Regions.
    pub fn region_mut(&mut self, region: &Region) -> Option<&mut RegionTotals> {
        if !self.regions.contains_key(region) && self.regions.len() >= MAX_REGIONS {
            return None;
        }
        Some(self.regions.entry(region.clone()).or_default())
    }

    /// Adds the totals of another slice. The sums saturate, because a token may contain any number.
    pub fn add(&mut self, other: &Self) {
        let Self {
            seen,
            covered,
            compared,
            described,
            in_sync,
            drifted,
            repaired,
            secrets_changed,
            planned,
            pending,
            refused,
            failed,
            limited,
            changes,
            repeats,
            overwritten,
            regions,
        } = other;
        let sums = [
            (&mut self.seen, seen),
            (&mut self.covered, covered),
            (&mut self.compared, compared),
            (&mut self.described, described),
            (&mut self.in_sync, in_sync),
            (&mut self.drifted, drifted),
            (&mut self.repaired, repaired),
            (&mut self.secrets_changed, secrets_changed),
            (&mut self.planned, planned),
            (&mut self.pending, pending),
            (&mut self.refused, refused),
            (&mut self.failed, failed),
            (&mut self.limited, limited),
            (&mut self.changes, changes),
            (&mut self.repeats, repeats),
            (&mut self.overwritten, overwritten),
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

    /// Returns the number of replicas that were in progress at the deadline of their slice.
    #[must_use]
    pub fn replicas_pending(&self) -> u64 {
        let pending = self.regions.values().map(|region| region.pending);
        pending.fold(0, u64::saturating_add)
    }

    /// Returns the most severe outcome among the covered secrets.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let counts = [
            (self.failed, Outcome::Failed),
            (self.pending, Outcome::Pending),
            (self.refused, Outcome::Refused),
            (self.repaired, Outcome::Replicated),
            (self.planned, Outcome::Planned),
        ];
        let most_severe = counts.into_iter().find(|(count, _)| *count > 0);
        most_severe.map_or(Outcome::Unchanged, |(_, outcome)| outcome)
    }
}

impl RegionTotals {
    fn add(&mut self, other: &Self) {
        let Self {
            compared,
            described,
            in_sync,
            repaired,
            removed,
            planned,
            pending,
            refused,
            failed,
        } = other;
        let sums = [
            (&mut self.compared, compared),
            (&mut self.described, described),
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
