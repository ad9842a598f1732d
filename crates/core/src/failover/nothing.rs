//! Says why a drill or a promotion has covered nothing.
//!
//! A recovery plan must not read "nothing to do" as success. After a complete promotion, the Region has no covered
//! replica either. The function keeps no state, so the standalone secrets that the policy covers are the evidence of
//! an earlier promotion. It is weak evidence: such a secret may never have been a replica. A `from` that names an
//! existing, but wrong Region is therefore an error only without such secrets. A drill covers nothing there, too, and
//! always fails.

use std::collections::BTreeSet;

use crate::known_regions;
use crate::policy::Policy;
use crate::secret::{Region, Secret};
use crate::spelling::did_you_mean;

use super::covering_rules;
use super::promotion::is_promoted;

/// What a Region has if a drill or a promotion covers nothing there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// The replicas that were meant and that the policy does not cover.
    pub not_covered: u64,
    /// The standalone secrets with a value that the policy covers: promoted before, or never replicas.
    pub standalone: u64,
    /// The primary Regions of the covered replicas that were not meant.
    pub other_primary_regions: BTreeSet<Region>,
}

/// Why nothing is covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// The policy covers none of the replicas. Contains their number.
    NotCovered(u64),
    /// The covered replicas of the Region have their primary secrets in these Regions, and not in the named one.
    OtherPrimaryRegions(BTreeSet<Region>),
    /// The Region has no replica.
    NoReplica,
}

impl Rest {
    /// Adds a secret of the Region that is not one of the replicas that were meant. `from` is the primary Region that
    /// was named.
    pub fn add(&mut self, secret: &Secret, from: Option<&Region>, policy: &Policy) {
        if let Some(primary_region) = secret.replica_of() {
            if from != Some(primary_region) && !covering_rules(secret, policy).is_empty() {
                self.other_primary_regions.insert(primary_region.clone());
            }
        } else if is_promoted(secret)
            && !secret.scheduled_for_deletion
            && is_covered_from(secret, from, policy)
        {
            self.standalone += 1;
        }
    }

    /// Returns why nothing is covered. `None` if a promotion has nothing left to do, as far as the Region shows.
    #[must_use]
    pub fn nothing(&self, from: Option<&Region>, is_drill: bool) -> Option<Nothing> {
        let others = &self.other_primary_regions;
        // No standalone secret was a replica from a Region that does not exist.
        let is_misspelled = from.is_some_and(|from| !known_regions::is_known(from))
            && self.not_covered == 0
            && !others.is_empty();
        if !is_drill && self.standalone > 0 && !is_misspelled {
            return None;
        }
        Some(if self.not_covered > 0 {
            Nothing::NotCovered(self.not_covered)
        } else if from.is_some() && !others.is_empty() {
            Nothing::OtherPrimaryRegions(others.clone())
        } else {
            Nothing::NoReplica
        })
    }
}

/// Returns whether the policy covers a standalone secret as the primary secret that it was before a promotion: in
/// `from`, or without it in any Region.
fn is_covered_from(secret: &Secret, from: Option<&Region>, policy: &Policy) -> bool {
    let covers = |region: &Region| {
        let primary = Secret {
            arn: secret.arn.in_region(region),
            ..secret.clone()
        };
        !covering_rules(&primary, policy).is_empty()
    };
    match from {
        Some(from) => covers(from),
        None => covers(secret.arn.region()) || known_regions::all().any(|region| covers(&region)),
    }
}

impl Nothing {
    /// Explains why nothing is covered in a Region.
    #[must_use]
    pub fn detail(&self, region: &Region, from: Option<&Region>) -> String {
        let of_from =
            from.map_or_else(String::new, |from| format!(" of primary secrets in {from}"));
        match self {
            Self::NotCovered(number) => {
                format!(
                    "the policy of this function covers none of the replicas in {region}{of_from} ({number})"
                )
            }
            Self::OtherPrimaryRegions(regions) => {
                let codes: Vec<&str> = regions.iter().map(Region::as_str).collect();
                let meant =
                    from.and_then(|from| did_you_mean(from.as_str(), codes.iter().copied()));
                let hint =
                    meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
                format!(
                    "{region} has no replicas{of_from}; its covered replicas have their primary secrets in {}{hint}",
                    codes.join(" and ")
                )
            }
            Self::NoReplica => format!("{region} has no replicas{of_from}"),
        }
    }

