//! Decides what to do about one secret, Region by Region.
//!
//! [`decide`] is a pure function of the secret, the policy and the limits. Without a clock, network or
//! environment, events, dry runs and tests get the same decision.

mod changes;
mod target;
mod unwanted;

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::{Limits, Overwrite};
use crate::policy::{BadToken, Policy, RegionRequest, Subject};
use crate::reason::{FailureReason, Refusal, RemovalReason, RetainReason, SkipReason};
use crate::secret::{KmsKey, Region, RegionalSecret, Replica, ReplicaStatus, Secret};
pub use changes::Changes;
use target::admit;
pub use target::{KeySource, ReplicaKey, Target};
pub use unwanted::{regions_without_replica, removes};

/// The decision about one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Do nothing, deliberately.
    Skip(SkipReason),
    /// The policy covers the secret. The plan contains a step for each Region.
    Act(Plan),
}

/// The plan for a secret that the policy covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The names of the rules that cover the secret.
    pub rules: BTreeSet<String>,
    /// The step for each Region that a rule wants, and for each Region that has a replica which is to be removed
    /// or must not exist. Empty if there is nothing to do and nothing to follow.
    pub steps: BTreeMap<Region, Step>,
    /// The tokens in the secret's tags that are not Regions.
    pub bad_tokens: BTreeSet<BadToken>,
}

/// The step for one Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The Region has no replica: create one.
    Replicate(Target),
    /// The replica failed for a reason that may no longer apply: replicate again.
    Retry(Target),
    /// The replica is in sync or in progress: follow it without a change.
    Keep(Replica),
    /// The replica failed, and another request would not help or is not allowed: report it without a
    /// change.
    ReportFailure(FailureReason, Replica),
    /// The Region must not get a replica. An existing replica is left unchanged.
    Refuse(Refusal, Option<Replica>),
    /// No rule wants the replica: remove it, once every wanted replica is in sync.
    Remove(RemovalReason, Replica),
    /// No rule wants the replica, but it is being created or removed: follow it without a change.
    AwaitRemoval(RemovalReason, Replica),
    /// No rule wants the replica, but it is kept.
    Retain(RetainReason, Replica),
}

impl Decision {
    /// Returns the plan's own target for the same replica, if it requests it still.
    #[must_use]
    pub fn target_like(&self, target: &Target) -> Option<&Target> {
        match self {
            Self::Skip(_) => None,
            Self::Act(plan) => plan.targets().find(|own| own.is_same_replica(target)),
        }
    }
}

impl Step {
    /// Returns the target of the step's replication request, if it makes one.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Replicate(target) | Self::Retry(target) => Some(target),
            Self::Keep(_)
            | Self::ReportFailure(..)
            | Self::Refuse(..)
            | Self::Remove(..)
            | Self::AwaitRemoval(..)
            | Self::Retain(..) => None,
        }
    }
}

