use std::fmt;

use lambda_runtime::Diagnostic;

use super::{Report, SecretRecord};
use crate::deployment::CheckOutcome;
use crate::failover::ReplicaState;
use crate::reconcile::{Mode, RegionOutcome, RegionState, SecretOutcome};
use crate::settings::SettingsInvalid;
use secret_replicator_aws::{CallError, CallErrorKind};
use secret_replicator_core::outcome::Outcome;
use secret_replicator_core::reason::{FailureReason, Progress};

/// The errors that the function returns. Their names are the stable values of `errorType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// The policy is invalid.
    PolicyInvalid,
    /// A setting other than the policy is invalid.
    ConfigInvalid,
    /// The event or the action is invalid.
    BadEvent,
    /// The function's role has no permission for a call.
    AccessDenied,
    /// AWS throttles the calls.
    Throttled,
    /// The secret or its first value did not exist before the deadline.
    SecretNotReady,
    /// A replica failed.
    ReplicationFailed,
    /// A replica was not in sync before the deadline.
    ReplicationPending,
    /// AWS did not answer, or returned an internal error.
    ServiceUnavailable,
    /// The function has a bug.
    Internal,
}

impl From<&SettingsInvalid> for ErrorType {
    fn from(invalid: &SettingsInvalid) -> Self {
        if invalid.has_policy() {
            Self::PolicyInvalid
        } else {
            Self::ConfigInvalid
        }
    }
}

/// The error of an invocation that did not reach the wanted state.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    pub(super) error_type: ErrorType,
    pub(super) message: String,
}

impl Failure {
    /// Creates the failure that a record describes.
    pub(super) fn new(error_type: ErrorType, record: &SecretRecord) -> Self {
        Self {
            error_type,
            message: record.summary(),
        }
    }

    /// Returns the error type.
    #[must_use]
    pub fn error_type(&self) -> ErrorType {
        self.error_type
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The runtime logs the `Debug` form, so it is as readable as the `Display` form.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.error_type, self.message)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self {
            error_type: format!("{:?}", failure.error_type),
            error_message: in_one_line(&failure.message),
        }
    }
}

/// Returns a message without line breaks, quotation marks and backslashes. EventBridge inserts it unescaped between the
/// quotation marks of a message for people (EventBridge user guide, "Input transformation").
fn in_one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for part in message.lines().map(str::trim) {
        let separator = match line.chars().last() {
            None => "",
            Some(':') => " ",
            Some(_) => "; ",
        };
        line += separator;
        line += part;
    }
    let replaced = |c: char| match c {
        '"' => '\'',
        '\\' => '/',
        c if c.is_control() => ' ',
        c => c,
    };
    line.chars().map(replaced).collect()
}

/// Returns the error type of a report. Returns `None` if the wanted state was reached, the outcome is
/// `skipped` or `refused`, a covered secret was only planned, or every open Region has an unknown status.
pub(super) fn error_type(report: &Report) -> Option<ErrorType> {
    match &report.outcome {
        // CloudFormation has the problems of a rejected deployment. An error would only repeat the answer.
        SecretOutcome::Skipped(..)
        | SecretOutcome::NotReached
        | SecretOutcome::DeploymentCheck(CheckOutcome::Accepted | CheckOutcome::Rejected(_)) => {
            None
        }
        SecretOutcome::DeploymentCheck(CheckOutcome::Unanswered(_)) => {
            Some(ErrorType::ServiceUnavailable)
        }
        SecretOutcome::BadEvent(_) => Some(ErrorType::BadEvent),
        SecretOutcome::Internal(_) => Some(ErrorType::Internal),
        SecretOutcome::Misconfigured(invalid) => Some(invalid.into()),
        SecretOutcome::NoValueYet(..) | SecretOutcome::NotFound(_) => {
            Some(ErrorType::SecretNotReady)
        }
        SecretOutcome::Unreadable(error) => Some(of_read(error)),
        SecretOutcome::Failover(outcome) => of_failover(&outcome.state),
        SecretOutcome::Covered { .. } if report.mode == Mode::DryRun => None,
        SecretOutcome::Covered { regions, .. } => match report.outcome.outcome() {
            Outcome::Failed => Some(of_regions(regions)),
            Outcome::Pending if regions.iter().any(is_pending) => {
                Some(ErrorType::ReplicationPending)
            }
            _ => None,
        },
    }
}

/// Returns the error type of a replica in a drill or a promotion.
fn of_failover(state: &ReplicaState) -> Option<ErrorType> {
    match (state, state.outcome()) {
        (ReplicaState::Failed(error), _) => Some(of_read(error)),
        (_, Outcome::Failed) => Some(ErrorType::ReplicationFailed),
        (ReplicaState::Unconfirmed, _) => Some(ErrorType::ReplicationPending),
        _ => None,
    }
}

/// Returns whether another attempt may find the Region in sync. An unknown status does not fail an event,
/// because the next attempt does not know the status either.
fn is_pending(region: &RegionOutcome) -> bool {
    match &region.state {
        RegionState::InProgress(progress) => !matches!(progress, Progress::UnknownStatus(_)),
        _ => false,
    }
}

fn of_read(error: &CallError) -> ErrorType {
    match error.kind {
        CallErrorKind::NotFound => ErrorType::SecretNotReady,
        CallErrorKind::AccessDenied => ErrorType::AccessDenied,
        CallErrorKind::Throttled | CallErrorKind::NotSent => ErrorType::Throttled,
        CallErrorKind::Unanswered => ErrorType::ServiceUnavailable,
        CallErrorKind::Refused | CallErrorKind::Internal => ErrorType::Internal,
    }
}

/// Returns the error type that all failed Regions share, or `ReplicationFailed`.
fn of_regions(regions: &[RegionOutcome]) -> ErrorType {
    let mut types = regions.iter().filter_map(|region| match region.state {
        RegionState::Failed(reason, _) => Some(of_reason(reason)),
        _ => None,
    });
    let first = types.next().unwrap_or(ErrorType::ReplicationFailed);
    if types.all(|other| other == first) {
        first
    } else {
        ErrorType::ReplicationFailed
    }
}

fn of_reason(reason: FailureReason) -> ErrorType {
    match reason {
        FailureReason::AccessDenied(_) => ErrorType::AccessDenied,
        FailureReason::Throttled => ErrorType::Throttled,
        FailureReason::ServiceUnavailable => ErrorType::ServiceUnavailable,
        FailureReason::SecretNotFound => ErrorType::SecretNotReady,
        FailureReason::NameAlreadyExists
        | FailureReason::OrphanedReplica
        | FailureReason::KmsKeyUnavailable
        | FailureReason::KmsAccessDenied(_)
        | FailureReason::RegionNotEnabled
        | FailureReason::RequestRejected
        | FailureReason::ReplicationFailed
        | FailureReason::ReplicationStuck
        | FailureReason::ReplicaStranded => ErrorType::ReplicationFailed,
    }
}
