//! Reads a secret and plans. Waits for a secret or a value that does not exist yet.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{CallError, CallErrorKind, ReadTime};
use secret_replicator_core::plan::{Decision, Plan, decide};
use secret_replicator_core::reason::SkipReason;
use secret_replicator_core::request::Cause;
use secret_replicator_core::secret::{Region, RegionalSecret, Secret, SecretId};
use tokio::time::{Instant, sleep_until};

use super::basis::Basis;
use super::outcome::SecretOutcome;
use super::{KnownSecret, Mode, Occasion, Reconciler};
use crate::deadlines::{Deadlines, Poller};

/// The number of Regions to probe concurrently.
pub(super) const PROBES_AT_ONCE: usize = 4;

/// The result of reading a secret and planning.
enum Observed {
    /// Nothing to do.
    Skip(Secret, SkipReason),
    /// The secret needs a replica, but has no value.
    NoValueYet(Secret, Plan),
    /// A plan to execute.
    Plan(Basis),
}

impl Observed {
    /// Returns the secret as read.
    fn secret(&self) -> &Secret {
        match self {
            Self::Skip(secret, _) | Self::NoValueYet(secret, _) => secret,
            Self::Plan(basis) => &basis.secret,
        }
    }

    /// Returns whether a read immediately after the event may have this result only because it still shows
    /// the secret before the event.
    fn may_be_stale(&self, mode: Mode, occasion: Occasion) -> bool {
        match self {
            Self::Skip(_, reason) => reason.may_be_stale(),
            Self::Plan(_) if mode == Mode::DryRun => false,
            Self::Plan(Basis { secret, plan, .. }) => match occasion.cause() {
                // The event may report the removal of the tag that causes these writes.
                Some(Cause::TagChange) => plan.writes(),
                // The read shows neither the version that the replicas must receive nor their status since.
                Some(Cause::NewVersion(Some(version))) => !secret.is_version_current(version),
                _ => false,
            },
            Self::NoValueYet(..) => false,
        }
    }

    /// Returns the plan to execute.
    ///
    /// # Errors
    /// The outcome, if there is no plan to execute.
    fn into_plan(self) -> Result<Basis, SecretOutcome> {
        match self {
            Self::Plan(basis) => Ok(basis),
            Self::Skip(secret, reason) => {
                Err(SecretOutcome::Skipped(Some(Box::new(secret)), reason))
            }
            Self::NoValueYet(secret, plan) => {
                Err(SecretOutcome::NoValueYet(Box::new(secret), plan.rules))
            }
        }
    }
}

/// The earlier reads while the function waits for a secret.
struct Earlier {
    /// The result of the last read with an answer.
    not_ready: Option<SecretOutcome>,
    /// The error of the last read that failed.
    failed: Option<CallError>,
    retries: Poller,
}

impl Earlier {
    fn new(deadlines: &Deadlines) -> Self {
        Self {
            not_ready: None,
            failed: None,
            retries: deadlines.poll_until_ready(),
        }
    }

    /// Waits until a read that failed can be repeated.
    ///
    /// # Errors
    /// The outcome, if another read would fail as well, or if there is no time for one.
    async fn pause_after(&mut self, error: CallError) -> Result<(), SecretOutcome> {
        if !error.is_transient() {
            return Err(SecretOutcome::Unreadable(error));
        }
        // An earlier error of AWS says more than the end of the time.
        let earlier = self.failed.take().filter(|_| error.is_out_of_time());
        let error = earlier.unwrap_or(error);
        if self.retries.pause().await {
            self.failed = Some(error);
            return Ok(());
        }
        // A transient error does not invalidate the result of an earlier read.
        let not_ready = self.not_ready.take();
        Err(not_ready.unwrap_or(SecretOutcome::Unreadable(error)))
    }
}

impl Reconciler {
    /// Reads the secret and plans. Waits for a secret that does not exist yet, and for the first value
    /// of a secret that needs a replica, because AWS does not document how it replicates a secret
    /// without a value. Reads again if the first read may be older than the event.
    ///
    /// # Errors
    /// The outcome, if there is no plan to execute.
    pub(super) async fn observe(
        &self,
        known: &KnownSecret,
        mode: Mode,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) -> Result<Basis, SecretOutcome> {
        let mut known = known.clone();
        let mut poller = deadlines.poll_until_ready();
        let mut earlier = Earlier::new(deadlines);
        loop {
            let read = self.read(&known, mode, occasion, poller.deadline()).await;
            if let Ok(observed) = &read {
                known = known.after(observed.secret());
            }
            let not_ready = match read {
                Ok(observed)
                    if observed.may_be_stale(mode, occasion)
                        && let Some(fresh_at) = occasion.fresh_at()
                        && fresh_at < poller.deadline() =>
                {
                    sleep_until(fresh_at).await;
                    continue;
                }
                Ok(observed) => match observed.into_plan() {
                    Err(no_value @ SecretOutcome::NoValueYet(..)) => no_value,
                    planned => return planned,
                },
                Err(error) if error.kind == CallErrorKind::NotFound => {
                    if occasion.is_too_old_to_wait() {
                        return Err(SecretOutcome::Skipped(None, SkipReason::SecretNotFound));
                    }
                    SecretOutcome::NotFound(error)
                }
                Err(error) => {
                    earlier.pause_after(error).await?;
                    continue;
                }
            };
            if !poller.pause().await {
                return match self.read_by_name(&known.id, &not_ready, deadlines).await {
                    Some(read) => {
                        let judged = self.judge(read, &known, mode, occasion, deadlines.end());
                        judged.await.into_plan()
                    }
                    None => Err(not_ready),
                };
            }
            earlier.not_ready = Some(not_ready);
        }
    }

