//! Generates arbitrary policies and secrets as plain data, and writes policies as documents.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::evaluate::{Forbid, KmsKey, Parts, Policy, ReplicateTo, Rule, Secret, Settings, When};

/// The Regions that policies, tags and secrets name.
pub const WORLD: [&str; 9] = [
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-south-1",
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-west-1",
    "eusc-de-east-1",
];
const GROUPS: [&str; 3] = ["dr", "eu", "Far.1"];
const WILDCARDS: [&str; 8] = [
    "eu-*",
    "*-1",
    "us-????-?",
    "*",
    "*-*-1",
    "??-*",
    "us-w*2",
    "ap*",
];
const TAG_KEYS: [&str; 5] = ["replicate-to", "tier", "env", "Tier", "ünï"];
const VALUES: [&str; 10] = [
    "", "0", "1", "1.10", "prod", "yes", "a b", "true", "prod-1", "none",
];
const LISTS: [&str; 12] = [
    "eu-west-1",
    "eu-west-1 us-west-2",
    "us-east-1,cn-north-1; eu",
    "dr/Far.1",
    "eu+dr",
    " eu-west-1:eu-central-1 ",
    "none",
    " none ",
    "none eu-west-1",
    "frankfurt eu-west-1",
    "EU-WEST-1, eu-west",
    " ,;",
];
const PATTERNS: [&str; 14] = [
    "*", "", "0", "1", "1.10", "prod*", "?", "??", "*1", "p?o*", "yes", "*a*b*", "**", "true",
];
const NAMES: [&str; 7] = [
    "prod/db",
    "prod/",
    "a",
    "stage/db-1",
    "a=b@c",
    "prod",
    "a/b/c",
];
const NAME_PATTERNS: [&str; 7] = ["*", "prod/*", "?", "*db*", "a=?@c", "*/*", "a.b"];
const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
const KEYS: [&str; 11] = [
    "aws/secretsmanager",
    "alias/aws/secretsmanager",
    "alias/app",
    "alias/app",
    "alias/other",
    ID,
    "mrk-1234abcd12ab34cd56ef1234567890ab",
    "arn:{partition}:kms:{region}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:{partition}:kms:{region}:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    "arn:{partition}:kms:{region}:123456789012:alias/app",
    "arn:{partition}:kms:{region}:123456789012:alias/aws/secretsmanager",
];
const PRIMARY_KEYS: [&str; 8] = [
    "alias/aws/secretsmanager",
    "alias/app",
    ID,
    "arn:{partition}:kms:{region}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:{partition}:kms:{region}:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    "mrk-1234abcd12ab34cd56ef1234567890ab",
    "arn:{partition}:kms:{region}:123456789012:alias/mrk-app",
    "arn:{partition}:kms:{region}:123456789012:alias/aws/secretsmanager",
];

/// Fills in the Region and partition of a key.
fn key_in(template: &str, region: &str) -> String {
    let partition = match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("eusc") => "aws-eusc",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    template
        .replace("{partition}", partition)
        .replace("{region}", region)
}

/// A key for a Region or group. It is an ARN mostly where the ARN's Region fits.
fn key_for(template: String, word: Option<&String>) -> String {
    let region = word.filter(|word| WORLD.contains(&word.as_str()));
    match region {
        Some(region) => key_in(&template, region),
        None if template.ends_with("alias/app") => key_in(&template, WORLD[2]),
        None if template.starts_with("arn:") => "alias/app".to_owned(),
        None => template,
    }
}

/// One of these texts.
pub fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    select(texts).prop_map(str::to_owned)
}

/// A Region or a group.
fn word() -> impl Strategy<Value = String> + Clone {
    prop_oneof![4 => one_of(&WORLD), 1 => one_of(&GROUPS)]
}

fn region_patterns() -> impl Strategy<Value = Vec<String>> {
    vec(prop_oneof![word(), one_of(&WILDCARDS)], 1..3)
}

fn parts() -> impl Strategy<Value = Parts> {
    let patterns = vec(one_of(&PATTERNS), 1..3);
    let tags = btree_map(one_of(&TAG_KEYS), patterns, 0..3);
    let names = prop_oneof![3 => Just(Vec::new()), 1 => vec(one_of(&NAME_PATTERNS), 1..3)];
    let regions = prop_oneof![3 => Just(Vec::new()), 1 => region_patterns()];
    (tags, names, regions).prop_map(|(tags, mut secret_name, primary_region)| {
        if tags.is_empty() && secret_name.is_empty() && primary_region.is_empty() {
            secret_name.push("*".to_owned());
        }
        Parts {
            tags,
            secret_name,
            primary_region,
        }
    })
}

fn when() -> impl Strategy<Value = When> {
    let some = (parts(), weighted(0.3, parts())).prop_map(|(only, not)| When::Some { only, not });
    prop_oneof![1 => Just(When::All), 4 => some]
}

