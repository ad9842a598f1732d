//! The replication policy: which secrets are replicated, and where to.
//!
//! A [`Policy`] is read from YAML or JSON ([`Policy::parse`]) and asked about one secret at a time
//! ([`Policy::evaluate`]). Both are pure. Nothing replicates unless a rule says so, the targets
//! are the union over all rules that match, and the order of the rules never matters.

mod document;
mod node;
mod patterns;
mod problem;
mod tag_value;

use std::collections::{BTreeMap, BTreeSet};

use crate::secret::Region;
use patterns::Patterns;
pub use problem::{PolicyInvalid, Problem};
pub use tag_value::{BadToken, TagValue, TokenError};

/// The policy built into the function: each secret names its Regions in the tag `replicate-to`.
pub const DEFAULT_POLICY: &str = include_str!("../policy.yaml");

/// A policy that was checked and found right.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Vec<Rule>,
}

/// One rule: when it matches a secret, and where it wants replicas then.
#[derive(Clone, Debug)]
struct Rule {
    name: String,
    when: When,
    replicate_to: ReplicateTo,
}

/// The condition of a rule. All parts must hold.
#[derive(Clone, Debug)]
enum When {
    All,
    Matches {
        tags: BTreeMap<String, Patterns>,
        secret_name: Option<Patterns>,
    },
}

/// Where a rule takes its Regions from.
#[derive(Clone, Debug)]
enum ReplicateTo {
    Regions(BTreeSet<Region>),
    /// The value of the secret's own tag with this key.
    Tag(String),
}

/// What a policy wants for one secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The names of the rules that match, in the order of their names. Empty: the secret is not
    /// covered, and is left alone.
    pub rules: BTreeSet<String>,
    /// The Regions that a matching rule wants.
    pub regions: BTreeSet<Region>,
    /// What stands in the secret's tags where a Region should.
    pub bad_tokens: BTreeSet<BadToken>,
}

impl Policy {
    /// Reads a policy document, YAML or JSON.
    ///
    /// # Errors
    /// [`PolicyInvalid`] with every problem found, each with its place and a hint.
    pub fn parse(text: &str) -> Result<Self, PolicyInvalid> {
        document::read(text)
    }

    /// What the policy wants for a secret with this name and these tags.
    #[must_use]
    pub fn evaluate(&self, name: &str, tags: &BTreeMap<String, String>) -> Verdict {
        let mut verdict = Verdict::default();
        for rule in self.rules.iter().filter(|rule| rule.when.holds(name, tags)) {
            match &rule.replicate_to {
                ReplicateTo::Regions(regions) => verdict.regions.extend(regions.iter().cloned()),
                ReplicateTo::Tag(key) => {
                    // Without the tag the secret does not say anything, so the rule does not cover it.
                    let Some(value) = tags.get(key) else { continue };
                    let value = TagValue::parse(value);
                    verdict.regions.extend(value.regions);
                    verdict
                        .bad_tokens
                        .extend(value.errors.into_iter().map(|error| BadToken {
                            tag: key.clone(),
                            error,
                        }));
                }
            }
            verdict.rules.insert(rule.name.clone());
        }
        verdict
    }

    /// The Regions that the policy's rules name.
    #[must_use]
    pub fn named_regions(&self) -> BTreeSet<Region> {
        let lists = self
            .rules
            .iter()
            .filter_map(|rule| match &rule.replicate_to {
                ReplicateTo::Regions(regions) => Some(regions),
                ReplicateTo::Tag(_) => None,
            });
        lists.flatten().cloned().collect()
    }

    /// How many rules the policy has.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }
}

impl When {
    fn holds(&self, name: &str, tags: &BTreeMap<String, String>) -> bool {
        match self {
            Self::All => true,
            Self::Matches {
                tags: wanted,
                secret_name,
            } => {
                secret_name
                    .as_ref()
                    .is_none_or(|patterns| patterns.match_any(name))
                    && wanted.iter().all(|(key, patterns)| {
                        tags.get(key).is_some_and(|value| patterns.match_any(value))
                    })
            }
        }
    }
}
