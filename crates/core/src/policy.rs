//! The replication policy: which secrets are replicated, to which Regions, and with which keys.
//!
//! [`check`] parses a [`Policy`] from YAML or JSON, and [`Policy::evaluate`] applies it to one secret.
//! Both are pure. Nothing replicates by default, the targets are the union over all matching rules, a
//! matching `forbid` always wins, and the order of the rules never matters.

mod condition;
mod digest;
mod document;
mod keys;
mod lint;
mod list_filter;
mod node;
mod paths;
mod patterns;
mod problem;
mod problems;
pub mod reader;
mod regions;
mod tag_value;

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use crate::secret::{KmsKey, Region};
use keys::Keys;
use regions::{Forbid, Groups};

pub use condition::{Condition, Mismatch, Subject, When};
pub use digest::digest;
pub use list_filter::ListFilter;
pub use problem::{PolicyInvalid, Problem, Severity, escape_control, is_direction};
pub use tag_value::{BadToken, TagValue, TokenError};

/// The policy built into the function: each secret names its Regions in the tag `replicate-to`.
pub const DEFAULT_POLICY: &str = include_str!("../../../policy.yaml");

/// A checked policy.
#[derive(Clone, Debug)]
pub struct Policy {
    groups: Groups,
    keys: Keys,
    rules: Vec<Rule>,
    removal: Removal,
}

/// A rule: a condition, and the Regions to replicate to or to forbid.
#[derive(Clone, Debug)]
pub struct Rule {
    name: String,
    when: When,
    replicate: Option<Replicate>,
    forbid: Option<Forbid>,
}

/// The Regions to which a rule replicates, and the settings of the replicas.
#[derive(Clone, Debug)]
struct Replicate {
    to: ReplicateTo,
    keys: Keys,
    overwrite: Option<bool>,
}

/// The source of a rule's Regions.
#[derive(Clone, Debug)]
enum ReplicateTo {
    Regions(BTreeSet<Region>),
    /// The value of the secret's own tag with this key.
    Tag(String),
}

/// Whether replicas that no rule wants are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Never.
    Never,
    /// From secrets that a rule covers, if the setting `ALLOW_REMOVAL` is `true`.
    Covered,
}

/// A policy and the warnings about it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The policy.
    pub policy: Policy,
    /// The warnings: parts of the policy that may not mean what the author intended.
    pub warnings: Vec<Problem>,
}

/// Parses and checks a policy document in YAML or JSON. Regions that are not allowed are warnings.
///
/// # Errors
/// [`PolicyInvalid`] with all problems, each with its position and a hint.
pub fn check(text: &str, allowed_regions: &AllowedRegions) -> Result<Checked, PolicyInvalid> {
    let limits = Limits {
        allowed_regions: allowed_regions.clone(),
        overwrite: Overwrite::Allowed,
        removal: RemovalLimit::Allowed,
    };
    check_with_limits(text, &limits)
}

/// Parses and checks a policy document, as [`check`] does. Fields that the settings leave without effect
/// are warnings.
///
/// # Errors
/// [`PolicyInvalid`] with all problems, each with its position and a hint.
pub fn check_with_limits(text: &str, limits: &Limits) -> Result<Checked, PolicyInvalid> {
    document::read(text, limits)
}

/// The result of evaluating the rules for one secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// The names of the rules that cover the secret: they match and name Regions, or the tag that they
    /// read is `none`. If empty, the secret is skipped.
    pub rules: BTreeSet<String>,
    /// The Regions that a matching rule names, and the requests of the rules for each.
    pub regions: BTreeMap<Region, RegionRequest>,
    /// The tokens in the secret's tags that are not Regions.
    pub bad_tokens: BTreeSet<BadToken>,
}

/// The requests of the matching rules for one Region. The plan refuses conflicting ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionRequest {
    /// The rules that want a replica there.
    pub wanted_by: BTreeSet<String>,
    /// The rules that forbid a replica there.
    pub forbidden_by: BTreeSet<String>,
    /// The keys that rules name for the Region, each with its rules.
    pub rule_keys: BTreeMap<KmsKey, BTreeSet<String>>,
    /// The key that the policy's `kms-keys` names for the Region.
    pub policy_key: Option<KmsKey>,
    /// The values of `overwrite`, each with its rules.
    pub overwrite: BTreeMap<bool, BTreeSet<String>>,
}

