//! Counts the outcomes of secrets.

use std::collections::BTreeSet;

use secret_replicator_core::outcome::Outcome;
use secret_replicator_core::secret::Region;
use secret_replicator_core::sweep::Totals;

use crate::change_budget::Deferred;
use crate::reconcile::{RegionOutcome, RegionState, SecretOutcome};

/// Adds one secret to the totals whose replicas in these Regions are in sync, as the lists show.
pub(super) fn count_in_sync(totals: &mut Totals, regions: &BTreeSet<Region>) {
    totals.covered += 1;
    totals.compared += 1;
    totals.in_sync += 1;
    for region in regions {
        if let Some(totals) = totals.region_mut(region) {
            totals.compared += 1;
            totals.in_sync += 1;
        }
    }
}

/// Adds one reconciled secret to the totals.
pub(crate) fn count(totals: &mut Totals, secret: &SecretOutcome) {
    totals.described += u64::from(!matches!(secret, SecretOutcome::NotReached));
    match secret {
        SecretOutcome::Unreadable(_)
        | SecretOutcome::BadEvent(_)
        | SecretOutcome::Misconfigured(_)
        | SecretOutcome::Internal(_) => {
            totals.failed += 1;
            return;
        }
        // The secret was covered in the list, but has been deleted or untagged since.
        SecretOutcome::Skipped(..)
        | SecretOutcome::Failover(_)
        | SecretOutcome::NotFound(_)
        | SecretOutcome::NotReached
        | SecretOutcome::DeploymentCheck(_) => return,
        SecretOutcome::NoValueYet(..) | SecretOutcome::Covered { .. } => {}
    }
    totals.covered += 1;
    let is_limited = secret.deferred() == Some(Deferred::ChangeLimitReached);
    totals.limited += u64::from(is_limited);
    let is_drift = |region: &RegionOutcome| region.action.is_change();
    totals.drifted += u64::from(secret.regions().iter().any(is_drift));
    match secret.outcome() {
        Outcome::Skipped | Outcome::Unchanged => totals.in_sync += 1,
        Outcome::Replicated | Outcome::Promoted => totals.repaired += 1,
        Outcome::Planned => totals.planned += 1,
        Outcome::Pending => totals.pending += 1,
        Outcome::Refused => totals.refused += 1,
        Outcome::Failed => totals.failed += 1,
    }
    for region in secret.regions() {
        count_region(totals, region);
    }
}

/// Adds the writes of one secret to the totals. A later slice finds their Regions in the wanted state, so they
/// count also if it has to finish the secret or its page.
pub(super) fn count_writes(totals: &mut Totals, secret: &SecretOutcome) {
    let regions = || secret.regions().iter();
    let overwritten = regions().filter(|region| region.is_overwritten());
    totals.overwritten += overwritten.map(|_| 1).sum::<u64>();
    totals.secrets_changed += u64::from(secret.is_repaired());
}

fn count_region(totals: &mut Totals, outcome: &RegionOutcome) {
    if outcome.state.is_excluded() {
        return;
    }
    let region = outcome.region.as_ref().ok();
    let Some(totals) = region.and_then(|region| totals.region_mut(region)) else {
        return;
    };
    totals.described += 1;
    let count = match &outcome.state {
        RegionState::InSync(None) => &mut totals.in_sync,
        RegionState::InSync(Some(_)) => &mut totals.repaired,
        RegionState::Removed(..) => &mut totals.removed,
        RegionState::Planned | RegionState::PlannedRemoval(_) => &mut totals.planned,
        RegionState::InProgress(_) => &mut totals.pending,
        RegionState::Refused(..) | RegionState::Retained(..) => &mut totals.refused,
        RegionState::Failed(..) => &mut totals.failed,
        RegionState::Superseded(_) => return,
    };
    *count += 1;
}
