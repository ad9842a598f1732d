//! Generates policies that use the whole language.

use proptest::collection::{btree_map, vec};
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;
use secret_replicator_core::policy::Policy;
use serde_json::{Value, json};

use crate::read;

pub(crate) const REGIONS: [&str; 8] = [
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-south-1",
    "cn-north-1",
    "us-gov-west-1",
    "eusc-de-east-1",
];
pub(crate) const TAG_KEYS: [&str; 4] = ["replicate-to", "tier", "environment", "Tier"];
pub(crate) const GROUPS: [&str; 3] = ["dr", "eu", "far"];
const PATTERNS: [&str; 8] = ["*", "prod/*", "?", "0", "1", "prod", "*db", "nothing"];
const REGION_PATTERNS: [&str; 6] = ["eu-*", "us-????-?", "*-1", "*", "us-*", "dr"];
const KEYS: [&str; 3] = ["aws/secretsmanager", "alias/app", "alias/other"];

/// A document, and its parsed policy.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) document: Value,
    pub(crate) policy: Policy,
}

impl Written {
    pub(crate) fn rules(&self) -> Vec<Value> {
        self.document["rules"].as_array().cloned().unwrap()
    }

    /// Parses the document with other rules. `None` if it is invalid.
    pub(crate) fn with_rules(&self, rules: &[Value]) -> Option<Policy> {
        let mut document = self.document.clone();
        document["rules"] = json!(rules);
        read(&document)
    }
}

/// Generates valid policies.
pub(crate) fn policy() -> impl Strategy<Value = Written> {
    document().prop_filter_map("a valid policy", |document| {
        let policy = read(&document)?;
        Some(Written { document, policy })
    })
}

/// Generates documents of the right form. Their rules may still be invalid together.
pub(crate) fn document() -> impl Strategy<Value = Value> {
    let rules = vec(rule(), 1..6).prop_map(|mut rules| {
        for (index, rule) in rules.iter_mut().enumerate() {
            rule["name"] = json!(format!("rule-{index}"));
        }
        rules
    });
    let removal = of(select(&["never", "covered"][..]));
    (rules, of(key_map()), removal).prop_map(|(rules, keys, removal)| {
        let groups = json!({
            "dr": ["us-west-2"],
            "eu": ["eu-west-1", "eu-central-1"],
            "far": ["cn-north-1", "ap-south-1"],
        });
        let document = json!({ "version": 1, "groups": groups, "rules": rules });
        with(
            document,
            [("kms-keys", keys), ("removal", removal.map(Value::from))],
        )
    })
}

/// Generates rules without names.
fn rule() -> impl Strategy<Value = Value> {
    let effect = prop_oneof![
        4 => (replicate_to(), weighted(0.1, forbid())).prop_map(|(to, forbid)| (Some(to), forbid)),
        1 => forbid().prop_map(|forbid| (None, Some(forbid))),
    ];
    let key = weighted(
        0.3,
        prop_oneof![select(&KEYS[..]).prop_map(Value::from), key_map()],
    );
    let overwrite = weighted(0.3, any::<bool>());
    (when(), effect, key, overwrite).prop_map(|(when, (to, forbid), key, overwrite)| {
        let wants = to.is_some();
        with(
            json!({ "when": when }),
            [
                ("replicate-to", to),
                ("forbid", forbid),
                ("kms-key", key.filter(|_| wants)),
                ("overwrite", overwrite.filter(|_| wants).map(Value::from)),
            ],
        )
    })
}

/// Generates rules that only forbid.
pub(crate) fn forbidding_rule() -> impl Strategy<Value = Value> {
    (when(), forbid())
        .prop_map(|(when, forbid)| json!({ "name": "added", "when": when, "forbid": forbid }))
}

fn when() -> impl Strategy<Value = Value> {
    let not = weighted(0.2, condition());
    let some = (condition(), not).prop_map(|(only, not)| with(only, [("not", not)]));
    prop_oneof![1 => Just(json!("all")), 4 => some]
}

/// Generates conditions with at least one part.
fn condition() -> impl Strategy<Value = Value> {
    let patterns = || vec(select(&PATTERNS[..]), 1..3).prop_map(Value::from);
    let tags = of(btree_map(select(&TAG_KEYS[..]), patterns(), 1..3));
    let name = weighted(0.2, patterns());
    let region = weighted(0.2, region_words());
    (tags, name, region).prop_map(|(tags, name, region)| {
        let tags = match (&name, &region) {
            (None, None) => Some(tags.unwrap_or_else(|| [("tier", json!("*"))].into())),
            _ => tags,
        };
        let parts = [
            ("tags", tags.map(|tags| json!(tags))),
            ("secret-name", name),
            ("primary-region", region),
        ];
        with(json!({}), parts)
    })
}

fn replicate_to() -> impl Strategy<Value = Value> {
    let word = prop_oneof![4 => select(&REGIONS[..]), 1 => select(&GROUPS[..])];
    prop_oneof![
        vec(word, 1..4).prop_map(Value::from),
        select(&TAG_KEYS[..]).prop_map(|key| json!({ "tag": key })),
    ]
}

fn forbid() -> impl Strategy<Value = Value> {
    let except = region_words().prop_map(|words| json!({ "except": words }));
    prop_oneof![region_words(), except]
}

fn region_words() -> impl Strategy<Value = Value> {
    let word = prop_oneof![select(&REGIONS[..]), select(&REGION_PATTERNS[..])];
    vec(word, 1..3).prop_map(Value::from)
}

fn key_map() -> impl Strategy<Value = Value> {
    let word = prop_oneof![3 => select(&REGIONS[..]), 1 => Just("*")];
    btree_map(word, select(&KEYS[..]), 1..4).prop_map(|keys| json!(keys))
}

fn with<const N: usize>(mut map: Value, fields: [(&str, Option<Value>); N]) -> Value {
    for (name, value) in fields {
        if let Some(value) = value {
            map[name] = value;
        }
    }
    map
}
