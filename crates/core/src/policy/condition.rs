use std::collections::BTreeMap;
use std::fmt;

use smol_str::SmolStr;

use super::patterns::Patterns;
use crate::secret::{Region, Secret};

/// The properties of a secret that rules match.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The secret's name.
    pub name: &'a str,
    /// The secret's tags by key.
    pub tags: &'a BTreeMap<String, String>,
    /// The Region of the primary secret.
    pub primary_region: &'a Region,
}

impl<'a> From<&'a Secret> for Subject<'a> {
    fn from(secret: &'a Secret) -> Self {
        Self {
            name: &secret.name,
            tags: &secret.tags,
            primary_region: secret.arn.region(),
        }
    }
}

/// The condition of a rule.
#[derive(Clone, Debug)]
pub enum When {
    /// Every secret.
    All,
    /// The secrets that match `only` and do not match `not`.
    Matches {
        /// The condition that must hold.
        only: Condition,
        /// The condition that must not hold as a whole.
        not: Option<Condition>,
    },
}

/// Parts that must all hold. An absent part holds.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// The patterns by tag key. For a few keys, a list is faster than a map.
    pub(super) tags: Vec<(SmolStr, Patterns)>,
    pub(super) secret_name: Option<Patterns>,
    pub(super) primary_region: Option<Patterns>,
}

/// The part of a condition because of which a rule does not match.
#[derive(Clone, Debug)]
pub enum Mismatch<'a> {
    /// The secret does not have the tag.
    NoTag(&'a str),
    /// The tag has another value.
    TagValue(&'a str, &'a Patterns),
    /// The secret has another name.
    SecretName(&'a Patterns),
    /// The primary secret is in another Region.
    PrimaryRegion(&'a Patterns),
    /// Every part of `not` holds.
    Not,
}

impl When {
    /// Checks whether the condition holds for the secret.
    ///
    /// # Errors
    /// The part that does not hold.
    pub fn check(&self, subject: &Subject<'_>) -> Result<(), Mismatch<'_>> {
        match self {
            Self::All => Ok(()),
            Self::Matches { only, not } => {
                only.check(subject)?;
                match not {
                    Some(not) if not.check(subject).is_ok() => Err(Mismatch::Not),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Returns the keys of the tags that the condition reads.
    pub(super) fn tag_keys(&self) -> impl Iterator<Item = &str> {
        let (only, not) = match self {
            Self::All => (None, None),
            Self::Matches { only, not } => (Some(only), not.as_ref()),
        };
        let tags = only.into_iter().chain(not).flat_map(|part| &part.tags);
        tags.map(|(key, _)| key.as_str())
    }

    /// Returns the code of the primary secret's Region, if the condition allows only one.
    pub(super) fn only_primary_region(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Matches { only, .. } => only.primary_region.as_ref()?.only_text(),
        }
    }
}

impl Condition {
    fn check(&self, subject: &Subject<'_>) -> Result<(), Mismatch<'_>> {
        for (key, patterns) in &self.tags {
            match subject.tags.get(key.as_str()) {
                None => return Err(Mismatch::NoTag(key)),
                Some(value) if !patterns.match_any(value) => {
                    return Err(Mismatch::TagValue(key, patterns));
                }
                Some(_) => {}
            }
        }
        match (&self.secret_name, &self.primary_region) {
            (Some(patterns), _) if !patterns.match_any(subject.name) => {
                Err(Mismatch::SecretName(patterns))
            }
            (_, Some(patterns)) if !patterns.match_any(subject.primary_region.as_str()) => {
                Err(Mismatch::PrimaryRegion(patterns))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTag(key) => write!(f, "the secret has no tag `{key}`"),
            Self::TagValue(key, patterns) => {
                write!(f, "the value of the tag `{key}` is not {patterns}")
            }
            Self::SecretName(patterns) => write!(f, "the secret's name is not {patterns}"),
            Self::PrimaryRegion(patterns) => {
                write!(f, "the primary secret's Region is not {patterns}")
            }
            Self::Not => f.write_str("every part of `not` holds"),
        }
    }
}
