use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::apply::Answers;
use super::settle::{Seen, Sight};
use crate::plan::{Plan, Step, Target, failure_of};
use crate::policy::BadToken;
use crate::reason::{FailureReason, Progress, Refusal, SkipReason};
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
    /// A dry run: this would have been requested.
    Planned,
}

/// The conclusion of a dry run.
pub(super) fn planned(secret: &Secret, plan: &Plan) -> Vec<RegionConclusion> {
    let written = |_: &Region, _: &Target| RegionState::Planned;
    let kept = |_: &Region, replica: &Replica| state_of(replica);
    conclude(plan, written, kept, |region| {
        secret.replicas.contains_key(region)
    })
}

/// The conclusion after the writes were made and the replicas followed.
pub(super) fn concluded(
    before: &Secret,
    plan: &Plan,
    answers: &Answers,
    sight: &Sight,
) -> Vec<RegionConclusion> {
    let written = |region: &Region, _: &Target| {
        let result = answers.get(region).map_or(&Ok(()), |answer| &answer.result);
        after_write(result, before.replicas.get(region), region, sight)
    };
    let kept = |region: &Region, replica: &Replica| match sight.of(region) {
        Some(seen) => state_of(&seen.replica),
        None => state_of(replica),
    };
    let is_listed =
        |region: &Region| before.replicas.contains_key(region) || sight.of(region).is_some();
    conclude(plan, written, kept, is_listed)
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
            (None, Some(error)) => RegionState::InProgress(Progress::NotSeen(error.to_string())),
            (None, None) => RegionState::InProgress(Progress::NotListed),
        },
    }
}

/// A replica that failed before, and that AWS refuses to retry, failed for its old reason.
fn after_failed_write(error: &CallError, before: Option<&Replica>) -> RegionState {
    match before {
        Some(replica) if error.kind == CallErrorKind::Refused => {
            let old = replica.message.as_deref().unwrap_or("AWS gives no reason");
            let detail = format!("{old} (the retry was refused: {})", error.message);
            RegionState::Failed(failure_of(replica), Some(detail))
        }
        _ => RegionState::Failed(error.reason(), Some(error.message.clone())),
    }
}

fn conclude(
    plan: &Plan,
    written: impl Fn(&Region, &Target) -> RegionState,
    kept: impl Fn(&Region, &Replica) -> RegionState,
    is_listed: impl Fn(&Region) -> bool,
) -> Vec<RegionConclusion> {
    let key_of = |target: &Target| target.key().name();
    let regions = plan.steps.iter().map(|(region, step)| {
        let (action, state, kms_key) = match step {
            Step::Replicate(target) => (
                Action::Replicate,
                written(region, target),
                Some(key_of(target)),
            ),
            Step::Retry(target) => (Action::Retry, written(region, target), Some(key_of(target))),
            Step::Keep(replica) => (Action::Keep, kept(region, replica), replica.kms_key.clone()),
            Step::Leave(reason, replica) => {
                let state = RegionState::Failed(*reason, replica.message.clone());
                (Action::Keep, state, replica.kms_key.clone())
            }
            Step::Refuse(refusal, existing) => {
                let status = existing.as_ref().map(|replica| replica.status.clone());
                (
                    Action::Refuse,
                    RegionState::Refused(refusal.clone(), status),
                    None,
                )
            }
        };
        RegionConclusion {
            region: Ok(region.clone()),
            action,
            state,
            kms_key,
            is_listed: is_listed(region),
        }
    });
    regions
        .chain(plan.bad_tokens.iter().map(refused_token))
        .collect()
}

fn state_of(replica: &Replica) -> RegionState {
    match &replica.status {
        ReplicaStatus::InSync => RegionState::InSync(None),
        ReplicaStatus::InProgress => RegionState::InProgress(Progress::StillInProgress),
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
    }
}