    /// Returns the remediation.
    #[must_use]
    pub fn remediation(&self) -> &'static str {
        match self {
            Self::NotCovered(_) => {
                "deploy this stack with a policy that covers these replicas, for example the policy of the stack in \
                 their primary Region; then send the same action again"
            }
            Self::OtherPrimaryRegions(_) => {
                "name the Region of the primary secrets with `from`, and send the action again"
            }
            Self::NoReplica => {
                "check `from`, the account, and that the stack in the primary Region replicates to this Region; \
                 `secret-replicator drill` and `promote` with an inventory name each absent secret"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PRIMARY, THERE, region, secret};
    use super::*;
    use crate::limits::AllowedRegions;

    fn policy(when: &str) -> Policy {
        let text =
            format!("{{version: 1, rules: [{{name: a, when: {when}, replicate-to: us-west-2}}]}}");
        let checked = crate::policy::check(&text, &AllowedRegions::Any);
        checked.unwrap().policy
    }

    fn rest(secrets: &[Secret], from: Option<&str>, policy: &Policy) -> Rest {
        let from = from.map(region);
        let mut rest = Rest::default();
        for secret in secrets {
            rest.add(secret, from.as_ref(), policy);
        }
        rest
    }

    fn nothing(rest: &Rest, from: Option<&str>) -> Option<Nothing> {
        rest.nothing(from.map(region).as_ref(), false)
    }

    #[test]
    fn covered_standalone_secrets_are_the_evidence_of_an_earlier_promotion() {
        let done = [
            secret("a", THERE, None),
            secret("b", THERE, Some("us-west-2")),
        ];
        let all = policy("all");
        let found = rest(&done, Some(PRIMARY), &all);
        assert_eq!(found.standalone, 1);
        assert_eq!(nothing(&found, Some(PRIMARY)), None);
        let drilled = found.nothing(Some(&region(PRIMARY)), true);
        let others = Nothing::OtherPrimaryRegions([region("us-west-2")].into());
        assert_eq!(
            drilled,
            Some(others),
            "a drill of nothing fails all the same"
        );
    }

    #[test]
    fn a_secret_that_cannot_have_been_promoted_is_no_evidence() {
        let mut empty = secret("empty", THERE, None);
        empty.current_version = None;
        let mut deleted = secret("deleted", THERE, None);
        deleted.scheduled_for_deletion = true;
        let managed = secret("rds!cluster", THERE, None);
        let found = rest(&[empty, deleted, managed], None, &policy("all"));
        assert_eq!(found, Rest::default());
        assert_eq!(nothing(&found, None), Some(Nothing::NoReplica));
    }

    #[test]
    fn a_condition_on_the_primary_region_is_judged_as_before_the_promotion() {
        let secrets = [secret("a", THERE, None)];
        let policy = policy(&format!("{{primary-region: {PRIMARY}}}"));
        let standalone = |from| rest(&secrets, from, &policy).standalone;
        assert_eq!(standalone(Some(PRIMARY)), 1);
        assert_eq!(standalone(None), 1);
        assert_eq!(standalone(Some("us-west-2")), 0);
    }

    #[test]
    fn a_misspelled_region_is_an_error_beside_standalone_secrets_too() {
        let secrets = [secret("a", THERE, None), secret("b", THERE, Some(PRIMARY))];
        let found = rest(&secrets, Some("us-esat-1"), &policy("all"));
        let nothing = nothing(&found, Some("us-esat-1")).unwrap();
        assert_eq!(
            nothing.detail(&region(THERE), Some(&region("us-esat-1"))),
            "eu-west-1 has no replicas of primary secrets in us-esat-1; its covered replicas have their primary \
             secrets in us-east-1; did you mean `us-east-1`?"
        );
    }

    #[test]
    fn replicas_that_the_policy_does_not_cover_are_counted() {
        let rest = Rest {
            not_covered: 2,
            ..Rest::default()
        };
        let nothing = nothing(&rest, Some(PRIMARY)).unwrap();
        assert_eq!(nothing, Nothing::NotCovered(2));
        let there = region(THERE);
        assert_eq!(
            nothing.detail(&there, Some(&region(PRIMARY))),
            "the policy of this function covers none of the replicas in eu-west-1 of primary secrets in us-east-1 (2)"
        );
    }
}
