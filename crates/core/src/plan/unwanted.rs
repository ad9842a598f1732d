use std::collections::BTreeMap;

use super::Step;
use crate::limits::{Limits, RemovalLimit};
use crate::policy::{Policy, Removal, Verdict};
use crate::reason::{RemovalReason, RetainReason};
use crate::secret::{Region, Replica, ReplicaStatus, Secret};

/// What is done about the replicas that no rule wants, of a secret that a rule covers. Nothing
/// unless the policy and the settings both allow removal.
pub(super) fn steps(
    secret: &Secret,
    verdict: &Verdict,
    policy: &Policy,
    limits: &Limits,
) -> BTreeMap<Region, Step> {
    if policy.removal() != Removal::Covered || limits.removal != RemovalLimit::Allowed {
        return BTreeMap::new();
    }
    let unwanted = |(region, replica): (&Region, &Replica)| {
        let reason = match verdict.regions.get(region) {
            None => RemovalReason::NoLongerTargeted,
            Some(wish) if !wish.forbidden_by.is_empty() && is_known(replica) => {
                RemovalReason::Forbidden(wish.forbidden_by.clone())
            }
            // It is wanted, or named and refused.
            Some(_) => return None,
        };
        Some((region.clone(), step(reason, replica, verdict)))
    };
    secret.replicas.iter().filter_map(unwanted).collect()
}

fn is_known(replica: &Replica) -> bool {
    !matches!(replica.status, ReplicaStatus::Unknown(_))
}

fn step(reason: RemovalReason, replica: &Replica, verdict: &Verdict) -> Step {
    let replica = replica.clone();
    match &replica.status {
        ReplicaStatus::Unknown(_) => Step::Retain(RetainReason::UnknownStatus, replica),
        // The token may be a slip for this very Region.
        _ if reason == RemovalReason::NoLongerTargeted && !verdict.bad_tokens.is_empty() => {
            Step::Retain(RetainReason::AmbiguousTag, replica)
        }
        ReplicaStatus::InProgress => Step::AwaitRemoval(reason, replica),
        ReplicaStatus::InSync | ReplicaStatus::Failed => Step::Remove(reason, replica),
    }
}