impl Policy {
    /// Evaluates the rules for a secret.
    #[must_use]
    pub fn evaluate(&self, subject: &Subject<'_>) -> Evaluation {
        let mut evaluation = Evaluation::default();
        for rule in self.matching(subject) {
            if let Some(replicate) = &rule.replicate {
                self.want(&mut evaluation, rule, replicate, subject);
            }
        }
        for rule in self.matching(subject) {
            for (region, request) in &mut evaluation.regions {
                if rule.forbids(region) {
                    request.forbidden_by.insert(rule.name.clone());
                }
            }
        }
        evaluation
    }

    /// Returns the names of the rules that forbid a replica of the secret in the Region, also if no rule
    /// names the Region.
    #[must_use]
    pub fn forbidden_by(&self, subject: &Subject<'_>, region: &Region) -> BTreeSet<String> {
        self.matching(subject)
            .filter(|rule| rule.forbids(region))
            .map(|rule| rule.name.clone())
            .collect()
    }

    fn matching(&self, subject: &Subject<'_>) -> impl Iterator<Item = &Rule> {
        self.rules
            .iter()
            .filter(|rule| rule.when.check(subject).is_ok())
    }

    fn want(
        &self,
        evaluation: &mut Evaluation,
        rule: &Rule,
        replicate: &Replicate,
        subject: &Subject<'_>,
    ) {
        let Some((regions, errors)) = self.targets(replicate, subject) else {
            return;
        };
        evaluation.rules.insert(rule.name.clone());
        evaluation.bad_tokens.extend(errors);
        for region in regions {
            let request = evaluation.regions.entry(region.clone()).or_default();
            request.wanted_by.insert(rule.name.clone());
            request.policy_key = self.keys.key_for(&region).cloned();
            if let Some(key) = replicate.keys.key_for(&region) {
                request
                    .rule_keys
                    .entry(key.clone())
                    .or_default()
                    .insert(rule.name.clone());
            }
            if let Some(overwrite) = replicate.overwrite {
                request
                    .overwrite
                    .entry(overwrite)
                    .or_default()
                    .insert(rule.name.clone());
            }
        }
    }

    /// Returns the Regions that a rule names for a secret, and the bad tokens. `None` if the rule
    /// reads a tag that the secret does not have: then the rule does not cover the secret.
    fn targets(
        &self,
        replicate: &Replicate,
        subject: &Subject<'_>,
    ) -> Option<(BTreeSet<Region>, Vec<BadToken>)> {
        match &replicate.to {
            ReplicateTo::Regions(regions) => Some((regions.clone(), Vec::new())),
            ReplicateTo::Tag(key) => {
                let value = TagValue::parse(subject.tags.get(key)?, &self.groups);
                let bad = |error| BadToken {
                    tag: key.clone(),
                    error,
                };
                Some((value.regions, value.errors.into_iter().map(bad).collect()))
            }
        }
    }

    /// The rules, in the order of the document.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the Regions that the rules and groups name.
    #[must_use]
    pub fn named_regions(&self) -> BTreeSet<Region> {
        let lists = self
            .rules
            .iter()
            .filter_map(|rule| match &rule.replicate.as_ref()?.to {
                ReplicateTo::Regions(regions) => Some(regions),
                ReplicateTo::Tag(_) => None,
            });
        lists
            .flatten()
            .chain(self.groups.regions())
            .cloned()
            .collect()
    }

    /// Returns the keys of the tags that the rules read.
    #[must_use]
    pub fn tag_keys(&self) -> BTreeSet<&str> {
        let keys = self.rules.iter().flat_map(|rule| {
            let keys = rule.when.tag_keys();
            keys.chain(rule.tag_with_regions())
        });
        keys.collect()
    }

    /// Whether replicas that no rule wants are removed.
    #[must_use]
    pub fn removal(&self) -> Removal {
        self.removal
    }
}

impl Rule {
    /// The name, for logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The condition.
    #[must_use]
    pub fn when(&self) -> &When {
        &self.when
    }

    /// Whether the rule forbids a replica in the Region.
    #[must_use]
    pub fn forbids(&self, region: &Region) -> bool {
        self.forbid
            .as_ref()
            .is_some_and(|forbid| forbid.forbids(region))
    }

    /// Returns the key of the tag that the rule reads its Regions from.
    #[must_use]
    pub fn tag_with_regions(&self) -> Option<&str> {
        match &self.replicate.as_ref()?.to {
            ReplicateTo::Tag(key) => Some(key),
            ReplicateTo::Regions(_) => None,
        }
    }
}
