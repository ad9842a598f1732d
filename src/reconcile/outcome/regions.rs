//! Derives the outcome of each Region from a plan and its execution.

use std::collections::BTreeMap;

use secret_replicator_aws::{CallError, CallErrorKind};
use secret_replicator_core::plan::{Plan, Step, failure_of};
use secret_replicator_core::policy::BadToken;
use secret_replicator_core::reason::{
    FailureReason, Progress, Refusal, RemovalReason, RetainReason, Superseded,
};
use secret_replicator_core::secret::{KmsKey, Region, Replica, ReplicaStatus, Secret};

use super::{Action, RegionOutcome, RegionState};
use crate::reconcile::execution::{
    Execution, Leftover, Observation, Observations, RegionalFindings,
};
use crate::reconcile::removal_progress::RemovalProgress;

/// Returns the outcome of each Region of a plan. A dry run or a deferred plan has no execution. A deferred plan
/// has no findings either.
pub(in crate::reconcile) fn region_outcomes(
    before: &Secret,
    plan: &Plan,
    execution: Option<&Execution>,
    findings: Option<&RegionalFindings>,
) -> Vec<RegionOutcome> {
    let written = execution.map(Execution::written).unwrap_or_default();
    let steps = plan.steps.iter().map(|(region, step)| {
        let (action, state) = step_outcome(region, step, before, plan, execution);
        let state = checked_state(region, state, execution, findings);
        let is_seen = |execution: &Execution| execution.observations.of(region).is_some();
        let outcome = RegionOutcome {
            region: Ok(region.clone()),
            action,
            state,
            kms_key: kms_key(step).map(|key| key.in_full(region, before.arn.account())),
            is_listed: before.replicas.contains_key(region) || execution.is_some_and(is_seen),
            is_recreated: execution.is_some_and(|execution| execution.recreated.contains(region)),
            is_written: written.contains(region),
            left_open: execution
                .filter(|execution| execution.has_transient_error(region))
                .and_then(|_| open_state(step)),
        };
        (region, outcome)
    });
    let leftovers = findings
        .into_iter()
        .flat_map(|findings| &findings.leftovers);
    let mut outcomes: BTreeMap<&Region, RegionOutcome> = steps.collect();
    // A forbidden Region has a step, too. What the Region has says more.
    outcomes.extend(leftovers.map(|(region, leftover)| (region, left_over(region, leftover))));
    outcomes
        .into_values()
        .chain(plan.bad_tokens.iter().map(refused_token))
        .collect()
}

fn left_over(region: &Region, leftover: &Leftover) -> RegionOutcome {
    RegionOutcome {
        region: Ok(region.clone()),
        action: Action::Keep,
        state: match leftover {
            Leftover::Replica(reason) => {
                RegionState::InProgress(Progress::RemovalInProgress(reason.clone()))
            }
            Leftover::Standalone => RegionState::Retained(RetainReason::Standalone, None),
        },
        kms_key: None,
        is_listed: false,
        is_recreated: false,
        is_written: false,
        left_open: None,
    }
}

fn step_outcome(
    region: &Region,
    step: &Step,
    before: &Secret,
    plan: &Plan,
    execution: Option<&Execution>,
) -> (Action, RegionState) {
    let requested = || {
        execution.map_or(RegionState::Planned, |execution| {
            requested_state(region, before.replicas.get(region), execution)
        })
    };
    match step {
        Step::Replicate(target) | Step::Retry(target) if target.overwrites() => {
            (Action::Overwrite, requested())
        }
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
            let state = RegionState::Refused(refusal.clone(), existing.clone());
            (Action::Refuse, state)
        }
        Step::Remove(reason, replica) | Step::AwaitRemoval(reason, replica) => {
            let state = match execution {
                Some(execution) => unwanted_state(region, reason, replica, execution),
                None if plan.will_remove(reason) => RegionState::PlannedRemoval(reason.clone()),
                None => waiting_for_others(replica),
            };
            (Action::Remove, state)
        }
        Step::Retain(reason, replica) => {
            let state = RegionState::Retained(*reason, Some(replica.status.clone()));
            (Action::Keep, state)
        }
    }
}

/// Returns the state of a step that is left for later. Returns `None` for a step without a request.
fn open_state(step: &Step) -> Option<RegionState> {
    match step {
        Step::Replicate(_) | Step::Retry(_) => Some(RegionState::Planned),
        Step::Remove(reason, _) | Step::AwaitRemoval(reason, _) => {
            Some(RegionState::PlannedRemoval(reason.clone()))
        }
        Step::Keep(_) | Step::ReportFailure(..) | Step::Refuse(..) | Step::Retain(..) => None,
    }
}

