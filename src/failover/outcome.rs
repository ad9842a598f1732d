//! The outcome of a drill or a promotion for one secret.

use std::collections::BTreeSet;

use secret_replicator_aws::CallError;
use secret_replicator_core::failover::drill::DrillFinding;
use secret_replicator_core::failover::inventory::Entry;
use secret_replicator_core::failover::promotion::NotPromoted;
use secret_replicator_core::outcome::Outcome;
use secret_replicator_core::secret::{Region, Secret};

/// The outcome of a drill or a promotion for one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaOutcome {
    /// The replica as last read. The primary secret, if the Region has no replica.
    pub secret: Secret,
    /// The names of the rules that cover it.
    pub rules: BTreeSet<String>,
    /// The state.
    pub state: ReplicaState,
}

/// The state of a replica in a failover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaState {
    /// Its promotion would begin. Nothing that the function can read stands in the way.
    Ready,
    /// A dry run would promote it.
    Planned,
    /// It is a standalone secret with a value, by this invocation.
    Promoted,
    /// It was a standalone secret before.
    AlreadyStandalone,
    /// AWS accepted the promotion, but reads do not show it before the deadline.
    Unconfirmed,
    /// It cannot be promoted, or it must not be. Never `AlreadyStandalone`.
    NotPromoted(NotPromoted),
    /// The promotion failed.
    Failed(CallError),
    /// A drill found what stands in the way. Never empty.
    Found(Vec<Finding>),
    /// The secret changed so recently that the lists cannot show whether the replica is current.
    Unsettled,
    /// The policy no longer covers the secret.
    NotCovered,
    /// The deadline passed before the promotion began.
    NotReached,
}

/// What a drill found about a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The code.
    pub code: &'static str,
    /// The explanation.
    pub detail: String,
    /// The remediation.
    pub remediation: String,
}

impl Finding {
    /// Creates a finding about a secret that should have a replica in a Region.
    pub(super) fn new(finding: &DrillFinding, entry: &Entry, region: &Region) -> Self {
        Self {
            code: finding.code(),
            detail: finding.detail(),
            remediation: finding.remediation(entry, region),
        }
    }
}

impl ReplicaState {
    /// Returns the outcome for the record.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Ready | Self::AlreadyStandalone | Self::NotCovered | Self::NotReached => {
                Outcome::Unchanged
            }
            Self::Planned => Outcome::Planned,
            Self::Promoted => Outcome::Promoted,
            Self::Unconfirmed | Self::Unsettled => Outcome::Pending,
            Self::NotPromoted(_) | Self::Failed(_) | Self::Found(_) => Outcome::Failed,
        }
    }

    /// Returns whether the secret gets a record: it was or would be promoted, or it needs a person.
    #[must_use]
    pub fn needs_record(&self) -> bool {
        match self {
            Self::Planned
            | Self::Promoted
            | Self::Unconfirmed
            | Self::NotPromoted(_)
            | Self::Failed(_)
            | Self::Found(_) => true,
            Self::Ready
            | Self::AlreadyStandalone
            | Self::Unsettled
            | Self::NotCovered
            | Self::NotReached => false,
        }
    }

    /// Returns what a drill found, from the gravest to the mildest.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Found(findings) => findings,
            _ => &[],
        }
    }

    /// Returns the record's `message` about the secret, if the record has no reason.
    #[must_use]
    pub fn message(&self) -> &'static str {
        match self {
            Self::Ready => "could be promoted",
            Self::Planned => "would be promoted",
            Self::Promoted => "promoted",
            Self::AlreadyStandalone => "already a standalone secret",
            Self::NotCovered => "no rule covers it",
            Self::NotReached => "left for the next invocation",
            Self::Unconfirmed
            | Self::Unsettled
            | Self::NotPromoted(_)
            | Self::Failed(_)
            | Self::Found(_) => "not promoted",
        }
    }
}
