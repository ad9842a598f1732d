//! Verifies in the replica's Region that a replica is gone.
//!
//! The primary secret stops listing a replica at once, while the replica lives on in its Region for 40 to
//! 90 seconds. Deleting the primary secret meanwhile can leave the replica as a standalone secret
//! (reported by users). Only the Region itself shows when the replica is gone.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{CallError, CallErrorKind};
use secret_replicator_core::secret::{Region, RegionalSecret, Secret, SecretId};
use tokio::time::Instant;

use super::Reconciler;

use super::observe::PROBES_AT_ONCE;
use super::removal_progress::{RemovalProgress, Removals, Time, Unlisted};
use crate::deadlines::Deadlines;

impl Reconciler {
    /// Polls the Regions of the replicas that the primary secret no longer lists, until each removal has a
    /// result or the deadline passes.
    pub(super) async fn verify_removals(
        &self,
        secret: &Secret,
        removals: &mut Removals,
        deadlines: &Deadlines,
    ) {
        let mut poller = deadlines.poll_removals();
        let id = SecretId::Arn(secret.arn.clone());
        loop {
            let regions: Vec<Region> = unlisted(removals).map(|(region, _)| region).collect();
            let probes = self.probe_removed(secret, regions, deadlines).await;
            for (region, unlisted) in unlisted(removals) {
                if let Some(found) = probes.get(&region) {
                    unlisted.note_probe(found.clone(), Instant::now());
                }
            }
            conclude_all(removals, Time::Left);
            if unlisted(removals).next().is_none() || !poller.pause().await {
                break;
            }
            if unlisted(removals).any(|(_, unlisted)| unlisted.needs_a_read()) {
                let read = self.secrets_manager.describe(&id, poller.deadline()).await;
                for (region, unlisted) in unlisted(removals) {
                    match &read {
                        Ok(now) => unlisted.note_read(now.replicas.contains_key(&region)),
                        Err(error) if error.kind == CallErrorKind::NotFound => {
                            unlisted.note_read(false);
                        }
                        Err(_) => {}
                    }
                }
            }
        }
        conclude_all(removals, Time::Up);
    }

    async fn probe_removed(
        &self,
        secret: &Secret,
        regions: Vec<Region>,
        deadlines: &Deadlines,
    ) -> BTreeMap<Region, Result<RegionalSecret, CallError>> {
        let probes = regions.into_iter().map(|region| async move {
            let probe = self
                .secrets_manager
                .probe_region(&region, secret, deadlines.end());
            let found = probe.await;
            (region, found)
        });
        let probes = stream::iter(probes).buffer_unordered(PROBES_AT_ONCE);
        probes.collect().await
    }
}

fn unlisted(removals: &mut Removals) -> impl Iterator<Item = (Region, &mut Unlisted)> {
    removals
        .iter_mut()
        .filter_map(|(region, removal)| match removal {
            RemovalProgress::Unlisted(unlisted) => Some((region.clone(), unlisted)),
            _ => None,
        })
}

/// Replaces each unlisted removal by its result. If the time is up, the removals without a result count as in
/// progress.
fn conclude_all(removals: &mut Removals, time: Time) {
    for removal in removals.values_mut() {
        if let RemovalProgress::Unlisted(unlisted) = removal {
            let in_progress = (time == Time::Up).then_some(RemovalProgress::Accepted);
            if let Some(end) = unlisted.conclude(time).or(in_progress) {
                *removal = end;
            }
        }
    }
}
