use std::collections::{BTreeMap, BTreeSet};

use super::patterns::Patterns;
use crate::secret::Region;

/// Names for sets of Regions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(BTreeMap<String, BTreeSet<Region>>);

impl Groups {
    pub(super) fn new(groups: BTreeMap<String, BTreeSet<Region>>) -> Self {
        Self(groups)
    }

    /// Returns the group with this name, or the Region with this code.
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

/// The Regions that a word names.
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

/// The Regions that a rule forbids.
#[derive(Clone, Debug)]
pub(super) enum Forbid {
    /// Regions that match.
    Only(Patterns),
    /// Regions that do not match.
    Except(Patterns),
}

impl Forbid {
    pub(super) fn forbids(&self, region: &Region) -> bool {
        match self {
            Self::Only(regions) => regions.match_any(region.as_str()),
            Self::Except(regions) => !regions.match_any(region.as_str()),
        }
    }
}
