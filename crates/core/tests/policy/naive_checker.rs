//! The errors that the checker must report about generated policies, according to the language's
//! reference.

use std::collections::BTreeSet;

use secret_replicator_reference_policy::{
    KmsKey, Parts, Policy, ReplicateTo, Rule, When, managed_is_none,
};

/// Returns the error codes of a generated policy, which always has the right form.
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

/// Returns the Regions that a word names.
fn regions<'a>(policy: &'a Policy, word: &'a str) -> Vec<&'a str> {
    match policy.groups.get(word) {
        Some(codes) => codes.iter().map(String::as_str).collect(),
        None => vec![word],
    }
}

/// Returns the Region of a key ARN.
fn key_region(key: &str) -> Option<&str> {
    key.starts_with("arn:").then(|| key.split(':').nth(3))?
}

fn of_keys(policy: &Policy, keys: &[(&str, &str)]) -> BTreeSet<&'static str> {
    let mut codes = BTreeSet::new();
    let mut given: Vec<(&str, &str)> = Vec::new();
    for (word, key) in keys {
        if *word == "*" {
            codes.extend(key_region(key).map(|_| "key-of-another-region"));
            continue;
        }
        for region in regions(policy, word) {
            if key_region(key).is_some_and(|key_region| key_region != region) {
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

/// Checks one key for all Regions of a rule. An ARN must be of the Region of every replica. The only
/// possible primary Region is exempt, because it never has a replica.
fn of_one_key(policy: &Policy, rule: &Rule, key: &str) -> Option<&'static str> {
    let key_region = key_region(key)?;
    let own = match &rule.when {
        When::Some { only, .. } => primary_regions(policy, only),
        When::All => Vec::new(),
    };
    let is_own = |region: &str| !own.is_empty() && own.iter().all(|only| only == region);
    let fits = match &rule.replicate_to {
        Some(ReplicateTo::Words(words)) => words
            .iter()
            .flat_map(|word| regions(policy, word))
            .all(|region| region == key_region || is_own(region)),
        _ => false,
    };
    (!fits).then_some("key-of-another-region")
}

/// Returns the Regions and wildcards that the condition allows as primary Region. Empty if it allows any.
fn primary_regions(policy: &Policy, parts: &Parts) -> Vec<String> {
    let words = parts.primary_region.iter();
    let codes = words.flat_map(|word| regions(policy, word));
    codes.map(str::to_owned).collect()
}
