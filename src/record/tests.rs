mod outcome_table;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::DateTime;

use super::*;
use crate::reconcile::RegionOutcome;
use crate::reconcile::{Action, RegionState};
use crate::sweep::Sweep;
use secret_replicator_core::reason::{
    FailureReason, PolicyType, Progress, Refusal, RemovalReason, RetainReason, Superseded,
};
use secret_replicator_core::secret::Secret;
use secret_replicator_core::sweep::{Start, Token, Totals};

const NAME_TAKEN: RegionState = RegionState::Failed(FailureReason::NameAlreadyExists, None);
const THROTTLED: RegionState = RegionState::Failed(FailureReason::Throttled, None);
const DENIED: RegionState =
    RegionState::Failed(FailureReason::AccessDenied(PolicyType::Unnamed), None);
const IN_SYNC: RegionState = RegionState::InSync(None);
const IN_PROGRESS: RegionState = RegionState::InProgress(Progress::ReplicationInProgress);

fn unknown() -> RegionState {
    RegionState::InProgress(Progress::UnknownStatus("Detached".to_owned()))
}

fn outcome(region: &str, state: RegionState) -> RegionOutcome {
    RegionOutcome {
        region: Ok(Region::parse(region).unwrap()),
        action: Action::Replicate,
        state,
        kms_key: None,
        is_listed: true,
        is_recreated: false,
        is_written: false,
        left_open: None,
    }
}

/// Returns the report of a covered secret whose replicas ended in these states.
fn report(mode: Mode, states: &[RegionState]) -> Report {
    let regions = ["eu-west-1", "us-west-2"].iter().zip(states);
    let regions = regions.map(|(region, state)| outcome(region, state.clone()));
    let primary = Region::parse("us-east-1").unwrap();
    let secret = Secret::hypothetical("prod/db", [].into(), &primary, None).unwrap();
    Report {
        origin: Origin::named("create"),
        request_id: "request".to_owned(),
        account: None,
        sweep_id: None,
        started: DateTime::UNIX_EPOCH,
        ended: DateTime::UNIX_EPOCH,
        mode,
        named: None,
        outcome: SecretOutcome::Covered {
            secret: Box::new(secret),
            rules: BTreeSet::new(),
            regions: regions.collect(),
            deferred: None,
        },
        explanation: None,
    }
}

/// Returns the function's response to a report.
fn response(report: Report) -> Result<Record, Failure> {
    Recorder::new("Namespace", BTreeSet::new())
        .with_output(io::sink())
        .record(report)
}

#[test]
fn the_error_is_the_one_that_all_failed_regions_share_and_an_unknown_status_is_not_an_error() {
    let cases: [(&[RegionState], Option<ErrorType>); 12] = [
        (&[], None),
        (&[IN_SYNC, IN_SYNC], None),
        (
            &[RegionState::Refused(Refusal::RegionNotAllowed, None)],
            None,
        ),
        (&[NAME_TAKEN], Some(ErrorType::ReplicationFailed)),
        (&[THROTTLED], Some(ErrorType::Throttled)),
        (&[DENIED, DENIED], Some(ErrorType::AccessDenied)),
        (&[DENIED, IN_SYNC], Some(ErrorType::AccessDenied)),
        (&[DENIED, THROTTLED], Some(ErrorType::ReplicationFailed)),
        (&[IN_PROGRESS, IN_SYNC], Some(ErrorType::ReplicationPending)),
        (
            &[unknown(), IN_PROGRESS],
            Some(ErrorType::ReplicationPending),
        ),
        (&[unknown()], None),
        (&[unknown(), IN_SYNC], None),
    ];
    for (states, error) in cases {
        let acted = response(report(Mode::Act, states));
        assert_eq!(
            acted.err().map(|failure| failure.error_type()),
            error,
            "{states:?}"
        );
        let dry_run = response(report(Mode::DryRun, states));
        assert!(dry_run.is_ok(), "{states:?}");
    }
}