impl Plan {
    /// Returns the targets of the replication requests, in the order of their Regions.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.steps.values().filter_map(Step::target)
    }

    /// Returns the Regions whose replicas are to be removed, now or when they are no longer in
    /// progress, and the reasons.
    pub fn unwanted(&self) -> impl Iterator<Item = (&Region, &RemovalReason)> {
        let unwanted = |(region, step)| match step {
            &Step::Remove(ref reason, _) | &Step::AwaitRemoval(ref reason, _) => {
                Some((region, reason))
            }
            _ => None,
        };
        self.steps.iter().filter_map(unwanted)
    }

    /// Returns whether replicas that are unwanted for this reason may be removed, according to the read
    /// that the plan is based on.
    ///
    /// Every wanted replica must be in sync. If no rule wants the replica, there must also be no
    /// refusal that may result from a typo.
    #[must_use]
    pub fn may_remove(&self, reason: &RemovalReason) -> bool {
        let in_sync = |step: &Step| match step {
            Step::Keep(replica) => replica.status == ReplicaStatus::InSync,
            _ => false,
        };
        self.allows_removal(reason, in_sync)
    }

    /// Returns whether replicas that are unwanted for this reason will be removed if every replica that the
    /// plan requests or follows is in sync by then. A dry run and an explanation announce a removal only
    /// then.
    #[must_use]
    pub fn will_remove(&self, reason: &RemovalReason) -> bool {
        let can_be_in_sync = |step: &Step| match step {
            Step::Replicate(_) | Step::Retry(_) => true,
            Step::Keep(replica) => {
                matches!(
                    replica.status,
                    ReplicaStatus::InSync | ReplicaStatus::InProgress
                )
            }
            _ => false,
        };
        self.allows_removal(reason, can_be_in_sync)
    }

    fn allows_removal(&self, reason: &RemovalReason, is_in_sync: impl Fn(&Step) -> bool) -> bool {
        let not_wanted = *reason == RemovalReason::NoLongerTargeted;
        let is_settled = |step: &Step| match step {
            Step::Replicate(_) | Step::Retry(_) | Step::Keep(_) => is_in_sync(step),
            Step::ReportFailure(..) => false,
            Step::Refuse(refusal, existing) => {
                let status = existing.as_ref().map(|replica| &replica.status);
                refusal.allows_removal(reason, status)
            }
            // A rule or a tag names this Region too, and it is refused.
            Step::Remove(RemovalReason::Forbidden(_), _)
            | Step::AwaitRemoval(RemovalReason::Forbidden(_), _) => !not_wanted,
            Step::Remove(..) | Step::AwaitRemoval(..) | Step::Retain(..) => true,
        };
        self.steps.values().all(is_settled) && (self.bad_tokens.is_empty() || !not_wanted)
    }

    /// Returns whether the plan requests replicas.
    #[must_use]
    pub fn replicates(&self) -> bool {
        self.targets().next().is_some()
    }

    /// Returns whether the plan requests or removes replicas.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.replicates() || self.unwanted().next().is_some()
    }

    /// Returns the part of the plan for these Regions.
    #[must_use]
    pub fn only(&self, regions: &BTreeSet<Region>) -> Self {
        let concerns = |(region, _): &(&Region, &Step)| regions.contains(*region);
        let steps = self.steps.iter().filter(concerns);
        Self {
            steps: steps
                .map(|(region, step)| (region.clone(), step.clone()))
                .collect(),
            ..self.clone()
        }
    }

    /// Turns the retries of replicas that failed for an unknown reason into reports, for a quick sweep:
    /// it would otherwise repeat the same failing request every time.
    #[must_use]
    pub fn without_unknown_retries(mut self, secret: &Secret) -> Self {
        for (region, step) in &mut self.steps {
            if let (Step::Retry(_), Some(replica)) = (&*step, secret.replicas.get(region))
                && failure_of(replica) == FailureReason::ReplicationFailed
            {
                *step = Step::ReportFailure(FailureReason::ReplicationFailed, replica.clone());
            }
        }
        self
    }

    /// Returns the Regions in which the plan requests a replica that the primary secret does not list.
    pub fn regions_without_entry(&self) -> impl Iterator<Item = &Region> {
        let is_new = |(region, step)| matches!(step, &Step::Replicate(_)).then_some(region);
        self.steps.iter().filter_map(is_new)
    }

    /// Returns the Regions to probe, because the step depends on what the Region has under the secret's
    /// name: a request may overwrite it, a taken name may have become available, a Region may have
    /// been enabled, or a promoted former replica that an earlier probe found may be gone.
    pub fn regions_to_probe(&self) -> impl Iterator<Item = &Region> {
        let depends = |(region, step): (_, &Step)| {
            let is_blocked = match step {
                Step::ReportFailure(reason, _) => reason.needs_manual_fix(),
                Step::Refuse(refusal, _) => *refusal == Refusal::PromotedReplica,
                _ => false,
            };
            let may_overwrite = |target: &Target| target.overwrite() == Overwrite::Allowed;
            (is_blocked || step.target().is_some_and(may_overwrite)).then_some(region)
        };
        self.steps.iter().filter_map(depends)
    }
}

/// Decides what to do about one secret.
#[must_use]
pub fn decide(secret: &Secret, policy: &Policy, limits: &Limits) -> Decision {
    if let Some(reason) = exclusion(secret) {
        return Decision::Skip(reason);
    }
    let evaluation = policy.evaluate(&Subject::from(secret));
    if evaluation.rules.is_empty() {
        return Decision::Skip(SkipReason::NoRuleMatched);
    }
    let unwanted = unwanted::steps(secret, &evaluation, policy, limits);
    let mut steps: BTreeMap<Region, Step> = evaluation
        .regions
        .into_iter()
        .map(|(region, request)| {
            let step = step(secret, &region, &request, limits);
            (region, step)
        })
        .collect();
    steps.extend(unwanted);
    Decision::Act(Plan {
        rules: evaluation.rules,
        steps,
        bad_tokens: evaluation.bad_tokens,
    })
}

