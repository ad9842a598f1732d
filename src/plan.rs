//! From what a secret is and what the policy wants to what is done: a pure function.
//!
//! [`decide`] needs no clock, no network and no environment, so the event path, a dry run and the
//! tests all decide alike.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::{Limits, Overwrite};
use crate::policy::{BadToken, Policy, Subject, Wish};
use crate::reason::{Conflict, FailureReason, Refusal, SkipReason};
use crate::secret::{KmsKey, Region, Replica, ReplicaStatus, Secret};

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
    /// What is done in each Region that a rule wants. Empty if the secret wants no replica.
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
    Leave(FailureReason, Replica),
    /// The Region must not get a replica. If one is there all the same, it is left alone.
    Refuse(Refusal, Option<Replica>),
}

impl Step {
    /// The target of the step's write, if it writes.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Replicate(target) | Self::Retry(target) => Some(target),
            Self::Keep(_) | Self::Leave(..) | Self::Refuse(..) => None,
        }
    }
}

/// A Region that may get a replica of one secret, and how.
///
/// Only [`Target::new`] makes one, so a target in the primary secret's own Region, beyond its
/// partition, beyond the fence, in a forbidden Region, or with a weaker key that no rule names,
/// cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    region: Region,
    key: ReplicaKey,
    overwrite: Overwrite,
}

/// The key for a replica, and what named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaKey {
    /// The key; `None` is the AWS managed key `aws/secretsmanager`.
    pub kms_key: Option<KmsKey>,
    /// What named it.
    pub named_by: KeySource,
}

impl ReplicaKey {
    /// The key's name, for people.
    #[must_use]
    pub fn name(&self) -> String {
        self.kms_key
            .as_ref()
            .map_or_else(|| "aws/secretsmanager".to_owned(), ToString::to_string)
    }
}

/// What named a replica's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// These rules.
    Rules(BTreeSet<String>),
    /// The policy's `kms-keys`.
    Policy,
    /// The primary secret's own key.
    PrimarySecret,
}

impl Target {
    /// A target for a replica of `secret` in `region`.
    ///
    /// # Errors
    /// The reason why the Region must not get a replica.
    pub fn new(
        secret: &Secret,
        region: &Region,
        wish: &Wish,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        admit(secret, region, wish, limits)?;
        let wants_overwrite =
            agreed(&wish.overwrite, Conflict::Overwrite)?.is_some_and(|(yes, _)| *yes);
        Ok(Self {
            region: region.clone(),
            key: replica_key(secret, region, wish)?,
            overwrite: if wants_overwrite {
                limits.overwrite
            } else {
                Overwrite::Never
            },
        })
    }

    /// The Region of the replica.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The key for the replica.
    #[must_use]
    pub fn key(&self) -> &ReplicaKey {
        &self.key
    }

    /// Whether a secret of the same name in the Region is overwritten.
    #[must_use]
    pub fn overwrite(&self) -> Overwrite {
        self.overwrite
    }
}

fn admit(secret: &Secret, region: &Region, wish: &Wish, limits: &Limits) -> Result<(), Refusal> {
    let primary = secret.arn.region();
    if region == primary {
        Err(Refusal::OwnRegion)
    } else if region.partition() != primary.partition() {
        Err(Refusal::OtherPartition)
    } else if !wish.forbidden_by.is_empty() {
        Err(Refusal::ForbiddenByPolicy(wish.forbidden_by.clone()))
    } else if !limits.fence.admits(region) {
        Err(Refusal::OutsideTheFence)
    } else {
        Ok(())
    }
}

/// What all rules that say anything say alike.
fn agreed<T: Ord>(
    said: &BTreeMap<T, BTreeSet<String>>,
    about: Conflict,
) -> Result<Option<(&T, &BTreeSet<String>)>, Refusal> {
    if said.len() > 1 {
        let rules = said.values().flatten().cloned().collect();
        return Err(Refusal::ConflictingRules(about, rules));
    }
    Ok(said.first_key_value())
}

/// A rule may name a weaker key outright; the policy's general keys never weaken anything.
fn replica_key(secret: &Secret, region: &Region, wish: &Wish) -> Result<ReplicaKey, Refusal> {
    let named = |key: &KmsKey| (!key.is_aws_managed()).then(|| key.clone());
    if let Some((key, rules)) = agreed(&wish.rule_keys, Conflict::Key)? {
        return Ok(ReplicaKey {
            kms_key: named(key),
            named_by: KeySource::Rules(rules.clone()),
        });
    }
    if let Some(key) = wish.policy_key.as_ref().and_then(named) {
        return Ok(ReplicaKey {
            kms_key: Some(key),
            named_by: KeySource::Policy,
        });
    }
    let kms_key = secret
        .encryption
        .replica_key(region)
        .map_err(|key| Refusal::EncryptionWouldWeaken(key.clone()))?;
    Ok(ReplicaKey {
        kms_key,
        named_by: KeySource::PrimarySecret,
    })
}

impl Plan {
    /// The targets of the plan's writes, in the order of their Regions.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.steps.values().filter_map(Step::target)
    }

    /// Whether the plan writes anything.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.targets().next().is_some()
    }
}

/// Decides about one secret.
#[must_use]
pub fn decide(secret: &Secret, policy: &Policy, limits: &Limits) -> Decision {
    if let Some(reason) = untouchable(secret) {
        return Decision::Skip(reason);
    }
    let verdict = policy.evaluate(&Subject::from(secret));
    if verdict.rules.is_empty() {
        return Decision::Skip(SkipReason::NoRuleMatched);
    }
    let steps = verdict
        .regions
        .into_iter()
        .map(|(region, wish)| {
            let step = step(secret, &region, &wish, limits);
            (region, step)
        })
        .collect();
    Decision::Act(Plan {
        rules: verdict.rules,
        steps,
        bad_tokens: verdict.bad_tokens,
    })
}

/// Why a secret is never written to, whatever the policy says.
fn untouchable(secret: &Secret) -> Option<SkipReason> {
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

fn step(secret: &Secret, region: &Region, wish: &Wish, limits: &Limits) -> Step {
    let replica = secret.replicas.get(region);
    if let Err(refusal) = admit(secret, region, wish, limits) {
        return Step::Refuse(refusal, replica.cloned());
    }
    match (Target::new(secret, region, wish, limits), replica) {
        (Ok(target), None) => Step::Replicate(target),
        (Err(refusal), None) => Step::Refuse(refusal, None),
        (target, Some(replica)) if replica.status == ReplicaStatus::Failed => {
            let reason = failure_of(replica);
            match target {
                Ok(target) if may_heal(reason, &target) => Step::Retry(target),
                _ => Step::Leave(reason, replica.clone()),
            }
        }
        (Err(refusal @ Refusal::ConflictingRules(..)), Some(replica)) => {
            Step::Refuse(refusal, Some(replica.clone()))
        }
        (_, Some(replica)) => Step::Keep(replica.clone()),
    }
}

/// Whether another request may succeed: a name that is taken stands in the way only until it may be
/// overwritten.
fn may_heal(reason: FailureReason, target: &Target) -> bool {
    let overwrites = target.overwrite == Overwrite::Allowed;
    reason.may_heal() || reason == FailureReason::NameAlreadyExists && overwrites
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
