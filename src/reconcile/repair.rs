//! Repairs failed replicas that a retry does not change, by removing and recreating them. Detects promoted
//! former replicas that block a request.

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_aws::{CallError, ReadTime};
use secret_replicator_core::limits::RemovalLimit;
use secret_replicator_core::plan::{Decision, Plan, Step, decide, failure_of};
use secret_replicator_core::policy;
use secret_replicator_core::secret::{
    Region, RegionalSecret, Replica, ReplicaStatus, Secret, SecretId,
};
use tokio::time::Instant;

use super::basis::Basis;
use super::execution::Execution;
use super::removal_progress::{RemovalProgress, Removals};
use super::{Occasion, Reconciler};
use crate::deadlines::Deadlines;

impl Reconciler {
    /// Removes and recreates the failed replicas that a retry has not changed. Acts only if the policy
    /// and the settings allow removal, and only in Regions that have no secret of this name: such a
    /// replica was never in sync, so its removal loses no data.
    pub(super) async fn recreate(
        &self,
        basis: &Basis,
        execution: &mut Execution,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) {
        let empty = self.empty_replicas(basis, execution, deadlines).await;
        // Following the replicas of other Regions may have used up the time of this slice of a sweep. The
        // removal is not deferred to the next slice, which would run out of time in the same way.
        if empty.is_empty() || deadlines.is_too_late_to_write() {
            return;
        }
        let gone = self
            .remove_empty(&basis.secret, empty, execution, deadlines)
            .await;
        if let Some(again) = self.still_wanted(basis, gone, execution, deadlines).await {
            let requested = self.request_again(again, execution, occasion, deadlines);
            execution.recreated = requested.await;
        }
    }

