use std::collections::BTreeMap;
use std::fmt;

use smol_str::SmolStr;

use super::effort::Effort;
use super::patterns::{Pattern, Patterns};
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
    /// By key. A few in a row are quicker to make and to find than in a map.
    pub(super) tags: Vec<(SmolStr, Patterns)>,
    pub(super) secret_name: Option<Patterns>,
    pub(super) primary_region: Option<RegionPatterns>,
}

/// What patterns are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part<'a> {
    /// The value of the tag with this key.
    Tag(&'a str),
    /// The secret's name.
    SecretName,
    /// The Region of the primary secret.
    PrimaryRegion,
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
    pub(super) fn never_holds(&self, effort: &Effort) -> bool {
        match self {
            Self::All | Self::Matches { not: None, .. } => false,
            Self::Matches {
                only,
                not: Some(not),
            } => only.implies(not, effort),
        }
    }

    /// Whether no secret that has the tag can match, because `not` excludes them all.
    pub(super) fn excludes_tag(&self, key: &str, effort: &Effort) -> bool {
        match self {
            Self::All | Self::Matches { not: None, .. } => false,
            Self::Matches {
                only,
                not: Some(not),
            } => {
                // Otherwise the tag makes no difference.
                if not.tag(key).is_none() {
                    return false;
                }
                let mut with_tag = only.clone();
                if with_tag.tag(key).is_none() {
                    let any = Patterns::new(["*"]);
                    with_tag.tags.push((key.into(), any));
                }
                with_tag.implies(not, effort)
            }
        }
    }

    /// Whether every secret that matches this condition matches the other one too, as far as the
    /// patterns tell.
    pub(super) fn implies(&self, other: &Self, effort: &Effort) -> bool {
        match (self, other) {
            (_, Self::All) => true,
            (
                Self::All,
                Self::Matches {
                    only: other,
                    not: None,
                },
            ) => Condition::default().implies(other, effort),
            (Self::All, Self::Matches { .. }) => false,
            (
                Self::Matches { only, not },
                Self::Matches {
                    only: other,
                    not: other_not,
                },
            ) => {
                let escapes = |excluded: &Condition| {
                    not.as_ref()
                        .is_some_and(|not| excluded.implies(not, effort))
                        || only.excludes(excluded, effort)
                };
                only.implies(other, effort) && other_not.as_ref().is_none_or(escapes)
            }
        }
    }

    /// What must hold, part by part.
    pub(super) fn parts(&self) -> impl Iterator<Item = (Part<'_>, &Patterns)> {
        let only = match self {
            Self::All => None,
            Self::Matches { only, .. } => Some(only),
        };
        only.into_iter().flat_map(Condition::parts)
    }

    /// The same condition, with one pattern instead of several for a part.
    pub(super) fn narrowed(&self, part: Part<'_>, pattern: &Pattern) -> Self {
        let mut narrowed = self.clone();
        if let Self::Matches { only, .. } = &mut narrowed {
            let pattern = Patterns::of(vec![pattern.clone()]);
            match part {
                Part::Tag(key) => {
                    only.tags.retain(|(own, _)| own != key);
                    only.tags.push((key.into(), pattern));
                }
                Part::SecretName => only.secret_name = Some(pattern),
                Part::PrimaryRegion => only.primary_region = Some(pattern.into()),
            }
        }
        narrowed
    }

    /// The only Region that the primary secret can be in.
    pub(super) fn only_primary_region(&self) -> Option<&str> {
        let Self::Matches { only, .. } = self else {
            return None;
        };
        let mut codes = only.region_patterns()?.iter().map(Pattern::literal);
        let first = codes.next()??;
        codes.all(|code| code == Some(first)).then_some(first)
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
            (_, Some(regions)) if !regions.contain(subject.primary_region) => {
                Err(Mismatch::PrimaryRegion(regions))
            }
            _ => Ok(()),
        }
    }

    /// Whether whatever matches this condition matches the other one too.
    fn implies(&self, other: &Self, effort: &Effort) -> bool {
        let part = |mine: Option<&Patterns>, other: Option<&Patterns>| match (mine, other) {
            (_, None) => true,
            (None, Some(other)) => other.match_everything(),
            (Some(mine), Some(other)) => mine.within(other, effort),
        };
        let tags = other.tags.iter().all(|(key, patterns)| {
            self.tag(key)
                .is_some_and(|mine| mine.within(patterns, effort))
        });
        tags && part(self.secret_name.as_ref(), other.secret_name.as_ref())
            && part(self.region_patterns(), other.region_patterns())
    }

    /// Whether surely no secret matches both conditions.
    fn excludes(&self, other: &Self, effort: &Effort) -> bool {
        self.parts().any(|(part, patterns)| {
            let other = other.part(part);
            other.is_some_and(|other| patterns.exclude(other, effort))
        })
    }

    fn parts(&self) -> impl Iterator<Item = (Part<'_>, &Patterns)> {
        let tags = self
            .tags
            .iter()
            .map(|(key, patterns)| (Part::Tag(key), patterns));
        let name = self.secret_name.iter().map(|name| (Part::SecretName, name));
        let region = self.region_patterns().into_iter();
        tags.chain(name)
            .chain(region.map(|region| (Part::PrimaryRegion, region)))
    }

    fn tag(&self, key: &str) -> Option<&Patterns> {
        let mut tags = self.tags.iter();
        tags.find_map(|(own, patterns)| (own == key).then_some(patterns))
    }

    fn part(&self, part: Part<'_>) -> Option<&Patterns> {
        match part {
            Part::Tag(key) => self.tag(key),
            Part::SecretName => self.secret_name.as_ref(),
            Part::PrimaryRegion => self.region_patterns(),
        }
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
