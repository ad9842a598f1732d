//! The reasons for which a replica is removed or retained.

use std::collections::BTreeSet;

use super::names;

/// Why a replica is unwanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalReason {
    /// No rule that covers the secret wants it.
    NoLongerTargeted,
    /// These rules forbid its Region.
    Forbidden(BTreeSet<String>),
    /// The replica failed, was never in sync, and a new request did not change it, so it is
    /// recreated.
    FailedReplica,
}

impl RemovalReason {
    /// The code in the record.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoLongerTargeted => "no-longer-targeted",
            Self::Forbidden(_) => "forbidden-by-policy",
            Self::FailedReplica => "failed-replica",
        }
    }

    /// Explains the code in one sentence.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::NoLongerTargeted => {
                "the secret is covered, but no rule wants a replica in this Region".to_owned()
            }
            Self::Forbidden(rules) => format!("forbidden by {}", names(rules)),
            Self::FailedReplica => {
                "the failed replica was never in sync and a new request did not change it, so it is \
                 removed and recreated"
                    .to_owned()
            }
        }
    }
}

/// Why a replica that no rule wants is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetainReason {
    /// AWS reports a status that this version does not know.
    UnknownStatus,
    /// A tag contains an invalid token, which may be a typo for this Region.
    AmbiguousTag,
    /// A wanted Region is refused, or its replica is not in sync.
    WaitingForOtherReplicas,
}

impl RetainReason {
    /// The code in the record.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownStatus => "unknown-status",
            Self::AmbiguousTag => "ambiguous-tag",
            Self::WaitingForOtherReplicas => "waiting-for-other-replicas",
        }
    }

    /// The remediation, in one sentence.
    #[must_use]
    pub fn remediation(self) -> &'static str {
        match self {
            Self::UnknownStatus => {
                "check the replica in the console; a replica with an unknown status is never removed"
            }
            Self::AmbiguousTag => {
                "correct the tag: the replica is kept while an invalid token in the tag may be a \
                 typo for this Region"
            }
            Self::WaitingForOtherReplicas => {
                "fix the other Regions: the replica is removed once every wanted Region has a \
                 replica in sync"
            }
        }
    }
}
