//! The Regions that get replicas.

use std::collections::BTreeSet;

use proptest::collection::btree_set;
use proptest::prelude::*;
use secret_replicator_core::limits::{AllowedRegions, Limits};
use secret_replicator_core::plan::{Decision, Step, decide};
use secret_replicator_core::policy::{ListFilter, Subject};
use secret_replicator_core::reason::{Refusal, RemovalReason};

use crate::policies::{forbidding_rule, policy};
use crate::secrets::{limits, primary, region};
use crate::{plan, read};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_target_lies_in_the_primary_region_in_another_partition_outside_the_allowed_regions_or_where_it_is_forbidden(
        written in policy(), secret in primary(), limits in limits(),
    ) {
        let Some(plan) = plan(&secret, &written.policy, &limits) else { return Ok(()) };
        let evaluation = written.policy.evaluate(&Subject::from(&secret));
        for target in plan.targets() {
            let region = target.region();
            prop_assert_ne!(region, secret.arn.region());
            prop_assert_eq!(region.partition(), secret.arn.region().partition());
            prop_assert!(limits.allowed_regions.admits(region));
            prop_assert!(evaluation.regions[region].forbidden_by.is_empty());
            let subject = Subject::from(&secret);
            let forbids = |rule: &&secret_replicator_core::policy::Rule| {
                rule.when().check(&subject).is_ok() && rule.forbids(region)
            };
            prop_assert!(written.policy.rules().iter().find(forbids).is_none());
        }
    }

    #[test]
    fn every_region_that_a_rule_or_a_tag_wants_is_accounted_for(
        written in policy(), secret in primary(), limits in limits(),
    ) {
        let evaluation = written.policy.evaluate(&Subject::from(&secret));
        match decide(&secret, &written.policy, &limits) {
            Decision::Skip(_) => prop_assert!(evaluation.rules.is_empty()),
            Decision::Act(plan) => {
                prop_assert!(evaluation.regions.keys().all(|region| plan.steps.contains_key(region)));
                for region in plan.steps.keys() {
                    let known = evaluation.regions.contains_key(region)
                        || secret.replicas.contains_key(region);
                    prop_assert!(known);
                }
                prop_assert_eq!(plan.bad_tokens, evaluation.bad_tokens);
                prop_assert_eq!(plan.rules, evaluation.rules);
            }
        }
    }

    #[test]
    fn the_order_of_the_rules_never_matters(
        (written, shuffled) in policy().prop_flat_map(|written| {
            let rules = Just(written.rules()).prop_shuffle();
            (Just(written), rules)
        }),
        secret in primary(), limits in limits(),
    ) {
        let shuffled = written.with_rules(&shuffled).expect("the order never makes a policy invalid");
        prop_assert_eq!(
            decide(&secret, &written.policy, &limits),
            decide(&secret, &shuffled, &limits)
        );
    }

    #[test]
    fn another_forbid_never_adds_a_target(
        written in policy(), added in forbidding_rule(), secret in primary(), limits in limits(),
    ) {
        let mut rules = written.rules();
        rules.push(added);
        let Some(stricter) = written.with_rules(&rules) else { return Ok(()) };
        let before = plan(&secret, &written.policy, &limits);
        let after = plan(&secret, &stricter, &limits);
        prop_assert_eq!(before.is_some(), after.is_some(), "forbid covers no secret");
        if let (Some(before), Some(after)) = (before, after) {
            prop_assert!(after.targets().all(|target| before.targets().any(|old| old == target)));
        }
    }

    #[test]
    fn another_rule_takes_a_target_away_only_by_a_forbid_or_a_contradiction(
        written in policy(), secret in primary(), limits in limits(),
    ) {
        let mut rules = written.rules();
        rules.pop();
        let Some(fewer) = written.with_rules(&rules) else { return Ok(()) };
        let Some(before) = plan(&secret, &fewer, &limits) else { return Ok(()) };
        let after = plan(&secret, &written.policy, &limits).expect("what was covered stays covered");
        for target in before.targets() {
            let step = &after.steps[target.region()];
            let explained = matches!(
                step,
                Step::Refuse(Refusal::ForbiddenByPolicy(_) | Refusal::ConflictingRules(..), _)
                    | Step::Remove(RemovalReason::Forbidden(_), _)
                    | Step::AwaitRemoval(RemovalReason::Forbidden(_), _)
            );
            // A rule with `overwrite: false` may also turn a retry into a report.
            prop_assert!(step.target().is_some() || explained || matches!(step, Step::ReportFailure(..)));
        }
    }

    #[test]
    fn narrower_allowed_regions_never_add_a_target(
        written in policy(), secret in primary(), limits in limits(),
        regions in btree_set(region(), 0..6), dropped in region(),
    ) {
        let mut fewer = regions.clone();
        fewer.remove(&dropped);
        let within = |regions| Limits { allowed_regions: AllowedRegions::Only(regions), ..limits.clone() };
        let wide = plan(&secret, &written.policy, &within(regions));
        let narrow = plan(&secret, &written.policy, &within(fewer));
        if let (Some(wide), Some(narrow)) = (wide, narrow) {
            prop_assert!(narrow.targets().all(|target| wide.targets().any(|other| other == target)));
        }
    }

    #[test]
    fn a_secret_that_matches_no_rule_is_left_alone(secret in primary(), limits in limits()) {
        let document = serde_json::json!({ "version": 1, "rules": [
            { "name": "other", "when": { "tags": { "no-such-tag": "*" } }, "replicate-to": "eu-west-1" },
            { "name": "allowed_regions", "when": "all", "forbid": "us-*" },
        ]});
        prop_assert!(plan(&secret, &read(&document).unwrap(), &limits).is_none());
    }

    #[test]
    fn no_secret_that_a_rule_covers_fails_the_filter_of_the_list(
        written in policy(), secret in primary(), limits in limits(),
    ) {
        if plan(&secret, &written.policy, &limits).is_none() {
            return Ok(());
        }
        let passes = match written.policy.list_filter() {
            None => true,
            Some(ListFilter::TagKeys(keys)) => keys.iter().any(|key| {
                secret.tags.keys().any(|tag| tag.starts_with(key.as_str()))
            }),
            Some(ListFilter::NamePrefixes(prefixes)) => {
                prefixes.iter().any(|prefix| secret.name.starts_with(prefix.as_str()))
            }
        };
        prop_assert!(passes);
    }

    #[test]
    fn a_group_means_just_the_regions_in_it(secret in primary(), limits in limits()) {
        let policy = |to: &[&str]| read(&serde_json::json!({
            "version": 1,
            "groups": { "eu": ["eu-west-1", "eu-central-1"], "dr": "us-west-2" },
            "rules": [{ "name": "a", "when": "all", "replicate-to": to }],
        })).unwrap();
        prop_assert_eq!(
            decide(&secret, &policy(&["eu", "dr"]), &limits),
            decide(&secret, &policy(&["us-west-2", "eu-central-1", "eu-west-1"]), &limits)
        );
    }

    #[test]
    fn a_tag_that_lists_regions_means_what_a_rule_that_lists_them_means(
        mut secret in primary(), limits in limits(), regions in btree_set(region(), 1..5),
        separator in proptest::sample::select(&[" ", "  ", ",", ", ", "+", "/", ":", ";"][..]),
    ) {
        let codes: Vec<&str> = regions.iter().map(secret_replicator_core::secret::Region::as_str).collect();
        secret.tags.insert("to".to_owned(), codes.join(separator));
        let policy = |to: serde_json::Value| read(&serde_json::json!({
            "version": 1, "rules": [{ "name": "a", "when": "all", "replicate-to": to }],
        })).unwrap();
        prop_assert_eq!(
            decide(&secret, &policy(serde_json::json!({ "tag": "to" })), &limits),
            decide(&secret, &policy(serde_json::json!(codes)), &limits)
        );
    }
}

#[test]
fn the_generated_policies_use_the_whole_language() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut words = BTreeSet::new();
    for _ in 0..200 {
        let text = policy()
            .new_tree(&mut runner)
            .unwrap()
            .current()
            .document
            .to_string();
        words.extend(text.split('"').map(str::to_owned));
    }
    for word in [
        "groups",
        "kms-keys",
        "removal",
        "tags",
        "secret-name",
        "primary-region",
        "not",
        "tag",
        "forbid",
        "except",
        "kms-key",
        "overwrite",
        "*",
        "all",
    ] {
        assert!(words.contains(word), "{word}");
    }
}
