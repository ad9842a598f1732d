//! What the settings allow, whatever the policy says.

use std::collections::BTreeSet;
use std::fmt;

use crate::secret::Region;

/// What the settings allow, whatever the policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The Regions that replicas may be created in (`ALLOWED_REPLICA_REGIONS`).
    pub allowed_regions: AllowedRegions,
    /// Whether a rule may overwrite a secret in the target Region (`ALLOW_OVERWRITE`).
    pub overwrite: Overwrite,
    /// Whether the policy's `removal` may act (`ALLOW_REMOVAL`).
    pub removal: RemovalLimit,
}

/// Whether replicas may be removed, if the policy asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalLimit {
    /// No.
    Never,
    /// Yes.
    Allowed,
}

/// Whether a secret of the same name in the target Region may be overwritten, which destroys it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Overwrite {
    /// No.
    Never,
    /// Yes.
    Allowed,
}

/// The Regions that replicas may ever be created in. IAM enforces the same list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedRegions {
    /// Every Region: only the policy limits.
    Any,
    /// These Regions and no others.
    Only(BTreeSet<Region>),
}

impl AllowedRegions {
    /// The Regions that are named; none if every Region is allowed.
    #[must_use]
    pub fn named_regions(&self) -> BTreeSet<Region> {
        match self {
            Self::Any => BTreeSet::new(),
            Self::Only(regions) => regions.clone(),
        }
    }

    /// Whether a replica may be created in the Region.
    #[must_use]
    pub fn admits(&self, region: &Region) -> bool {
        match self {
            Self::Any => true,
            Self::Only(regions) => regions.contains(region),
        }
    }
}

impl fmt::Display for AllowedRegions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Only(regions) => {
                let codes: Vec<&str> = regions.iter().map(Region::as_str).collect();
                f.write_str(&codes.join(" "))
            }
        }
    }
}
