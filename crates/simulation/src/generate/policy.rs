//! The function's settings and policy.

use std::collections::BTreeMap;

use proptest::collection::{btree_set, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{ALIAS, OTHER_ALIAS};
use crate::scenario::{FunctionSettings, REGIONS};
use secret_replicator_reference_policy::generator::{self, one_of};
use secret_replicator_reference_policy::{Forbid, KmsKey, Policy, ReplicateTo, Rule, When};

prop_compose! {
    pub(super) fn settings()(
        allowed_regions in weighted(0.3, btree_set(one_of(&REGIONS), 2..6)),
        overwrite in any::<bool>(),
        // Mistakes in removal do the most harm, so most worlds allow it.
        removal in proptest::bool::weighted(0.7),
        replication_wait in select(vec![30, 30, 30, 10, 60, 0]),
        timeout in select(vec![180, 180, 90, 60, 30, 10]),
        writes_per_second in select(vec![25, 25, 25, 5, 1]),
    ) -> FunctionSettings {
        FunctionSettings {
            allowed_regions,
            overwrite,
            removal,
            replication_wait,
            timeout,
            writes_per_second,
        }
    }
}

/// Reads a part of a policy as it is written in the document.
pub(crate) fn parse<T: DeserializeOwned>(document: Value) -> T {
    serde_json::from_value(document).expect("a part of a policy")
}

pub(super) fn policy() -> impl Strategy<Value = Policy> {
    let general = prop_oneof![
        3 => Just(BTreeMap::new()),
        1 => Just([("*".to_owned(), ALIAS.to_owned())].into()),
        1 => Just([("us-west-2".to_owned(), ALIAS.to_owned())].into()),
    ];
    let own = (general, vec(rule(), 1..5)).prop_map(|(kms_keys, mut rules)| {
        for (index, rule) in rules.iter_mut().enumerate() {
            rule.name = format!("rule-{index}");
        }
        Policy {
            groups: parse(json!({"dr": ["us-west-2"], "eu": ["eu-west-1", "eu-central-1"]})),
            kms_keys,
            rules,
        }
    });
    prop_oneof![5 => own, 1 => generator::policy()]
}

fn when(document: Value) -> impl Strategy<Value = When> {
    Just(parse(document))
}

fn forbid(document: Value) -> impl Strategy<Value = Forbid> {
    Just(parse(document))
}

fn rule() -> impl Strategy<Value = Rule> {
    let when = prop_oneof![
        4 => when(json!({"tags": {"replicate-to": ["*"]}})),
        3 => when(json!({"tags": {"tier": ["1"]}})),
        1 => when(json!({"tags": {"tier": ["0", "1"]}})),
        1 => when(json!({"secret-name": ["prod/*"]})),
        1 => when(json!({"secret-name": ["prod/*"], "not": {"tags": {"env": ["test"]}}})),
        1 => when(json!({"tags": {"env": ["eu"]}})),
        1 => when(json!("all")),
    ];
    let word = prop_oneof![3 => one_of(&REGIONS), 1 => one_of(&["dr", "eu"])];
    let words = btree_set(word, 1..4).prop_map(|words| words.into_iter().collect());
    let to = prop_oneof![
        2 => Just(Some(ReplicateTo::Tag("replicate-to".to_owned()))),
        2 => words.prop_map(|words| Some(ReplicateTo::Words(words))),
        1 => Just(None),
    ];
    let forbid = prop_oneof![
        forbid(json!({"except": ["eu-*"]})),
        forbid(json!(["eu"])),
        forbid(json!(["us-*"])),
        forbid(json!(["ap-*", "us-west-2"])),
    ];
    let key = one_of(&[ALIAS, ALIAS, OTHER_ALIAS, "aws/secretsmanager"]).prop_map(KmsKey::One);
    let more = (weighted(0.25, key), weighted(0.3, any::<bool>()));
    (when, to, forbid, any::<bool>(), more).prop_map(
        |(when, replicate_to, forbid, also, (kms_key, overwrite))| {
            let wants = replicate_to.is_some();
            Rule {
                name: String::new(),
                when,
                forbid: (!wants || also && overwrite == Some(true)).then_some(forbid),
                replicate_to,
                kms_key: kms_key.filter(|_| wants),
                overwrite: overwrite.filter(|_| wants),
            }
        },
    )
}
