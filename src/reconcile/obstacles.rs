use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use super::{Done, Reconciler, removal};
use crate::budget::Budget;
use crate::limits::RemovalLimit;
use crate::plan::{Plan, Step};
use crate::policy::Removal;
use crate::secret::{Region, ReplicaStatus, Secret};
use crate::secrets_manager::Occupancy;

/// How many Regions are looked into at once.
const AT_ONCE: usize = 4;

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
            matches!(look.await, Ok(Occupancy::Vacant)).then_some(region)
        });
        let looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        looks.filter_map(std::future::ready).collect().await
    }

    /// Where asking again has not moved a failed replica, removes it and asks anew: only where the
    /// policy and the settings allow removal, and only where there is nothing in the Region, so that
    /// the replica never was in sync and nothing is lost with it.
    pub(super) async fn replace(
        &self,
        secret: &Secret,
        plan: &Plan,
        done: &mut Done,
        budget: &Budget,
    ) {
        if self.policy.removal() != Removal::Covered || self.limits.removal != RemovalLimit::Allowed
        {
            return;
        }
        let stuck = stuck(secret, plan, done);
        let vacant = self.vacant_among(secret, stuck, budget.cut_off()).await;
        if vacant.is_empty() {
            return;
        }
        let plan = plan.only(&vacant);
        let mut removals = self
            .request_removal(secret, vacant.into_iter().collect(), budget)
            .await;
        self.follow_removals(secret, &mut removals, budget).await;
        let gone: BTreeSet<Region> = removals
            .iter()
            .filter(|(_, removal)| matches!(removal, removal::Removal::Gone))
            .map(|(region, _)| region.clone())
            .collect();
        done.removals.extend(removals);
        if gone.is_empty() {
            return;
        }
        let mut without = secret.clone();
        without.replicas.retain(|region, _| !gone.contains(region));
        let again = self.replicate(&without, &plan.only(&gone), budget).await;
        done.removals.retain(|region, _| !gone.contains(region));
        done.answers.extend(again.answers);
        done.sight.extend(again.sight);
    }
}

/// The Regions whose failed replica is as it was before it was asked for again.
fn stuck(secret: &Secret, plan: &Plan, done: &Done) -> Vec<Region> {
    let is_stuck = |region: &Region| {
        let before = secret.replicas.get(region);
        let now = done.sight.of(region).map(|seen| &seen.replica);
        before.is_some_and(|replica| replica.status == ReplicaStatus::Failed) && now == before
    };
    let retried = plan.steps.iter().filter_map(|(region, step)| match step {
        Step::Retry(_) => Some(region),
        _ => None,
    });
    retried.filter(|region| is_stuck(region)).cloned().collect()
}
