//! Decides whether the policy wants a replica in the failover Region, and how the function would request it.

use std::collections::BTreeSet;

use crate::limits::Limits;
use crate::plan::{Decision, Step, decide};
use crate::policy::Policy;
use crate::reason::Refusal;
use crate::secret::{KmsKey, Region, Secret};

/// What the policy says about a secret that should have a replica in one Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The names of the rules that cover the secret.
    pub rules: BTreeSet<String>,
    /// What the function does if the Region has no replica. An existing one may be right.
    pub request: ReplicaRequest,
}

/// What the function does if a Region has no replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaRequest {
    /// It is not known, or the primary secret lists a replica that the Region does not show.
    Unknown,
    /// It refuses to request one.
    Refused(Refusal),
    /// It requests one with this key. `None` is the AWS managed key `aws/secretsmanager`.
    WithKey(Option<KmsKey>),
}

/// Returns what the policy expects of a primary secret in a Region. `None` if it does not want a replica there: the
/// policy does not cover the secret, no rule names the Region, or a rule forbids it.
#[must_use]
pub fn expectation(
    primary: &Secret,
    policy: &Policy,
    limits: &Limits,
    region: &Region,
) -> Option<Expectation> {
    let Decision::Act(mut plan) = decide(primary, policy, limits) else {
        return None;
    };
    let request = match plan.steps.remove(region)? {
        Step::Refuse(refusal, existing) if refusal.is_intended(existing.as_ref()) => return None,
        Step::Refuse(refusal, _) => ReplicaRequest::Refused(refusal),
        Step::Replicate(target) | Step::Retry(target) => {
            ReplicaRequest::WithKey(target.key().kms_key.clone())
        }
        Step::Keep(_) | Step::ReportFailure(..) => ReplicaRequest::Unknown,
        Step::Remove(..) | Step::AwaitRemoval(..) | Step::Retain(..) => return None,
    };
    Some(Expectation {
        rules: plan.rules,
        request,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{PRIMARY, THERE, region, secret};
    use super::*;
    use crate::limits::{AllowedRegions, Overwrite, RemovalLimit};
    use crate::policy;

    fn limits(allowed: AllowedRegions) -> Limits {
        Limits {
            allowed_regions: allowed,
            overwrite: Overwrite::Never,
            removal: RemovalLimit::Never,
        }
    }

    fn expected(tag: &str, allowed: AllowedRegions) -> Option<Expectation> {
        let text = format!(
            "version: 1\nrules:\n  - {{name: a, when: {{tags: {{tier: '1'}}}}, replicate-to: [{THERE}, us-west-2]}}\n  \
             - {{name: b, when: {{tags: {{tier: '1', eu: 'no'}}}}, forbid: {THERE}}}\n"
        );
        let policy = policy::check(&text, &AllowedRegions::Any).unwrap().policy;
        let mut primary = secret("db", PRIMARY, None);
        for pair in tag.split_whitespace() {
            let (key, value) = pair.split_once('=').unwrap();
            primary.tags.insert(key.to_owned(), value.to_owned());
        }
        expectation(&primary, &policy, &limits(allowed), &region(THERE))
    }

    #[test]
    fn the_policy_says_which_secrets_a_region_should_have() {
        let any = AllowedRegions::Any;
        let wanted = Expectation {
            rules: ["a".to_owned()].into(),
            request: ReplicaRequest::WithKey(None),
        };
        assert_eq!(expected("tier=1", any.clone()), Some(wanted.clone()));
        assert_eq!(expected("tier=2", any.clone()), None);
        assert_eq!(expected("tier=1 eu=no", any), None);
        let elsewhere = AllowedRegions::Only([region("us-west-2")].into());
        let refused = Expectation {
            request: ReplicaRequest::Refused(Refusal::RegionNotAllowed),
            ..wanted
        };
        assert_eq!(expected("tier=1", elsewhere), Some(refused));
    }
}
