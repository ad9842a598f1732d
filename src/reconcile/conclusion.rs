use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::Done;
use super::removal::Removal;
use super::settle::{Seen, Sight};
use crate::plan::{Plan, Step, failure_of};
use crate::policy::BadToken;
use crate::reason::{FailureReason, Progress, Refusal, RemovalReason, SkipReason, SpareReason};
use crate::secret::{Region, Replica, ReplicaStatus, Secret};
use crate::secrets_manager::{CallError, CallErrorKind};

/// How the look at a secret ended. Everything that is reported derives from this value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// The secret was left alone, deliberately.
    Skipped(SkipReason),
    /// The policy covers the secret.
    Covered {
        /// The names of the rules that cover it.
        rules: BTreeSet<String>,
        /// What became of each Region that a rule or a tag names.
        regions: Vec<RegionConclusion>,
    },
    /// The secret was not ready while the invocation lasted.
    NotReady(NotReady),
    /// The secret could not be read.
    Unreadable(CallError),
}

impl Conclusion {
    /// What became of each Region that a rule or a tag names.
    #[must_use]
    pub fn regions(&self) -> &[RegionConclusion] {
        match self {
            Self::Covered { regions, .. } => regions,
            Self::Skipped(_) | Self::NotReady(_) | Self::Unreadable(_) => &[],
        }
    }
}

/// Why a secret was not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// `DescribeSecret` does not find it.
    NotFound(CallError),
    /// It has no value yet. The rules are those that cover it.
    NoValueYet(BTreeSet<String>),
}

/// What became of one Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionConclusion {
    /// The Region, or the token that stands in its place.
    pub region: Result<Region, String>,
    /// What the function did there.
    pub action: Action,
    /// How it ended.
    pub state: RegionState,
    /// The key of the replica, where one is known.
    pub kms_key: Option<String>,
    /// Whether AWS has listed a replica there.
    pub is_listed: bool,
    /// Whether a failed replica, which never was in sync, was removed there to be made anew.
    pub is_remade: bool,
}

/// What the function does in a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It asks for a replica.
    Replicate,
    /// It asks again for a replica that failed.
    Retry,
    /// It changes nothing: the replica is there.
    Keep,
    /// It changes nothing: the Region must not get a replica.
    Refuse,
    /// It asks for the removal of the replica.
    Remove,
}

/// How it ended in a Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegionState {
    /// The replica is in sync. The time is from the request to the look that saw it, if this
    /// invocation made the request.
    InSync(Option<Duration>),
    /// The replica is not in sync yet.
    InProgress(Progress),
    /// There is no replica in sync, and AWS has given up: why, and AWS's own words.
    Failed(FailureReason, Option<String>),
    /// The Region gets no replica. If one is there already, its status.
    Refused(Refusal, Option<ReplicaStatus>),
    /// This was not requested: a dry run, changes that are used up, or a turn that came too late.
    Planned,
    /// This removal was not requested, for the same reasons.
    PlannedRemoval(RemovalReason),
    /// The replica is gone, and why.
    Removed(RemovalReason),
    /// No rule wants the replica, yet it is kept. Its status.
    Spared(SpareReason, ReplicaStatus),
}

impl RegionConclusion {
    /// Whether this invocation has asked for a change, and AWS has not refused it.
    #[must_use]
    pub fn is_change(&self) -> bool {
        let is_asked_for = matches!(
            self.action,
            Action::Replicate | Action::Retry | Action::Remove
        );
        match self.state {
            RegionState::InSync(Some(_)) | RegionState::Removed(_) => true,
            RegionState::InProgress(_) => is_asked_for,
            _ => self.is_remade,
        }
    }
}

/// The conclusion of a dry run.
pub(super) fn planned(secret: &Secret, plan: &Plan) -> Vec<RegionConclusion> {
    conclude(plan, &Imagined { secret })
}

/// The conclusion after the writes were made and the replicas followed.
pub(super) fn concluded(before: &Secret, plan: &Plan, done: &Done) -> Vec<RegionConclusion> {
    conclude(plan, &Real { before, done })
}

