//! The reasons for which a Region gets no replica.

use std::collections::BTreeSet;

use super::{RemovalReason, names};
use crate::secret::{KmsKey, Replica, ReplicaStatus};

/// Why a Region that a rule or a tag names gets no replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The Region is the primary secret's own.
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
    /// The Region has a replica with another key than the policy's. The key of a replica cannot be
    /// changed.
    KmsKeyDiffers {
        /// The key of the replica.
        replica: KmsKey,
        /// The key that the policy wants.
        wanted: KmsKey,
    },
    /// `StopReplicationToReplica` made the Region's replica a standalone secret, which may have a newer
    /// value.
    PromotedReplica,
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
            Self::KmsKeyDiffers { .. } => "kms-key-differs",
            Self::PromotedReplica => "promoted-replica",
            Self::InvalidRegion { .. } => "invalid-region",
            Self::EmptyTagValue { .. } => "empty-tag-value",
        }
    }

    /// Details that the code does not contain.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::KmsKeyDiffers { replica, wanted } => Some(format!(
                "the replica has the key {replica}, but the policy wants {wanted}"
            )),
            Self::PromotedReplica => Some(
                "StopReplicationToReplica was called for the replica in this Region, so it is now a \
                 standalone secret of the same name, which may hold a newer value"
                    .to_owned(),
            ),
            Self::ForbiddenByPolicy(rules) => {
                let verb = if rules.len() == 1 { "forbids" } else { "forbid" };
                Some(format!("{} {verb} this Region", names(rules)))
            }
            _ => None,
        }
    }

    /// The remediation. `None` if the refusal [is intended](Self::is_intended). `existing` is a replica of
    /// the Region.
    #[must_use]
    pub fn remediation(&self, existing: Option<&Replica>) -> Option<String> {
        Some(match self {
            Self::PrimaryRegion => return None,
            Self::OtherPartition => {
                "name a Region in the primary secret's partition".to_owned()
            }
            Self::RegionNotAllowed if existing.is_some() => {
                "a replica is outside the allowed Regions: remove the Region from the rule or tag that names \
                 it, if any; then remove the replica with `aws secretsmanager \
                 remove-regions-from-replication`, or allow removal; if the replica is right, add this Region \
                 to ALLOWED_REPLICA_REGIONS (the stack's parameter AllowedReplicaRegions)"
                    .to_owned()
            }
            Self::RegionNotAllowed => {
                "name an allowed Region, or add this Region to ALLOWED_REPLICA_REGIONS (the stack's \
                 parameter AllowedReplicaRegions)"
                    .to_owned()
            }
            Self::ForbiddenByPolicy(rules) => {
                existing?;
                format!(
                    "a rule forbids this Region, but a replica is there: remove it with `aws \
                     secretsmanager remove-regions-from-replication`, or allow removal; if the replica \
                     is right, change {}",
                    names(rules)
                )
            }
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
            Self::KmsKeyDiffers { .. } => {
                "the key of a replica cannot be changed: remove the replica with \
                 RemoveRegionsFromReplication, so that it is created again with the policy's key, or \
                 change `kms-key` or `kms-keys` in the policy"
                    .to_owned()
            }
            Self::PromotedReplica => {
                "if the secret in this Region has a newer value, save it; then delete that secret, and \
                 the replica is created again; to keep it, exclude this Region in the policy or the tag"
                    .to_owned()
            }
            Self::InvalidRegion { tag } => format!(
                "set the tag `{tag}` to Region codes separated by spaces, for example \
                 `eu-west-1 us-west-2`"
            ),
            Self::EmptyTagValue { tag } => {
                format!("set the tag `{tag}` to Region codes, or to `none` for no replicas")
            }
        })
    }

    /// Returns whether the policy intends the refusal, so that the Region is in the wanted state. The other
    /// refusals need a person.
    ///
    /// One list of Regions serves the primary secrets of all Regions, and so names the primary secret's own.
    /// A rule that forbids Regions is written beside rules that name them. It is not obeyed while
    /// `existing`, a replica of the Region, is there.
    #[must_use]
    pub fn is_intended(&self, existing: Option<&Replica>) -> bool {
        match self {
            Self::PrimaryRegion => true,
            Self::ForbiddenByPolicy(_) => existing.is_none(),
            Self::OtherPartition
            | Self::RegionNotAllowed
            | Self::ConflictingRules(..)
            | Self::WeakerEncryption(_)
            | Self::KmsKeyDiffers { .. }
            | Self::PromotedReplica
            | Self::InvalidRegion { .. }
            | Self::EmptyTagValue { .. } => false,
        }
    }

    /// Returns whether replicas that are unwanted for this reason may be removed although a Region is
    /// refused. `existing` is the status of the refused Region's own replica.
    ///
    /// A refusal may result from a typo, so it keeps replicas that are no longer targeted. A Region whose
    /// key or former replica is refused is still wanted, so its replica must be in sync before any other
    /// is removed.
    #[must_use]
    pub fn allows_removal(&self, reason: &RemovalReason, existing: Option<&ReplicaStatus>) -> bool {
        let not_wanted = *reason == RemovalReason::NoLongerTargeted;
        let is_settled = match self {
            Self::PromotedReplica => false,
            Self::WeakerEncryption(_) | Self::KmsKeyDiffers { .. } | Self::ConflictingRules(..) => {
                existing.is_none_or(|status| *status == ReplicaStatus::InSync)
            }
            _ => true,
        };
        is_settled && (!not_wanted || *self == Self::PrimaryRegion)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn every_refusal() -> Vec<Refusal> {
        let rules = || BTreeSet::from(["eu-only".to_owned()]);
        let key = || KmsKey::new("alias/app");
        let tag = || "replicate-to".to_owned();
        vec![
            Refusal::PrimaryRegion,
            Refusal::OtherPartition,
            Refusal::RegionNotAllowed,
            Refusal::ForbiddenByPolicy(rules()),
            Refusal::ConflictingRules(Conflict::Key, rules()),
            Refusal::WeakerEncryption(key()),
            Refusal::KmsKeyDiffers {
                replica: key(),
                wanted: key(),
            },
            Refusal::PromotedReplica,
            Refusal::InvalidRegion { tag: tag() },
            Refusal::EmptyTagValue { tag: tag() },
        ]
    }

    fn replica() -> Replica {
        Replica {
            status: ReplicaStatus::InSync,
            message: None,
            kms_key: None,
        }
    }

    #[test]
    fn exactly_the_refusals_that_need_a_person_have_a_remediation() {
        for refusal in every_refusal() {
            for existing in [None, Some(&replica())] {
                assert_eq!(
                    refusal.remediation(existing).is_none(),
                    refusal.is_intended(existing),
                    "{refusal:?} {existing:?}"
                );
            }
        }
    }

    #[test]
    fn a_replica_in_a_forbidden_region_is_to_be_removed() {
        let refusal = Refusal::ForbiddenByPolicy(BTreeSet::from(["eu-only".to_owned()]));
        assert_eq!(
            refusal.remediation(Some(&replica())).as_deref(),
            Some(
                "a rule forbids this Region, but a replica is there: remove it with `aws \
                 secretsmanager remove-regions-from-replication`, or allow removal; if the replica \
                 is right, change the rule `eu-only`"
            )
        );
        assert_eq!(
            refusal.detail().as_deref(),
            Some("the rule `eu-only` forbids this Region")
        );
    }
}
