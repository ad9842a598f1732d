use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::CallErrorKind;
use secret_replicator_core::plan::{Decision, Plan, Step, decide};
use secret_replicator_core::secret::{Region, RegionalSecret, ReplicaStatus, Secret, SecretId};

use super::{Scope, Survey, deadline};
use crate::access::ApiError;
use crate::coverage::{Coverage, Found};

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
        let mut found = found.clone();
        let (secret, decision) = self.decide(secret, &mut found, listed_regions).await;
        let coverage = Coverage::of(&secret, decision, &found)?;
        Some((secret, coverage))
    }

    /// Decides as the function does: probes the Regions whose step depends on the secret that has the name
    /// there, and decides again with the results. Also probes the Regions whose list does not show the state.
    async fn decide(
        &self,
        mut secret: Secret,
        found: &mut Found,
        listed_regions: &BTreeSet<Region>,
    ) -> (Secret, Decision) {
        let Scope { policy, limits, .. } = self.scope;
        let decision = decide(&secret, policy, limits);
        let Decision::Act(plan) = &decision else {
            return (secret, decision);
        };
        let decisive: BTreeSet<&Region> = plan.regions_to_probe().collect();
        let unclear = unclear_regions(&secret, plan, found, listed_regions);
        let regions: BTreeSet<Region> = decisive.iter().copied().cloned().chain(unclear).collect();
        let probed = self.probe(&secret, regions).await;
        for (region, there) in &probed {
            if decisive.contains(region) {
                secret.probed.insert(region.clone(), there.clone());
            }
        }
        found.extend(probed);
        if secret.probed.is_empty() {
            return (secret, decision);
        }
        let decision = decide(&secret, policy, limits);
        (secret, decision)
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
/// whose list shows another version, and a missing replica whose Region's list was not read.
fn unclear_regions(
    secret: &Secret,
    plan: &Plan,
    found: &Found,
    listed_regions: &BTreeSet<Region>,
) -> Vec<Region> {
    let is_current = |region: &Region| {
        let found: Option<&RegionalSecret> = found.get(region);
        found.is_some_and(|found| secret.is_current(found))
    };
    let is_unclear = |(region, step): &(&Region, &Step)| match step {
        Step::Keep(replica) => replica.status == ReplicaStatus::InSync && !is_current(region),
        Step::Replicate(_) => !listed_regions.contains(*region),
        _ => false,
    };
    let steps = plan.steps.iter().filter(is_unclear);
    steps.map(|(region, _)| region.clone()).collect()
}
