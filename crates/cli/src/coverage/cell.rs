use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use secret_replicator_core::failover::drill::{DrillFinding, Drilled, VersionCheck};
use secret_replicator_core::failover::inventory::Entry;
use secret_replicator_core::known_regions;
use secret_replicator_core::plan::{Plan, Step, failure_of};
use secret_replicator_core::reason::{
    FailureReason, Progress, Refusal, RemovalReason, RetainReason, SkipReason,
};
use secret_replicator_core::secret::{Region, RegionalSecret, Replica, ReplicaStatus, Secret};

use super::{Cell, Change, DryRun, State, Texts, There};

/// A reason, as the function's record has it.
struct Reason {
    code: &'static str,
    detail: Option<String>,
    remediation: Option<String>,
}

impl From<&Progress> for Reason {
    fn from(progress: &Progress) -> Self {
        Self {
            code: progress.code(),
            detail: progress.detail(),
            remediation: Some(progress.remediation().to_owned()),
        }
    }
}

impl From<&RemovalReason> for Reason {
    fn from(removal: &RemovalReason) -> Self {
        Self {
            code: removal.code(),
            detail: Some(removal.detail()),
            remediation: None,
        }
    }
}

impl From<RetainReason> for Reason {
    fn from(retained: RetainReason) -> Self {
        Self {
            code: retained.code(),
            detail: retained.detail().map(str::to_owned),
            remediation: Some(retained.remediation().to_owned()),
        }
    }
}

impl Reason {
    /// Returns the reason of a refusal. `existing` is a replica of the Region.
    fn refusal(refusal: &Refusal, existing: Option<&Replica>) -> Self {
        Self {
            code: refusal.code(),
            detail: refusal.detail(),
            remediation: refusal.remediation(existing),
        }
    }

    fn failure(reason: FailureReason, message: Option<&str>) -> Self {
        Self {
            code: reason.code(),
            detail: message.map(str::to_owned),
            remediation: Some(reason.remediation().to_owned()),
        }
    }
}

/// Returns the cells of a covered secret.
pub(super) fn cells(secret: &Secret, plan: &Plan, there: &There) -> Vec<Cell> {
    let steps = plan.steps.iter();
    let cells = steps.map(|(region, step)| (region, of_step(secret, plan, region, step, there)));
    let mut cells: BTreeMap<&Region, Cell> = cells.collect();
    // A forbidden Region has a step, too. What the Region has says more.
    cells.extend(there.unwanted.iter().filter_map(|(region, reason)| {
        let cell = left_over(region, reason, there.found.get(region)?)?;
        Some((region, cell))
    }));
    let tokens = plan.bad_tokens.iter().map(|bad| {
        let refusal = bad.refusal();
        Cell {
            dry_run: DryRun::Refused,
            ..Cell::new(
                Some(bad.token()),
                State::Refused,
                Some(Reason::refusal(&refusal, None)),
            )
        }
    });
    cells.into_values().chain(tokens).collect()
}

/// Returns the cell of a former replica that the primary secret no longer lists. `None` if there is none.
fn left_over(region: &Region, reason: &RemovalReason, found: &RegionalSecret) -> Option<Cell> {
    let (state, dry_run, reason) = match found {
        RegionalSecret::Replica { .. } => {
            let reason = (&Progress::RemovalInProgress(reason.clone())).into();
            (State::InProgress, DryRun::Pending, reason)
        }
        RegionalSecret::PromotedReplica => {
            let reason = RetainReason::Standalone.into();
            (State::Promoted, DryRun::Refused, reason)
        }
        RegionalSecret::Absent
        | RegionalSecret::ReplicaOfAnotherRegion
        | RegionalSecret::OtherSecret => return None,
    };
    Some(Cell {
        dry_run,
        ..Cell::new(Some(region.as_str()), state, Some(reason))
    })
}

