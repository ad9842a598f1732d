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
use crate::deployment::CheckOutcome;
use crate::failover::ReplicaOutcome;
use crate::settings::SettingsInvalid;
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
    /// The outcome of a drill or a promotion.
    Failover(Box<ReplicaOutcome>),
    /// Reading the secret, or the list of secrets, failed.
    Unreadable(CallError),
    /// The deadline passed before the secret was read.
    NotReached,
    /// The event or the action is invalid.
    BadEvent(BadEvent),
    /// The settings of the function are invalid, so it did nothing.
    Misconfigured(SettingsInvalid),
    /// CloudFormation checked a deployment.
    DeploymentCheck(CheckOutcome),
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
            Self::Failover(outcome) => Some(&outcome.secret),
            Self::NotFound(_)
            | Self::Unreadable(_)
            | Self::NotReached
            | Self::BadEvent(_)
            | Self::Misconfigured(_)
            | Self::DeploymentCheck(_)
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
            Self::Failover(outcome) => Some(&outcome.rules),
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
        let is_promoted = |region: &RegionOutcome| region.state.is_promoted();
        let regions = self.regions();
        let mut others = regions.iter().filter(|region| !is_promoted(region));
        regions.iter().any(is_promoted)
            && others.all(|region| region.state.outcome() <= Outcome::Unchanged)
    }

    /// Returns the Regions in which a probe found a promoted former replica.
    #[must_use]
    pub fn promoted(&self) -> BTreeSet<Region> {
        let before = self.secret().map(Secret::promoted);
        let regions = self.regions().iter();
        let promoted = regions.filter(|region| region.state.is_promoted());
        let after = promoted.filter_map(|region| region.region.clone().ok());
        before.into_iter().flatten().chain(after).collect()
    }

    /// Returns whether AWS has accepted a write for a Region, or may have executed one.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.regions().iter().any(|region| region.is_written)
    }

    /// Returns whether a write has brought a Region to the wanted state, or still may.
    #[must_use]
    pub fn is_repaired(&self) -> bool {
        self.regions().iter().any(RegionOutcome::is_repair)
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

    /// Returns the outcome with its rest left for the next slice of a sweep. A step whose call AWS throttled
    /// or failed is then planned, not failed.
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
                regions: regions
                    .into_iter()
                    .map(RegionOutcome::left_for_later)
                    .collect(),
                deferred: Some(Deferred::DeadlineTooClose),
            },
            _ => Self::NotReached,
        }
    }

    /// Returns the outcome for the record, which is the most severe outcome of the Regions.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Skipped(..) | Self::DeploymentCheck(CheckOutcome::Accepted) => Outcome::Skipped,
            Self::NoValueYet(..) | Self::NotFound(_) => Outcome::Pending,
            Self::Unreadable(_)
            | Self::BadEvent(_)
            | Self::Misconfigured(_)
            | Self::DeploymentCheck(CheckOutcome::Unanswered(_))
            | Self::Internal(_) => Outcome::Failed,
            Self::DeploymentCheck(CheckOutcome::Rejected(_)) => Outcome::Refused,
            Self::NotReached => Outcome::Unchanged,
            Self::Failover(outcome) => outcome.state.outcome(),
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
    /// The state of a step that is left for later, if AWS throttled or failed the last call for the Region.
    pub left_open: Option<RegionState>,
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
    /// No rule targets the Region, but the function keeps the replica. Contains the replica's status, if
    /// AWS lists the replica.
    Retained(RetainReason, Option<ReplicaStatus>),
    /// Another principal has changed the secret or its replicas, and nothing is left to do here.
    Superseded(Superseded),
}

impl RegionState {
    /// Returns whether the policy intends that the Region has no replica.
    #[must_use]
    pub fn is_excluded(&self) -> bool {
        matches!(self, Self::Refused(refusal, existing) if refusal.is_intended(existing.as_ref()))
    }

