//! The values in a file of tests, checked while they are read, so that a slip in a test is told
//! from a failure of the policy, and has its line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use secret_replicator::limits::Fence;
use secret_replicator::secret::{KmsKey, Region};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::arguments;
use crate::explain::kms_key;

/// A Region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RegionCode(pub(super) Region);

impl<'de> Deserialize<'de> for RegionCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Region::parse(&text).map(Self).map_err(D::Error::custom)
    }
}

/// A key, as the policy names keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyName(pub(super) String);

impl KeyName {
    /// The key as an explanation names it: the AWS managed key has one name there.
    pub(super) fn as_explained(&self) -> String {
        if KmsKey::parse(&self.0).is_ok_and(|key| key.is_aws_managed()) {
            "aws/secretsmanager".to_owned()
        } else {
            self.0.clone()
        }
    }
}

impl<'de> Deserialize<'de> for KeyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        kms_key(&text).map(Self).map_err(D::Error::custom)
    }
}

/// The Regions that replicas may be created in: a list, or a text as in the function's setting.
#[derive(Clone, Debug)]
pub(super) struct Allowed(pub(super) Fence);

impl Default for Allowed {
    fn default() -> Self {
        Self(Fence::Open)
    }
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AllowedVisitor).map(Self)
    }
}

struct AllowedVisitor;

impl<'de> Visitor<'de> for AllowedVisitor {
    type Value = Fence;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of Regions")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Fence, E> {
        arguments::fence(text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Fence, A::Error> {
        let regions: BTreeSet<Region> = regions(items)?.into_keys().collect();
        Ok(if regions.is_empty() {
            Fence::Open
        } else {
            Fence::Regions(regions)
        })
    }
}

/// The Regions that get a replica, each with its key if keys matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Replicas(pub(super) BTreeMap<Region, Option<KeyName>>);

impl<'de> Deserialize<'de> for Replicas {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReplicasVisitor).map(Self)
    }
}

struct ReplicasVisitor;

impl<'de> Visitor<'de> for ReplicasVisitor {
    type Value = BTreeMap<Region, Option<KeyName>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of Regions, or a map of Regions to keys")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        regions(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut replicas = BTreeMap::new();
        while let Some((RegionCode(region), key)) = entries.next_entry::<_, KeyName>()? {
            replicas.insert(region, Some(key));
        }
        Ok(replicas)
    }
}

fn regions<'de, A: SeqAccess<'de>>(
    mut items: A,
) -> Result<BTreeMap<Region, Option<KeyName>>, A::Error> {
    let mut regions = BTreeMap::new();
    while let Some(RegionCode(region)) = items.next_element()? {
        regions.insert(region, None);
    }
    Ok(regions)
}
