//! The outcome of a secret and of each of its Regions. Records, metrics and totals derive from these
//! values.

mod regions;

use std::collections::BTreeSet;
use std::time::Duration;

use secret_replicator_aws::CallError;
use secret_replicator_core::outcome::Outcome;
use secret_replicator_core::plan::failure_of;
use secret_replicator_core::reason::{
    FailureReason, Progress, Refusal, RemovalReason, RetainReason, SkipReason, Superseded,
};
use secret_replicator_core::request::BadEvent;
use secret_replicator_core::secret::{Region, Replica, ReplicaStatus, Secret};
use serde::Serialize;

use crate::change_budget::Deferred;
pub(super) use regions::region_outcomes;

/// The outcome of a secret, or of a request about a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOutcome {
    /// The secret was skipped. It is `None` if it was not read.
    Skipped(Option<Box<Secret>>, SkipReason),
    /// The policy covers the secret.
    Covered {
        /// The secret as read before any write.
        secret: Box<Secret>,
        /// The names of the rules that cover it.
        rules: BTreeSet<String>,
        /// The outcome of each Region that a rule or a tag names, or that has an unwanted replica.
        regions: Vec<RegionOutcome>,
        /// Why the plan, or a part of it, was deferred.
        deferred: Option<Deferred>,
    },
    /// The policy covers the secret, but it had no value before the deadline. Contains the rules that
    /// cover it.
    NoValueYet(Box<Secret>, BTreeSet<String>),
    /// `DescribeSecret` did not find the secret before the deadline.
    NotFound(CallError),
    /// Reading the secret, or the list of secrets, failed.
    Unreadable(CallError),
    /// The deadline passed before the secret was read.
    NotReached,
    /// The event or the action is invalid.
    BadEvent(BadEvent),
    /// The function panicked. Contains the panic's message.
    Internal(String),
}

impl SecretOutcome {
    /// Returns the secret as read before any write.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Skipped(secret, _) => secret.as_deref(),
            Self::Covered { secret, .. } | Self::NoValueYet(secret, _) => Some(secret),
            Self::NotFound(_)
            | Self::Unreadable(_)
            | Self::NotReached
            | Self::BadEvent(_)
            | Self::Internal(_) => None,
        }
    }

    /// Returns the outcome of each Region.
    #[must_use]
    pub fn regions(&self) -> &[RegionOutcome] {
        match self {
            Self::Covered { regions, .. } => regions,
            _ => &[],
        }
    }

    /// Returns the names of the rules that cover the secret.
    pub fn rules(&self) -> impl Iterator<Item = &String> {
        let rules = match self {
            Self::Covered { rules, .. } | Self::NoValueYet(_, rules) => Some(rules),
            _ => None,
        };
        rules.into_iter().flatten()
    }

    /// Returns why the plan, or a part of it, was deferred.
    #[must_use]
    pub fn deferred(&self) -> Option<Deferred> {
        match self {
            Self::Covered { deferred, .. } => *deferred,
            Self::NotReached => Some(Deferred::DeadlineTooClose),
            _ => None,
        }
    }

    /// Returns whether a promoted former replica is the only reason why a Region differs from the wanted
    /// state.
    #[must_use]
    pub fn has_only_promoted_replicas(&self) -> bool {
        let is_promoted = |region: &RegionOutcome| {
            matches!(
                region.state,
                RegionState::Refused(Refusal::PromotedReplica, _)
            )
        };
        let regions = self.regions();
        let mut others = regions.iter().filter(|region| !is_promoted(region));
        regions.iter().any(is_promoted)
            && others.all(|region| region.state.outcome() <= Outcome::Unchanged)
    }

    /// Returns whether another attempt may succeed a moment later: AWS throttled or failed a call.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreadable(error) => error.is_transient(),
            Self::Covered { regions, .. } => regions.iter().any(RegionOutcome::is_transient),
            _ => false,
        }
    }

    /// Returns the outcome with its rest left for the next slice of a sweep.
    #[must_use]
    pub fn left_for_next_slice(self) -> Self {
        match self {
            Self::Covered {
                secret,
                rules,
                regions,
                ..
            } => Self::Covered {
                secret,
                rules,
                regions,
                deferred: Some(Deferred::DeadlineTooClose),
            },
            _ => Self::NotReached,
        }
    }

    /// Returns the outcome for the record, which is the most severe outcome of the Regions.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Skipped(..) => Outcome::Skipped,
            Self::NoValueYet(..) | Self::NotFound(_) => Outcome::Pending,
            Self::Unreadable(_) | Self::BadEvent(_) | Self::Internal(_) => Outcome::Failed,
            Self::NotReached => Outcome::Unchanged,
            Self::Covered { regions, .. } => {
                let outcomes = regions.iter().map(|region| region.state.outcome());
                outcomes.max().unwrap_or(Outcome::Unchanged)
            }
        }
    }
}