/// Corrects the state that the primary secret's list shows by what the Region itself showed.
fn checked_state(
    region: &Region,
    state: RegionState,
    execution: Option<&Execution>,
    findings: Option<&RegionalFindings>,
) -> RegionState {
    if let Some(superseded) = execution.and_then(|execution| execution.superseded.get(region)) {
        return RegionState::Superseded(*superseded);
    }
    if let Some(execution) = execution.filter(|execution| execution.promoted.contains(region)) {
        let seen = execution.observations.of(region);
        let replica = seen.map(|seen| seen.replica.clone());
        return RegionState::Refused(Refusal::PromotedReplica, replica);
    }
    if findings.is_some_and(|findings| findings.promoted.contains(region)) {
        return RegionState::Refused(Refusal::PromotedReplica, None);
    }
    let behind = findings.and_then(|findings| findings.behind.get(region));
    match (state, behind) {
        (RegionState::InSync(_), Some(progress)) => RegionState::InProgress(progress.clone()),
        (RegionState::InProgress(Progress::ReplicationInProgress), _)
            if findings.is_some_and(|found| found.stuck.contains(region)) =>
        {
            let detail = "AWS has reported the replica as in progress for more than 15 minutes";
            RegionState::Failed(FailureReason::ReplicationStuck, Some(detail.to_owned()))
        }
        (state, _) => state,
    }
}

fn requested_state(
    region: &Region,
    before: Option<&Replica>,
    execution: &Execution,
) -> RegionState {
    if execution.withheld.contains(region) {
        return RegionState::Planned;
    }
    let before = before.filter(|_| !execution.recreated.contains(region));
    match (execution.removals.get(region), before) {
        // The replica was to be removed and recreated.
        (
            Some(RemovalProgress::Unconfirmed(error, _) | RemovalProgress::Unanswered(error, _)),
            Some(replica),
        ) => still_failed(replica, &format!("its removal failed: {}", error.message)),
        (Some(removal), Some(replica)) => {
            removal_state(removal, &RemovalReason::FailedReplica, replica)
        }
        _ => match execution.responses.get(region) {
            Some(response) => {
                response_state(&response.result, before, region, &execution.observations)
            }
            None => RegionState::InProgress(Progress::NotRequested),
        },
    }
}

/// Derives the state from the observations. The response counts only if they show no change.
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

/// Returns the state after a failed request. If AWS rejects the retry of a failed replica, the failure
/// keeps its old reason.
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

fn unwanted_state(
    region: &Region,
    reason: &RemovalReason,
    replica: &Replica,
    execution: &Execution,
) -> RegionState {
    if execution.withheld.contains(region) {
        return RegionState::PlannedRemoval(reason.clone());
    }
    let removal = execution.removals.get(region);
    removal_state(
        removal.unwrap_or(&RemovalProgress::Blocked),
        reason,
        replica,
    )
}

fn waiting_for_others(replica: &Replica) -> RegionState {
    RegionState::Retained(
        RetainReason::WaitingForOtherReplicas,
        Some(replica.status.clone()),
    )
}

fn removal_state(
    removal: &RemovalProgress,
    reason: &RemovalReason,
    replica: &Replica,
) -> RegionState {
    let reason = || reason.clone();
    match removal {
        RemovalProgress::Gone(unverified) => RegionState::Removed(reason(), unverified.clone()),
        RemovalProgress::Stranded => {
            let detail = "the primary secret no longer lists the replica, but the Region still has it, \
                          as a standalone secret";
            RegionState::Failed(FailureReason::ReplicaStranded, Some(detail.to_owned()))
        }
        RemovalProgress::Accepted | RemovalProgress::Unlisted(_) => {
            RegionState::InProgress(Progress::RemovalInProgress(reason()))
        }
        RemovalProgress::Pending => RegionState::InProgress(Progress::RemovalPending(reason())),
        RemovalProgress::NotSent => RegionState::PlannedRemoval(reason()),
        RemovalProgress::Unconfirmed(error, _)
        | RemovalProgress::Unanswered(error, _)
        | RemovalProgress::Throttled(error) => {
            RegionState::Failed(error.reason(), Some(error.message.clone()))
        }
        RemovalProgress::Blocked => waiting_for_others(replica),
        RemovalProgress::SecretChanged => RegionState::Superseded(Superseded::SecretChanged),
    }
}

/// Returns the key that the replica has or is requested with.
fn kms_key(step: &Step) -> Option<KmsKey> {
    let replica = match step {
        Step::Replicate(target) | Step::Retry(target) => {
            return Some(KmsKey::new(target.key().name()));
        }
        Step::Keep(replica) | Step::ReportFailure(_, replica) | Step::Retain(_, replica) => replica,
        Step::Refuse(_, existing) => existing.as_ref()?,
        Step::Remove(..) | Step::AwaitRemoval(..) => return None,
    };
    replica.kms_key.as_deref().map(KmsKey::new)
}

fn refused_token(bad: &BadToken) -> RegionOutcome {
    RegionOutcome {
        region: Err(bad.token().to_owned()),
        action: Action::Refuse,
        state: RegionState::Refused(bad.refusal(), None),
        kms_key: None,
        is_listed: false,
        is_recreated: false,
        is_written: false,
        left_open: None,
    }
}