#[test]
fn an_error_names_each_region_that_failed_and_no_other() {
    let message = Some("AWS's message".to_owned());
    let failed = RegionState::Failed(FailureReason::NameAlreadyExists, message);
    let failure = response(report(Mode::Act, &[failed, IN_PROGRESS])).unwrap_err();
    let message = failure.to_string();
    assert!(
        message.contains("eu-west-1: AWS's message; remediation: "),
        "{message}"
    );
    assert!(!message.contains("us-west-2: "), "{message}");
    assert_eq!(
        format!("{failure:?}"),
        format!("ReplicationFailed: {message}")
    );
}

#[test]
fn an_error_without_a_failed_region_names_each_region_in_progress_with_its_remediation() {
    let failure = response(report(Mode::Act, &[IN_SYNC, IN_PROGRESS])).unwrap_err();
    let message = failure.to_string();
    assert!(message.contains("us-west-2: "), "{message}");
    assert!(message.contains("; remediation: "), "{message}");
    assert!(!message.contains("eu-west-1: "), "{message}");
}

/// EventBridge inserts the message unescaped into JSON.
#[test]
fn the_error_message_for_lambda_is_one_line_without_quotation_marks_and_backslashes() {
    let message = Some("AWS says \"no\".\n  Use C:\\keys\tor none".to_owned());
    let failed = RegionState::Failed(FailureReason::NameAlreadyExists, message);
    let failure = response(report(Mode::Act, &[failed])).unwrap_err();
    let message = lambda_runtime::Diagnostic::from(failure).error_message;
    assert!(
        message.contains("AWS says 'no'.; Use C:/keys or none; remediation: "),
        "{message}"
    );
}

#[test]
fn an_error_names_a_shared_remediation_once_and_joins_no_full_stop() {
    let failed = |message: &str| {
        RegionState::Failed(FailureReason::NameAlreadyExists, Some(message.to_owned()))
    };
    let states = [failed("The name is taken."), failed("It is taken here.")];
    let failure = response(report(Mode::Act, &states)).unwrap_err();
    let message = failure.to_string();
    let details = "eu-west-1: The name is taken; us-west-2: It is taken here; remediation: ";
    assert!(message.contains(details), "{message}");
    assert_eq!(message.matches("remediation: ").count(), 1, "{message}");
}

#[test]
fn a_replica_that_is_removed_is_counted_also_if_it_is_recreated() {
    let mut recreated = outcome("eu-west-1", RegionState::InSync(Some(Duration::ZERO)));
    recreated.is_recreated = true;
    let removed = RegionState::Removed(RemovalReason::NoLongerTargeted, None);
    for (outcome, count) in [
        (outcome("eu-west-1", removed), 1),
        (recreated, 1),
        (outcome("eu-west-1", IN_SYNC), 0),
    ] {
        let metrics = metrics::replica_metrics(&outcome);
        assert_eq!(metrics.replicas_removed, count, "{outcome:?}");
    }
}

#[test]
fn a_promoted_former_replica_does_not_count_among_the_refused_ones() {
    for (state, count) in [
        (RegionState::Refused(Refusal::PromotedReplica, None), 0),
        (RegionState::Retained(RetainReason::Standalone, None), 0),
        (RegionState::Retained(RetainReason::UnknownStatus, None), 1),
        (RegionState::Refused(Refusal::RegionNotAllowed, None), 1),
    ] {
        let metrics = metrics::replica_metrics(&outcome("eu-west-1", state.clone()));
        assert_eq!(metrics.replicas_refused, count, "{state:?}");
    }
}

fn token() -> Token {
    Token {
        start: Start::first(None),
        filter: None,
        dry_run: false,
        thorough: false,
        sweep_id: None,
        started: DateTime::UNIX_EPOCH,
        totals: Totals::default(),
    }
}

#[test]
fn the_message_of_a_sweep_contains_its_counts() {
    let totals = Totals {
        seen: 7,
        covered: 5,
        in_sync: 2,
        repaired: 1,
        failed: 1,
        limited: 1,
        ..Totals::default()
    };
    let mut sweep = Sweep {
        id: None,
        started: DateTime::UNIX_EPOCH,
        slice: totals.clone(),
        totals,
        next: None,
    };
    assert_eq!(
        sweep::message(&sweep),
        "sweep complete: 7 secrets seen, 5 covered, 2 in sync, 1 repaired, 1 failed, \
         1 left for the next sweep"
    );
    sweep.next = Some(token());
    assert!(sweep::message(&sweep).starts_with("sweep so far: 7 secrets seen"));
}

