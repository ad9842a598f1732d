use std::collections::BTreeSet;

use super::names;

/// Why a replica is unwanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalReason {
    /// No rule that covers the secret wants it.
    NoLongerTargeted,
    /// These rules forbid its Region.
    Forbidden(BTreeSet<String>),
    /// It failed, never was in sync, and was not moved by asking again, so it is made anew.
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

    /// One sentence that explains the code.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::NoLongerTargeted => {
                "the secret is covered, and no rule wants a replica in this Region".to_owned()
            }
            Self::Forbidden(rules) => format!("forbidden by {}", names(rules)),
            Self::FailedReplica => {
                "the failed replica never was in sync, and asking again did not \
                                  move it, so it is removed and made anew"
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
    /// A tag holds what is no Region, perhaps a slip for this one.
    AmbiguousTag,
    /// A Region that is wanted is refused, or its replica is not in sync.
    WaitingForOtherReplicas,
    /// The secret has changed since it was decided.
    SecretChanged,
}

impl RetainReason {
    /// The code in the record.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownStatus => "unknown-status",
            Self::AmbiguousTag => "ambiguous-tag",
            Self::WaitingForOtherReplicas => "waiting-for-other-replicas",
            Self::SecretChanged => "secret-changed",
        }
    }

    /// What to do about it, in one sentence.
    #[must_use]
    pub fn remediation(self) -> &'static str {
        match self {
            Self::UnknownStatus => {
                "look at the replica in the console; nothing is removed whose status is unknown"
            }
            Self::AmbiguousTag => {
                "correct the tag: nothing is removed while a token in it may be a slip for this \
                 Region"
            }
            Self::WaitingForOtherReplicas => {
                "see to the other Regions: the replica is removed once every Region that is wanted \
                 has a replica in sync"
            }
            Self::SecretChanged => {
                "nothing: the secret changed while it was worked on, and that has an event of its own"
            }
        }
    }
}