    /// Returns whether the Region has a former replica as a standalone secret.
    #[must_use]
    pub fn is_promoted(&self) -> bool {
        matches!(
            self,
            Self::Refused(Refusal::PromotedReplica, _)
                | Self::Retained(RetainReason::Standalone, _)
        )
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::InSync(Some(_)) | Self::Removed(..) => Outcome::Replicated,
            Self::InProgress(_) => Outcome::Pending,
            Self::Failed(..) => Outcome::Failed,
            Self::InSync(None) | Self::Superseded(_) => Outcome::Unchanged,
            Self::Refused(..) if self.is_excluded() => Outcome::Unchanged,
            Self::Refused(..) | Self::Retained(..) => Outcome::Refused,
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
    /// Returns whether AWS throttled or failed the last call, so that another attempt may succeed.
    fn is_transient(&self) -> bool {
        self.left_open.is_some() && matches!(self.state, RegionState::Failed(..))
    }

    /// Returns the outcome with the step left for later, if AWS throttled or failed the last call.
    fn left_for_later(self) -> Self {
        let is_transient = self.is_transient();
        match self.left_open {
            Some(state) if is_transient => Self {
                state,
                left_open: None,
                ..self
            },
            _ => self,
        }
    }

    /// Returns whether the request has overwritten another secret, or may have.
    #[must_use]
    pub fn is_overwritten(&self) -> bool {
        self.action == Action::Overwrite && self.is_written
    }

    /// Returns whether a write of this invocation has brought the Region to the wanted state, or still may. A
    /// retry counts only if it succeeded, because a failed replica is retried in each sweep.
    #[must_use]
    pub fn is_repair(&self) -> bool {
        self.is_written
            && match self.state {
                RegionState::InSync(_) | RegionState::Removed(..) => true,
                RegionState::InProgress(_) => self.action != Action::Retry,
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use secret_replicator_core::secret::Secret;

    use super::*;

    fn region(code: &str, state: RegionState, left_open: Option<RegionState>) -> RegionOutcome {
        RegionOutcome {
            region: Ok(Region::parse(code).unwrap()),
            action: Action::Replicate,
            state,
            kms_key: None,
            is_listed: false,
            is_recreated: false,
            is_written: false,
            left_open,
        }
    }

    fn covered(regions: Vec<RegionOutcome>) -> SecretOutcome {
        let primary = Region::parse("us-east-1").unwrap();
        let secret = Secret::hypothetical("prod/db", [].into(), &primary, None).unwrap();
        SecretOutcome::Covered {
            secret: Box::new(secret),
            rules: BTreeSet::new(),
            regions,
            deferred: None,
        }
    }

    const THROTTLED: RegionState = RegionState::Failed(FailureReason::Throttled, None);

    #[test]
    fn a_throttled_step_that_is_left_for_the_next_slice_is_planned_and_not_failed() {
        let replicated = RegionState::InSync(Some(Duration::from_secs(1)));
        let removal = RegionState::PlannedRemoval(RemovalReason::NoLongerTargeted);
        let outcome = covered(vec![
            RegionOutcome {
                is_written: true,
                ..region("eu-west-1", replicated.clone(), None)
            },
            region("us-west-2", THROTTLED, Some(RegionState::Planned)),
            region("eu-central-1", THROTTLED, Some(removal.clone())),
        ]);
        assert!(outcome.is_transient());
        let left = outcome.left_for_next_slice();
        let states: Vec<_> = left.regions().iter().map(|region| &region.state).collect();
        assert_eq!(states, [&replicated, &RegionState::Planned, &removal]);
        assert_eq!(left.outcome(), Outcome::Replicated);
        assert!(!left.is_transient());
    }

    #[test]
    fn a_failure_is_transient_only_because_of_the_last_call() {
        let old = region("us-west-2", THROTTLED, None);
        assert!(!covered(vec![old]).is_transient());
        let unanswered = covered(vec![RegionOutcome {
            is_written: true,
            ..region("us-west-2", THROTTLED, Some(RegionState::Planned))
        }]);
        assert!(unanswered.is_transient());
        let left = unanswered.left_for_next_slice();
        assert_eq!(left.regions()[0].state, RegionState::Planned);
        assert!(left.is_written(), "the write still counts");
    }
}
