use std::collections::BTreeMap;

use secret_replicator_core::secret::Region;
use serde::Serialize;

use crate::coverage::{Cell, Change, Coverage, DryRun, State};

/// The numbers of a plan. Each covered secret counts once among `in_sync`, `planned`, `pending`, `refused` and
/// `failed`, as in the record of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Secrets that the policy covers.
    pub(crate) covered: u64,
    /// Secrets that need no change.
    pub(crate) in_sync: u64,
    /// Secrets that would be changed.
    pub(crate) planned: u64,
    /// Secrets with a replica in progress.
    pub(crate) pending: u64,
    /// Secrets with a refused Region.
    pub(crate) refused: u64,
    /// Secrets that cannot reach the wanted state or could not be read.
    pub(crate) failed: u64,
    /// The numbers of replicas by Region.
    pub(crate) regions: BTreeMap<String, RegionCounts>,
    #[serde(skip)]
    pub(crate) replicas_today: u64,
    #[serde(skip)]
    pub(crate) replicas_after: u64,
}

/// The numbers of replicas in a Region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RegionCounts {
    /// Replicas in sync.
    pub(crate) in_sync: u64,
    /// Replicas that AWS reports in sync, and that have another version.
    pub(crate) behind: u64,
    /// Replicas in progress.
    pub(crate) in_progress: u64,
    /// Replicas to create.
    pub(crate) create: u64,
    /// Replicas to create whose name is taken, so that the request would fail. A part of `create`.
    pub(crate) name_taken: u64,
    /// Secrets to overwrite.
    pub(crate) overwrite: u64,
    /// Failed replicas to request again.
    pub(crate) repair: u64,
    /// Replicas to remove.
    pub(crate) remove: u64,
    /// Refused Regions, and replicas that are kept although no rule wants them, by reason.
    pub(crate) refused: BTreeMap<&'static str, u64>,
    /// Failed replicas by reason.
    pub(crate) failed: BTreeMap<&'static str, u64>,
}

impl Summary {
    /// Adds a secret.
    pub(crate) fn add(&mut self, coverage: &Coverage) {
        if !coverage.is_covered() {
            return;
        }
        self.covered += 1;
        let outcomes = coverage.regions.iter().map(|cell| cell.dry_run);
        let count = match outcomes.max_by_key(|outcome| severity(*outcome)) {
            Some(DryRun::Failed) => &mut self.failed,
            Some(DryRun::Pending) => &mut self.pending,
            Some(DryRun::Refused) => &mut self.refused,
            Some(DryRun::Planned(_)) => &mut self.planned,
            Some(DryRun::None | DryRun::Excluded | DryRun::InSync) | None => &mut self.in_sync,
        };
        *count += 1;
        for cell in &coverage.regions {
            self.add_cell(cell);
        }
    }

    fn add_cell(&mut self, cell: &Cell) {
        let after = match cell.dry_run {
            DryRun::Planned(Change::Remove) => false,
            DryRun::Planned(_) => !cell.is_name_taken() || cell.is_billed,
            _ => cell.is_billed,
        };
        self.replicas_today += u64::from(cell.is_billed);
        self.replicas_after += u64::from(after);
        let region = cell.region.as_deref();
        if let Some(region) = region.filter(|region| Region::parse(region).is_ok())
            && !matches!(cell.dry_run, DryRun::None | DryRun::Excluded)
        {
            let counts = self.regions.entry(region.to_owned()).or_default();
            counts.add(cell);
        }
    }

    /// Returns whether there is nothing to do and nothing to fix.
    pub(crate) fn is_settled(&self) -> bool {
        let is_behind = self.regions.values().any(|counts| counts.behind > 0);
        self.planned + self.refused + self.failed == 0 && !is_behind
    }
}

impl RegionCounts {
    fn add(&mut self, cell: &Cell) {
        let reason = cell.reason.unwrap_or("unknown");
        let count = match cell.dry_run {
            DryRun::None | DryRun::Excluded => return,
            DryRun::InSync if cell.state == State::InSync => &mut self.in_sync,
            DryRun::InSync => &mut self.behind,
            DryRun::Pending => &mut self.in_progress,
            DryRun::Refused => self.refused.entry(reason).or_default(),
            DryRun::Failed => self.failed.entry(reason).or_default(),
            DryRun::Planned(Change::Create) => {
                self.name_taken += u64::from(cell.is_name_taken());
                &mut self.create
            }
            DryRun::Planned(Change::Overwrite) => &mut self.overwrite,
            DryRun::Planned(Change::Repair) => &mut self.repair,
            DryRun::Planned(Change::Remove) => &mut self.remove,
        };
        *count += 1;
    }
}

/// Returns the rank of an outcome, as the record of the function has it.
fn severity(outcome: DryRun) -> u8 {
    match outcome {
        DryRun::None | DryRun::Excluded | DryRun::InSync => 0,
        DryRun::Planned(_) => 1,
        DryRun::Refused => 2,
        DryRun::Pending => 3,
        DryRun::Failed => 4,
    }
}

/// Returns whether the report shows the secret: a Region changes, is refused, failed or is behind.
pub(super) fn is_noteworthy(coverage: &Coverage) -> bool {
    coverage.is_covered() && coverage.regions.iter().any(is_noteworthy_cell)
}

/// Returns whether the report shows the Region.
pub(super) fn is_noteworthy_cell(cell: &Cell) -> bool {
    match cell.dry_run {
        DryRun::None | DryRun::Excluded | DryRun::Pending => false,
        DryRun::InSync => cell.state != State::InSync,
        DryRun::Planned(_) | DryRun::Refused | DryRun::Failed => true,
    }
}
