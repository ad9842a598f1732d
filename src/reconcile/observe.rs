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
                Ok(secret) => match self.judge(secret, mode, poller.deadline()).await {
                    Err(no_value @ SecretOutcome::NoValueYet(..)) => no_value,
                    judged => return judged,
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
                return match self.read_by_name(id, &not_ready, deadlines).await {
                    Some(secret) => self.judge(secret, mode, deadlines.end()).await,
                    None => Err(not_ready),
                };
            }
            known = Some(not_ready);
        }
    }

    /// Plans for a secret as read.
    ///
    /// # Errors
    /// The outcome, if the secret is skipped or has no value yet.
    async fn judge(
        &self,
        secret: Secret,
        mode: Mode,
        until: Instant,
    ) -> Result<(Secret, Plan), SecretOutcome> {
        match self.plan(secret, mode, until).await {
            (secret, Decision::Skip(reason)) => {
                Err(SecretOutcome::Skipped(Some(Box::new(secret)), reason))
            }
            (secret, Decision::Act(plan)) if must_wait_for_value(&secret, &plan, mode) => {
                Err(SecretOutcome::NoValueYet(Box::new(secret), plan.rules))
            }
            (secret, Decision::Act(plan)) => Ok((secret, plan)),
        }
    }

    /// Reads a secret by name that was not found by its ARN. A partial ARN, which has no suffix, is a full
    /// ARN to AWS if its name ends with a hyphen and six characters (`DescribeSecret` API reference).
    async fn read_by_name(
        &self,
        id: &SecretId,
        outcome: &SecretOutcome,
        deadlines: &Deadlines,
    ) -> Option<Secret> {
        let (SecretId::Arn(arn), SecretOutcome::NotFound(_)) = (id, outcome) else {
            return None;
        };
        let name = SecretId::Name(arn.resource().to_owned());
        let secret = self.secrets_manager.describe(&name, deadlines.end()).await;
        let secret = secret.ok()?;
        let suffix = secret.arn.as_str().strip_prefix(arn.as_str())?;
        suffix.starts_with('-').then_some(secret)
    }

    /// Plans for a secret as read. Probes the Regions in which the step depends on what they have under
    /// the secret's name, and plans again with the result. A secret that waits for its value is not
    /// probed yet.
    async fn plan(&self, mut secret: Secret, mode: Mode, until: Instant) -> (Secret, Decision) {
        let decision = decide(&secret, &self.policy, &self.limits);
        let Decision::Act(plan) = &decision else {
            return (secret, decision);
        };
        if must_wait_for_value(&secret, plan, mode) {
            return (secret, decision);
        }
        let regions = plan.regions_to_probe().cloned().collect();
        let probed = self.probe_regions(&secret, regions, until).await;
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

/// Returns whether the plan's requests must wait for the secret's first value.
fn must_wait_for_value(secret: &Secret, plan: &Plan, mode: Mode) -> bool {
    mode == Mode::Act && plan.replicates() && !secret.has_value()
}
