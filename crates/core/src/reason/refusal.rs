use std::collections::BTreeSet;

use super::names;
use crate::secret::KmsKey;

/// Why a Region that a rule or a tag names gets no replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The Region is the primary secret's own. Reported, but does not affect the secret's outcome.
    PrimaryRegion,
    /// The Region is in another partition. Replication never crosses partitions.
    OtherPartition,
    /// The Region is not among `ALLOWED_REPLICA_REGIONS`.
    RegionNotAllowed,
    /// These rules forbid the Region.
    ForbiddenByPolicy(BTreeSet<String>),
    /// These rules conflict about the Region.
    ConflictingRules(Conflict, BTreeSet<String>),
    /// The primary secret has a customer managed key, and neither rule nor policy names a key for
    /// the replica, so AWS would fall back to `aws/secretsmanager`.
    WeakerEncryption(KmsKey),
    /// A token in this tag is not a Region code.
    InvalidRegion {
        /// The tag's key.
        tag: String,
    },
    /// This tag names no Region.
    EmptyTagValue {
        /// The tag's key.
        tag: String,
    },
}

impl Refusal {
    /// The code in the record.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::PrimaryRegion => "primary-region",
            Self::OtherPartition => "other-partition",
            Self::RegionNotAllowed => "region-not-allowed",
            Self::ForbiddenByPolicy(_) => "forbidden-by-policy",
            Self::ConflictingRules(..) => "conflicting-rules",
            Self::WeakerEncryption(_) => "weaker-encryption",
            Self::InvalidRegion { .. } => "invalid-region",
            Self::EmptyTagValue { .. } => "empty-tag-value",
        }
    }

    /// The remediation. `None` if no action is needed.
    #[must_use]
    pub fn remediation(&self) -> Option<String> {
        Some(match self {
            Self::PrimaryRegion => return None,
            Self::OtherPartition => {
                "name a Region in the primary secret's partition".to_owned()
            }
            Self::RegionNotAllowed => {
                "name an allowed Region, or add this Region to ALLOWED_REPLICA_REGIONS (the stack's \
                 parameter AllowedReplicaRegions)"
                    .to_owned()
            }
            Self::ForbiddenByPolicy(rules) => format!(
                "remove the Region from the tag or rule that names it, or change {}",
                names(rules)
            ),
            Self::ConflictingRules(conflict, rules) => format!(
                "{} specify different {} for this Region; specify the same in each rule",
                names(rules),
                conflict.description()
            ),
            Self::WeakerEncryption(key) => format!(
                "the primary secret's key {key} has no known counterpart in this Region: name a \
                 customer managed key in the rule (`kms-key`) or in the policy (`kms-keys`), accept \
                 the weaker key with `kms-key: aws/secretsmanager` in the rule, or encrypt the \
                 primary secret with a multi-Region key (by its ARN or key ID, not an alias)"
            ),
            Self::InvalidRegion { tag } => format!(
                "set the tag `{tag}` to Region codes separated by spaces, for example \
                 `eu-west-1 us-west-2`"
            ),
            Self::EmptyTagValue { tag } => {
                format!("set the tag `{tag}` to Region codes, or to `none` for no replicas")
            }
        })
    }

    /// Returns whether the refusal affects the secret's outcome. The primary secret's own Region in
    /// a list is not a mistake, because one list serves the primary secrets of all Regions.
    #[must_use]
    pub fn counts(&self) -> bool {
        !matches!(self, Self::PrimaryRegion)
    }
}

/// The setting for which two rules specify different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// `kms-key`.
    Key,
    /// `overwrite`.
    Overwrite,
}

impl Conflict {
    fn description(self) -> &'static str {
        match self {
            Self::Key => "keys (`kms-key`)",
            Self::Overwrite => "values of `overwrite`",
        }
    }
}
