use std::collections::BTreeMap;

use super::Step;
use crate::limits::{Limits, RemovalLimit};
use crate::policy::{Evaluation, Policy, Removal};
use crate::reason::{RemovalReason, RetainReason};
use crate::secret::{Region, Replica, ReplicaStatus, Secret};

/// Returns the steps for the unwanted replicas of a covered secret. Empty unless both the policy and
/// the settings allow removal.
pub(super) fn steps(
    secret: &Secret,
    evaluation: &Evaluation,
    policy: &Policy,
    limits: &Limits,
) -> BTreeMap<Region, Step> {
    if policy.removal() != Removal::Covered || limits.removal != RemovalLimit::Allowed {
        return BTreeMap::new();
    }
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
