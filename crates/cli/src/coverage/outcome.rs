use secret_replicator_core::plan::{Plan, Step};
use secret_replicator_core::secret::ReplicaStatus;
use serde::{Serialize, Serializer};

/// A change that the function would make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change {
    /// Remove a replica that no rule wants.
    Remove,
    /// Overwrite another secret of the same name.
    Overwrite,
    /// Request a failed replica again.
    Repair,
    /// Create a replica.
    Create,
}

impl Change {
    /// Returns the word of reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Overwrite => "overwrite",
            Self::Repair => "repair",
            Self::Create => "create",
        }
    }
}

/// The outcome of a dry run of the function for one Region, as its sweep counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DryRun {
    /// The function has nothing to say about the Region.
    None,
    /// The policy intends that the Region has no replica.
    Excluded,
    /// The replica is in sync.
    InSync,
    /// The replica is in progress.
    Pending,
    /// A change would be made.
    Planned(Change),
    /// The Region is refused, or a replica is kept that no rule wants.
    Refused,
    /// The replica failed, or the secret cannot be read.
    Failed,
}

impl DryRun {
    /// Returns the outcome of a step.
    pub(super) fn of(plan: &Plan, step: &Step) -> Self {
        match step {
            Step::Replicate(target) | Step::Retry(target) if target.overwrites() => {
                Self::Planned(Change::Overwrite)
            }
            Step::Replicate(_) => Self::Planned(Change::Create),
            Step::Retry(_) => Self::Planned(Change::Repair),
            Step::Keep(replica) => match replica.status {
                ReplicaStatus::InSync => Self::InSync,
                ReplicaStatus::InProgress | ReplicaStatus::Unknown(_) => Self::Pending,
                ReplicaStatus::Failed => Self::Failed,
            },
            Step::ReportFailure(..) => Self::Failed,
            Step::Refuse(refusal, existing) if refusal.is_intended(existing.as_ref()) => {
                Self::Excluded
            }
            Step::Refuse(..) | Step::Retain(..) => Self::Refused,
            Step::Remove(reason, _) | Step::AwaitRemoval(reason, _) => {
                if plan.will_remove(reason) {
                    Self::Planned(Change::Remove)
                } else {
                    Self::Refused
                }
            }
        }
    }

    /// Returns whether there is no change.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    pub(super) fn is_no_change(&self) -> bool {
        self.change().is_none()
    }

    /// Returns whether the function would request a replica.
    pub(crate) fn requests_replica(self) -> bool {
        let change = self.change();
        change.is_some_and(|change| change != Change::Remove)
    }

    /// Returns the change, if there is one.
    pub(crate) fn change(self) -> Option<Change> {
        match self {
            Self::Planned(change) => Some(change),
            _ => None,
        }
    }
}

impl Serialize for DryRun {
    /// Writes the change.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.change().serialize(serializer)
    }
}
