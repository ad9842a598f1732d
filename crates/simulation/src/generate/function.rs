//! The function's settings and policy.

use std::collections::BTreeMap;

use proptest::collection::{btree_set, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::{ALIAS, OTHER_ALIAS, region, text};
use crate::scenario::FunctionSettings;
use secret_replicator_reference_policy::generator;
use secret_replicator_reference_policy::{Forbid, KmsKey, Parts, Policy, ReplicateTo, Rule, When};

pub(super) fn settings() -> impl Strategy<Value = FunctionSettings> {
    let allowed_regions = weighted(0.3, btree_set(region(), 2..6));
    let settle = select(vec![30, 30, 30, 10, 60, 0]);
    let timeout = select(vec![180, 180, 90, 60, 30, 10]);
    let writes_per_second = select(vec![25, 25, 25, 5, 1]);
    let times = (settle, timeout, writes_per_second);
    // Removal is what does most harm if it goes wrong.
    let removal = proptest::bool::weighted(0.7);
    (allowed_regions, any::<bool>(), removal, times).prop_map(
        |(allowed_regions, overwrite, removal, (settle, timeout, writes_per_second))| {
            FunctionSettings {
                allowed_regions,
                overwrite,
                removal,
                settle,
                timeout,
                writes_per_second,
            }
        },
    )
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
        let owned = |regions: &[&str]| regions.iter().map(|region| (*region).to_owned()).collect();
        Policy {
            groups: [
                ("dr".to_owned(), owned(&["us-west-2"])),
                ("eu".to_owned(), owned(&["eu-west-1", "eu-central-1"])),
            ]
            .into(),
            kms_keys,
            rules,
        }
    });
    prop_oneof![5 => own, 1 => generator::policy()]
}

fn tags(key: &str, values: &[&str]) -> When {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    let only = Parts {
        tags: [(key.to_owned(), values)].into(),
        secret_name: Vec::new(),
        primary_region: Vec::new(),
    };
    When::Some { only, not: None }
}

fn named(pattern: &str, not_tagged: bool) -> When {
    let parts = |tags: BTreeMap<_, _>, names: Vec<String>| Parts {
        tags,
        secret_name: names,
        primary_region: Vec::new(),
    };
    let only = parts(BTreeMap::new(), vec![pattern.to_owned()]);
    let tag = [("env".to_owned(), vec!["test".to_owned()])].into();
    let not = not_tagged.then(|| parts(tag, Vec::new()));
    When::Some { only, not }
}

fn rule() -> impl Strategy<Value = Rule> {
    let when = prop_oneof![
        4 => Just(tags("replicate-to", &["*"])),
        3 => Just(tags("tier", &["1"])),
        1 => Just(tags("tier", &["0", "1"])),
        2 => any::<bool>().prop_map(|not| named("prod/*", not)),
        1 => Just(tags("env", &["eu"])),
        1 => Just(When::All),
    ];
    let word = prop_oneof![3 => region(), 1 => text(&["dr", "eu"])];
    let to = prop_oneof![
        2 => Just(Some(ReplicateTo::Tag("replicate-to".to_owned()))),
        2 => btree_set(word, 1..4)
            .prop_map(|words| Some(ReplicateTo::Words(words.into_iter().collect()))),
        1 => Just(None),
    ];
    let forbid = prop_oneof![
        Just(Forbid::Except(vec!["eu-*".to_owned()])),
        Just(Forbid::Words(vec!["eu".to_owned()])),
        Just(Forbid::Words(vec!["us-*".to_owned()])),
        Just(Forbid::Words(vec![
            "ap-*".to_owned(),
            "us-west-2".to_owned()
        ])),
    ];
    let key = text(&[ALIAS, ALIAS, OTHER_ALIAS, "aws/secretsmanager"]).prop_map(KmsKey::One);
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