/// How many replicas were added or removed, or may yet be: also where a request has no answer, and
/// no look has shown long enough that nothing comes of it.
pub(super) fn changes(regions: &[RegionConclusion], done: &Done) -> u64 {
    let is_change = |conclusion: &&RegionConclusion| {
        let may_be_done = match &conclusion.state {
            RegionState::InSync(_) | RegionState::InProgress(_) | RegionState::Removed(_) => true,
            RegionState::Failed(..) | RegionState::Planned => conclusion
                .region
                .as_ref()
                .is_ok_and(|region| done.may_still_come(region)),
            _ => false,
        };
        may_be_done && matches!(conclusion.action, Action::Replicate | Action::Remove)
    };
    regions.iter().filter(is_change).map(|_| 1).sum()
}

/// What becomes of a plan's steps.
trait Course {
    /// The replica that the plan asks for.
    fn written(&self, region: &Region) -> RegionState;
    /// The replica that the plan leaves as it is.
    fn kept(&self, region: &Region, replica: &Replica) -> RegionState;
    /// The replica that the plan removes.
    fn removed(&self, region: &Region, reason: &RemovalReason, replica: &Replica) -> RegionState;
    /// Whether AWS has listed a replica in the Region.
    fn is_listed(&self, region: &Region) -> bool;
    /// Whether a failed replica was removed there to be made anew.
    fn is_remade(&self, region: &Region) -> bool;
}

/// Nothing was done.
struct Imagined<'a> {
    secret: &'a Secret,
}

impl Course for Imagined<'_> {
    fn written(&self, _: &Region) -> RegionState {
        RegionState::Planned
    }

    fn kept(&self, _: &Region, replica: &Replica) -> RegionState {
        state_of(replica)
    }

    fn removed(&self, _: &Region, reason: &RemovalReason, _: &Replica) -> RegionState {
        RegionState::PlannedRemoval(reason.clone())
    }

    fn is_listed(&self, region: &Region) -> bool {
        self.secret.replicas.contains_key(region)
    }

    fn is_remade(&self, _: &Region) -> bool {
        false
    }
}

/// The plan was carried out.
struct Real<'a> {
    before: &'a Secret,
    done: &'a Done,
}

impl Course for Real<'_> {
    fn written(&self, region: &Region) -> RegionState {
        let Done {
            answers,
            sight,
            removals,
            ..
        } = self.done;
        let replicas = &self.before.replicas;
        let before = replicas.get(region).filter(|_| !self.is_remade(region));
        match (removals.get(region), before) {
            // It was to be removed, and made anew.
            (Some(Removal::Unsure(error, _)), Some(replica)) => {
                failed_still(replica, &format!("its removal failed: {}", error.message))
            }
            (Some(removal), Some(replica)) => {
                removal.state(&RemovalReason::FailedReplica, &replica.status)
            }
            _ => {
                let result = answers.get(region).map_or(&Ok(()), |answer| &answer.result);
                after_write(result, before, region, sight)
            }
        }
    }

    fn kept(&self, region: &Region, replica: &Replica) -> RegionState {
        match self.done.sight.of(region) {
            Some(seen) => state_of(&seen.replica),
            None => state_of(replica),
        }
    }

    fn removed(&self, region: &Region, reason: &RemovalReason, replica: &Replica) -> RegionState {
        match self.done.removals.get(region) {
            Some(removal) => removal.state(reason, &replica.status),
            None => {
                RegionState::Spared(SpareReason::WaitingForOtherReplicas, replica.status.clone())
            }
        }
    }

    fn is_remade(&self, region: &Region) -> bool {
        self.done.remade.contains(region)
    }

    fn is_listed(&self, region: &Region) -> bool {
        self.before.replicas.contains_key(region) || self.done.sight.of(region).is_some()
    }
}

