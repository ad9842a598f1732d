//! Repairs failed replicas that a retry does not move: removes the empty replica and requests it again.

use std::collections::BTreeSet;

use secret_replicator_core::limits::RemovalLimit;
use secret_replicator_core::plan::{Decision, Plan, Step, decide, failure_of};
use secret_replicator_core::policy;
use secret_replicator_core::reason::FailureReason;
use secret_replicator_core::secret::{Region, Secret, SecretId};
use tokio::time::Instant;

use super::Reconciler;
use super::execution::{Execution, RemovalProgress, Response};
use crate::change_budget::ChangeBudget;
use crate::deadlines::Deadlines;

/// A replica that is removed and requested again is two changes.
const CHANGES_TO_RECREATE: u64 = 2;

impl Reconciler {
    /// Removes and requests again the failed replicas that a retry has not moved. Only where the policy
    /// and the settings allow removal, and only where the Region has no secret of this name: then the
    /// replica never was in sync, and nothing is lost with it.
    pub(super) async fn recreate(
        &self,
        secret: &Secret,
        plan: &Plan,
        execution: &mut Execution,
        deadlines: &Deadlines,
        changes: &ChangeBudget,
    ) {
        let empty = self
            .empty_replicas(secret, plan, execution, deadlines)
            .await;
        let needed = CHANGES_TO_RECREATE * empty.len() as u64;
        // Following the replicas of other Regions may have used up this slice of a sweep. The next
        // slice would end the same way, so the removal is not deferred to it.
        if empty.is_empty() || deadlines.is_too_late_to_write() {
            return;
        }
        let Ok(reservation) = changes.reserve(needed, Instant::now()).await else {
            return;
        };
        let removals = self.remove_and_follow(secret, &empty, deadlines).await;
        let is_sent = |removal: &&RemovalProgress| !matches!(removal, RemovalProgress::NotSent);
        let removed = removals.values().filter(is_sent).count();
        let is_gone = |region: &Region| matches!(removals.get(region), Some(RemovalProgress::Gone));
        let (gone, there): (BTreeSet<Region>, BTreeSet<Region>) =
            empty.into_iter().partition(is_gone);
        let removals = removals
            .into_iter()
            .filter(|(region, _)| there.contains(region));
        execution.removals.extend(removals);
        let gone = self
            .still_wanted(secret, plan, gone, execution, deadlines)
            .await;
        if gone.is_empty() {
            reservation.commit(removed as u64);
            return;
        }
        let mut without = secret.clone();
        without.replicas.retain(|region, _| !gone.contains(region));
        let again = self
            .replicate_and_follow(&without, &plan.only(&gone), None, deadlines)
            .await;
        let may_be_made = |response: &&Response| response.was_ambiguous || !response.is_unsent();
        let requested = again.responses.values().filter(may_be_made).count();
        reservation.commit((removed + requested) as u64);
        execution.observations.forget(&gone);
        execution.responses.extend(again.responses);
        execution.observations.extend(again.observations);
        execution.recreated = gone;
    }

    /// The Regions of failed replicas that a retry has not moved, and that exist only as a row in their
    /// primary secret's list.
    async fn empty_replicas(
        &self,
        secret: &Secret,
        plan: &Plan,
        execution: &Execution,
        deadlines: &Deadlines,
    ) -> BTreeSet<Region> {
        if self.policy.removal() != policy::Removal::Covered
            || self.limits.removal != RemovalLimit::Allowed
        {
            return BTreeSet::new();
        }
        let stuck = stuck(secret, plan, execution);
        let stuck = self.still_stuck(secret, stuck, deadlines).await;
        self.names_available(secret, stuck, deadlines.end()).await
    }

    /// Of the Regions whose replica is gone, those for which a new read leads to the same request as the
    /// plan. Notes what became of the others.
    async fn still_wanted(
        &self,
        secret: &Secret,
        plan: &Plan,
        mut gone: BTreeSet<Region>,
        execution: &mut Execution,
        deadlines: &Deadlines,
    ) -> BTreeSet<Region> {
        if gone.is_empty() {
            return gone;
        }
        let id = SecretId::Arn(secret.arn.clone());
        let now = self.secrets_manager.describe(&id, deadlines.end()).await;
        let fresh = now.map(|mut now| {
            // A read may still show what is gone.
            for region in &gone {
                if now.replicas.get(region) == secret.replicas.get(region) {
                    now.replicas.remove(region);
                }
            }
            decide(&now, &self.policy, &self.limits)
        });
        gone.retain(|region| {
            let step = match &fresh {
                Ok(Decision::Act(fresh)) => fresh.steps.get(region),
                _ => None,
            };
            let wanted = plan.steps.get(region).and_then(Step::target);
            if step.is_some_and(|step| step.target() == wanted) {
                return true;
            }
            // If the replica is in progress already, or the read failed, the next attempt decides.
            let is_open = fresh.is_err() || matches!(step, Some(Step::Keep(_)));
            let removal = if is_open {
                RemovalProgress::Accepted
            } else {
                RemovalProgress::Gone
            };
            execution.removals.insert(region.clone(), removal);
            false
        });
        gone
    }

    /// Of these Regions, those whose failed replica another read shows unchanged.
    async fn still_stuck(
        &self,
        secret: &Secret,
        mut regions: Vec<Region>,
        deadlines: &Deadlines,
    ) -> Vec<Region> {
        if regions.is_empty() {
            return regions;
        }
        let id = SecretId::Arn(secret.arn.clone());
        let Ok(mut now) = self.secrets_manager.describe(&id, deadlines.end()).await else {
            return Vec::new();
        };
        now.name_available.clone_from(&secret.name_available);
        let Decision::Act(fresh) = decide(&now, &self.policy, &self.limits) else {
            return Vec::new();
        };
        regions.retain(|region| {
            matches!(fresh.steps.get(region), Some(Step::Retry(_)))
                && now.replicas.get(region) == secret.replicas.get(region)
        });
        regions
    }
}

/// The Regions whose failed replica no poll has shown changed since it was requested again, although
/// AWS has answered. A key that does not work is not a reason to remove the replica: a retry will
/// succeed as soon as the key works.
fn stuck(secret: &Secret, plan: &Plan, execution: &Execution) -> Vec<Region> {
    let is_stuck = |region: &Region| {
        let Some(before) = secret.replicas.get(region) else {
            return false;
        };
        let reason = failure_of(before);
        let may_be_stuck = reason == FailureReason::ReplicationFailed || reason.needs_manual_fix();
        may_be_stuck
            && execution.was_answered(region)
            && execution.observations.never_moved(region, before)
    };
    let retried = plan.steps.iter().filter_map(|(region, step)| match step {
        Step::Retry(_) => Some(region),
        _ => None,
    });
    retried.filter(|region| is_stuck(region)).cloned().collect()
}
