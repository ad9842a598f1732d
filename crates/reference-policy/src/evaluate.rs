//! The policy language once more, as plainly as can be: each question is answered on its own, for
//! one Region at a time, from the words of the language's reference. Slow, and for tests only.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A policy as plain data, with the texts that its author writes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Policy {
    pub groups: BTreeMap<String, Vec<String>>,
    pub kms_keys: BTreeMap<String, String>,
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    pub name: String,
    pub when: When,
    pub replicate_to: Option<ReplicateTo>,
    pub forbid: Option<Forbid>,
    pub kms_key: Option<KmsKey>,
    pub overwrite: Option<bool>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum When {
    All,
    Some { only: Parts, not: Option<Parts> },
}

/// At least one of these is not empty.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Parts {
    pub tags: BTreeMap<String, Vec<String>>,
    pub secret_name: Vec<String>,
    pub primary_region: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ReplicateTo {
    Words(Vec<String>),
    Tag(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Forbid {
    Words(Vec<String>),
    Except(Vec<String>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum KmsKey {
    One(String),
    ByRegion(BTreeMap<String, String>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Secret {
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub primary_region: String,
    pub kms_key: Option<String>,
}

/// What the settings allow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    pub allowed_regions: Option<BTreeSet<String>>,
    pub allow_overwrite: bool,
}

/// What becomes of one Region.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    NotWanted,
    /// `None` is the AWS managed key.
    Replica {
        key: Option<String>,
        overwrite: bool,
    },
    /// Every reason that there is; which of them is named first is not fixed.
    Refused(BTreeSet<String>),
}

const PARTITIONS: [(&str, &str); 4] = [
    ("cn-north-1", "China"),
    ("cn-northwest-1", "China"),
    ("us-gov-west-1", "GovCloud"),
    ("eusc-de-east-1", "European Sovereign Cloud"),
];

impl Policy {
    /// The names of the rules that cover the secret. Empty: it is left alone.
    #[must_use]
    pub fn covering(&self, secret: &Secret) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for rule in &self.rules {
            let speaks = match &rule.replicate_to {
                None => false,
                Some(ReplicateTo::Words(_)) => true,
                Some(ReplicateTo::Tag(key)) => secret.tags.contains_key(key),
            };
            if speaks && self.matches(rule, secret) {
                names.insert(rule.name.clone());
            }
        }
        names
    }

    /// What stands in the secret's tags where a Region should, an empty text for an empty value.
    #[must_use]
    pub fn bad_tokens(&self, secret: &Secret) -> BTreeSet<String> {
        let mut bad = BTreeSet::new();
        for rule in &self.rules {
            if let Some(ReplicateTo::Tag(key)) = &rule.replicate_to
                && self.matches(rule, secret)
                && let Some(value) = secret.tags.get(key)
            {
                let tokens = tokens(value);
                if tokens.is_empty() {
                    bad.insert(String::new());
                }
                if tokens != ["none"] {
                    let wrong =
                        |token: &&&str| !self.groups.contains_key(**token) && !is_region(token);
                    bad.extend(tokens.iter().filter(wrong).map(|token| (*token).to_owned()));
                }
            }
        }
        bad
    }

    /// What becomes of a Region.
    #[must_use]
    pub fn answer(&self, secret: &Secret, region: &str, settings: &Settings) -> Answer {
        let matching: Vec<&Rule> = self
            .rules
            .iter()
            .filter(|rule| self.matches(rule, secret))
            .collect();
        let wanting: Vec<&Rule> = matching
            .iter()
            .copied()
            .filter(|rule| self.wants(rule, secret, region))
            .collect();
        if wanting.is_empty() {
            return Answer::NotWanted;
        }
        let mut reasons = self.obstacles(secret, region, settings);
        let named = |reason: &&str| !reason.starts_with("rule-");
        if !reasons.iter().all(|reason| named(&&reason[..])) {
            reasons.retain(|reason| named(&&reason[..]));
            reasons.insert("forbidden-by-policy".to_owned());
        }
        let said: BTreeSet<bool> = wanting.iter().filter_map(|rule| rule.overwrite).collect();
        if said.len() == 2 {
            reasons.insert("conflicting-rules".to_owned());
        }
        let key = self.key(&wanting, secret, region).unwrap_or_else(|reason| {
            reasons.insert(reason.to_owned());
            None
        });
        if reasons.is_empty() {
            let overwrite = said.contains(&true) && settings.allow_overwrite;
            Answer::Replica { key, overwrite }
        } else {
            Answer::Refused(reasons)
        }
    }

    /// Everything that allows no replica in the Region: the names of rules, and other reasons.
    #[must_use]
    pub fn obstacles(
        &self,
        secret: &Secret,
        region: &str,
        settings: &Settings,
    ) -> BTreeSet<String> {
        let matching = self.rules.iter().filter(|rule| self.matches(rule, secret));
        let forbidding = matching.filter(|rule| self.forbids(rule, region));
        let mut obstacles: BTreeSet<String> = forbidding.map(|rule| rule.name.clone()).collect();
        let allowed_regions = settings.allowed_regions.as_ref();
        let others = [
            ("primary-region", region == secret.primary_region),
            (
                "other-partition",
                partition(region) != partition(&secret.primary_region),
            ),
            (
                "region-not-allowed",
                allowed_regions.is_some_and(|allowed_regions| !allowed_regions.contains(region)),
            ),
        ];
        let others = others.into_iter().filter(|(_, stands)| *stands);
        obstacles.extend(others.map(|(reason, _)| reason.to_owned()));
        obstacles
    }

    /// The key of the replica, or why there is none.
    fn key(
        &self,
        wanting: &[&Rule],
        secret: &Secret,
        region: &str,
    ) -> Result<Option<String>, &'static str> {
        let named: BTreeSet<Option<String>> = wanting
            .iter()
            .filter_map(|rule| match rule.kms_key.as_ref()? {
                KmsKey::One(key) => Some(managed_is_none(key)),
                KmsKey::ByRegion(keys) => {
                    self.look_up(keys, region).map(|key| managed_is_none(&key))
                }
            })
            .collect();
        if named.len() > 1 {
            return Err("conflicting-rules");
        }
        if let Some(key) = named.into_iter().next() {
            return Ok(key);
        }
        // A general key never weakens a secret: only a rule may say `aws/secretsmanager`.
        let general = self
            .look_up(&self.kms_keys, region)
            .and_then(|key| managed_is_none(&key));
        if general.is_some() {
            return Ok(general);
        }
        match secret.kms_key.as_deref().and_then(managed_is_none) {
            None => Ok(None),
            Some(key) if is_multi_region(&key) => Ok(Some(key.replace(
                &format!(":{}:", secret.primary_region),
                &format!(":{region}:"),
            ))),
            Some(_) => Err("weaker-encryption"),
        }
    }

    /// Whether a replica with this key contradicts the policy. A key of the customer is as good as the AWS
    /// managed key where nothing names a key.
    #[must_use]
    pub fn refuses_key(
        &self,
        secret: &Secret,
        region: &str,
        wanted: Option<&str>,
        found: &str,
    ) -> bool {
        let matching = self.rules.iter().filter(|rule| self.matches(rule, secret));
        let mut wanting = matching.filter(|rule| self.wants(rule, secret, region));
        let by_rule = wanting.any(|rule| match &rule.kms_key {
            None => false,
            Some(KmsKey::One(_)) => true,
            Some(KmsKey::ByRegion(keys)) => self.look_up(keys, region).is_some(),
        });
        let managed = "aws/secretsmanager";
        (by_rule || wanted.is_some()) && keys_differ(wanted.unwrap_or(managed), found)
    }

    /// A key by Region: the Region itself or a group that holds it, then `*`.
    fn look_up(&self, keys: &BTreeMap<String, String>, region: &str) -> Option<String> {
        let own = keys.iter().find(|(word, _)| self.stands_for(word, region));
        own.map(|(_, key)| key).or_else(|| keys.get("*")).cloned()
    }

    #[must_use]
    pub fn stands_for(&self, word: &str, region: &str) -> bool {
        match self.groups.get(word) {
            Some(regions) => regions.iter().any(|member| member == region),
            None => word == region,
        }
    }

    fn wants(&self, rule: &Rule, secret: &Secret, region: &str) -> bool {
        match &rule.replicate_to {
            None => false,
            Some(ReplicateTo::Words(words)) => {
                words.iter().any(|word| self.stands_for(word, region))
            }
            Some(ReplicateTo::Tag(key)) => secret.tags.get(key).is_some_and(|value| {
                tokens(value)
                    .iter()
                    .any(|token| self.stands_for(token, region))
            }),
        }
    }

    fn forbids(&self, rule: &Rule, region: &str) -> bool {
        match &rule.forbid {
            None => false,
            Some(Forbid::Words(words)) => self.any_covers(words, region),
            Some(Forbid::Except(words)) => !self.any_covers(words, region),
        }
    }

    /// Whether one of the Regions, groups or wildcards covers the Region.
    fn any_covers(&self, words: &[String], region: &str) -> bool {
        words
            .iter()
            .any(|word| self.stands_for(word, region) || fits(word, region))
    }

    fn matches(&self, rule: &Rule, secret: &Secret) -> bool {
        match &rule.when {
            When::All => true,
            When::Some { only, not } => {
                let excluded = not.as_ref().is_some_and(|not| self.all_hold(not, secret));
                self.all_hold(only, secret) && !excluded
            }
        }
    }

    fn all_hold(&self, parts: &Parts, secret: &Secret) -> bool {
        let any =
            |patterns: &[String], text: &str| patterns.iter().any(|pattern| fits(pattern, text));
        let tags = parts.tags.iter().all(|(key, patterns)| {
            secret
                .tags
                .get(key)
                .is_some_and(|value| any(patterns, value))
        });
        let name = parts.secret_name.is_empty() || any(&parts.secret_name, &secret.name);
        let region = parts.primary_region.is_empty()
            || self.any_covers(&parts.primary_region, &secret.primary_region);
        tags && name && region
    }
}

/// Whether a pattern fits the whole text: `*` is any text, `?` any one character.
fn fits(pattern: &str, text: &str) -> bool {
    let (mut pattern_rest, mut text_rest) = (pattern.chars(), text.chars());
    match (pattern_rest.next(), text_rest.next()) {
        (None, first) => first.is_none(),
        (Some('*'), None) => fits(pattern_rest.as_str(), text),
        (Some('*'), Some(_)) => {
            fits(pattern_rest.as_str(), text) || fits(pattern, text_rest.as_str())
        }
        (Some('?'), Some(_)) => fits(pattern_rest.as_str(), text_rest.as_str()),
        (Some(expected), found) => {
            found == Some(expected) && fits(pattern_rest.as_str(), text_rest.as_str())
        }
    }
}

fn tokens(value: &str) -> Vec<&str> {
    let parts = value.split([' ', '+', '/', ':', ',', ';']);
    parts.filter(|token| !token.is_empty()).collect()
}

/// Words of lower-case letters and a number, with hyphens between.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else {
        return false;
    };
    let only =
        |text: &str, kind: fn(&char) -> bool| !text.is_empty() && text.chars().all(|c| kind(&c));
    !words.is_empty()
        && only(number, char::is_ascii_digit)
        && words
            .iter()
            .all(|word| only(word, char::is_ascii_lowercase))
}

fn partition(region: &str) -> &str {
    let special = PARTITIONS.iter().find(|(code, _)| *code == region);
    special.map_or("standard", |(_, partition)| *partition)
}

#[must_use]
pub fn managed_is_none(key: &str) -> Option<String> {
    (!key.ends_with("aws/secretsmanager")).then(|| key.to_owned())
}

fn is_multi_region(key: &str) -> bool {
    key.starts_with("mrk-") || key.contains(":key/mrk-")
}

/// Whether two names certainly stand for different keys: the AWS managed key and another one, two
/// aliases, or two key IDs.
fn keys_differ(one: &str, other: &str) -> bool {
    let last = |key: &str| {
        key.rsplit(':')
            .next()
            .unwrap_or_default()
            .replace("key/", "")
    };
    let (one, other) = (last(one), last(other));
    let is_managed = |key: &str| managed_is_none(key).is_none();
    if is_managed(&one) || is_managed(&other) {
        return is_managed(&one) != is_managed(&other);
    }
    one.starts_with("alias/") == other.starts_with("alias/") && one != other
}
