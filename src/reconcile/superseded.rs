//! Tells the changes of others from failures: an owner may change the tags of a secret or remove its replica
//! while the function works.

use std::collections::BTreeSet;

use secret_replicator_aws::CallErrorKind;
use secret_replicator_core::plan::{Decision, Plan, Step, decide};
use secret_replicator_core::reason::{FailureReason, Progress, Refusal, Superseded};
use secret_replicator_core::secret::{Region, RegionalSecret, SecretId};

use super::Reconciler;
use super::basis::Basis;
use super::execution::Execution;
use super::outcome::RegionState;
use super::regional_check::regions_in;
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
                RegionalSecret::Replica { .. } => {
                    let removed = Superseded::RemovedByOther;
                    execution.superseded.insert(region, removed);
                }
                _ => {}
            }
        }
        let again = Basis::new(now, fresh.only(&again), read);
        self.request_again(again, execution, deadlines).await;
    }

    /// Reads the secret again if a Region has not reached the wanted state, decides again, and records the
    /// Regions for which the secret no longer wants it.
    pub(super) async fn note_superseded(
        &self,
        basis: &Basis,
        execution: &mut Execution,
        deadlines: &Deadlines,
    ) {
        let Basis { secret, plan, .. } = basis;
        if basis.read.is_fresh() {
            return;
        }
        let open = regions_in(secret, plan, execution, is_open);
        if open.is_empty() {
            return;
        }
        let id = SecretId::Arn(secret.arn.clone());
        let fresh = match self.secrets_manager.describe(&id, deadlines.end()).await {
            Ok(now) => match decide(&now, &self.policy, &self.limits) {
                Decision::Act(fresh) => Some(fresh),
                Decision::Skip(_) => None,
            },
            // One read may not find a new secret yet. Two of them show that it was deleted.
            Err(error) if error.kind == CallErrorKind::NotFound && execution.was_not_found() => {
                None
            }
            Err(_) => return,
        };
        for region in open {
            if is_superseded(&region, plan, fresh.as_ref()) {
                let changed = Superseded::SecretChanged;
                execution.superseded.insert(region, changed);
            }
        }
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
