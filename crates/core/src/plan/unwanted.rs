use std::collections::BTreeMap;

use super::target::admit;
use super::{Plan, Step};
use crate::limits::{AllowedRegions, Limits, RemovalLimit};
use crate::policy::{Evaluation, Policy, RegionRequest, Removal, Subject};
use crate::reason::{Refusal, RemovalReason, RetainReason};
use crate::secret::{Region, Replica, ReplicaStatus, Secret};

/// Returns the steps for the unwanted replicas of a covered secret: those that no rule wants or that a rule
/// forbids. If the policy or the settings do not allow removal, only the replicas that must not exist have
/// a step.
pub(super) fn steps(
    secret: &Secret,
    evaluation: &Evaluation,
    policy: &Policy,
    limits: &Limits,
) -> BTreeMap<Region, Step> {
    if removes(policy, limits) {
        removals(secret, evaluation)
    } else {
        refusals(secret, evaluation, policy, limits)
    }
}

/// Returns the refusals of replicas that no rule wants, in Regions that are not allowed or that a rule forbids.
/// The Regions that a rule names have their step already.
fn refusals(
    secret: &Secret,
    evaluation: &Evaluation,
    policy: &Policy,
    limits: &Limits,
) -> BTreeMap<Region, Step> {
    let subject = Subject::from(secret);
    let refused = |(region, replica): (&Region, &Replica)| {
        let request = RegionRequest {
            forbidden_by: policy.forbidden_by(&subject, region),
            ..RegionRequest::default()
        };
        let refusal = admit(secret, region, &request, limits).err()?;
        Some((region.clone(), Step::Refuse(refusal, Some(replica.clone()))))
    };
    let replicas = secret.replicas.iter();
    let unnamed = replicas.filter(|(region, _)| !evaluation.regions.contains_key(region));
    unnamed.filter_map(refused).collect()
}

fn removals(secret: &Secret, evaluation: &Evaluation) -> BTreeMap<Region, Step> {
    let unwanted = |(region, replica): (&Region, &Replica)| {
        let reason = match evaluation.regions.get(region) {
            None => RemovalReason::NoLongerTargeted,
            Some(request) if !request.forbidden_by.is_empty() && is_known(replica) => {
                RemovalReason::Forbidden(request.forbidden_by.clone())
            }
            // The Region is wanted, or named and refused.
            Some(_) => return None,
        };
        Some((region.clone(), step(reason, replica, evaluation)))
    };
    secret.replicas.iter().filter_map(unwanted).collect()
}

/// Returns the Regions in which the function may have removed a replica of the secret: Regions that may have
/// replicas, in which no rule wants one and the primary secret lists none. Contains why a replica is
/// unwanted there. Empty unless both the policy and the settings allow removal.
///
/// Without allowed Regions, only the Regions that the policy names are known.
#[must_use]
pub fn regions_without_replica(
    secret: &Secret,
    plan: &Plan,
    policy: &Policy,
    limits: &Limits,
) -> BTreeMap<Region, RemovalReason> {
    if !removes(policy, limits) {
        return BTreeMap::new();
    }
    let mut regions = match &limits.allowed_regions {
        AllowedRegions::Any => policy.named_regions(),
        AllowedRegions::Only(regions) => regions.clone(),
    };
    regions.extend(plan.steps.keys().cloned());
    let primary = secret.arn.region();
    let unwanted = |region: Region| {
        let reason = match plan.steps.get(&region) {
            None => RemovalReason::NoLongerTargeted,
            Some(Step::Refuse(Refusal::ForbiddenByPolicy(rules), None)) => {
                RemovalReason::Forbidden(rules.clone())
            }
            Some(_) => return None,
        };
        let may_have_one = region != *primary
            && region.partition() == primary.partition()
            && limits.allowed_regions.admits(&region)
            && !secret.replicas.contains_key(&region);
        may_have_one.then_some((region, reason))
    };
    regions.into_iter().filter_map(unwanted).collect()
}

/// Returns whether both the policy and the settings allow the removal of replicas that no rule wants.
#[must_use]
pub fn removes(policy: &Policy, limits: &Limits) -> bool {
    policy.removal() == Removal::Covered && limits.removal == RemovalLimit::Allowed
}

fn is_known(replica: &Replica) -> bool {
    !matches!(replica.status, ReplicaStatus::Unknown(_))
}

fn step(reason: RemovalReason, replica: &Replica, evaluation: &Evaluation) -> Step {
    let replica = replica.clone();
    match &replica.status {
        ReplicaStatus::Unknown(_) => Step::Retain(RetainReason::UnknownStatus, replica),
        // The bad token may be a typo for this Region.
        _ if reason == RemovalReason::NoLongerTargeted && !evaluation.bad_tokens.is_empty() => {
            Step::Retain(RetainReason::AmbiguousTag, replica)
        }
        ReplicaStatus::InProgress => Step::AwaitRemoval(reason, replica),
        ReplicaStatus::InSync | ReplicaStatus::Failed => Step::Remove(reason, replica),
    }
}
