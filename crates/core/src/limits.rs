//! What the settings allow, which a policy can only narrow.

use std::collections::BTreeSet;
use std::fmt;

use crate::secret::Region;

/// The limits that the settings impose, regardless of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The Regions in which replicas may be created (`ALLOWED_REPLICA_REGIONS`).
    pub allowed_regions: AllowedRegions,
    /// Whether a rule may overwrite a secret in the target Region (`ALLOW_OVERWRITE`).
    pub overwrite: Overwrite,
    /// Whether the policy's `removal` takes effect (`ALLOW_REMOVAL`).
    pub removal: RemovalLimit,
}

/// Whether replicas may be removed if the policy requests it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalLimit {
    /// Removal is never allowed.
    Never,
    /// Removal is allowed.
    Allowed,
}

/// Whether a secret of the same name in the target Region may be overwritten, which destroys it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Overwrite {
    /// Overwriting is never allowed.
    Never,
    /// Overwriting is allowed.
    Allowed,
}

impl From<bool> for RemovalLimit {
    fn from(is_allowed: bool) -> Self {
        if is_allowed {
            Self::Allowed
        } else {
            Self::Never
        }
    }
}

impl From<bool> for Overwrite {
    fn from(is_allowed: bool) -> Self {
        if is_allowed {
            Self::Allowed
        } else {
            Self::Never
        }
    }
}

/// The Regions in which replicas may be created. IAM enforces the same list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedRegions {
    /// Every Region. Only the policy limits the Regions.
    Any,
    /// Only these Regions.
    Only(BTreeSet<Region>),
}

impl AllowedRegions {
    /// Returns the listed Regions. Empty if every Region is allowed.
    #[must_use]
    pub fn named_regions(&self) -> BTreeSet<Region> {
        match self {
            Self::Any => BTreeSet::new(),
            Self::Only(regions) => regions.clone(),
        }
    }

    /// Returns whether a replica may be created in the Region.
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
