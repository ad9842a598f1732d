use std::collections::BTreeMap;
use std::fmt;

use super::patterns::Patterns;
use super::regions::RegionPatterns;
use crate::secret::{Region, Secret};

/// What a policy is asked about: a secret, as far as rules can see it.
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
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// Every secret.
    All,
    /// The secrets that match `only`, and do not match `not`.
    Matches {
        /// What must hold.
        only: Condition,
        /// What must not hold as a whole.
        not: Option<Condition>,
    },
}

/// Parts that must all hold. A part that is absent holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    pub(super) tags: BTreeMap<String, Patterns>,
    pub(super) secret_name: Option<Patterns>,
    pub(super) primary_region: Option<RegionPatterns>,
}

/// The part of a condition that decided that a rule does not match.
#[derive(Clone, Debug, PartialEq)]
pub enum Mismatch<'a> {
    /// The secret does not have the tag.
    NoTag(&'a str),
    /// The tag has another value.
    TagValue(&'a str, &'a Patterns),
    /// The secret has another name.
    SecretName(&'a Patterns),
    /// The primary secret is in another Region.
    PrimaryRegion(&'a RegionPatterns),
    /// Everything under `not` holds.
    Not,
}

impl When {
    /// Whether the condition holds for the secret.
    ///
    /// # Errors
    /// The part that does not.
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

    /// Whether no secret can match, because everything that must hold is also forbidden by `not`.
    pub(super) fn never_holds(&self) -> bool {
        match self {
            Self::All | Self::Matches { not: None, .. } => false,
            Self::Matches {
                only,
                not: Some(not),
            } => only.implies(not),
        }
    }

    /// Whether every secret that matches this condition matches the other one too, as far as the
    /// patterns tell.
    pub(super) fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::All) => true,
            (Self::All, Self::Matches { .. }) => false,
            (
                Self::Matches { only, not },
                Self::Matches {
                    only: other,
                    not: other_not,
                },
            ) => only.implies(other) && (other_not.is_none() || not == other_not),
        }
    }
}

impl Condition {
    fn check(&self, subject: &Subject<'_>) -> Result<(), Mismatch<'_>> {
        for (key, patterns) in &self.tags {
            match subject.tags.get(key) {
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
            (_, Some(regions)) if !regions.contain(subject.primary_region) => {
                Err(Mismatch::PrimaryRegion(regions))
            }
            _ => Ok(()),
        }
    }

    /// Whether whatever matches this condition matches the other one too.
    fn implies(&self, other: &Self) -> bool {
        let part = |mine: Option<&Patterns>, other: Option<&Patterns>| match (mine, other) {
            (_, None) => true,
            (None, Some(other)) => other.match_everything(),
            (Some(mine), Some(other)) => mine.within(other),
        };
        let tags = other
            .tags
            .iter()
            .all(|(key, patterns)| self.tags.get(key).is_some_and(|mine| mine.within(patterns)));
        tags && part(self.secret_name.as_ref(), other.secret_name.as_ref())
            && part(self.region_patterns(), other.region_patterns())
    }

    fn region_patterns(&self) -> Option<&Patterns> {
        self.primary_region.as_ref().map(RegionPatterns::patterns)
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
            Self::PrimaryRegion(regions) => {
                write!(
                    f,
                    "the primary secret's Region is not {}",
                    regions.patterns()
                )
            }
            Self::Not => f.write_str("everything under `not` holds"),
        }
    }
}
