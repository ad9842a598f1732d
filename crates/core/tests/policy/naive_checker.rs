//! The errors that the checker must report about generated policies, from the words of the
//! language's reference.

use std::collections::BTreeSet;

use secret_replicator_reference_policy::{
    KmsKey, Parts, Policy, ReplicateTo, Rule, When, managed_is_none,
};

/// The codes of the errors that a policy of the generator has. Its form is always right.
pub(crate) fn refusals(policy: &Policy) -> BTreeSet<&'static str> {
    let mut codes = BTreeSet::new();
    let entries = policy.kms_keys.iter();
    let general: Vec<(&str, &str)> = entries.map(|(word, key)| (&word[..], &key[..])).collect();
    codes.extend(of_keys(policy, &general));
    for rule in &policy.rules {
        match &rule.kms_key {
            None => {}
            Some(KmsKey::ByRegion(keys)) => {
                let keys: Vec<_> = keys
                    .iter()
                    .map(|(word, key)| (&word[..], &key[..]))
                    .collect();
                codes.extend(of_keys(policy, &keys));
            }
            Some(KmsKey::One(key)) => codes.extend(of_one_key(policy, rule, key)),
        }
    }
    codes
}

/// The Regions that a word stands for.
fn regions<'a>(policy: &'a Policy, word: &'a str) -> Vec<&'a str> {
    match policy.groups.get(word) {
        Some(codes) => codes.iter().map(String::as_str).collect(),
        None => vec![word],
    }
}

/// The Region that an ARN names.
fn home(key: &str) -> Option<&str> {
    key.starts_with("arn:").then(|| key.split(':').nth(3))?
}

fn of_keys(policy: &Policy, keys: &[(&str, &str)]) -> BTreeSet<&'static str> {
    let mut codes = BTreeSet::new();
    let mut given: Vec<(&str, &str)> = Vec::new();
    for (word, key) in keys {
        if *word == "*" {
            codes.extend(home(key).map(|_| "key-of-another-region"));
            continue;
        }
        for region in regions(policy, word) {
            if home(key).is_some_and(|home| home != region) {
                codes.insert("key-of-another-region");
            }
            given.push((region, key));
        }
    }
    let differ = |(one, key): &(&str, &str), (other, other_key): &(&str, &str)| {
        one == other && managed_is_none(key) != managed_is_none(other_key)
    };
    if given
        .iter()
        .any(|one| given.iter().any(|other| differ(one, other)))
    {
        codes.insert("two-keys");
    }
    codes
}

/// A key for all Regions of a rule: an ARN fits only if all are its own, the Region aside that alone
/// can be the primary secret's: there is no replica there.
fn of_one_key(policy: &Policy, rule: &Rule, key: &str) -> Option<&'static str> {
    let home = home(key)?;
    let own = match &rule.when {
        When::Some { only, .. } => primary_regions(policy, only),
        When::All => Vec::new(),
    };
    let is_own = |region: &str| !own.is_empty() && own.iter().all(|only| only == region);
    let fits = match &rule.replicate_to {
        Some(ReplicateTo::Words(words)) => words
            .iter()
            .flat_map(|word| regions(policy, word))
            .all(|region| region == home || is_own(region)),
        _ => false,
    };
    (!fits).then_some("key-of-another-region")
}

/// The Regions and wildcards that the primary secret's Region must be among; none if any will do.
fn primary_regions(policy: &Policy, parts: &Parts) -> Vec<String> {
    let words = parts.primary_region.iter();
    let codes = words.flat_map(|word| regions(policy, word));
    codes.map(str::to_owned).collect()
}
