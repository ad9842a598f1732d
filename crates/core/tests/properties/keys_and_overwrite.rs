//! The keys of replicas, overwriting, and conflicts between rules.

use std::collections::BTreeSet;

use proptest::prelude::*;
use secret_replicator_core::explain::explain;
use secret_replicator_core::limits::Overwrite;
use secret_replicator_core::plan::Step;
use secret_replicator_core::policy::Subject;
use secret_replicator_core::reason::Refusal;
use secret_replicator_core::secret::{Encryption, KmsKey, RegionalSecret};

use crate::plan;
use crate::policies::policy;
use crate::secrets::{limits, primary, probed, without_replicas};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_replicas_key_is_never_weaker_than_the_primarys_unless_a_rule_names_aws_secretsmanager(
        written in policy(), secret in primary(), limits in limits(),
    ) {
        let Some(plan) = plan(&secret, &written.policy, &limits) else { return Ok(()) };
        let evaluation = written.policy.evaluate(&Subject::from(&secret));
        for target in plan.targets() {
            let is_weaker = target.key().kms_key.is_none()
                && secret.encryption != Encryption::AwsManagedKey;
            let request = &evaluation.regions[target.region()];
            let named = request.rule_keys.keys().any(KmsKey::is_aws_managed);
            prop_assert!(!is_weaker || named, "{:?}", target);
        }
    }

    #[test]
    fn without_keys_in_the_policy_a_replica_gets_the_primarys_own_key_or_none_at_all(
        written in policy(), secret in without_replicas(), limits in limits(),
    ) {
        let Some(plan) = plan(&secret, &written.policy, &limits) else { return Ok(()) };
        let evaluation = written.policy.evaluate(&Subject::from(&secret));
        for target in plan.targets() {
            let request = &evaluation.regions[target.region()];
            if !request.rule_keys.is_empty() || request.policy_key.is_some() {
                continue;
            }
            let key = target.key().kms_key.as_ref().map(KmsKey::as_str);
            match &secret.encryption {
                Encryption::AwsManagedKey => prop_assert_eq!(key, None),
                Encryption::MultiRegionKey(_) => {
                    let key = key.unwrap_or_default();
                    let region = target.region().as_str();
                    prop_assert!(key.ends_with("mrk-1234") && key.contains(region), "{}", key);
                }
                Encryption::CustomerKey(_) => prop_assert!(false, "{:?}", target),
            }
        }
    }

    #[test]
    fn nothing_is_overwritten_unless_a_rule_and_the_limit_both_say_so(
        written in policy(), secret in primary(), limits in limits(),
    ) {
        let Some(plan) = plan(&secret, &written.policy, &limits) else { return Ok(()) };
        let evaluation = written.policy.evaluate(&Subject::from(&secret));
        for target in plan.targets() {
            let requested: Vec<bool> = evaluation.regions[target.region()].overwrite.keys().copied().collect();
            let allowed = requested == [true] && limits.overwrite == Overwrite::Allowed;
            prop_assert_eq!(target.overwrite() == Overwrite::Allowed, allowed);
        }
    }

    #[test]
    fn only_another_secret_that_a_probe_found_is_overwritten(
        written in policy(), secret in probed(), limits in limits(),
    ) {
        let Some(plan) = plan(&secret, &written.policy, &limits) else { return Ok(()) };
        for target in plan.targets() {
            let found = secret.probed.get(target.region());
            let allowed = target.overwrite() == Overwrite::Allowed;
            let is_other = found == Some(&RegionalSecret::OtherSecret);
            prop_assert_eq!(target.overwrites(), allowed && is_other, "{:?}", found);
        }
    }

    #[test]
    fn a_promoted_former_replica_is_never_requested_and_every_request_that_may_overwrite_is_probed(
        written in policy(), secret in probed(), limits in limits(),
    ) {
        let Some(plan) = plan(&secret, &written.policy, &limits) else { return Ok(()) };
        for target in plan.targets() {
            let found = secret.probed.get(target.region());
            prop_assert_ne!(found, Some(&RegionalSecret::PromotedReplica));
            let is_probed = plan.regions_to_probe().any(|region| region == target.region());
            prop_assert!(is_probed || target.overwrite() == Overwrite::Never);
        }
        for (region, step) in &plan.steps {
            if matches!(step, Step::Refuse(Refusal::PromotedReplica, _)) {
                prop_assert!(secret.is_promoted_in(region));
            }
        }
    }

    #[test]
    fn a_replica_is_refused_for_its_key_only_if_the_names_of_the_keys_show_it(
        written in policy(), secret in probed(), limits in limits(),
    ) {
        let Some(plan) = plan(&secret, &written.policy, &limits) else { return Ok(()) };
        for step in plan.steps.values() {
            match step {
                Step::Refuse(Refusal::KmsKeyDiffers { replica, wanted }, Some(existing)) => {
                    prop_assert!(replica.contradicts(wanted));
                    prop_assert_eq!(existing.kms_key.as_deref(), Some(replica.as_str()));
                }
                Step::Refuse(Refusal::WeakerEncryption(_), Some(existing)) => {
                    let key = existing.kms_key.as_deref().map(KmsKey::new);
                    prop_assert!(key.is_some_and(|key| key.is_aws_managed()));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_region_that_rules_contradict_each_other_about_is_refused_with_the_rules_named(
        written in policy(), secret in without_replicas(), limits in limits(),
    ) {
        let Some(plan) = plan(&secret, &written.policy, &limits) else { return Ok(()) };
        let evaluation = written.policy.evaluate(&Subject::from(&secret));
        for (region, request) in &evaluation.regions {
            let contradicts = request.rule_keys.len() > 1 || request.overwrite.len() > 1;
            match &plan.steps[region] {
                Step::Refuse(Refusal::ConflictingRules(_, rules), _) => {
                    prop_assert!(contradicts && rules.len() > 1);
                    prop_assert!(rules.is_subset(&request.wanted_by));
                }
                Step::Refuse(Refusal::WeakerEncryption(_), _) => prop_assert!(!contradicts),
                Step::Refuse(..) => {}
                step => prop_assert!(!contradicts, "{:?}", step),
            }
        }
    }

    #[test]
    fn the_explanation_shows_the_calls_that_the_plan_makes(
        written in policy(), secret in probed(), limits in limits(),
    ) {
        let explanation = explain(&secret, &written.policy, &limits);
        let plan = plan(&secret, &written.policy, &limits);
        prop_assert_eq!(explanation.skipped.is_some(), plan.is_none());
        let mut explained = BTreeSet::new();
        for call in explanation.calls {
            prop_assert!(!call.add_replica_regions.is_empty(), "a call for no Region is refused");
            for replica in call.add_replica_regions {
                let key = replica.kms_key_id.map(|key| key.to_string());
                explained.insert((replica.region, key, call.force_overwrite_replica_secret));
            }
        }
        let planned = plan.iter().flat_map(secret_replicator_core::plan::Plan::targets).map(|target| {
            let key = target.key().kms_key.as_ref().map(ToString::to_string);
            (target.region().clone(), key, target.overwrites())
        });
        prop_assert_eq!(explained, planned.collect::<BTreeSet<_>>());
    }
}
