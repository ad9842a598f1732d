//! Removes replicas that no rule wants, as the last step, after every wanted replica is in sync.

use secret_replicator_aws::{CallErrorKind, ReadTime, WriteError, WriteSlot};
use secret_replicator_core::plan::{Decision, Plan, Step, decide};
use secret_replicator_core::reason::RemovalReason;
use secret_replicator_core::secret::{Region, Secret, SecretId};

use super::basis::Basis;
use super::execution::Execution;
use super::outcome::{RegionState, region_outcomes};
use super::removal_progress::{RemovalProgress, Removals, Unlisted};
use super::{Occasion, Reconciler};
use crate::change_budget::Reservation;
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
        Basis { secret, plan, .. }: &Basis,
        execution: &mut Execution,
        reservation: &mut Reservation<'_>,
        occasion: Occasion,
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
        let unwanted = plan.unwanted();
        let unwanted = unwanted.filter(|(region, _)| !execution.withheld.contains(*region));
        let mut removals: Removals = unwanted.map(first).collect();
        let (made, open) = (execution.written(), &removals);
        reservation.settle(
            plan.changes_in(|region| made.contains(region)),
            plan.changes_in(|region| open.get(region).is_some_and(RemovalProgress::is_open)),
        );
        let mut poller = deadlines.poll_replicas();
        let mut retries = occasion.retries(deadlines);
        let id = SecretId::Arn(secret.arn.clone());
        let mut is_first = true;
        while removals.values().any(RemovalProgress::is_open)
            && (is_first
                || poller.pause().await
                || removals.values().any(RemovalProgress::is_unanswered) && retries.pause().await)
        {
            is_first = false;
            let until = poller.deadline().max(retries.deadline());
            match self.secrets_manager.read(&id, until).await {
                Ok(read) => {
                    let requested = self.remove_due(read, &mut removals, deadlines).await;
                    execution.note_requested(&requested);
                    removals.extend(requested);
                }
                Err(error) if error.kind == CallErrorKind::NotFound => note_deletion(&mut removals),
                Err(_) => {}
            }
        }
        self.verify_removals(secret, &mut removals, deadlines).await;
        execution.removals.extend(removals);
    }

    /// Records the progress of the removals, and requests those that are due. Reads the secret again if the
    /// write rate delays them. Returns the requested removals.
    async fn remove_due(
        &self,
        (now, mut time): (Secret, ReadTime),
        removals: &mut Removals,
        deadlines: &Deadlines,
    ) -> Removals {
        let until = deadlines.end();
        let mut due = self.note_progress(&now, removals);
        if due.is_empty() {
            return Removals::new();
        }
        let Some(slot) = self.secrets_manager.write_slot(until).await else {
            let unsent = due.into_iter();
            return unsent
                .map(|region| (region, RemovalProgress::NotSent))
                .collect();
        };
        if !time.is_fresh() {
            let id = SecretId::Arn(now.arn.clone());
            let Ok(read) = self.secrets_manager.read(&id, until).await else {
                return Removals::new();
            };
            due = self.note_progress(&read.0, removals);
            time = read.1;
        }
        self.request_removal(&now, due, (time, slot), deadlines)
            .await
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
            } else if removal.is_due() {
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
    /// separately. Omits the Regions whose removal needs another read first.
    pub(super) async fn request_removal(
        &self,
        secret: &Secret,
        regions: Vec<Region>,
        (read, slot): (ReadTime, WriteSlot),
        deadlines: &Deadlines,
    ) -> Removals {
        let mut removals = Removals::new();
        if regions.is_empty() {
            return removals;
        }
        let (arn, until) = (&secret.arn, deadlines.end());
        let together = self
            .secrets_manager
            .remove(arn, &regions, read, slot, until);
        let together = match together.await {
            Err(WriteError::Stale) => return removals,
            Err(WriteError::Call(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        let is_rejected = matches!(&together, Err(error) if error.is_rejected());
        if !is_rejected || regions.len() == 1 {
            let removal = RemovalProgress::from_response(together);
            return regions
                .into_iter()
                .map(|region| (region, removal.clone()))
                .collect();
        }
        for region in regions {
            let one = std::slice::from_ref(&region);
            let removal = match self.secrets_manager.write_slot(until).await {
                None => RemovalProgress::NotSent,
                Some(slot) => {
                    let removed = self.secrets_manager.remove(arn, one, read, slot, until);
                    match removed.await {
                        Err(WriteError::Stale) => continue,
                        Err(WriteError::Call(error)) => RemovalProgress::from_response(Err(error)),
                        Ok(()) => RemovalProgress::Accepted,
                    }
                }
            };
            removals.insert(region, removal);
        }
        removals
    }

    /// Polls until AWS no longer lists the replicas that are being removed, or the deadline passes. For
    /// replicas that exist only in the primary secret's list.
    pub(super) async fn follow_removals(
        &self,
        secret: &Secret,
        removals: &mut Removals,
        deadlines: &Deadlines,
    ) {
        let mut poller = deadlines.poll_replicas();
        let id = SecretId::Arn(secret.arn.clone());
        while removals.values().any(RemovalProgress::is_open) && poller.pause().await {
            let Ok(now) = self.secrets_manager.describe(&id, poller.deadline()).await else {
                continue;
            };
            for (region, removal) in removals.iter_mut() {
                if removal.is_open() && !now.replicas.contains_key(region) {
                    *removal = RemovalProgress::Gone(None);
                }
            }
        }
    }
}

/// Records that the primary secret, and so its list of replicas, was not found.
fn note_deletion(removals: &mut Removals) {
    for removal in removals.values_mut() {
        if removal.is_open() && !removal.is_to_be_requested() {
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
    let outcomes = region_outcomes(secret, plan, Some(execution), Some(&execution.findings));
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