fn keys() -> impl Strategy<Value = BTreeMap<String, String>> {
    let word = prop_oneof![6 => word(), 1 => Just("*".to_owned())];
    btree_map(word, one_of(&KEYS), 1..4).prop_map(|keys| {
        let keys = keys.into_iter();
        keys.map(|(word, template)| (word.clone(), key_for(template, Some(&word))))
            .collect()
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let to = prop_oneof![
        2 => vec(word(), 1..4).prop_map(ReplicateTo::Words),
        1 => one_of(&TAG_KEYS[..2]).prop_map(ReplicateTo::Tag),
    ];
    let forbid = prop_oneof![
        region_patterns().prop_map(Forbid::Words),
        region_patterns().prop_map(Forbid::Except),
    ];
    let key = prop_oneof![
        one_of(&KEYS).prop_map(KmsKey::One),
        keys().prop_map(KmsKey::ByRegion)
    ];
    let more = (weighted(0.3, key), weighted(0.3, any::<bool>()));
    (when(), weighted(0.8, to), weighted(0.15, forbid), more).prop_map(
        |(when, to, forbid, (key, overwrite))| {
            let to = to.or_else(|| {
                forbid
                    .is_none()
                    .then(|| ReplicateTo::Tag("replicate-to".to_owned()))
            });
            let wants = to.is_some();
            let key = key.map(|key| match (key, &to) {
                (KmsKey::One(template), Some(ReplicateTo::Words(words))) => {
                    let all_alike = words.iter().all(|word| *word == words[0]);
                    KmsKey::One(key_for(template, words.first().filter(|_| all_alike)))
                }
                (KmsKey::One(template), _) => KmsKey::One(key_for(template, None)),
                (key, _) => key,
            });
            Rule {
                name: String::new(),
                when,
                replicate_to: to,
                forbid,
                kms_key: key.filter(|_| wants),
                overwrite: overwrite.filter(|_| wants),
            }
        },
    )
}

pub fn policy() -> impl Strategy<Value = Policy> {
    let group = vec(one_of(&WORLD), 1..4);
    let groups = (group.clone(), group.clone(), group);
    let general = prop_oneof![2 => Just(BTreeMap::new()), 1 => keys()];
    (groups, general, vec(rule(), 1..6)).prop_map(|((dr, eu, far), kms_keys, mut rules)| {
        for (index, rule) in rules.iter_mut().enumerate() {
            rule.name = format!("rule-{index}");
        }
        let groups = GROUPS.map(str::to_owned).into_iter().zip([dr, eu, far]);
        Policy {
            groups: groups.collect(),
            kms_keys,
            rules,
        }
    })
}

pub fn secret() -> impl Strategy<Value = Secret> {
    let value = prop_oneof![one_of(&VALUES), one_of(&LISTS)];
    let tags = btree_map(one_of(&TAG_KEYS), value, 0..5);
    let key = weighted(0.7, one_of(&PRIMARY_KEYS));
    (one_of(&NAMES), tags, one_of(&WORLD), key).prop_map(|(name, tags, primary_region, key)| {
        Secret {
            name,
            tags,
            kms_key: key.map(|key| key_in(&key, &primary_region)),
            primary_region,
        }
    })
}

pub fn settings() -> impl Strategy<Value = Settings> {
    let regions = btree_set(one_of(&WORLD), 1..9);
    (weighted(0.5, regions), any::<bool>()).prop_map(|(allowed_regions, allow_overwrite)| {
        Settings {
            allowed_regions,
            allow_overwrite,
        }
    })
}

/// Writes the document in block style, with quotes only where YAML needs them.
#[must_use]
pub fn written(policy: &Policy) -> String {
    let mut lines = vec!["version: 1".to_owned(), "groups:".to_owned()];
    for (name, regions) in &policy.groups {
        lines.push(format!("  {name}: {}", flow(&json!(regions))));
    }
    if !policy.kms_keys.is_empty() {
        lines.push(format!("kms-keys: {}", flow(&json!(policy.kms_keys))));
    }
    lines.push("rules:".to_owned());
    for rule in &policy.rules {
        lines.push(format!("  - {}", fields(&json!(rule)).join("\n    ")));
    }
    lines.join("\n") + "\n"
}

/// The fields of an object as YAML, the keys included.
fn fields(object: &Value) -> Vec<String> {
    let fields = object.as_object().into_iter().flatten();
    fields
        .map(|(key, value)| format!("{}: {}", scalar(key), flow(value)))
        .collect()
}

/// A value in YAML's flow style. A list of one element is written as that element.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => match &items[..] {
            [one] => flow(one),
            _ => format!(
                "[{}]",
                items.iter().map(flow).collect::<Vec<_>>().join(", ")
            ),
        },
        Value::Object(_) => format!("{{ {} }}", fields(value).join(", ")),
        other => other.to_string(),
    }
}

fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/:-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        json!(text).to_string()
    }
}
