//! Tells the changes of others from failures: an owner may change the tags of a secret or remove its replica
//! while the function works.

use std::collections::BTreeSet;

use secret_replicator_aws::{CallErrorKind, MIN_CALL_TIME};
use secret_replicator_core::plan::{Decision, Plan, Step, decide};
use secret_replicator_core::reason::{FailureReason, Progress, Refusal, Superseded};
use secret_replicator_core::secret::{Region, RegionalSecret, SecretId};
use tokio::time::{Instant, sleep_until};

use super::basis::Basis;
use super::execution::Execution;
use super::follow::STALE_FOR;
use super::outcome::RegionState;
use super::regional_check::regions_in;
use super::{Occasion, Reconciler};
use crate::deadlines::Deadlines;

impl Reconciler {
    /// Requests the replicas again that AWS listed after the request and no longer lists, once, if the
    /// secret still wants them. AWS may drop the entry of a replica that failed, and another principal may
    /// have removed the replica. In that case the Region still has it for a while, and must not get a
    /// request.
    pub(super) async fn request_vanished(
        &self,
        basis: &Basis,
        execution: &mut Execution,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) {
        let vanished: Vec<Region> = execution.vanished().cloned().collect();
        if vanished.is_empty() || deadlines.is_too_late_to_write() {
            return;
        }
        let probed = self.probe_regions(&basis.secret, vanished, deadlines.end());
        let probed = probed.await;
        let id = SecretId::Arn(basis.secret.arn.clone());
        let Ok((mut now, read)) = self.secrets_manager.read(&id, deadlines.end()).await else {
            return;
        };
        now.probed.clone_from(&basis.secret.probed);
        let Decision::Act(fresh) = decide(&now, &self.policy, &self.limits) else {
            return;
        };
        let mut again = BTreeSet::new();
        for (region, found) in probed {
            if !matches!(fresh.steps.get(&region), Some(Step::Replicate(_))) {
                continue;
            }
            match found {
                RegionalSecret::Absent if execution.responses.contains_key(&region) => {
                    again.insert(region);
                }
                RegionalSecret::Absent | RegionalSecret::Replica { .. } => {
                    let removed = Superseded::RemovedByOther;
                    execution.superseded.insert(region, removed);
                }
                RegionalSecret::PromotedReplica => {
                    execution.promoted.insert(region);
                }
                // The next attempt requests a replica, and AWS says why it fails.
                RegionalSecret::OtherSecret => {}
            }
        }
        let again = Basis::new(now, fresh.only(&again), read);
        self.request_again(again, execution, occasion, deadlines)
            .await;
    }

    /// Reads the secret again if a Region has not reached the wanted state, decides again, and records the
    /// Regions for which the secret no longer wants it. One read may be older than the change that caused
    /// the work, so a second one, [`STALE_FOR`] later, must agree.
    pub(super) async fn note_superseded(
        &self,
        basis: &Basis,
        execution: &mut Execution,
        deadlines: &Deadlines,
    ) {
        let Basis { secret, plan, .. } = basis;
        if basis.read.is_fresh() && !execution.was_not_found() {
            return;
        }
        let mut open = regions_in(secret, plan, Some(execution), is_open);
        self.keep_superseded(basis, &mut open, deadlines).await;
        let again = Instant::now() + STALE_FOR;
        if open.is_empty() || again + MIN_CALL_TIME > deadlines.end() {
            return;
        }
        sleep_until(again).await;
        self.keep_superseded(basis, &mut open, deadlines).await;
        let changed = |region| (region, Superseded::SecretChanged);
        execution.superseded.extend(open.into_iter().map(changed));
    }

    /// Keeps the Regions for which another read shows that the secret no longer wants the plan's state.
    async fn keep_superseded(
        &self,
        basis: &Basis,
        regions: &mut Vec<Region>,
        deadlines: &Deadlines,
    ) {
        if regions.is_empty() {
            return;
        }
        let id = SecretId::Arn(basis.secret.arn.clone());
        let fresh = match self.secrets_manager.describe(&id, deadlines.end()).await {
            Ok(now) => match decide(&now, &self.policy, &self.limits) {
                Decision::Act(fresh) => Some(fresh),
                Decision::Skip(_) => None,
            },
            // The secret was deleted.
            Err(error) if error.kind == CallErrorKind::NotFound => None,
            Err(_) => return regions.clear(),
        };
        regions.retain(|region| is_superseded(region, &basis.plan, fresh.as_ref()));
    }
}

/// Returns whether a later read may show that the state is not a failure.
fn is_open(state: &RegionState) -> bool {
    match state {
        RegionState::Failed(reason, _) => *reason != FailureReason::ReplicaStranded,
        // The Region must confirm that a removed replica is gone.
        RegionState::InProgress(progress) => !matches!(progress, Progress::RemovalInProgress(_)),
        _ => false,
    }
}

/// Compares the plan with the one of a later read, which is `None` if no rule covers the secret any more.
fn is_superseded(region: &Region, plan: &Plan, fresh: Option<&Plan>) -> bool {
    let Some(fresh) = fresh else {
        return true;
    };
    let was_unwanted = plan.unwanted().any(|(unwanted, _)| unwanted == region);
    match fresh.steps.get(region) {
        Some(Step::Remove(..) | Step::AwaitRemoval(..)) => !was_unwanted,
        None | Some(Step::Retain(..) | Step::Refuse(Refusal::ForbiddenByPolicy(_), _)) => true,
        Some(_) => was_unwanted,
    }
}
