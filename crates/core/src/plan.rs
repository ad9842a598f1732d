//! From what a secret is and what the policy wants to what is done: a pure function.
//!
//! [`decide`] needs no clock, no network and no environment, so the event path, a dry run and the
//! tests all decide alike.

mod target;
mod unwanted;

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::{Limits, Overwrite};
use crate::policy::{BadToken, Policy, RegionRequest, Subject};
use crate::reason::{FailureReason, Refusal, RemovalReason, RetainReason, SkipReason};
use crate::secret::{Region, Replica, ReplicaStatus, Secret};
use target::admit;
pub use target::{KeySource, ReplicaKey, Target};

/// What is to be done about one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing, deliberately.
    Skip(SkipReason),
    /// The secret is covered; the plan says what that means in each Region.
    Act(Plan),
}

/// What is to be done about a secret that the policy covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The names of the rules that cover the secret.
    pub rules: BTreeSet<String>,
    /// What is done in each Region that a rule wants, and where removal is allowed also in each
    /// that has a replica. Empty if there is nothing to do and nothing to follow.
    pub steps: BTreeMap<Region, Step>,
    /// What stands in the secret's tags where a Region should.
    pub bad_tokens: BTreeSet<BadToken>,
}

/// What is done in one Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is no replica: create one.
    Replicate(Target),
    /// The replica failed for a reason that may have healed: replicate again.
    Retry(Target),
    /// There is a replica, in sync or on its way: follow it, change nothing.
    Keep(Replica),
    /// The replica failed, and another request would not help or must not be made: report it,
    /// change nothing.
    ReportFailure(FailureReason, Replica),
    /// The Region must not get a replica. If one is there all the same, it is left alone.
    Refuse(Refusal, Option<Replica>),
    /// No rule wants the replica: remove it, once every wanted replica is in sync.
    Remove(RemovalReason, Replica),
    /// No rule wants the replica, and it is on its way, perhaps out: follow it, change nothing.
    AwaitRemoval(RemovalReason, Replica),
    /// No rule wants the replica, yet it is kept.
    Retain(RetainReason, Replica),
}

impl Decision {
    /// Whether a replica is asked for with just this target.
    #[must_use]
    pub fn asks_for(&self, target: &Target) -> bool {
        match self {
            Self::Skip(_) => false,
            Self::Act(plan) => plan.targets().any(|wanted| wanted == target),
        }
    }
}

impl Step {
    /// The target of the step's write, if it writes.
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
    /// The targets that replicas are asked for, in the order of their Regions.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.steps.values().filter_map(Step::target)
    }

    /// The Regions whose replicas are to be removed, and why.
    pub fn removals(&self) -> impl Iterator<Item = &Region> {
        let removed = |(region, step)| matches!(step, &Step::Remove(..)).then_some(region);
        self.steps.iter().filter_map(removed)
    }

    /// The Regions whose replicas are to be removed, now or when they have arrived, and why.
    pub fn unwanted(&self) -> impl Iterator<Item = (&Region, &RemovalReason)> {
        let unwanted = |(region, step)| match step {
            &Step::Remove(ref reason, _) | &Step::AwaitRemoval(ref reason, _) => {
                Some((region, reason))
            }
            _ => None,
        };
        self.steps.iter().filter_map(unwanted)
    }

    /// Whether what is unwanted for this reason may be removed, by the very read that the plan was
    /// made from: every replica that is wanted is in sync, and where no rule wants the replica,
    /// nothing is refused that may be a slip.
    #[must_use]
    pub fn may_remove(&self, reason: &RemovalReason) -> bool {
        let not_wanted = *reason == RemovalReason::NoLongerTargeted;
        let is_settled = |step: &Step| match step {
            Step::Keep(replica) => replica.status == ReplicaStatus::InSync,
            Step::Refuse(refusal, _) => !refusal.counts() || !not_wanted,
            Step::Replicate(_) | Step::Retry(_) | Step::ReportFailure(..) => false,
            // Its Region is named as well, and refused.
            Step::Remove(RemovalReason::Forbidden(_), _)
            | Step::AwaitRemoval(RemovalReason::Forbidden(_), _) => !not_wanted,
            Step::Remove(..) | Step::AwaitRemoval(..) | Step::Retain(..) => true,
        };
        self.steps.values().all(is_settled) && (self.bad_tokens.is_empty() || !not_wanted)
    }

    /// Whether the plan asks for replicas.
    #[must_use]
    pub fn replicates(&self) -> bool {
        self.targets().next().is_some()
    }

    /// How many replicas the plan adds or removes, at most. One that failed and is asked for again
    /// is neither: it would otherwise use up a sweep's changes every time.
    #[must_use]
    pub fn changes(&self) -> u64 {
        let changes = self.steps.values().map(|step| match step {
            Step::Replicate(_) | Step::Remove(..) | Step::AwaitRemoval(..) => 1,
            Step::Retry(_)
            | Step::Keep(_)
            | Step::ReportFailure(..)
            | Step::Refuse(..)
            | Step::Retain(..) => 0,
        });
        changes.sum()
    }

    /// The part of the plan that concerns these Regions.
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

    /// The Regions in which something other than the primary secret decides whether another request
    /// can succeed: a name that was taken may be free by now, a Region enabled.
    pub fn blocked_in_region(&self) -> impl Iterator<Item = &Region> {
        let blocked_in_region = |(region, step)| match step {
            &Step::ReportFailure(reason, _) if reason.needs_manual_fix() => Some(region),
            _ => None,
        };
        self.steps.iter().filter_map(blocked_in_region)
    }
}

/// Decides about one secret.
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

/// Why a secret is never written to, whatever the policy says.
fn exclusion(secret: &Secret) -> Option<SkipReason> {
    if let Some(primary) = secret.replica_of() {
        return Some(SkipReason::IsReplica(primary.clone()));
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
    match (admitted.target(), replica) {
        (Ok(target), None) => Step::Replicate(target),
        (Err(refusal), None) => Step::Refuse(refusal, None),
        (target, Some(replica)) if replica.status == ReplicaStatus::Failed => {
            let reason = failure_of(replica);
            match target {
                Ok(target) if retry_may_succeed(secret, reason, &target) => Step::Retry(target),
                _ => Step::ReportFailure(reason, replica.clone()),
            }
        }
        (Err(refusal @ Refusal::ConflictingRules(..)), Some(replica)) => {
            Step::Refuse(refusal, Some(replica.clone()))
        }
        (_, Some(replica)) => Step::Keep(replica.clone()),
    }
}

/// Whether another request may succeed. A name that is taken blocks it until the name is available or
/// may be overwritten.
fn retry_may_succeed(secret: &Secret, reason: FailureReason, target: &Target) -> bool {
    let overwrites = target.overwrite() == Overwrite::Allowed;
    !reason.needs_manual_fix()
        || secret.name_available.contains(target.region())
        || reason == FailureReason::NameAlreadyExists && overwrites
}

/// Why a replica that AWS reports as `Failed` failed.
#[must_use]
pub fn failure_of(replica: &Replica) -> FailureReason {
    replica
        .message
        .as_deref()
        .and_then(FailureReason::from_message)
        .unwrap_or(FailureReason::ReplicationFailed)
}