/// The outcome of one Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionOutcome {
    /// The Region, or a token of a tag that is not a valid Region.
    pub region: Result<Region, String>,
    /// The function's action there.
    pub action: Action,
    /// The final state.
    pub state: RegionState,
    /// The replica's key, if it is known.
    pub kms_key: Option<String>,
    /// Whether AWS lists a replica there.
    pub is_listed: bool,
    /// Whether a failed replica that was never in sync was removed there, to recreate it.
    pub is_recreated: bool,
    /// Whether AWS has accepted a write for the Region, or may have executed one.
    pub is_written: bool,
}

/// The function's action in a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Requests a replica.
    Replicate,
    /// Requests a replica that overwrites another secret of the same name.
    Overwrite,
    /// Requests a failed replica again.
    Retry,
    /// Keeps the existing replica.
    Keep,
    /// Refuses a replica for the Region.
    Refuse,
    /// Requests the removal of the replica.
    Remove,
}

impl Action {
    /// Returns whether the Region differed from the wanted state.
    #[must_use]
    pub fn is_change(self) -> bool {
        match self {
            Self::Replicate | Self::Overwrite | Self::Retry | Self::Remove => true,
            Self::Keep | Self::Refuse => false,
        }
    }
}

/// The final state of a Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegionState {
    /// The replica is in sync. Contains the time from the request to the poll that showed it, if this
    /// invocation made the request.
    InSync(Option<Duration>),
    /// The replica is not in sync yet.
    InProgress(Progress),
    /// Replication failed. Contains the reason and AWS's message.
    Failed(FailureReason, Option<String>),
    /// The Region gets no replica. Contains an existing replica.
    Refused(Refusal, Option<Replica>),
    /// The replica was not requested, because of a dry run or a deferred plan.
    Planned,
    /// The removal was not requested, for the same reasons.
    PlannedRemoval(RemovalReason),
    /// The replica was removed. Contains why its Region could not confirm it.
    Removed(RemovalReason, Option<CallError>),
    /// No rule targets the Region, but the function keeps the replica. Contains the replica's status.
    Retained(RetainReason, ReplicaStatus),
    /// Another principal has changed the secret or its replicas, and nothing is left to do here.
    Superseded(Superseded),
}

impl RegionState {
    fn outcome(&self) -> Outcome {
        match self {
            Self::InSync(Some(_)) | Self::Removed(..) => Outcome::Replicated,
            Self::InProgress(_) => Outcome::Pending,
            Self::Failed(..) => Outcome::Failed,
            Self::Refused(refusal, _) if refusal.affects_outcome() => Outcome::Refused,
            Self::Retained(..) => Outcome::Refused,
            Self::InSync(None) | Self::Refused(..) | Self::Superseded(_) => Outcome::Unchanged,
            Self::Planned | Self::PlannedRemoval(_) => Outcome::Planned,
        }
    }

    fn of(replica: &Replica) -> Self {
        match &replica.status {
            ReplicaStatus::InSync => Self::InSync(None),
            ReplicaStatus::InProgress => Self::InProgress(Progress::ReplicationInProgress),
            ReplicaStatus::Failed => Self::Failed(failure_of(replica), replica.message.clone()),
            ReplicaStatus::Unknown(status) => {
                Self::InProgress(Progress::UnknownStatus(status.clone()))
            }
        }
    }
}

impl RegionOutcome {
    /// Returns whether AWS throttled or failed a call. If the call may have been executed, another attempt
    /// would count as another change.
    fn is_transient(&self) -> bool {
        let is_call_failure = matches!(
            self.state,
            RegionState::Failed(
                FailureReason::Throttled | FailureReason::ServiceUnavailable,
                _
            )
        );
        is_call_failure && self.action.is_change() && !self.is_written
    }

    /// Returns whether the request has overwritten another secret, or may have.
    #[must_use]
    pub fn is_overwritten(&self) -> bool {
        self.action == Action::Overwrite && self.is_written
    }

    /// Returns whether this invocation requested a change that AWS did not reject.
    #[must_use]
    pub fn is_change(&self) -> bool {
        match self.state {
            RegionState::InSync(Some(_)) | RegionState::Removed(..) => true,
            RegionState::InProgress(_) => self.action.is_change(),
            _ => self.is_recreated,
        }
    }
}