/// The truth is what was seen; the answer to the request counts where nothing new was seen.
fn after_write(
    result: &Result<(), CallError>,
    before: Option<&Replica>,
    region: &Region,
    sight: &Sight,
) -> RegionState {
    let seen = sight.of(region);
    match result {
        Err(error) if seen.is_none_or(|seen| before == Some(&seen.replica)) => {
            after_failed_write(error, before)
        }
        _ => match (seen, &sight.error) {
            (Some(Seen { replica, after }), _) if replica.status == ReplicaStatus::InSync => {
                RegionState::InSync(Some(*after))
            }
            (Some(Seen { replica, .. }), _) => state_of(replica),
            (None, Some(error)) => {
                RegionState::InProgress(Progress::StatusUnavailable(error.to_string()))
            }
            (None, None) => RegionState::InProgress(Progress::NotReported),
        },
    }
}

/// A replica that failed before, and that AWS refuses to retry, failed for its old reason.
fn after_failed_write(error: &CallError, before: Option<&Replica>) -> RegionState {
    match before {
        Some(replica) if error.kind == CallErrorKind::Refused => failed_still(
            replica,
            &format!("the retry was refused: {}", error.message),
        ),
        _ if error.kind == CallErrorKind::NotSent => RegionState::Planned,
        _ => RegionState::Failed(error.reason(), Some(error.message.clone())),
    }
}

fn failed_still(replica: &Replica, remark: &str) -> RegionState {
    let old = replica.message.as_deref().unwrap_or("AWS gives no reason");
    RegionState::Failed(failure_of(replica), Some(format!("{old} ({remark})")))
}

fn conclude(plan: &Plan, course: &impl Course) -> Vec<RegionConclusion> {
    let regions = plan.steps.iter().map(|(region, step)| {
        let (action, state) = end_of(region, step, course);
        RegionConclusion {
            region: Ok(region.clone()),
            action,
            state,
            kms_key: key_of(step),
            is_listed: course.is_listed(region),
            is_remade: course.is_remade(region),
        }
    });
    regions
        .chain(plan.bad_tokens.iter().map(refused_token))
        .collect()
}

fn end_of(region: &Region, step: &Step, course: &impl Course) -> (Action, RegionState) {
    match step {
        Step::Replicate(_) => (Action::Replicate, course.written(region)),
        Step::Retry(_) => (Action::Retry, course.written(region)),
        Step::Keep(replica) => (Action::Keep, course.kept(region, replica)),
        Step::Leave(reason, replica) => {
            let state = RegionState::Failed(*reason, replica.message.clone());
            (Action::Keep, state)
        }
        Step::Refuse(refusal, existing) => {
            let status = existing.as_ref().map(|replica| replica.status.clone());
            (
                Action::Refuse,
                RegionState::Refused(refusal.clone(), status),
            )
        }
        Step::Remove(reason, replica) | Step::AwaitRemoval(reason, replica) => {
            (Action::Remove, course.removed(region, reason, replica))
        }
        Step::Spare(reason, replica) => {
            let state = RegionState::Spared(*reason, replica.status.clone());
            (Action::Keep, state)
        }
    }
}

/// The key that the replica has, or is asked for with.
fn key_of(step: &Step) -> Option<String> {
    match step {
        Step::Replicate(target) | Step::Retry(target) => Some(target.key().name()),
        Step::Keep(replica) | Step::Leave(_, replica) | Step::Spare(_, replica) => {
            replica.kms_key.clone()
        }
        Step::Refuse(..) | Step::Remove(..) | Step::AwaitRemoval(..) => None,
    }
}

fn state_of(replica: &Replica) -> RegionState {
    match &replica.status {
        ReplicaStatus::InSync => RegionState::InSync(None),
        ReplicaStatus::InProgress => RegionState::InProgress(Progress::ReplicationInProgress),
        ReplicaStatus::Failed => RegionState::Failed(failure_of(replica), replica.message.clone()),
        ReplicaStatus::Unknown(status) => {
            RegionState::InProgress(Progress::UnknownStatus(status.clone()))
        }
    }
}

fn refused_token(bad: &BadToken) -> RegionConclusion {
    RegionConclusion {
        region: Err(bad.token().to_owned()),
        action: Action::Refuse,
        state: RegionState::Refused(bad.refusal(), None),
        kms_key: None,
        is_listed: false,
        is_remade: false,
    }
}
