use std::collections::BTreeSet;

use chrono::Utc;
use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::CallErrorKind;
use secret_replicator_core::plan::{Decision, Plan, Step, decide, regions_without_replica};
use secret_replicator_core::secret::{Region, RegionalSecret, ReplicaStatus, Secret, SecretId};

use super::{Scope, Survey, deadline};
use crate::access::ApiError;
use crate::coverage::{Coverage, Found, There};

/// The number of Regions of one secret that are probed concurrently.
const PROBES_AT_ONCE: usize = 4;

impl Survey<'_> {
    /// Describes a listed secret, and probes the Regions that decide about it. `None` if the secret is gone, or
    /// if it is a replica. `listed_regions` are the Regions whose lists were read.
    pub(super) async fn describe(
        &self,
        listed: &Secret,
        found: &Found,
        listed_regions: &BTreeSet<Region>,
    ) -> Option<(Secret, Coverage)> {
        let id = SecretId::Arn(listed.arn.clone());
        let secret = match self.client().describe(&id, deadline()).await {
            Ok(secret) => secret,
            Err(error) if error.kind == CallErrorKind::NotFound => return None,
            Err(error) => {
                let Scope { policy, limits, .. } = self.scope;
                let rules = match decide(listed, policy, limits) {
                    Decision::Act(plan) => plan.rules,
                    Decision::Skip(_) => BTreeSet::new(),
                };
                let detail = ApiError::from(&error).to_string();
                let coverage = Coverage::unreadable(listed, rules, detail);
                return Some((listed.clone(), coverage));
            }
        };
        let mut there = There {
            found: found.clone(),
            now: Utc::now(),
            ..There::default()
        };
        let (secret, decision) = self.decide(secret, &mut there, listed_regions).await;
        let coverage = Coverage::of(&secret, decision, &there)?;
        Some((secret, coverage))
    }

    /// Decides as the function does: probes the Regions whose step depends on the secret that has the name
    /// there, and decides again with the results. Also probes the Regions whose list does not show the state.
    async fn decide(
        &self,
        mut secret: Secret,
        there: &mut There,
        listed_regions: &BTreeSet<Region>,
    ) -> (Secret, Decision) {
        let Scope { policy, limits, .. } = self.scope;
        let decision = decide(&secret, policy, limits);
        let Decision::Act(plan) = &decision else {
            return (secret, decision);
        };
        let decisive: BTreeSet<Region> = plan.regions_to_probe().cloned().collect();
        let new: BTreeSet<Region> = plan.regions_without_entry().cloned().collect();
        there.unwanted = regions_without_replica(&secret, plan, policy, limits);
        let unclear = unclear_regions(&secret, plan, there, listed_regions);
        let left_over = self.regions_with_leftovers(there, listed_regions);
        let regions = decisive.iter().cloned().chain(unclear).chain(left_over);
        let probed = self.probe(&secret, regions.collect()).await;
        let decided = probed
            .iter()
            .filter(|(region, _)| decisive.contains(*region));
        secret
            .probed
            .extend(decided.map(|(region, there)| (region.clone(), there.clone())));
        there.found.extend(probed);
        // A sweep probes them before a request, and refuses a promoted former replica. The lists show as much.
        let found = there.found.iter();
        let found = found.filter(|(region, _)| new.contains(*region));
        secret
            .probed
            .extend(found.map(|(region, there)| (region.clone(), there.clone())));
        if secret.probed.is_empty() {
            return (secret, decision);
        }
        let decision = decide(&secret, policy, limits);
        (secret, decision)
    }

    /// Returns the Regions that may have a former replica: those whose lists show one, and in a thorough survey
    /// those whose lists were not read.
    fn regions_with_leftovers(
        &self,
        there: &There,
        listed_regions: &BTreeSet<Region>,
    ) -> Vec<Region> {
        let may_have_one = |region: &&Region| match there.found.get(region) {
            Some(RegionalSecret::Replica { .. } | RegionalSecret::PromotedReplica) => true,
            Some(
                RegionalSecret::ReplicaOfAnotherRegion
                | RegionalSecret::OtherSecret
                | RegionalSecret::Absent,
            ) => false,
            None => self.scope.thorough && !listed_regions.contains(*region),
        };
        let regions = there.unwanted.keys().filter(may_have_one);
        regions.cloned().collect()
    }

    /// Reads what the Regions have under the secret's name. The result omits a Region whose probe fails.
    async fn probe(&self, secret: &Secret, regions: BTreeSet<Region>) -> Found {
        let client = self.client();
        let probes = regions.into_iter().map(|region| {
            let client = client.clone();
            async move {
                let there = client.probe_region(&region, secret, deadline()).await;
                Some((region, there.ok()?))
            }
        });
        let probes = stream::iter(probes).buffer_unordered(PROBES_AT_ONCE);
        probes.filter_map(std::future::ready).collect().await
    }
}

/// Returns the Regions whose state the lists do not show: a replica that the primary secret reports in sync and
/// whose list shows another version, a replication that may be stuck, and a missing replica whose Region's list was
/// not read.
fn unclear_regions(
    secret: &Secret,
    plan: &Plan,
    there: &There,
    listed_regions: &BTreeSet<Region>,
) -> Vec<Region> {
    let is_current = |region: &Region| {
        let found = there.found.get(region);
        found.is_some_and(|found| secret.is_current(found))
    };
    let is_unclear = |(region, step): &(&Region, &Step)| match step {
        Step::Keep(replica) => match replica.status {
            ReplicaStatus::InSync => !is_current(region),
            ReplicaStatus::InProgress => secret.is_settled(there.now),
            ReplicaStatus::Failed | ReplicaStatus::Unknown(_) => false,
        },
        Step::Replicate(_) => !listed_regions.contains(*region),
        _ => false,
    };
    let steps = plan.steps.iter().filter(is_unclear);
    steps.map(|(region, _)| region.clone()).collect()
}