/// Returns the cell of one step.
pub(super) fn of_step(
    secret: &Secret,
    plan: &Plan,
    region: &Region,
    step: &Step,
    there: &There,
) -> Cell {
    let replica = secret.replicas.get(region);
    let found = there.found.get(region);
    let (state, reason) = state_of(secret, plan, step, replica, found, there.now);
    let dry_run = match step {
        Step::Keep(_) if state == State::Failed => DryRun::Failed,
        step => DryRun::of(plan, step),
    };
    let is_there = replica.is_some_and(|replica| replica.status != ReplicaStatus::Failed);
    let cell = Cell::new(Some(region.as_str()), state, reason);
    let texts = Texts {
        kms_key: replica.and_then(|replica| replica.kms_key.clone()),
        planned_key: step
            .target()
            .and_then(|target| target.key().kms_key.clone()),
        ..cell.texts.map(|texts| *texts).unwrap_or_default()
    };
    Cell {
        verified: state == State::InSync && found.is_some_and(|found| secret.is_current(found)),
        texts: texts.boxed(),
        dry_run,
        is_billed: is_there || dry_run.change() == Some(Change::Overwrite),
        ..cell
    }
}

/// Returns the state of a Region and its reason.
fn state_of(
    secret: &Secret,
    plan: &Plan,
    step: &Step,
    replica: Option<&Replica>,
    found: Option<&RegionalSecret>,
    now: DateTime<Utc>,
) -> (State, Option<Reason>) {
    match step {
        Step::Replicate(_) => missing(found),
        Step::Retry(_) => replica.map_or((State::Missing, None), failed),
        Step::Keep(replica) => kept(secret, replica, found, now),
        Step::ReportFailure(reason, replica) => {
            let reason = Reason::failure(*reason, replica.message.as_deref());
            (State::Failed, Some(reason))
        }
        Step::Refuse(refusal, existing) => {
            let state = match refusal {
                Refusal::KmsKeyDiffers { .. } => State::KmsKeyDiffers,
                Refusal::PromotedReplica => State::Promoted,
                _ if refusal.is_intended(existing.as_ref()) => State::Excluded,
                _ => State::Refused,
            };
            (state, Some(Reason::refusal(refusal, existing.as_ref())))
        }
        Step::Remove(reason, _) | Step::AwaitRemoval(reason, _) => {
            let reason = if plan.will_remove(reason) {
                reason.into()
            } else {
                RetainReason::WaitingForOtherReplicas.into()
            };
            (State::Unwanted, Some(reason))
        }
        Step::Retain(reason, _) => (State::Unwanted, Some((*reason).into())),
    }
}

/// Returns the state of a Region without a replica. The name may be taken, so that a request would fail.
fn missing(found: Option<&RegionalSecret>) -> (State, Option<Reason>) {
    match found {
        Some(RegionalSecret::ReplicaOfAnotherRegion | RegionalSecret::OtherSecret) => {
            let reason = Reason::failure(FailureReason::NameAlreadyExists, None);
            (State::Shadowed, Some(reason))
        }
        Some(RegionalSecret::PromotedReplica) => {
            let reason = Reason::refusal(&Refusal::PromotedReplica, None);
            (State::Promoted, Some(reason))
        }
        Some(RegionalSecret::Absent | RegionalSecret::Replica { .. }) | None => {
            (State::Missing, None)
        }
    }
}

fn failed(replica: &Replica) -> (State, Option<Reason>) {
    let reason = Reason::failure(failure_of(replica), replica.message.as_deref());
    (State::Failed, Some(reason))
}

/// Returns the state of a replica that the plan keeps. The version in the Region says more than the status of
/// the primary secret.
fn kept(
    secret: &Secret,
    replica: &Replica,
    found: Option<&RegionalSecret>,
    now: DateTime<Utc>,
) -> (State, Option<Reason>) {
    match &replica.status {
        ReplicaStatus::Failed => failed(replica),
        ReplicaStatus::InProgress
            if found.is_some_and(|found| secret.is_replication_stuck(found, now)) =>
        {
            let reason = Reason::failure(FailureReason::ReplicationStuck, None);
            (State::Failed, Some(reason))
        }
        ReplicaStatus::InProgress => {
            let reason = (&Progress::ReplicationInProgress).into();
            (State::InProgress, Some(reason))
        }
        ReplicaStatus::Unknown(status) => {
            let reason = (&Progress::UnknownStatus(status.clone())).into();
            (State::InProgress, Some(reason))
        }
        ReplicaStatus::InSync => match found {
            Some(RegionalSecret::PromotedReplica) => {
                let reason = Reason::refusal(&Refusal::PromotedReplica, Some(replica));
                (State::Promoted, Some(reason))
            }
            Some(found) if !secret.is_current(found) => {
                (State::Behind, Some((&Progress::VersionBehind).into()))
            }
            _ => (State::InSync, None),
        },
    }
}

