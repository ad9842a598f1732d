//! What became of a secret and of each of its Regions. Everything that is reported derives from these
//! values.

use std::collections::BTreeSet;
use std::time::Duration;

use secret_replicator_aws::{CallError, CallErrorKind};
use secret_replicator_core::outcome::Outcome;
use secret_replicator_core::plan::{Plan, Step, failure_of};
use secret_replicator_core::policy::BadToken;
use secret_replicator_core::reason::{
    FailureReason, Progress, Refusal, RemovalReason, RetainReason, SkipReason,
};
use secret_replicator_core::request::BadEvent;
use secret_replicator_core::secret::{Region, Replica, ReplicaStatus, Secret};
use serde::Serialize;

use super::execution::{Execution, Observation, Observations, RemovalProgress};
use crate::change_budget::Deferred;

/// What became of a secret, or of a request about one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOutcome {
    /// The secret was left alone, deliberately. It is `None` if it was not read.
    Skipped(Option<Box<Secret>>, SkipReason),
    /// The policy covers the secret.
    Covered {
        /// The secret as read before any write.
        secret: Box<Secret>,
        /// The names of the rules that cover it.
        rules: BTreeSet<String>,
        /// What became of each Region that a rule or a tag names, or that has an unwanted replica.
        regions: Vec<RegionOutcome>,
        /// Why the plan or a part of it was deferred, if it was.
        deferred: Option<Deferred>,
    },
    /// The policy covers the secret, but it had no value before the deadline. The rules are those
    /// that cover it.
    NoValueYet(Box<Secret>, BTreeSet<String>),
    /// `DescribeSecret` did not find the secret before the deadline.
    NotFound(CallError),
    /// The secret, or the list of secrets, could not be read.
    Unreadable(CallError),
    /// The deadline came before the secret could be read.
    NotReached,
    /// The event or the action is invalid.
    BadEvent(BadEvent),
    /// The function has a bug. The text is the panic's message.
    Internal(String),
}

impl SecretOutcome {
    /// The secret as read before any write.
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

    /// What became of each Region.
    #[must_use]
    pub fn regions(&self) -> &[RegionOutcome] {
        match self {
            Self::Covered { regions, .. } => regions,
            _ => &[],
        }
    }

    /// The names of the rules that cover the secret.
    pub fn rules(&self) -> impl Iterator<Item = &String> {
        let rules = match self {
            Self::Covered { rules, .. } | Self::NoValueYet(_, rules) => Some(rules),
            _ => None,
        };
        rules.into_iter().flatten()
    }

    /// Why the plan or a part of it was deferred, if it was.
    #[must_use]
    pub fn deferred(&self) -> Option<Deferred> {
        match self {
            Self::Covered { deferred, .. } => *deferred,
            Self::NotReached => Some(Deferred::DeadlineTooClose),
            _ => None,
        }
    }

    /// The outcome in the record: the most severe among the Regions.
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

/// What became of one Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionOutcome {
    /// The Region, or the token of a tag in its place.
    pub region: Result<Region, String>,
    /// What the function did there.
    pub action: Action,
    /// The state at the end.
    pub state: RegionState,
    /// The key of the replica, where one is known.
    pub kms_key: Option<String>,
    /// Whether AWS has listed a replica there.
    pub is_listed: bool,
    /// Whether a failed replica, which never was in sync, was removed there to be recreated.
    pub is_recreated: bool,
}

/// What the function does in a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Requests a replica.
    Replicate,
    /// Requests a failed replica again.
    Retry,
    /// Changes nothing: the replica is there.
    Keep,
    /// Changes nothing: the Region must not get a replica.
    Refuse,
    /// Requests the removal of the replica.
    Remove,
}

impl Action {
    /// Whether the Region was not as wanted.
    #[must_use]
    pub fn is_change(self) -> bool {
        match self {
            Self::Replicate | Self::Retry | Self::Remove => true,
            Self::Keep | Self::Refuse => false,
        }
    }
}

