//! From what a secret is and what the policy wants to what is done: a pure function.
//!
//! [`decide`] needs no clock, no network and no environment, so the event path, a dry run and the
//! tests all decide alike.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::policy::{BadToken, Policy};
use crate::reason::{FailureReason, Refusal, SkipReason};
use crate::secret::{KmsKey, Region, Replica, ReplicaStatus, Secret};

/// The Regions that replicas may ever be created in. IAM enforces the same list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fence {
    /// Only the policy limits.
    Open,
    /// These Regions and no others.
    Regions(BTreeSet<Region>),
}

impl Fence {
    /// The Regions that the fence names.
    #[must_use]
    pub fn named_regions(&self) -> BTreeSet<Region> {
        match self {
            Self::Open => BTreeSet::new(),
            Self::Regions(regions) => regions.clone(),
        }
    }

    fn admits(&self, region: &Region) -> bool {
        match self {
            Self::Open => true,
            Self::Regions(regions) => regions.contains(region),
        }
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Regions(regions) => {
                let codes: Vec<&str> = regions.iter().map(Region::as_str).collect();
                f.write_str(&codes.join(" "))
            }
        }
    }
}

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

/// A Region that may get a replica of one secret, and the key for it.
///
/// Only [`Target::new`] makes one, so a target in the primary secret's own Region, beyond its
/// partition or beyond the fence cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    region: Region,
    kms_key: Option<KmsKey>,
}

impl Target {
    /// A target for a replica of `secret` in `region`.
    ///
    /// # Errors
    /// The reason why the Region must not get a replica.
    pub fn new(secret: &Secret, region: &Region, fence: &Fence) -> Result<Self, Refusal> {
        admit(secret, region, fence)?;
        let kms_key = secret
            .encryption
            .replica_key(region)
            .map_err(|key| Refusal::EncryptionWouldWeaken(key.clone()))?;
        Ok(Self {
            region: region.clone(),
            kms_key,
        })
    }

    /// The Region of the replica.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The key for the replica; `None` is the AWS managed key `aws/secretsmanager`.
    #[must_use]
    pub fn kms_key(&self) -> Option<&KmsKey> {
        self.kms_key.as_ref()
    }
}

fn admit(secret: &Secret, region: &Region, fence: &Fence) -> Result<(), Refusal> {
    let primary = secret.arn.region();
    if region == primary {
        Err(Refusal::OwnRegion)
    } else if region.partition() != primary.partition() {
        Err(Refusal::OtherPartition)
    } else if !fence.admits(region) {
        Err(Refusal::OutsideTheFence)
    } else {
        Ok(())
    }
}

impl Plan {
    /// The targets of the plan's writes, in the order of their Regions.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.steps.values().filter_map(|step| match step {
            Step::Replicate(target) | Step::Retry(target) => Some(target),
            Step::Keep(_) | Step::Leave(..) | Step::Refuse(..) => None,
        })
    }

    /// Whether the plan writes anything.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.targets().next().is_some()
    }
}

/// Decides about one secret.
#[must_use]
pub fn decide(secret: &Secret, policy: &Policy, fence: &Fence) -> Decision {
    if let Some(reason) = untouchable(secret) {
        return Decision::Skip(reason);
    }
    let verdict = policy.evaluate(&secret.name, &secret.tags);
    if verdict.rules.is_empty() {
        return Decision::Skip(SkipReason::NoRuleMatched);
    }
    let steps = verdict
        .regions
        .into_iter()
        .map(|region| {
            let step = step(secret, &region, fence);
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

fn step(secret: &Secret, region: &Region, fence: &Fence) -> Step {
    let replica = secret.replicas.get(region);
    if let Err(refusal) = admit(secret, region, fence) {
        return Step::Refuse(refusal, replica.cloned());
    }
    match (Target::new(secret, region, fence), replica) {
        (Ok(target), None) => Step::Replicate(target),
        (Err(refusal), None) => Step::Refuse(refusal, None),
        (target, Some(replica)) if replica.status == ReplicaStatus::Failed => {
            let reason = failure_of(replica);
            match target {
                Ok(target) if reason.may_heal() => Step::Retry(target),
                _ => Step::Leave(reason, replica.clone()),
            }
        }
        (_, Some(replica)) => Step::Keep(replica.clone()),
    }
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
