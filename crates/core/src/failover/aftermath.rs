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

/// What the policy of a stack in the failover Region does with all promoted secrets, in numbers of secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StackAfter {
    /// The secrets that are or would be promoted.
    pub secrets: usize,
    /// Those that the policy covers.
    pub covered: usize,
    /// Those that it replicates, by Region.
    pub replicates_to: BTreeMap<Region, usize>,
    /// Those whose replica it refuses, by Region and by the code of the reason.
    pub refuses: BTreeMap<Region, BTreeMap<&'static str, usize>>,
    /// Those that it replicates to no Region.
    pub without_replica: usize,
}

impl StackAfter {
    /// Adds a secret.
    pub fn add(&mut self, after: &PolicyAfter) {
        self.secrets += 1;
        self.covered += usize::from(after.covered);
        self.without_replica += usize::from(after.replicates_to.is_empty());
        for region in &after.replicates_to {
            *self.replicates_to.entry(region.clone()).or_default() += 1;
        }
        for (region, reason) in &after.refuses {
            let reasons = self.refuses.entry(region.clone()).or_default();
            *reasons.entry(reason).or_default() += 1;
        }
    }

    fn sentences(&self, region: &Region) -> Vec<String> {
        let secrets = |number: usize| match number {
            1 => "1 secret".to_owned(),
            number => format!("{number} secrets"),
        };
        let covered = format!(
            "The policy of the stack in {region} covers {} of {} as primary secrets.",
            self.covered,
            secrets(self.secrets)
        );
        let replicates = self.replicates_to.iter();
        let replicates = replicates
            .map(|(region, number)| format!("It replicates {} to {region}.", secrets(*number)));
        let refuses = self.refuses.iter().flat_map(|(region, reasons)| {
            reasons.iter().map(move |(reason, number)| {
                format!(
                    "It refuses {region} for {} ({reason}): nothing there is overwritten.",
                    secrets(*number)
                )
            })
        });
        let mut sentences: Vec<String> = [covered]
            .into_iter()
            .chain(replicates)
            .chain(refuses)
            .collect();
        if self.without_replica > 0 {
            let number = secrets(self.without_replica);
            sentences.push(format!("It leaves {number} without a replica."));
        }
        sentences
    }
}

impl FromIterator<PolicyAfter> for StackAfter {
    fn from_iter<I: IntoIterator<Item = PolicyAfter>>(policies: I) -> Self {
        let mut stack = Self::default();
        for policy in policies {
            stack.add(&policy);
        }
        stack
    }
}

/// Says what a stack in the failover Region does with promoted secrets, in sentences. `None` if its policy is not known:
/// `options` are those that name it.
#[must_use]
pub fn sentences(stack: Option<&StackAfter>, region: &Region, options: &str) -> Vec<String> {
    let unknown = || {
        format!(
            "A stack of secret-replicator in {region} sees primary secrets after a promotion, and replicates those that \
             its policy covers. What it does is not known here: {options} shows it."
        )
    };
    stack.map_or_else(|| vec![unknown()], |stack| stack.sentences(region))
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
        policy: policy.map(|(policy, limits)| policy_after(replica, policy, limits)),
    }
}

/// Says what the policy of a stack in the failover Region does with a replica after its promotion.
#[must_use]
pub fn policy_after(replica: &Secret, policy: &Policy, limits: &Limits) -> PolicyAfter {
    let mut promoted = replica.clone();
    promoted.primary_region = None;
    if let Some(old_region) = replica.replica_of() {
        // The former primary secret has the same suffix, so the function never overwrites it.
        let old_primary = RegionalSecret::PromotedReplica;
        promoted.probed.insert(old_region.clone(), old_primary);
    }
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
    fn the_numbers_of_a_stack_become_sentences() {
        let policy = |covered, to: &[&str], refused: Option<&str>| PolicyAfter {
            covered,
            replicates_to: to.iter().map(|code| region(code)).collect(),
            refuses: refused
                .map(|code| (region(code), "promoted-replica"))
                .into_iter()
                .collect(),
        };
        let policies = [
            policy(true, &["us-west-2"], Some(PRIMARY)),
            policy(true, &["us-west-2", "eu-north-1"], Some(PRIMARY)),
            policy(false, &[], None),
        ];
        let stack: StackAfter = policies.into_iter().collect();
        assert_eq!(
            stack.sentences(&region(THERE)),
            [
                "The policy of the stack in eu-west-1 covers 2 of 3 secrets as primary secrets.",
                "It replicates 1 secret to eu-north-1.",
                "It replicates 2 secrets to us-west-2.",
                "It refuses us-east-1 for 2 secrets (promoted-replica): nothing there is overwritten.",
                "It leaves 1 secret without a replica.",
            ]
        );
    }

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