    /// Returns the Regions in which a request has just failed because a promoted former replica of the
    /// secret has the name, or in which AWS failed to replicate a new version for that reason. The record then
    /// refuses them; otherwise the first attempt after a failover would fail the event.
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
        let taken = plan.steps.keys().filter(is_taken);
        let taken = taken.cloned().collect();
        let mut probed = self.probe_regions(secret, taken, deadlines.end()).await;
        probed.retain(|_, found| *found == RegionalSecret::PromotedReplica);
        probed.into_keys().collect()
    }

    /// Removes empty replicas. Returns the Regions whose replica is gone.
    async fn remove_empty(
        &self,
        secret: &Secret,
        regions: Vec<Region>,
        execution: &mut Execution,
        deadlines: &Deadlines,
    ) -> BTreeSet<Region> {
        let mut removals = self.request_empty(secret, regions, deadlines).await;
        execution.note_requested(&removals);
        self.follow_removals(secret, &mut removals, deadlines).await;
        let (gone, remaining): (Removals, Removals) = removals
            .into_iter()
            .partition(|(_, removal)| matches!(removal, RemovalProgress::Gone(_)));
        execution.removals.extend(remaining);
        gone.into_keys().collect()
    }

    /// Requests the removal of the replicas that are still stuck in another read. Repeats the request while
    /// AWS throttles it and time remains.
    async fn request_empty(
        &self,
        secret: &Secret,
        regions: Vec<Region>,
        deadlines: &Deadlines,
    ) -> Removals {
        let mut retries = deadlines.retry_while_throttled();
        let mut removals = Removals::new();
        let mut open = regions;
        loop {
            let Some(slot) = self.secrets_manager.write_slot(deadlines.end()).await else {
                let unsent = open.into_iter();
                removals.extend(unsent.map(|region| (region, RemovalProgress::NotSent)));
                return removals;
            };
            let Some((stuck, read)) = self.still_stuck(secret, open, deadlines).await else {
                return removals;
            };
            let requested = self.request_removal(secret, stuck.clone(), (read, slot), deadlines);
            removals.extend(requested.await);
            open = stuck;
            open.retain(|region| {
                let removal = removals.get(region);
                removal.is_none_or(RemovalProgress::is_to_be_requested)
            });
            if open.is_empty() || !retries.pause().await {
                return removals;
            }
        }
    }

    /// Requests the replicas of a plan again and follows them. Returns their Regions.
    pub(super) async fn request_again(
        &self,
        again: Basis,
        execution: &mut Execution,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) -> BTreeSet<Region> {
        let regions: BTreeSet<Region> = again.plan.steps.keys().cloned().collect();
        if regions.is_empty() {
            return regions;
        }
        let requested = Instant::now();
        let responses = self
            .replicate_granted(&again, &BTreeSet::new(), None, occasion, deadlines)
            .await;
        let Basis { secret, plan, .. } = &again;
        let observations = self
            .follow(secret, plan, &responses, requested, deadlines)
            .await;
        execution.request_again(&regions, responses, observations);
        regions
    }

    /// Returns the Regions of failed replicas that a retry has not changed and that exist only as an entry
    /// in the primary secret's list of replicas.
    async fn empty_replicas(
        &self,
        basis: &Basis,
        execution: &Execution,
        deadlines: &Deadlines,
    ) -> Vec<Region> {
        if self.policy.removal() != policy::Removal::Covered
            || self.limits.removal != RemovalLimit::Allowed
        {
            return Vec::new();
        }
        let Basis { secret, plan, .. } = basis;
        let stuck = stuck(secret, plan, execution);
        let mut probed = self.probe_regions(secret, stuck, deadlines.end()).await;
        probed.retain(|_, found| *found == RegionalSecret::Absent);
        probed.into_keys().collect()
    }

    /// Reads the secret, decides again, and returns the steps for the removed replicas that the new plan
    /// wants as the first one did. Records the progress of the other removals.
    async fn still_wanted(
        &self,
        basis: &Basis,
        gone: BTreeSet<Region>,
        execution: &mut Execution,
        deadlines: &Deadlines,
    ) -> Option<Basis> {
        if gone.is_empty() {
            return None;
        }
        let fresh = self.read_without(&basis.secret, &gone, deadlines).await;
        let decision = match &fresh {
            Ok((now, ..)) => Some(decide(now, &self.policy, &self.limits)),
            Err(_) => None,
        };
        let mut again = BTreeSet::new();
        for region in gone {
            let wanted = basis.plan.steps.get(&region).and_then(Step::target);
            if let (Some(fresh), Some(wanted)) = (&decision, wanted)
                && fresh.target_like(wanted).is_some()
            {
                again.insert(region);
                continue;
            }
            // If the replica is already in progress, or the read failed, the next attempt decides.
            let is_kept = |plan: &Plan| matches!(plan.steps.get(&region), Some(Step::Keep(_)));
            let removal = match &decision {
                None => RemovalProgress::Accepted,
                Some(Decision::Act(fresh)) if is_kept(fresh) => RemovalProgress::Accepted,
                Some(_) => RemovalProgress::Gone(None),
            };
            execution.removals.insert(region, removal);
        }
        let (secret, read, removed) = fresh.ok()?;
        match decision {
            Some(Decision::Act(fresh)) => Some(Basis {
                plan: fresh.only(&again),
                secret,
                read,
                removed,
            }),
            _ => None,
        }
    }

    /// Reads the secret, without the replicas that are gone. Also returns those replicas.
    async fn read_without(
        &self,
        secret: &Secret,
        gone: &BTreeSet<Region>,
        deadlines: &Deadlines,
    ) -> Result<(Secret, ReadTime, BTreeMap<Region, Replica>), CallError> {
        let (mut now, read) = self.read_again(secret, deadlines.end()).await?;
        let removed = secret.replicas.iter();
        let removed = removed.filter(|(region, _)| gone.contains(*region));
        let removed: BTreeMap<Region, Replica> = removed
            .map(|(region, replica)| (region.clone(), replica.clone()))
            .collect();
        // A read may still show a replica that is gone.
        now.replicas
            .retain(|region, replica| removed.get(region) != Some(replica));
        Ok((now, read, removed))
    }

    /// Keeps the Regions whose failed replica is unchanged in another read. Returns the time of that read.
    async fn still_stuck(
        &self,
        secret: &Secret,
        mut regions: Vec<Region>,
        deadlines: &Deadlines,
    ) -> Option<(Vec<Region>, ReadTime)> {
        let id = SecretId::Arn(secret.arn.clone());
        let read = self.secrets_manager.read(&id, deadlines.end()).await;
        let (mut now, time) = read.ok()?;
        now.probed.clone_from(&secret.probed);
        let Decision::Act(fresh) = decide(&now, &self.policy, &self.limits) else {
            return None;
        };
        regions.retain(|region| {
            matches!(fresh.steps.get(region), Some(Step::Retry(_)))
                && now.replicas.get(region) == secret.replicas.get(region)
        });
        Some((regions, time))
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