/// Returns the report of a slice. `next` is the token of the next slice.
fn sweep_report(mode: Mode, slice: Totals, totals: Totals, next: Option<Token>) -> SweepReport {
    let sweep = Sweep {
        id: None,
        started: DateTime::UNIX_EPOCH,
        totals,
        slice,
        next,
    };
    SweepReport {
        origin: Origin::named("sweep"),
        request_id: "request".to_owned(),
        account: None,
        started: DateTime::UNIX_EPOCH,
        ended: DateTime::UNIX_EPOCH + Duration::from_secs(5),
        mode,
        state: sweep,
    }
}

/// Returns the EMF line of a slice.
fn sweep_metrics(
    mode: Mode,
    slice: Totals,
    totals: Totals,
    next: Option<Token>,
) -> serde_json::Value {
    let report = sweep_report(mode, slice, totals, next);
    let mut lines = Vec::new();
    let mut emf = Emf::builder("Namespace".to_owned(), vec![vec![]]).build();
    metrics::write_sweep(&report, &mut emf, &mut lines).unwrap();
    serde_json::from_slice(&lines).unwrap()
}

#[test]
fn the_metrics_of_a_sweep_are_those_of_the_slice() {
    let slice = Totals {
        seen: 7,
        drifted: 3,
        failed: 2,
        limited: 1,
        ..Totals::default()
    };
    let line = sweep_metrics(Mode::Act, slice, Totals::default(), None);
    let metrics = ["Secrets", "Drift", "Failures", "Limited", "Duration"];
    let values = metrics.map(|name| line[format!("Sweep{name}")].as_u64());
    assert_eq!(values, [7, 3, 2, 1, 5000].map(Some));
}

#[test]
fn the_last_slice_says_of_how_many_secrets_the_whole_sweep_changed_replicas() {
    let repaired = |mode, next| {
        let [slice, totals] = [1, 4].map(|secrets_changed| Totals {
            secrets_changed,
            ..Totals::default()
        });
        sweep_metrics(mode, slice, totals, next)["SweepRepaired"].as_u64()
    };
    assert_eq!(repaired(Mode::Act, None), Some(4));
    assert_eq!(repaired(Mode::Act, Some(token())), None);
    assert_eq!(repaired(Mode::DryRun, None), None);
}

#[test]
fn the_last_slice_says_how_many_replicas_the_whole_sweep_found_in_progress() {
    // A secret without a value is pending, too, but has no replica in progress.
    let pending = |mode, next| {
        let mut totals = Totals {
            pending: 9,
            ..Totals::default()
        };
        for (code, pending) in [("eu-west-1", 2), ("us-west-2", 3)] {
            let region = totals.region_mut(&Region::parse(code).unwrap()).unwrap();
            region.pending = pending;
        }
        sweep_metrics(mode, Totals::default(), totals, next)["SweepPending"].as_u64()
    };
    assert_eq!(pending(Mode::Act, None), Some(5));
    assert_eq!(pending(Mode::DryRun, None), Some(5));
    assert_eq!(pending(Mode::Act, Some(token())), None);
}

#[test]
fn only_a_request_that_aws_may_have_executed_counts_as_requested() {
    let not_sent = outcome("eu-west-1", RegionState::InProgress(Progress::NotRequested));
    let changed = outcome(
        "eu-west-1",
        RegionState::Superseded(Superseded::SecretChanged),
    );
    let sent = RegionOutcome {
        is_written: true,
        ..outcome("eu-west-1", IN_PROGRESS)
    };
    for (outcome, expected) in [(not_sent, 0), (changed, 0), (sent, 1)] {
        let requested = metrics::replica_metrics(&outcome).replicas_requested;
        assert_eq!(requested, expected, "{outcome:?}");
    }
}