/// The state of a Region at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegionState {
    /// The replica is in sync. The time runs from the request to the poll that showed it, if this
    /// invocation made the request.
    InSync(Option<Duration>),
    /// The replica is not in sync yet.
    InProgress(Progress),
    /// There is no replica in sync, and AWS has given up: why, and AWS's own message.
    Failed(FailureReason, Option<String>),
    /// The Region gets no replica. The status is that of a replica that is already there.
    Refused(Refusal, Option<ReplicaStatus>),
    /// The replica was not requested: a dry run, or the plan was deferred.
    Planned,
    /// The removal was not requested, for the same reasons.
    PlannedRemoval(RemovalReason),
    /// The replica is gone, and why.
    Removed(RemovalReason),
    /// No rule wants the replica, but it is kept. The status is the replica's.
    Retained(RetainReason, ReplicaStatus),
}

impl RegionState {
    fn outcome(&self) -> Outcome {
        match self {
            Self::InSync(Some(_)) | Self::Removed(_) => Outcome::Replicated,
            Self::InProgress(_) => Outcome::Pending,
            Self::Failed(..) => Outcome::Failed,
            Self::Refused(refusal, _) if refusal.counts() => Outcome::Refused,
            Self::Retained(..) => Outcome::Refused,
            Self::InSync(None) | Self::Refused(..) => Outcome::Unchanged,
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
    /// Whether this invocation requested a change that AWS did not reject.
    #[must_use]
    pub fn is_change(&self) -> bool {
        match self.state {
            RegionState::InSync(Some(_)) | RegionState::Removed(_) => true,
            RegionState::InProgress(_) => self.action.is_change(),
            _ => self.is_recreated,
        }
    }
}

/// The outcome of each Region of a plan. Without an execution, of a dry run or a deferred plan.
pub(super) fn region_outcomes(
    before: &Secret,
    plan: &Plan,
    execution: Option<&Execution>,
) -> Vec<RegionOutcome> {
    let steps = plan.steps.iter().map(|(region, step)| {
        let (action, state) = step_outcome(region, step, before, execution);
        let is_seen = |execution: &Execution| execution.observations.of(region).is_some();
        RegionOutcome {
            region: Ok(region.clone()),
            action,
            state,
            kms_key: kms_key(step),
            is_listed: before.replicas.contains_key(region) || execution.is_some_and(is_seen),
            is_recreated: execution.is_some_and(|execution| execution.recreated.contains(region)),
        }
    });
    steps
        .chain(plan.bad_tokens.iter().map(refused_token))
        .collect()
}

fn step_outcome(
    region: &Region,
    step: &Step,
    before: &Secret,
    execution: Option<&Execution>,
) -> (Action, RegionState) {
    let requested = || {
        execution.map_or(RegionState::Planned, |execution| {
            requested_state(region, before.replicas.get(region), execution)
        })
    };
    match step {
        Step::Replicate(_) => (Action::Replicate, requested()),
        Step::Retry(_) => (Action::Retry, requested()),
        Step::Keep(replica) => {
            let seen = execution.and_then(|execution| execution.observations.of(region));
            let replica = seen.map_or(replica, |seen| &seen.replica);
            (Action::Keep, RegionState::of(replica))
        }
        Step::ReportFailure(reason, replica) => {
            let state = RegionState::Failed(*reason, replica.message.clone());
            (Action::Keep, state)
        }
        Step::Refuse(refusal, existing) => {
            let status = existing.as_ref().map(|replica| replica.status.clone());
            let state = RegionState::Refused(refusal.clone(), status);
            (Action::Refuse, state)
        }
        Step::Remove(reason, replica) | Step::AwaitRemoval(reason, replica) => {
            let state = match execution {
                None => RegionState::PlannedRemoval(reason.clone()),
                Some(execution) => {
                    let removal = execution.removals.get(region);
                    removal_state(
                        removal.unwrap_or(&RemovalProgress::Blocked),
                        reason,
                        replica,
                    )
                }
            };
            (Action::Remove, state)
        }
        Step::Retain(reason, replica) => {
            let state = RegionState::Retained(*reason, replica.status.clone());
            (Action::Keep, state)
        }
    }
}

fn requested_state(
    region: &Region,
    before: Option<&Replica>,
    execution: &Execution,
) -> RegionState {
    let before = before.filter(|_| !execution.recreated.contains(region));
    match (execution.removals.get(region), before) {
        // It was to be removed and recreated.
        (Some(RemovalProgress::Unconfirmed(error, _)), Some(replica)) => {
            still_failed(replica, &format!("its removal failed: {}", error.message))
        }
        (Some(removal), Some(replica)) => {
            removal_state(removal, &RemovalReason::FailedReplica, replica)
        }
        _ => {
            let response = execution.responses.get(region);
            let result = response.map_or(&Ok(()), |response| &response.result);
            response_state(result, before, region, &execution.observations)
        }
    }
}

/// What was observed is the truth. The response counts only where nothing new was observed.
fn response_state(
    result: &Result<(), CallError>,
    before: Option<&Replica>,
    region: &Region,
    observations: &Observations,
) -> RegionState {
    let seen = observations.of(region);
    match result {
        Err(error) if seen.is_none_or(|seen| before == Some(&seen.replica)) => {
            rejected_state(error, before)
        }
        _ => match (seen, &observations.error) {
            (Some(Observation { replica, after }), _)
                if replica.status == ReplicaStatus::InSync =>
            {
                RegionState::InSync(Some(*after))
            }
            (Some(Observation { replica, .. }), _) => RegionState::of(replica),
            (None, Some(error)) => {
                RegionState::InProgress(Progress::StatusUnavailable(error.to_string()))
            }
            (None, None) => RegionState::InProgress(Progress::NotReported),
        },
    }
}

/// A failed replica that AWS refuses to retry has still failed for its old reason.
fn rejected_state(error: &CallError, before: Option<&Replica>) -> RegionState {
    match before {
        Some(replica) if error.kind == CallErrorKind::Refused => still_failed(
            replica,
            &format!("the retry was refused: {}", error.message),
        ),
        _ if error.kind == CallErrorKind::NotSent => RegionState::Planned,
        _ => RegionState::Failed(error.reason(), Some(error.message.clone())),
    }
}

fn still_failed(replica: &Replica, remark: &str) -> RegionState {
    let message = replica.message.as_deref().unwrap_or("AWS gives no reason");
    RegionState::Failed(failure_of(replica), Some(format!("{message} ({remark})")))
}

fn removal_state(
    removal: &RemovalProgress,
    reason: &RemovalReason,
    replica: &Replica,
) -> RegionState {
    let reason = || reason.clone();
    let status = || replica.status.clone();
    match removal {
        RemovalProgress::Gone => RegionState::Removed(reason()),
        RemovalProgress::Accepted => RegionState::InProgress(Progress::RemovalInProgress(reason())),
        RemovalProgress::Pending => RegionState::InProgress(Progress::RemovalPending(reason())),
        RemovalProgress::NotSent => RegionState::PlannedRemoval(reason()),
        RemovalProgress::Unconfirmed(error, _) => {
            RegionState::Failed(error.reason(), Some(error.message.clone()))
        }
        RemovalProgress::Blocked => {
            RegionState::Retained(RetainReason::WaitingForOtherReplicas, status())
        }
        RemovalProgress::SecretChanged => {
            RegionState::Retained(RetainReason::SecretChanged, status())
        }
    }
}

/// The key that the replica has, or that it is requested with.
fn kms_key(step: &Step) -> Option<String> {
    match step {
        Step::Replicate(target) | Step::Retry(target) => Some(target.key().name()),
        Step::Keep(replica) | Step::ReportFailure(_, replica) | Step::Retain(_, replica) => {
            replica.kms_key.clone()
        }
        Step::Refuse(..) | Step::Remove(..) | Step::AwaitRemoval(..) => None,
    }
}

fn refused_token(bad: &BadToken) -> RegionOutcome {
    RegionOutcome {
        region: Err(bad.token().to_owned()),
        action: Action::Refuse,
        state: RegionState::Refused(bad.refusal(), None),
        kms_key: None,
        is_listed: false,
        is_recreated: false,
    }
}
