//! A second, naive evaluation of the policy language, for tests only.
//!
//! Follows the wording of the language's reference (`docs/POLICY.md`) and answers each question
//! separately, for one Region at a time. Slow by design.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A policy as plain data. Its JSON form is the policy document, without `version` and `removal`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Policy {
    pub groups: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kms_keys: BTreeMap<String, String>,
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rule {
    pub name: String,
    pub when: When,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicate_to: Option<ReplicateTo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forbid: Option<Forbid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<KmsKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overwrite: Option<bool>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    All,
    #[serde(untagged)]
    Some {
        #[serde(flatten)]
        only: Parts,
        #[serde(skip_serializing_if = "Option::is_none")]
        not: Option<Parts>,
    },
}

/// The parts of a condition. At least one of them is not empty.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Parts {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret_name: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub primary_region: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplicateTo {
    Tag(String),
    #[serde(untagged)]
    Words(Vec<String>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forbid {
    Except(Vec<String>),
    #[serde(untagged)]
    Words(Vec<String>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KmsKey {
    One(String),
    ByRegion(BTreeMap<String, String>),
}

#[derive(Clone, Debug)]
pub struct Secret {
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub primary_region: String,
    pub kms_key: Option<String>,
}

/// The settings that limit a policy.
#[derive(Clone, Debug)]
pub struct Settings {
    pub allowed_regions: Option<BTreeSet<String>>,
    pub allow_overwrite: bool,
}

/// The decision about one Region.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    NotWanted,
    /// A `key` of `None` is the AWS managed key.
    Replica {
        key: Option<String>,
        overwrite: bool,
    },
    /// All reasons that apply. The function reports one of them; the language does not define which.
    Refused(BTreeSet<String>),
}

const PARTITIONS: [(&str, &str); 4] = [
    ("cn-north-1", "China"),
    ("cn-northwest-1", "China"),
    ("us-gov-west-1", "GovCloud"),
    ("eusc-de-east-1", "European Sovereign Cloud"),
];

impl Policy {
    /// Returns the names of the rules that cover the secret. Without any, the secret is skipped.
    #[must_use]
    pub fn covering(&self, secret: &Secret) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for rule in &self.rules {
            let has_targets = match &rule.replicate_to {
                None => false,
                Some(ReplicateTo::Words(_)) => true,
                Some(ReplicateTo::Tag(key)) => secret.tags.contains_key(key),
            };
            if has_targets && self.matches(rule, secret) {
                names.insert(rule.name.clone());
            }
        }
        names
    }

    /// Returns the tokens in the secret's tags that are not Regions or groups. An empty tag value
    /// counts as an empty token.
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

    /// Decides about one Region.
    #[must_use]
    pub fn answer(&self, secret: &Secret, region: &str, settings: &Settings) -> Answer {
        let matching = self.rules.iter().filter(|rule| self.matches(rule, secret));
        let wanting: Vec<&Rule> = matching
            .filter(|rule| self.wants(rule, secret, region))
            .collect();
        if wanting.is_empty() {
            return Answer::NotWanted;
        }
        let mut reasons = self.exclusions(secret, region, settings);
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

    /// Returns the reasons for which the Region must not have a replica, regardless of the rules that want one.
    #[must_use]
    pub fn exclusions(
        &self,
        secret: &Secret,
        region: &str,
        settings: &Settings,
    ) -> BTreeSet<String> {
        let mut reasons = self.obstacles(secret, region, settings);
        let named = |reason: &&str| !reason.starts_with("rule-");
        if !reasons.iter().all(|reason| named(&&reason[..])) {
            reasons.retain(|reason| named(&&reason[..]));
            reasons.insert("forbidden-by-policy".to_owned());
        }
        reasons
    }

    /// Returns what excludes a replica in the Region: the names of `forbid` rules and other reasons.
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
        let others = others.into_iter().filter(|(_, applies)| *applies);
        obstacles.extend(others.map(|(reason, _)| reason.to_owned()));
        obstacles
    }

    /// Returns the key of the replica, or the reason for which it is refused.
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
                KmsKey::ByRegion(keys) => self.look_up(keys, region).map(managed_is_none),
            })
            .collect();
        if named.len() > 1 {
            return Err("conflicting-rules");
        }
        if let Some(key) = named.into_iter().next() {
            return Ok(key);
        }
        // `kms-keys` never weakens a secret: only a rule can choose `aws/secretsmanager`.
        let general = self
            .look_up(&self.kms_keys, region)
            .and_then(managed_is_none);
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

    /// Returns whether a replica with this key contradicts the policy. Where no rule names a key, a customer
    /// managed key is accepted in place of the AWS managed key.
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

    /// Looks up a key by Region: the entry for the Region or a group that contains it, then `*`.
    fn look_up<'a>(&self, keys: &'a BTreeMap<String, String>, region: &str) -> Option<&'a str> {
        let own = keys.iter().find(|(word, _)| self.stands_for(word, region));
        let key = own.map(|(_, key)| key).or_else(|| keys.get("*"));
        key.map(String::as_str)
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

    /// Returns whether one of the Regions, groups or wildcards covers the Region.
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

/// Returns whether a pattern matches the whole text. `*` matches any text, `?` any one character.
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

/// Returns whether a text has the form of a Region: lower-case words and a number, joined by hyphens.
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