/// Returns the cell of a Region whose list shows the replica in sync.
pub(super) fn in_sync(region: &Region) -> Cell {
    Cell {
        verified: true,
        dry_run: DryRun::InSync,
        is_billed: true,
        ..Cell::new(Some(region.as_str()), State::InSync, None)
    }
}

/// Returns the cell of a covered secret that gets no replica.
pub(super) fn excluded() -> Cell {
    Cell {
        dry_run: DryRun::Excluded,
        ..Cell::new(None, State::Excluded, None)
    }
}

/// Returns the cell of a secret that the policy does not cover.
pub(super) fn not_covered(reason: &SkipReason) -> Cell {
    let reason = Reason {
        code: reason.code(),
        detail: None,
        remediation: None,
    };
    Cell::new(None, State::NotCovered, Some(reason))
}

/// Returns the cell of a Region that has a secret with the name of a secret that is not covered. `None` if it
/// is a replica.
pub(super) fn uncovered((region, found): (&Region, &RegionalSecret)) -> Option<Cell> {
    let (state, reason) = missing(Some(found));
    if state == State::Missing {
        return None;
    }
    Some(Cell::new(Some(region.as_str()), state, reason))
}

/// Returns the cell of a secret that could not be read.
pub(super) fn unreadable(detail: String) -> Cell {
    let reason = Reason {
        code: "unreadable",
        detail: Some(detail),
        remediation: None,
    };
    Cell {
        dry_run: DryRun::Failed,
        ..Cell::new(None, State::Unreadable, Some(reason))
    }
}

/// Returns the cell of a drill.
pub(super) fn drilled(entry: &Entry, region: &Region, drilled: &Drilled) -> Cell {
    let Some(gravest) = drilled.findings.first() else {
        return Cell {
            verified: drilled.version == VersionCheck::Current,
            ..Cell::new(Some(region.as_str()), State::InSync, None)
        };
    };
    let details: Vec<String> = drilled.findings.iter().map(DrillFinding::detail).collect();
    let reason = Reason {
        code: gravest.code(),
        detail: Some(details.join("; ")),
        remediation: Some(gravest.remediation(entry, region)),
    };
    Cell::new(
        Some(region.as_str()),
        state_of_finding(gravest),
        Some(reason),
    )
}

fn state_of_finding(finding: &DrillFinding) -> State {
    match finding {
        DrillFinding::NoReplica { .. } => State::Missing,
        DrillFinding::NameTaken => State::Shadowed,
        DrillFinding::AlreadyPromoted => State::Promoted,
        DrillFinding::VersionBehind => State::Behind,
        DrillFinding::ScheduledForDeletion
        | DrillFinding::NoCurrentVersion
        | DrillFinding::KeyUnusable { .. }
        | DrillFinding::ReaderDenied(_) => State::Failed,
        DrillFinding::Unreadable(_)
        | DrillFinding::KeyUnchecked(_)
        | DrillFinding::ReaderUnchecked(_) => State::Unreadable,
    }
}

impl Cell {
    fn new(region: Option<&str>, state: State, reason: Option<Reason>) -> Self {
        let with_hint = |remediation: String| match region {
            Some(region) => known_regions::with_hint(region, &remediation),
            None => remediation,
        };
        let code = reason.as_ref().map(|reason| reason.code);
        let texts = reason.map(|reason| Texts {
            detail: reason.detail,
            remediation: reason.remediation.map(with_hint).map(Cow::Owned),
            ..Texts::default()
        });
        Self {
            region: region.map(str::to_owned),
            state,
            verified: false,
            reason: code,
            texts: texts.and_then(Texts::boxed),
            dry_run: DryRun::None,
            is_billed: false,
        }
    }
}
