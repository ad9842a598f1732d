//! Reads a secret and plans. Waits for a secret or a value that does not exist yet.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{CallError, CallErrorKind};
use secret_replicator_core::plan::{Decision, Plan, decide};
use secret_replicator_core::reason::SkipReason;
use secret_replicator_core::request::Cause;
use secret_replicator_core::secret::{Region, RegionalSecret, Secret, SecretId};
use tokio::time::{Instant, sleep_until};

use super::outcome::SecretOutcome;
use super::{Mode, Occasion, Reconciler};
use crate::deadlines::Deadlines;

/// The number of Regions to probe concurrently.
pub(super) const PROBES_AT_ONCE: usize = 4;

/// What a read of a secret leads to.
enum Observed {
    /// Nothing to do.
    Skip(Secret, SkipReason),
    /// The secret needs a replica, but has no value.
    NoValueYet(Secret, Plan),
    /// A plan.
    Plan(Secret, Plan),
}

impl Observed {
    /// Returns whether a read just after the event may lead to this only because it shows the secret as it
    /// was before the event.
    fn may_be_stale(&self, mode: Mode, occasion: Occasion) -> bool {
        match self {
            Self::Skip(_, reason) => reason.may_be_stale(),
            // The tag that wants the replica may be the one that was removed.
            Self::Plan(_, plan) => {
                mode == Mode::Act && plan.writes() && occasion.cause() == Some(Cause::TagChange)
            }
            Self::NoValueYet(..) => false,
        }
    }
}

impl Reconciler {
    /// Reads the secret and plans. Waits for a secret that does not exist yet, and for the first value
    /// of a secret that needs a replica, because AWS does not document how it replicates a secret
    /// without a value. Reads again where the first read may be older than the event.
    ///
    /// # Errors
    /// The outcome, if there is no plan to execute.
    pub(super) async fn observe(
        &self,
        id: &SecretId,
        mode: Mode,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) -> Result<(Secret, Plan), SecretOutcome> {
        let mut poller = deadlines.poll_until_ready();
        let mut known: Option<SecretOutcome> = None;
        loop {
            let not_ready = match self.read(id, mode, occasion, poller.deadline()).await {
                Ok(observed)
                    if observed.may_be_stale(mode, occasion)
                        && let Some(fresh_at) = occasion.fresh_at()
                        && fresh_at < poller.deadline() =>
                {
                    sleep_until(fresh_at).await;
                    continue;
                }
                Ok(Observed::Plan(secret, plan)) => return Ok((secret, plan)),
                Ok(Observed::Skip(secret, reason)) => {
                    return Err(SecretOutcome::Skipped(Some(Box::new(secret)), reason));
                }
                Ok(Observed::NoValueYet(secret, plan)) => {
                    SecretOutcome::NoValueYet(Box::new(secret), plan.rules)
                }
                Err(error) if error.kind == CallErrorKind::NotFound => {
                    if occasion.is_too_late_for_the_secret() {
                        return Err(SecretOutcome::Skipped(None, SkipReason::SecretNotFound));
                    }
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

    async fn read(
        &self,
        id: &SecretId,
        mode: Mode,
        occasion: Occasion,
        until: Instant,
    ) -> Result<Observed, CallError> {
        let secret = self.secrets_manager.describe(id, until).await?;
        let (secret, decision) = self.plan(secret, until).await;
        Ok(match decision {
            Decision::Skip(reason) => Observed::Skip(secret, reason),
            Decision::Act(mut plan) => {
                if !occasion.retries_unknown_failures() {
                    plan = plan.without_unknown_retries(&secret);
                }
                if mode == Mode::Act && plan.replicates() && !secret.has_value() {
                    Observed::NoValueYet(secret, plan)
                } else {
                    Observed::Plan(secret, plan)
                }
            }
        })
    }

    /// Plans for a secret as read. Probes the Regions in which an obstacle in the Region made the
    /// replica fail, and plans again with the result.
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
