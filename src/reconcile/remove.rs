//! Removes replicas that no rule wants, as the last step, after every wanted replica is in sync.

use std::collections::BTreeSet;

use secret_replicator_aws::CallErrorKind;
use secret_replicator_core::plan::{Decision, Plan, Step, decide};
use secret_replicator_core::reason::RemovalReason;
use secret_replicator_core::secret::{Region, Secret, SecretId};

use super::Reconciler;
use super::execution::Execution;
use super::outcome::{RegionState, region_outcomes};
use super::removal_progress::{RemovalProgress, Removals, Unlisted};
use crate::deadlines::Deadlines;

impl Reconciler {
    /// Removes the replicas that no rule wants, after every wanted replica is in sync, and follows each
    /// removal until the replica is gone from its Region. A replica in progress is removed when it is in
    /// sync. Replicas are often in progress after a change of tags, because AWS copies the tags to all
    /// replicas.
    ///
    /// Reads the secret just before each request, because it may have changed since the plan.
    pub(super) async fn remove_unwanted(
        &self,
        secret: &Secret,
        plan: &Plan,
        execution: &mut Execution,
        deadlines: &Deadlines,
    ) {
        let first = |(region, reason): (&Region, &RemovalReason)| {
            let removal = if allows_removal(secret, plan, execution, reason) {
                RemovalProgress::Pending
            } else {
                RemovalProgress::Blocked
            };
            (region.clone(), removal)
        };
        // Separate from the replicas that are removed and recreated, whose final state is not `Gone`.
        let mut removals: Removals = plan.unwanted().map(first).collect();
        let mut poller = deadlines.poll_replicas();
        let id = SecretId::Arn(secret.arn.clone());
        let mut is_first = true;
        while removals.values().any(RemovalProgress::is_open) && (is_first || poller.pause().await)
        {
            is_first = false;
            let read = self.secrets_manager.describe(&id, poller.deadline()).await;
            let now = match read {
                Ok(now) => now,
                Err(error) if error.kind == CallErrorKind::NotFound => {
                    note_deletion(&mut removals);
                    continue;
                }
                Err(_) => continue,
            };
            let due = self.note_progress(&now, &mut removals);
            let requested = self.request_removal(secret, due, deadlines).await;
            removals.extend(requested);
        }
        self.verify_removals(secret, &mut removals, deadlines).await;
        execution.removals.extend(removals);
    }

    /// Records which replicas are no longer listed. Returns the Regions whose removal is due according to
    /// this read.
    fn note_progress(&self, now: &Secret, removals: &mut Removals) -> Vec<Region> {
        let fresh = match decide(now, &self.policy, &self.limits) {
            Decision::Act(plan) => Some(plan),
            Decision::Skip(_) => None,
        };
        let mut due = Vec::new();
        for (region, removal) in removals.iter_mut().filter(|(_, removal)| removal.is_open()) {
            if !now.replicas.contains_key(region) {
                *removal = RemovalProgress::Unlisted(Unlisted::first(removal));
            } else if matches!(removal, RemovalProgress::Pending) {
                let plan = fresh.as_ref();
                match plan.and_then(|plan| Some((plan, plan.steps.get(region)?))) {
                    Some((plan, Step::Remove(reason, _))) if plan.may_remove(reason) => {
                        due.push(region.clone());
                    }
                    Some((_, Step::Remove(..) | Step::AwaitRemoval(..))) => {}
                    _ => *removal = RemovalProgress::SecretChanged,
                }
            }
        }
        due
    }

    /// Requests the removal of all replicas in one call. If AWS rejects it, requests each removal
    /// separately.
    async fn request_removal(
        &self,
        secret: &Secret,
        regions: Vec<Region>,
        deadlines: &Deadlines,
    ) -> Removals {
        if regions.is_empty() {
            return Removals::new();
        }
        let until = deadlines.end();
        let all: Vec<&Region> = regions.iter().collect();
        let together = self.secrets_manager.remove(&secret.arn, &all, until).await;
        let is_rejected = matches!(&together, Err(error) if error.is_rejected());
        let one_by_one = is_rejected && regions.len() > 1;
        let mut removals = Removals::new();
        for region in regions {
            let result = if one_by_one {
                let one = [&region];
                self.secrets_manager.remove(&secret.arn, &one, until).await
            } else {
                together.clone()
            };
            removals.insert(region, RemovalProgress::from_response(result));
        }
        removals
    }

    /// Removes replicas that exist only in the primary secret's list, without checking the policy. Polls
    /// until AWS no longer lists them or the deadline passes.
    pub(super) async fn remove_and_follow(
        &self,
        secret: &Secret,
        regions: &BTreeSet<Region>,
        deadlines: &Deadlines,
    ) -> Removals {
        let regions = regions.iter().cloned().collect();
        let mut removals = self.request_removal(secret, regions, deadlines).await;
        let mut poller = deadlines.poll_replicas();
        let id = SecretId::Arn(secret.arn.clone());
        while removals.values().any(RemovalProgress::is_open) && poller.pause().await {
            let Ok(now) = self.secrets_manager.describe(&id, poller.deadline()).await else {
                continue;
            };
            for (region, removal) in &mut removals {
                if removal.is_open() && !now.replicas.contains_key(region) {
                    *removal = RemovalProgress::Gone(None);
                }
            }
        }
        removals
    }
}

/// Records that the primary secret, and so its list of replicas, was not found.
fn note_deletion(removals: &mut Removals) {
    for removal in removals.values_mut() {
        if removal.is_open() && !matches!(removal, RemovalProgress::Pending) {
            *removal = RemovalProgress::Unlisted(Unlisted::first(removal));
        }
    }
}

/// Returns whether the wanted replicas allow a removal. Each of them must be in sync. To remove a replica
/// that is no longer targeted, no Region may be refused either, not even a Region that still has a
/// replica. A refusal may come from a typo, or from a move to another Region that does not succeed.
fn allows_removal(
    secret: &Secret,
    plan: &Plan,
    execution: &Execution,
    reason: &RemovalReason,
) -> bool {
    let is_forbidden = |reason| matches!(reason, &RemovalReason::Forbidden(_));
    let not_wanted = *reason == RemovalReason::NoLongerTargeted;
    if not_wanted && plan.unwanted().any(|(_, reason)| is_forbidden(reason)) {
        return false;
    }
    let outcomes = region_outcomes(secret, plan, Some(execution));
    let mut wanted = outcomes.iter().filter(|outcome| match &outcome.region {
        Ok(region) => !plan.unwanted().any(|(unwanted, _)| unwanted == region),
        Err(_) => true,
    });
    wanted.all(|outcome| match &outcome.state {
        RegionState::InSync(_) | RegionState::Retained(..) => true,
        RegionState::Refused(refusal, existing) => {
            let status = existing.as_ref().map(|replica| &replica.status);
            refusal.allows_removal(reason, status)
        }
        _ => false,
    })
}
