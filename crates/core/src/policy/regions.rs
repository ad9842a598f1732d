use std::collections::{BTreeMap, BTreeSet};

use super::effort::Effort;
use super::patterns::{Pattern, Patterns};
use crate::secret::Region;

/// Names for sets of Regions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(BTreeMap<String, BTreeSet<Region>>);

impl Groups {
    pub(super) fn new(groups: BTreeMap<String, BTreeSet<Region>>) -> Self {
        Self(groups)
    }

    /// What a word stands for: a group, or the Region that it is the code of.
    pub(super) fn resolve(&self, word: &str) -> Option<Resolved<'_>> {
        match self.0.get(word) {
            Some(regions) => Some(Resolved::Group(regions)),
            None => Region::parse(word).ok().map(Resolved::Region),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn regions(&self) -> impl Iterator<Item = &Region> {
        self.0.values().flatten()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// What a word stands for.
pub(super) enum Resolved<'a> {
    Group(&'a BTreeSet<Region>),
    Region(Region),
}

impl Resolved<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Region> {
        let (group, region) = match self {
            Self::Group(regions) => (Some(regions.iter()), None),
            Self::Region(region) => (None, Some(region)),
        };
        group.into_iter().flatten().chain(region)
    }
}

/// Patterns over Region codes.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionPatterns(Patterns);

impl RegionPatterns {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }

    pub(super) fn contain(&self, region: &Region) -> bool {
        self.0.match_any(region.as_str())
    }

    pub(super) fn patterns(&self) -> &Patterns {
        &self.0
    }
}

impl From<Patterns> for RegionPatterns {
    fn from(patterns: Patterns) -> Self {
        Self(patterns)
    }
}

/// The Regions that a rule forbids.
#[derive(Clone, Debug)]
pub(super) enum Forbid {
    /// These.
    Only(RegionPatterns),
    /// All but these.
    Except(RegionPatterns),
}

impl Forbid {
    pub(super) fn forbids(&self, region: &Region) -> bool {
        match self {
            Self::Only(regions) => regions.contain(region),
            Self::Except(regions) => !regions.contain(region),
        }
    }

    /// Whether these together surely forbid every Region: one forbids all, or what one excepts the
    /// others forbid.
    pub(super) fn forbid_everything(forbids: &[&Self], effort: &Effort) -> bool {
        forbids.iter().any(|forbid| match forbid {
            Self::Only(regions) => regions.patterns().match_everything(),
            Self::Except(excepted) => excepted.iter().all(|pattern| {
                forbids
                    .iter()
                    .any(|other| other.forbids_all_of(pattern, effort))
            }),
        })
    }

    /// Whether every Region that matches the pattern is surely forbidden.
    fn forbids_all_of(&self, pattern: &Pattern, effort: &Effort) -> bool {
        match self {
            Self::Only(regions) => regions
                .iter()
                .any(|forbidden| pattern.within(forbidden, effort)),
            Self::Except(regions) => regions
                .iter()
                .all(|excepted| pattern.excludes(excepted, effort)),
        }
    }
}
