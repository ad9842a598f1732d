use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use super::apply::Answer;
use super::removal::Removal;
use super::{Done, Reconciler};
use crate::budget::{Allowance, Budget, Grant};
use crate::limits::RemovalLimit;
use crate::plan::{Decision, Plan, Step, decide, failure_of};
use crate::policy;
use crate::reason::FailureReason;
use crate::secret::{Region, Secret, SecretId};
use crate::secrets_manager::{CallErrorKind, Occupancy};

/// How many Regions are looked into at once.
const AT_ONCE: usize = 4;

/// A replica that is removed and made anew is two changes.
const CHANGES_TO_REMAKE: u64 = 2;

impl Reconciler {
    /// The Regions that surely hold no secret of this name. A look that fails tells nothing.
    pub(super) async fn vacant_among(
        &self,
        secret: &Secret,
        regions: Vec<Region>,
        until: Instant,
    ) -> BTreeSet<Region> {
        let looks = regions.into_iter().map(|region| async move {
            let look = self.secrets_manager.look_into(&region, &secret.name, until);
            match look.await {
                Ok(Occupancy::Vacant) => Some(region),
                Ok(Occupancy::Occupied) => None,
                Err(error) => {
                    tracing::warn!(
                        %region, %error,
                        "nobody can tell whether the replica's name is free in its Region"
                    );
                    None
                }
            }
        });
        let looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        looks.filter_map(std::future::ready).collect().await
    }

    /// Where asking again has not moved a failed replica, removes it and asks anew: only where the
    /// policy and the settings allow removal, and only where there is nothing in the Region, so that
    /// the replica never was in sync and nothing is lost with it.
    pub(super) async fn remake(
        &self,
        secret: &Secret,
        plan: &Plan,
        done: &mut Done,
        budget: &Budget,
        allowance: &Allowance,
    ) {
        let shells = self.shells(secret, plan, done, budget).await;
        let changes = CHANGES_TO_REMAKE * shells.len() as u64;
        // Following the other Regions' replicas may have used up this slice of a sweep. The next one
        // would end the same way, so the removal is not put off to it.
        if shells.is_empty() || budget.is_too_late_to_write() {
            return;
        }
        let Grant::Granted(granted) = allowance.take(changes, Instant::now()).await else {
            return;
        };
        let removals = self.remove_to_remake(secret, &shells, budget).await;
        let is_asked_for = |removal: &&Removal| !matches!(removal, Removal::NotSent);
        let removed = removals.values().filter(is_asked_for).count();
        let is_gone = |region: &Region| matches!(removals.get(region), Some(Removal::Gone));
        let (gone, there): (BTreeSet<Region>, BTreeSet<Region>) =
            shells.into_iter().partition(is_gone);
        let removals = removals
            .into_iter()
            .filter(|(region, _)| there.contains(region));
        done.removals.extend(removals);
        let gone = self.wanted_still(secret, plan, gone, done, budget).await;
        if gone.is_empty() {
            granted.settle(removed as u64);
            return;
        }
        let mut without = secret.clone();
        without.replicas.retain(|region, _| !gone.contains(region));
        let again = self
            .replicate(&without, &plan.only(&gone), None, budget)
            .await;
        let may_be_made = |answer: &&Answer| answer.was_doubtful || !answer.is_unsent();
        let asked_for = again.answers.values().filter(may_be_made);
        granted.settle((removed + asked_for.count()) as u64);
        done.sight.forget(&gone);
        done.answers.extend(again.answers);
        done.sight.extend(again.sight);
        done.remade = gone;
    }

    /// The Regions of failed replicas that asking again has not moved, and that are nothing but a row
    /// in their primary's list.
    async fn shells(
        &self,
        secret: &Secret,
        plan: &Plan,
        done: &Done,
        budget: &Budget,
    ) -> BTreeSet<Region> {
        if self.policy.removal() != policy::Removal::Covered
            || self.limits.removal != RemovalLimit::Allowed
        {
            return BTreeSet::new();
        }
        let stuck = stuck(secret, plan, done);
        let stuck = self.stuck_still(secret, stuck, budget).await;
        self.vacant_among(secret, stuck, budget.cut_off()).await
    }

    /// Those Regions, out of which the replica has gone, that a read made since wants one in just as
    /// the plan does. Notes what became of the others.
    async fn wanted_still(
        &self,
        secret: &Secret,
        plan: &Plan,
        mut gone: BTreeSet<Region>,
        done: &mut Done,
        budget: &Budget,
    ) -> BTreeSet<Region> {
        if gone.is_empty() {
            return gone;
        }
        let id = SecretId::Arn(secret.arn.clone());
        let now = self.secrets_manager.describe(&id, budget.cut_off()).await;
        let fresh = now.map(|mut now| {
            // A read may still show what has gone.
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
            // If it is on its way already, or nobody can tell, the next attempt looks again.
            let is_open = fresh.is_err() || matches!(step, Some(Step::Keep(_)));
            let removal = if is_open {
                Removal::Going
            } else {
                Removal::Gone
            };
            done.removals.insert(region.clone(), removal);
            false
        });
        gone
    }

    /// Those Regions whose failed replica another read shows just as it was.
    async fn stuck_still(
        &self,
        secret: &Secret,
        mut regions: Vec<Region>,
        budget: &Budget,
    ) -> Vec<Region> {
        if regions.is_empty() {
            return regions;
        }
        let id = SecretId::Arn(secret.arn.clone());
        let Ok(mut now) = self.secrets_manager.describe(&id, budget.cut_off()).await else {
            return Vec::new();
        };
        now.vacant_regions.clone_from(&secret.vacant_regions);
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

/// The Regions whose failed replica AWS has not touched since it was asked for again, as far as any
/// look has shown, and although AWS has answered. A key that does not work is no reason to remove:
/// the attempt that will succeed needs only the key.
fn stuck(secret: &Secret, plan: &Plan, done: &Done) -> Vec<Region> {
    let is_stuck = |region: &Region| {
        let Some(before) = secret.replicas.get(region) else {
            return false;
        };
        let reason = failure_of(before);
        let may_be_stuck = reason == FailureReason::ReplicationFailed || reason.is_an_obstacle();
        may_be_stuck && done.was_answered(region) && done.sight.never_moved(region, before)
    };
    let retried = plan.steps.iter().filter_map(|(region, step)| match step {
        Step::Retry(_) => Some(region),
        _ => None,
    });
    retried.filter(|region| is_stuck(region)).cloned().collect()
}

impl Done {
    /// Whether AWS has accepted or refused the request for a Region, without any doubt.
    fn was_answered(&self, region: &Region) -> bool {
        self.answers.get(region).is_some_and(|answer| {
            let is_clear = match &answer.result {
                Ok(()) => true,
                Err(error) => error.kind == CallErrorKind::Refused,
            };
            is_clear && !answer.was_doubtful
        })
    }
}