/// Returns why a secret must never be written to, regardless of the policy. `None` if it may be.
fn exclusion(secret: &Secret) -> Option<SkipReason> {
    if let Some(primary) = secret.replica_of() {
        return Some(SkipReason::IsReplica(Some(primary.clone())));
    }
    if let Some(service) = secret.managed_by() {
        return Some(SkipReason::ManagedByService(service.to_owned()));
    }
    secret
        .scheduled_for_deletion
        .then_some(SkipReason::ScheduledForDeletion)
}

fn step(secret: &Secret, region: &Region, request: &RegionRequest, limits: &Limits) -> Step {
    let replica = secret.replicas.get(region);
    let admitted = match admit(secret, region, request, limits) {
        Ok(admitted) => admitted,
        Err(refusal) => return Step::Refuse(refusal, replica.cloned()),
    };
    if secret.is_promoted_in(region) {
        return Step::Refuse(Refusal::PromotedReplica, replica.cloned());
    }
    match (admitted.target(), replica) {
        (Ok(target), None) => Step::Replicate(target),
        (Err(refusal), None) => Step::Refuse(refusal, None),
        (Ok(target), Some(replica)) => step_with_replica(secret, target, replica),
        (Err(refusal), Some(replica)) => step_without_target(refusal, replica),
    }
}

/// Returns the step for a Region that has a replica and may get one.
fn step_with_replica(secret: &Secret, target: Target, replica: &Replica) -> Step {
    match &replica.status {
        ReplicaStatus::Failed => {
            let reason = failure_of(replica);
            if retry_may_succeed(secret, reason, &target) {
                Step::Retry(target)
            } else {
                Step::ReportFailure(reason, replica.clone())
            }
        }
        ReplicaStatus::InSync | ReplicaStatus::InProgress => {
            let key = replica.kms_key.as_deref().map(KmsKey::new);
            match key.and_then(|key| target.key().contradicted_by(&key)) {
                Some(refusal) => Step::Refuse(refusal, Some(replica.clone())),
                None => Step::Keep(replica.clone()),
            }
        }
        ReplicaStatus::Unknown(_) => Step::Keep(replica.clone()),
    }
}

/// Returns the step for a Region whose replica would not be requested today. A replica with a customer
/// managed key that neither rule nor policy names is not weaker, so it is kept.
fn step_without_target(refusal: Refusal, replica: &Replica) -> Step {
    let key = replica.kms_key.as_deref().map(KmsKey::new);
    let is_weaker = key.is_some_and(|key| key.is_aws_managed());
    match (&refusal, &replica.status) {
        (Refusal::WeakerEncryption(_), ReplicaStatus::Failed) if !is_weaker => {
            Step::ReportFailure(failure_of(replica), replica.clone())
        }
        (Refusal::WeakerEncryption(_), _) if !is_weaker => Step::Keep(replica.clone()),
        _ => Step::Refuse(refusal, Some(replica.clone())),
    }
}

/// Returns whether another request may succeed. A taken name blocks it until a probe finds that the name
/// is available, that the replica is there, or that another secret may be overwritten.
fn retry_may_succeed(secret: &Secret, reason: FailureReason, target: &Target) -> bool {
    if !reason.needs_manual_fix() {
        return true;
    }
    match secret.probed.get(target.region()) {
        Some(RegionalSecret::Absent | RegionalSecret::Replica { .. }) => true,
        Some(RegionalSecret::OtherSecret) => {
            target.overwrites() && reason == FailureReason::NameAlreadyExists
        }
        Some(RegionalSecret::PromotedReplica | RegionalSecret::ReplicaOfAnotherRegion) | None => {
            false
        }
    }
}

/// Returns why a replica with the status `Failed` failed.
#[must_use]
pub fn failure_of(replica: &Replica) -> FailureReason {
    replica
        .message
        .as_deref()
        .and_then(FailureReason::from_message)
        .unwrap_or(FailureReason::ReplicationFailed)
}
