//! Says what a promotion changes for a secret, beyond its role.
//!
//! A resource policy is replicated (Secrets Manager user guide, "Replicate secrets across Regions"), so a promoted
//! secret keeps it. From then on it is a policy of its own: a change in the old primary Region no longer arrives.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Rotation;
use super::inventory::Entry;
use crate::limits::Limits;
use crate::plan::{Decision, Step, decide};
use crate::policy::Policy;
use crate::secret::{Region, RegionalSecret, Secret, SecretArn};

/// What changes for a promoted secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Aftermath {
    /// The ARN of the promoted secret. Readers that name the ARN of the primary secret must name this one.
    pub arn: SecretArn,
    /// The ARN of the former primary secret.
    pub primary_arn: SecretArn,
    /// What is known about the rotation, which stays in the former primary Region.
    pub rotation: RotationAfter,
    /// What a stack in the failover Region does with the promoted secret. `None` if its policy is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyAfter>,
}

/// What is known about the rotation of a promoted secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum RotationAfter {
    /// Only the former primary secret rotates, with these rules.
    OnlyInOldPrimary {
        /// The rules.
        rules: Rotation,
    },
    /// The primary secret did not rotate when the inventory was saved.
    None,
    /// Only the primary Region knows.
    Unknown,
}

/// What the policy of a stack in the failover Region does with a promoted secret, which is a primary secret there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyAfter {
    /// Whether the policy covers the secret.
    pub covered: bool,
    /// The Regions to which it replicates the secret.
    pub replicates_to: BTreeSet<Region>,
    /// The Regions that a rule or a tag names and that it refuses, with the code of the reason.
    pub refuses: BTreeMap<Region, &'static str>,
}

/// Says what changes for a secret with its promotion. `replica` is the read before it. `entry` is that of the
/// inventory.
#[must_use]
pub fn aftermath(
    replica: &Secret,
    entry: Option<&Entry>,
    policy: Option<(&Policy, &Limits)>,
) -> Aftermath {
    let old_region = replica.replica_of().unwrap_or(replica.arn.region());
    Aftermath {
        arn: replica.arn.clone(),
        primary_arn: replica.arn.in_region(old_region),
        rotation: match entry {
            Some(Entry {
                rotation: Some(rules),
                ..
            }) => RotationAfter::OnlyInOldPrimary {
                rules: rules.clone(),
            },
            Some(_) => RotationAfter::None,
            None => RotationAfter::Unknown,
        },
        policy: policy.map(|(policy, limits)| policy_after(replica, old_region, policy, limits)),
    }
}

fn policy_after(
    replica: &Secret,
    old_region: &Region,
    policy: &Policy,
    limits: &Limits,
) -> PolicyAfter {
    let mut promoted = replica.clone();
    promoted.primary_region = None;
    // The former primary secret has the same suffix, so the function never overwrites it.
    let old_primary = RegionalSecret::PromotedReplica;
    promoted.probed.insert(old_region.clone(), old_primary);
    let Decision::Act(plan) = decide(&promoted, policy, limits) else {
        return PolicyAfter {
            covered: false,
            replicates_to: BTreeSet::new(),
            refuses: BTreeMap::new(),
        };
    };
    let mut after = PolicyAfter {
        covered: true,
        replicates_to: BTreeSet::new(),
        refuses: BTreeMap::new(),
    };
    for (region, step) in &plan.steps {
        match step {
            Step::Replicate(_) | Step::Retry(_) | Step::Keep(_) => {
                after.replicates_to.insert(region.clone());
            }
            Step::Refuse(refusal, existing) if !refusal.is_intended(existing.as_ref()) => {
                after.refuses.insert(region.clone(), refusal.code());
            }
            _ => {}
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PRIMARY, THERE, region, secret};
    use super::*;
    use crate::limits::{AllowedRegions, Overwrite, RemovalLimit};
    use crate::policy;

    #[test]
    fn a_stack_in_the_region_sees_a_primary_secret_and_never_overwrites_the_old_one() {
        let text = format!(
            "version: 1\nrules:\n  - {{name: a, when: all, overwrite: true, replicate-to: [{PRIMARY}, us-west-2]}}\n"
        );
        let policy = policy::check(&text, &AllowedRegions::Any).unwrap().policy;
        let limits = Limits {
            allowed_regions: AllowedRegions::Any,
            overwrite: Overwrite::Allowed,
            removal: RemovalLimit::Allowed,
        };
        let after = aftermath(
            &secret("a", THERE, Some(PRIMARY)),
            None,
            Some((&policy, &limits)),
        );
        assert_eq!(after.primary_arn, secret("a", PRIMARY, None).arn);
        assert_eq!(after.rotation, RotationAfter::Unknown);
        let after = after.policy.unwrap();
        assert!(after.covered);
        assert_eq!(after.replicates_to, [region("us-west-2")].into());
        let refused = [(region(PRIMARY), "promoted-replica")].into();
        assert_eq!(after.refuses, refused);
    }
}
