//! Repairs failed replicas that a retry does not change, by removing and recreating them. Detects promoted
//! former replicas that block a request.

use std::collections::BTreeSet;

use secret_replicator_aws::CallError;
use secret_replicator_core::limits::RemovalLimit;
use secret_replicator_core::plan::{Decision, Plan, Step, Target, decide, failure_of};
use secret_replicator_core::policy;
use secret_replicator_core::secret::{Region, RegionalSecret, ReplicaStatus, Secret, SecretId};
use tokio::time::Instant;

use super::Reconciler;
use super::execution::{Execution, Response};
use super::removal_progress::RemovalProgress;
use crate::change_budget::ChangeBudget;
use crate::deadlines::Deadlines;

/// The changes that removing and recreating a replica takes.
const CHANGES_TO_RECREATE: u64 = 2;

impl Reconciler {
    /// Removes and recreates the failed replicas that a retry has not changed. Acts only if the policy
    /// and the settings allow removal, and only in Regions that have no secret of this name: such a
    /// replica was never in sync, so its removal loses no data.
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
        // Following the replicas of other Regions may have used up the time of this slice of a sweep. The
        // removal is not deferred to the next slice, which would run out of time in the same way.
        if empty.is_empty() || deadlines.is_too_late_to_write() {
            return;
        }
        let needed = CHANGES_TO_RECREATE * empty.len() as u64;
        let Ok(reservation) = changes.reserve(needed, Instant::now()).await else {
            return;
        };
        let (gone, removed) = self.remove_empty(secret, empty, execution, deadlines).await;
        let again = self
            .still_wanted(secret, plan, gone, execution, deadlines)
            .await;
        let requested = self
            .replicate_again(secret, &again, execution, deadlines)
            .await;
        reservation.commit(removed + requested);
    }

    /// Returns the Regions in which a request has just failed because a promoted former replica of the
    /// secret has the name. The record then refuses them; otherwise the first attempt after a failover
    /// would fail the event.
    pub(super) async fn promoted_replicas(
        &self,
        secret: &Secret,
        plan: &Plan,
        execution: &Execution,
        deadlines: &Deadlines,
    ) -> BTreeSet<Region> {
        let is_taken = |region: &&Region| {
            let seen = execution.observations.of(region);
            seen.is_some_and(|seen| {
                seen.replica.status == ReplicaStatus::Failed
                    && failure_of(&seen.replica).is_about_the_name()
            })
        };
        let taken = plan.targets().map(Target::region).filter(is_taken);
        let taken = taken.cloned().collect();
        let mut probed = self.probe_regions(secret, taken, deadlines.end()).await;
        probed.retain(|_, found| *found == RegionalSecret::PromotedReplica);
        probed.into_keys().collect()
    }

    /// Removes empty replicas. Returns the Regions whose replica is gone, and the number of removals
    /// that were requested.
    async fn remove_empty(
        &self,
        secret: &Secret,
        regions: BTreeSet<Region>,
        execution: &mut Execution,
        deadlines: &Deadlines,
    ) -> (BTreeSet<Region>, u64) {
        let removals = self.remove_and_follow(secret, &regions, deadlines).await;
        let is_sent = |removal: &&RemovalProgress| !matches!(removal, RemovalProgress::NotSent);
        let removed = removals.values().filter(is_sent).count();
        let is_gone =
            |region: &Region| matches!(removals.get(region), Some(RemovalProgress::Gone(_)));
        let (gone, remaining): (BTreeSet<Region>, BTreeSet<Region>) =
            regions.into_iter().partition(is_gone);
        let removals = removals
            .into_iter()
            .filter(|(region, _)| remaining.contains(region));
        execution.removals.extend(removals);
        (gone, removed as u64)
    }

    /// Requests the removed replicas again and follows them. Returns the number of requested replicas.
    async fn replicate_again(
        &self,
        secret: &Secret,
        again: &Plan,
        execution: &mut Execution,
        deadlines: &Deadlines,
    ) -> u64 {
        let regions: BTreeSet<Region> = again.steps.keys().cloned().collect();
        if regions.is_empty() {
            return 0;
        }
        let mut without = secret.clone();
        without
            .replicas
            .retain(|region, _| !regions.contains(region));
        let again = self
            .replicate_and_follow(&without, again, None, deadlines)
            .await;
        let may_be_made = |response: &&Response| response.was_ambiguous || !response.is_unsent();
        let requested = again.responses.values().filter(may_be_made).count();
        execution.observations.forget(&regions);
        execution.responses.extend(again.responses);
        execution.observations.extend(again.observations);
        execution.recreated = regions;
        requested as u64
    }

    /// Returns the Regions of failed replicas that a retry has not changed and that exist only as an entry
    /// in the primary secret's list of replicas.
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
        let mut probed = self.probe_regions(secret, stuck, deadlines.end()).await;
        probed.retain(|_, found| *found == RegionalSecret::Absent);
        probed.into_keys().collect()
    }

    /// Reads the secret, decides again, and returns the steps for the removed replicas that the new plan
    /// wants as `plan` did. Records the progress of the other removals.
    async fn still_wanted(
        &self,
        secret: &Secret,
        plan: &Plan,
        gone: BTreeSet<Region>,
        execution: &mut Execution,
        deadlines: &Deadlines,
    ) -> Plan {
        if gone.is_empty() {
            return plan.only(&gone);
        }
        let fresh = self.decide_without(secret, &gone, deadlines).await;
        let mut again = BTreeSet::new();
        for region in gone {
            let wanted = plan.steps.get(&region).and_then(Step::target);
            if let (Ok(fresh), Some(wanted)) = (&fresh, wanted)
                && fresh.target_like(wanted).is_some()
            {
                again.insert(region);
                continue;
            }
            // If the replica is already in progress, or the read failed, the next attempt decides.
            let is_kept = |plan: &Plan| matches!(plan.steps.get(&region), Some(Step::Keep(_)));
            let removal = match &fresh {
                Err(_) => RemovalProgress::Accepted,
                Ok(Decision::Act(fresh)) if is_kept(fresh) => RemovalProgress::Accepted,
                Ok(_) => RemovalProgress::Gone(None),
            };
            execution.removals.insert(region, removal);
        }
        match fresh {
            Ok(Decision::Act(fresh)) => fresh.only(&again),
            _ => plan.only(&BTreeSet::new()),
        }
    }

    /// Reads the secret and decides again, without the replicas that are gone.
    async fn decide_without(
        &self,
        secret: &Secret,
        gone: &BTreeSet<Region>,
        deadlines: &Deadlines,
    ) -> Result<Decision, CallError> {
        let id = SecretId::Arn(secret.arn.clone());
        let mut now = self.secrets_manager.describe(&id, deadlines.end()).await?;
        // A read may still show a replica that is gone.
        for region in gone {
            if now.replicas.get(region) == secret.replicas.get(region) {
                now.replicas.remove(region);
            }
        }
        Ok(decide(&now, &self.policy, &self.limits))
    }

    /// Keeps the Regions whose failed replica is unchanged in another read.
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
        now.probed.clone_from(&secret.probed);
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

/// Returns the Regions whose failed replica has not changed in any poll since the retry, although AWS has
/// answered the request. Includes only failures whose cause is in the Region and visible there. Other
/// failures may recover without a repair or have an unknown cause, so their replicas are not recreated.
fn stuck(secret: &Secret, plan: &Plan, execution: &Execution) -> Vec<Region> {
    let is_stuck = |region: &Region| {
        let Some(before) = secret.replicas.get(region) else {
            return false;
        };
        failure_of(before).needs_manual_fix()
            && execution.was_answered(region)
            && execution.observations.never_moved(region, before)
    };
    let retried = plan.steps.iter().filter_map(|(region, step)| match step {
        Step::Retry(_) => Some(region),
        _ => None,
    });
    retried.filter(|region| is_stuck(region)).cloned().collect()
}
