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

    /// The Regions that a word stands for: a group's, or the Region that it is the code of.
    pub(super) fn resolve(&self, word: &str) -> Option<BTreeSet<Region>> {
        match self.0.get(word) {
            Some(regions) => Some(regions.clone()),
            None => Region::parse(word)
                .ok()
                .map(|region| BTreeSet::from([region])),
        }
    }

    pub(super) fn regions(&self) -> impl Iterator<Item = &Region> {
        self.0.values().flatten()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Patterns over Region codes.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionPatterns(Patterns);

impl RegionPatterns {
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Patterns::new(patterns))
    }

    pub(super) fn contain(&self, region: &Region) -> bool {
        self.0.match_any(region.as_str())
    }

    pub(super) fn patterns(&self) -> &Patterns {
        &self.0
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
    pub(super) fn forbids_everything(&self) -> bool {
        matches!(self, Self::Only(regions) if regions.patterns().match_everything())
    }

    pub(super) fn forbids(&self, region: &Region) -> bool {
        match self {
            Self::Only(regions) => regions.contain(region),
            Self::Except(regions) => !regions.contain(region),
        }
    }
}
