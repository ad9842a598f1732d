//! Checks in the replica Regions what the primary secret's list of replicas does not show: the current
//! version of a replica, a replication that is stuck, and a former replica that is not gone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use secret_replicator_aws::CallError;
use secret_replicator_core::plan::{Plan, Step, regions_without_replica};
use secret_replicator_core::reason::{Progress, RemovalReason};
use secret_replicator_core::secret::{Region, RegionalSecret, Secret, SecretId};

use super::execution::{Execution, Leftover, RegionalFindings};
use super::outcome::{RegionState, region_outcomes};
use super::{Occasion, Reconciler};
use crate::deadlines::Deadlines;

impl Reconciler {
    /// Makes all checks for a plan that is not executed, so that a dry run reports what a run reports.
    pub(super) async fn check_regions(
        &self,
        secret: &Secret,
        plan: &Plan,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) -> RegionalFindings {
        let checked = self.check_replicas(secret, plan, None, occasion, deadlines);
        RegionalFindings {
            leftovers: self.leftovers(secret, plan, occasion, deadlines).await,
            ..checked.await
        }
    }

    /// Checks for missing versions and for stuck replications, if the occasion calls for it. A dry run does not
    /// wait for the version that an event reports.
    pub(super) async fn check_replicas(
        &self,
        secret: &Secret,
        plan: &Plan,
        execution: Option<&Execution>,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) -> RegionalFindings {
        let mut findings = RegionalFindings::default();
        if occasion.checks_replicas_in_sync(execution.is_some()) {
            findings = self
                .behind(secret, plan, execution, occasion, deadlines)
                .await;
        }
        if let Occasion::Sweep { clock, .. } = occasion {
            let stuck = self.stuck(secret, plan, execution, clock.now(), deadlines);
            findings.stuck = stuck.await;
        }
        findings
    }

    /// Returns the Regions whose replication is stuck.
    async fn stuck(
        &self,
        secret: &Secret,
        plan: &Plan,
        execution: Option<&Execution>,
        now: DateTime<Utc>,
        deadlines: &Deadlines,
    ) -> BTreeSet<Region> {
        if !secret.is_settled(now) {
            return BTreeSet::new();
        }
        let in_progress = |state: &RegionState| {
            *state == RegionState::InProgress(Progress::ReplicationInProgress)
        };
        let mut regions = regions_in(secret, plan, execution, in_progress);
        regions.retain(|region| matches!(plan.steps.get(region), Some(Step::Keep(_))));
        let mut found = self.probe_regions(secret, regions, deadlines.end()).await;
        found.retain(|_, found| secret.is_replication_stuck(found, now));
        found.into_keys().collect()
    }

    /// Returns the former replicas that their Regions still have although the primary secret no longer lists
    /// them. No state is stored between invocations, so only the Regions show them.
    pub(super) async fn leftovers(
        &self,
        secret: &Secret,
        plan: &Plan,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) -> BTreeMap<Region, Leftover> {
        if !occasion.checks_for_leftovers() {
            return BTreeMap::new();
        }
        let unwanted = regions_without_replica(secret, plan, &self.policy, &self.limits);
        let regions = unwanted.keys().cloned().collect();
        let found = self.probe_regions(secret, regions, deadlines.end()).await;
        let leftover = |(region, reason): (Region, RemovalReason)| {
            let leftover = match found.get(&region)? {
                RegionalSecret::Replica { .. } => Leftover::Replica(reason),
                RegionalSecret::PromotedReplica => Leftover::Standalone,
                RegionalSecret::Absent
                | RegionalSecret::ReplicaOfAnotherRegion
                | RegionalSecret::OtherSecret => return None,
            };
            Some((region, leftover))
        };
        unwanted.into_iter().filter_map(leftover).collect()
    }

    /// Finds the Regions whose replica is in sync according to the primary secret, but does not show the
    /// primary secret's current version before the deadline, or is a promoted former replica. AWS does not document
    /// what the primary secret lists after a promotion that its Region could not take part in. After a rotation AWS may report a replica as
    /// in sync before the new version arrives, and replication can get stuck
    /// (square/password-rotation-lambda#12). A Region in which AWS denies the probe is not included, because no
    /// other attempt shows more.
    async fn behind(
        &self,
        secret: &Secret,
        plan: &Plan,
        execution: Option<&Execution>,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) -> RegionalFindings {
        let is_in_sync = |state: &RegionState| matches!(state, RegionState::InSync(_));
        let regions = regions_in(secret, plan, execution, is_in_sync);
        let mut found = RegionalFindings::default();
        note_versions(
            &mut found,
            secret,
            self.try_probes(secret, regions, deadlines.end()).await,
        );
        let mut poller = deadlines.poll_replicas();
        let id = SecretId::Arn(secret.arn.clone());
        while !found.behind.is_empty() && poller.pause().await {
            // The primary secret's current version may have changed since the last read. While the event is
            // new, another read may also go back to the version before.
            let now = match occasion.fresh_at() {
                Some(_) => Ok(secret.clone()),
                None => self.secrets_manager.describe(&id, poller.deadline()).await,
            };
            let Ok(now) = now else {
                continue;
            };
            let regions: Vec<Region> = found.behind.keys().cloned().collect();
            let probed = self.try_probes(&now, regions, poller.deadline()).await;
            note_versions(&mut found, &now, probed);
        }
        found
    }
}

/// Updates the Regions whose replica was promoted or does not show the current version. A probe that fails changes
/// nothing, except that the first one may fail only for now.
fn note_versions(
    RegionalFindings {
        behind, promoted, ..
    }: &mut RegionalFindings,
    secret: &Secret,
    probed: Vec<(Region, Result<RegionalSecret, CallError>)>,
) {
    for (region, found) in probed {
        match found {
            Ok(found) if secret.is_current(&found) => {
                behind.remove(&region);
            }
            Ok(RegionalSecret::PromotedReplica) => {
                behind.remove(&region);
                promoted.insert(region);
            }
            Ok(_) => {
                behind.insert(region, Progress::VersionBehind);
            }
            Err(error) if error.is_transient() => {
                let unavailable = Progress::StatusUnavailable(error.to_string());
                behind.entry(region).or_insert(unavailable);
            }
            Err(_) => {}
        }
    }
}

/// Returns the Regions of the plan whose state satisfies `matches`.
pub(super) fn regions_in(
    secret: &Secret,
    plan: &Plan,
    execution: Option<&Execution>,
    matches: impl Fn(&RegionState) -> bool,
) -> Vec<Region> {
    let findings = execution.map(|execution| &execution.findings);
    let outcomes = region_outcomes(secret, plan, execution, findings);
    let matching = outcomes
        .into_iter()
        .filter(|outcome| matches(&outcome.state));
    matching.filter_map(|outcome| outcome.region.ok()).collect()
}
