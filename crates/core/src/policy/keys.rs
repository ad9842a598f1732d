use std::collections::BTreeMap;

use crate::secret::{KmsKey, Region};

/// Keys by Region, and a key for all other Regions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    by_region: BTreeMap<Region, KmsKey>,
    any_other: Option<KmsKey>,
}

impl Keys {
    pub(super) fn new(by_region: BTreeMap<Region, KmsKey>, any_other: Option<KmsKey>) -> Self {
        let canonical = by_region
            .into_iter()
            .map(|(region, key)| (region, key.canonical()));
        Self {
            by_region: canonical.collect(),
            any_other: any_other.map(KmsKey::canonical),
        }
    }

    pub(super) fn key_for(&self, region: &Region) -> Option<&KmsKey> {
        self.by_region.get(region).or(self.any_other.as_ref())
    }
}
