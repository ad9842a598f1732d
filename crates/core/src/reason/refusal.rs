use std::collections::BTreeSet;

use super::names;
use crate::secret::KmsKey;

/// Why a Region gets no replica although a rule or a tag names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The Region of the primary secret itself. Shown, but no refusal of the secret.
    PrimaryRegion,
    /// The Region belongs to another partition; replication never leaves one.
    OtherPartition,
    /// The Region is not among `ALLOWED_REPLICA_REGIONS`.
    RegionNotAllowed,
    /// These rules forbid the Region.
    ForbiddenByPolicy(BTreeSet<String>),
    /// These rules contradict each other about the Region.
    ConflictingRules(Conflict, BTreeSet<String>),
    /// The primary secret has a customer key and nothing names a key for the replica, so AWS would
    /// fall back to `aws/secretsmanager`.
    WeakerEncryption(KmsKey),
    /// A token in the tag given is no Region code.
    InvalidRegion {
        /// The tag's key.
        tag: String,
    },
    /// The tag given names no Region at all.
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

    /// What to do about it. `None` where there is nothing to do.
    #[must_use]
    pub fn remediation(&self) -> Option<String> {
        Some(match self {
            Self::PrimaryRegion => return None,
            Self::OtherPartition => {
                "name a Region of the primary secret's own partition".to_owned()
            }
            Self::RegionNotAllowed => {
                "name an allowed Region, or add this one to ALLOWED_REPLICA_REGIONS (the stack's \
                 parameter AllowedReplicaRegions)"
                    .to_owned()
            }
            Self::ForbiddenByPolicy(rules) => format!(
                "take the Region out of the tag or the rule that names it, or change {}",
                names(rules)
            ),
            Self::ConflictingRules(conflict, rules) => format!(
                "{} give this Region different {}; give them the same",
                names(rules),
                conflict.in_words()
            ),
            Self::WeakerEncryption(key) => format!(
                "the primary secret's key {key} has no known counterpart in this Region: name a \
                 customer key in the rule (`kms-key`) or in the policy (`kms-keys`), or accept the \
                 weaker key with `kms-key: aws/secretsmanager` in the rule, or encrypt the primary \
                 secret with a multi-Region key (its ARN or key id, not an alias)"
            ),
            Self::InvalidRegion { tag } => format!(
                "write Region codes separated by spaces in the tag `{tag}`, for instance \
                 `eu-west-1 us-west-2`"
            ),
            Self::EmptyTagValue { tag } => {
                format!("write Region codes in the tag `{tag}`, or `none` to want no replica")
            }
        })
    }

    /// Whether the refusal counts against the secret. A primary secret's own Region in a list is
    /// no mistake: the same list serves the primary secrets of every Region.
    #[must_use]
    pub fn counts(&self) -> bool {
        !matches!(self, Self::PrimaryRegion)
    }
}

/// What two rules say differently of one Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// `kms-key`.
    Key,
    /// `overwrite`.
    Overwrite,
}

impl Conflict {
    fn in_words(self) -> &'static str {
        match self {
            Self::Key => "keys (`kms-key`)",
            Self::Overwrite => "values of `overwrite`",
        }
    }
}