    async fn read(
        &self,
        known: &KnownSecret,
        mode: Mode,
        occasion: Occasion,
        until: Instant,
    ) -> Result<Observed, CallError> {
        let read = self.secrets_manager.read(&known.id, until).await?;
        Ok(self.judge(read, known, mode, occasion, until).await)
    }

    /// Plans for a secret and classifies the result.
    async fn judge(
        &self,
        (mut secret, time): (Secret, ReadTime),
        known: &KnownSecret,
        mode: Mode,
        occasion: Occasion,
        until: Instant,
    ) -> Observed {
        secret.note_promoted(&known.promoted);
        match self.plan((secret, time), mode, occasion, until).await {
            (secret, Decision::Skip(reason), _) => Observed::Skip(secret, reason),
            (secret, Decision::Act(plan), read) => {
                let plan = if occasion.retries_unknown_failures() {
                    plan
                } else {
                    plan.without_unknown_retries(&secret)
                };
                if must_wait_for_value(&secret, &plan, mode) {
                    Observed::NoValueYet(secret, plan)
                } else {
                    Observed::Plan(Basis::new(secret, plan, read))
                }
            }
        }
    }

    /// Reads a secret by name that was not found by its ARN. AWS interprets a partial ARN, which has no
    /// suffix, as a full ARN if the secret's name ends with a hyphen and six characters (`DescribeSecret`
    /// API reference).
    async fn read_by_name(
        &self,
        id: &SecretId,
        outcome: &SecretOutcome,
        deadlines: &Deadlines,
    ) -> Option<(Secret, ReadTime)> {
        let (SecretId::Arn(arn), SecretOutcome::NotFound(_)) = (id, outcome) else {
            return None;
        };
        let name = SecretId::Name(arn.resource().to_owned());
        let read = self.secrets_manager.read(&name, deadlines.end()).await;
        let (secret, time) = read.ok()?;
        let suffix = secret.arn.as_str().strip_prefix(arn.as_str())?;
        suffix.starts_with('-').then_some((secret, time))
    }

    /// Plans for a secret. Probes the Regions whose step depends on the secret that has the name there,
    /// and plans again with the results. Skips the probes while the secret has to wait for its value. Reads
    /// the secret again if the probes took so long that no write may rest on the first read.
    async fn plan(
        &self,
        (mut secret, mut read): (Secret, ReadTime),
        mode: Mode,
        occasion: Occasion,
        until: Instant,
    ) -> (Secret, Decision, ReadTime) {
        let decision = decide(&secret, &self.policy, &self.limits);
        let Decision::Act(plan) = &decision else {
            return (secret, decision, read);
        };
        if must_wait_for_value(&secret, plan, mode) {
            return (secret, decision, read);
        }
        let mut regions: BTreeSet<Region> = plan.regions_to_probe().cloned().collect();
        if occasion.probes_before_requests() {
            regions.extend(plan.regions_without_entry().cloned());
        }
        let regions = regions.into_iter().collect();
        let mut probed = secret.probed.clone();
        probed.extend(self.probe_regions(&secret, regions, until).await);
        if mode == Mode::Act && plan.writes() && !read.is_fresh() {
            let id = SecretId::Arn(secret.arn.clone());
            if let Ok(again) = self.secrets_manager.read(&id, until).await {
                (secret, read) = again;
            }
        } else if probed.is_empty() {
            return (secret, decision, read);
        }
        secret.probed = probed;
        let decision = decide(&secret, &self.policy, &self.limits);
        (secret, decision, read)
    }

    /// Looks up the secret's name in these Regions again. Returns the findings of all probes. A Region whose second
    /// probe fails has none, because what the first one found may be gone.
    pub(super) async fn probe_again(
        &self,
        secret: &Secret,
        regions: Vec<Region>,
        until: Instant,
    ) -> BTreeMap<Region, RegionalSecret> {
        let mut probed = secret.probed.clone();
        probed.retain(|region, _| !regions.contains(region));
        probed.extend(self.probe_regions(secret, regions, until).await);
        probed
    }

    /// Looks up the secret's name in these Regions. The result omits a Region whose probe fails.
    pub(super) async fn probe_regions(
        &self,
        secret: &Secret,
        regions: Vec<Region>,
        until: Instant,
    ) -> BTreeMap<Region, RegionalSecret> {
        let probed = self.try_probes(secret, regions, until).await.into_iter();
        let found = probed.filter_map(|(region, found)| Some((region, found.ok()?)));
        found.collect()
    }

    /// Looks up the secret's name in these Regions.
    pub(super) async fn try_probes(
        &self,
        secret: &Secret,
        regions: Vec<Region>,
        until: Instant,
    ) -> Vec<(Region, Result<RegionalSecret, CallError>)> {
        let probes = regions.into_iter().map(|region| async move {
            let probe = self.secrets_manager.probe_region(&region, secret, until);
            let found = probe.await.inspect_err(|error| {
                tracing::warn!(
                    %region, %error,
                    "failed to check what the replica Region has under the secret's name"
                );
            });
            (region, found)
        });
        let probes = stream::iter(probes).buffer_unordered(PROBES_AT_ONCE);
        probes.collect().await
    }
}

/// Returns whether the plan's requests must wait for the secret's first value.
fn must_wait_for_value(secret: &Secret, plan: &Plan, mode: Mode) -> bool {
    mode == Mode::Act && plan.replicates() && !secret.has_value()
}
