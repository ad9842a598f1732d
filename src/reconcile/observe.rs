//! Reads a secret and plans. Waits for a secret or a value that does not exist yet.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::CallErrorKind;
use secret_replicator_core::plan::{Decision, Plan, decide};
use secret_replicator_core::secret::{Region, RegionalSecret, Secret, SecretId};
use tokio::time::Instant;

use super::outcome::SecretOutcome;
use super::{Mode, Reconciler};
use crate::deadlines::Deadlines;

/// The number of Regions to probe concurrently.
const PROBES_AT_ONCE: usize = 4;

impl Reconciler {
    /// Reads the secret and plans. Waits for a secret that does not exist yet, and for the first value
    /// of a secret that needs a replica, because AWS does not document how it replicates a secret
    /// without a value.
    ///
    /// # Errors
    /// The outcome, if there is no plan to execute.
    pub(super) async fn observe(
        &self,
        id: &SecretId,
        mode: Mode,
        deadlines: &Deadlines,
    ) -> Result<(Secret, Plan), SecretOutcome> {
        let mut poller = deadlines.poll_until_ready();
        let mut known: Option<SecretOutcome> = None;
        loop {
            let not_ready = match self.secrets_manager.describe(id, poller.deadline()).await {
                Ok(secret) => match self.plan(secret, poller.deadline()).await {
                    (secret, Decision::Skip(reason)) => {
                        return Err(SecretOutcome::Skipped(Some(Box::new(secret)), reason));
                    }
                    (secret, Decision::Act(plan))
                        if mode == Mode::Act && plan.replicates() && !secret.has_value() =>
                    {
                        SecretOutcome::NoValueYet(Box::new(secret), plan.rules)
                    }
                    (secret, Decision::Act(plan)) => return Ok((secret, plan)),
                },
                Err(error) if error.kind == CallErrorKind::NotFound => {
                    SecretOutcome::NotFound(error)
                }
                Err(error) => match known {
                    // A transient error does not invalidate the result of an earlier read.
                    Some(known) if error.is_transient() => known,
                    _ => return Err(SecretOutcome::Unreadable(error)),
                },
            };
            if !poller.pause().await {
                return Err(not_ready);
            }
            known = Some(not_ready);
        }
    }

    /// Plans for a secret as read. Probes each Region whose replica failed because of something in that
    /// Region, such as a taken name, and plans again with the result.
    async fn plan(&self, mut secret: Secret, until: Instant) -> (Secret, Decision) {
        let decision = decide(&secret, &self.policy, &self.limits);
        let Decision::Act(plan) = &decision else {
            return (secret, decision);
        };
        let blocked = plan.blocked_in_region().cloned().collect();
        let probed = self.probe_regions(&secret, blocked, until).await;
        if probed.is_empty() {
            return (secret, decision);
        }
        secret.probed = probed;
        let decision = decide(&secret, &self.policy, &self.limits);
        (secret, decision)
    }

    /// Returns what these Regions have under the secret's name. A Region whose probe fails is not
    /// included.
    pub(super) async fn probe_regions(
        &self,
        secret: &Secret,
        regions: Vec<Region>,
        until: Instant,
    ) -> BTreeMap<Region, RegionalSecret> {
        let probes = regions.into_iter().map(|region| async move {
            let probe = self.secrets_manager.probe_region(&region, secret, until);
            match probe.await {
                Ok(found) => Some((region, found)),
                Err(error) => {
                    tracing::warn!(
                        %region, %error,
                        "failed to check what the replica Region has under the secret's name"
                    );
                    None
                }
            }
        });
        let probes = stream::iter(probes).buffer_unordered(PROBES_AT_ONCE);
        probes.filter_map(std::future::ready).collect().await
    }
}
