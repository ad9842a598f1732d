//! The removal of replicas and its limits.

use proptest::prelude::*;
use proptest::sample::select;
use secret_replicator_core::limits::{Limits, RemovalLimit};
use secret_replicator_core::plan::{Decision, Plan, Step, decide};
use secret_replicator_core::policy::{Removal, Subject};
use secret_replicator_core::reason::RemovalReason;
use secret_replicator_core::secret::{Region, ReplicaStatus, Secret};

use crate::policies::{Written, policy};
use crate::secrets::{limits, primary};
use crate::{plan, read};

/// Returns the policy with this value of `removal`.
fn with_removal(
    written: &Written,
    removal: &str,
) -> Option<secret_replicator_core::policy::Policy> {
    let mut document = written.document.clone();
    document["removal"] = removal.into();
    read(&document)
}

fn allowed(limits: Limits) -> Limits {
    Limits {
        removal: RemovalLimit::Allowed,
        ..limits
    }
}

fn touches_the_unwanted(step: &Step) -> bool {
    matches!(step, Step::Remove(..) | Step::AwaitRemoval(..))
}

/// Returns the Regions whose replicas are to be removed now.
fn removals(plan: &Plan) -> impl Iterator<Item = &Region> {
    let removed = |(region, step)| matches!(step, &Step::Remove(..)).then_some(region);
    plan.steps.iter().filter_map(removed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_removed_unless_the_policy_and_the_limit_both_say_so(
        written in policy(), secret in primary(), limits in limits(),
    ) {
        let both = written.policy.removal() == Removal::Covered
            && limits.removal == RemovalLimit::Allowed;
        let Some(plan) = plan(&secret, &written.policy, &limits) else { return Ok(()) };
        prop_assert!(both || !plan.steps.values().any(touches_the_unwanted));
    }

    #[test]
    fn only_replicas_that_no_rule_wants_or_that_a_rule_forbids_are_removed(
        written in policy(), secret in primary(), limits in limits(),
    ) {
        let Some(policy) = with_removal(&written, "covered") else { return Ok(()) };
        let Some(plan) = plan(&secret, &policy, &allowed(limits)) else { return Ok(()) };
        let evaluation = policy.evaluate(&Subject::from(&secret));
        for (region, step) in &plan.steps {
            let Step::Remove(reason, replica) = step else { continue };
            prop_assert_eq!(Some(replica), secret.replicas.get(region));
            prop_assert!(!matches!(replica.status, ReplicaStatus::Unknown(_) | ReplicaStatus::InProgress));
            match (reason, evaluation.regions.get(region)) {
                (RemovalReason::NoLongerTargeted, None) => prop_assert!(evaluation.bad_tokens.is_empty()),
                (RemovalReason::Forbidden(rules), Some(request)) => {
                    prop_assert_eq!(rules, &request.forbidden_by);
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn a_secret_that_no_rule_covers_keeps_its_replicas(
        secret in primary(), limits in limits(),
    ) {
        let policy = read(&serde_json::json!({ "version": 1, "removal": "covered", "rules": [
            { "name": "a", "when": { "tags": { "no-such-tag": "*" } }, "replicate-to": "eu-west-1" },
            { "name": "b", "when": "all", "forbid": "*" },
        ]})).expect("a policy");
        prop_assert!(plan(&secret, &policy, &allowed(limits)).is_none());
    }

    #[test]
    fn the_tag_value_none_lets_go_of_every_replica_that_has_settled(
        mut secret in primary(), limits in limits(),
        status in select(vec![ReplicaStatus::InSync, ReplicaStatus::Failed]),
    ) {
        secret.tags.insert("replicate-to".to_owned(), "none".to_owned());
        for replica in secret.replicas.values_mut() {
            replica.status = status.clone();
        }
        let policy = read(&serde_json::json!({ "version": 1, "removal": "covered", "rules": [
            { "name": "a", "when": "all", "replicate-to": { "tag": "replicate-to" } },
        ]})).expect("a policy");
        let Some(plan) = plan(&secret, &policy, &allowed(limits)) else {
            return Err(TestCaseError::fail("none covers the secret"));
        };
        prop_assert!(removals(&plan).eq(secret.replicas.keys()));
    }

    #[test]
    fn once_the_removals_are_over_nothing_more_is_removed(
        written in policy(), secret in primary(), limits in limits(),
    ) {
        let Some(policy) = with_removal(&written, "covered") else { return Ok(()) };
        let limits = allowed(limits);
        let Some(first) = plan(&secret, &policy, &limits) else { return Ok(()) };
        let mut after: Secret = secret.clone();
        after.replicas.retain(|region, _| !removals(&first).any(|removed| removed == region));
        let Decision::Act(second) = decide(&after, &policy, &limits) else {
            return Err(TestCaseError::fail("it is still covered"));
        };
        prop_assert_eq!(removals(&second).count(), 0);
        prop_assert!(first.targets().eq(second.targets()));
    }
}
