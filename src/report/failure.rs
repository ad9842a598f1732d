use std::fmt;

use lambda_runtime::Diagnostic;

use super::{Ending, Record, Report};
use crate::reason::{FailureReason, Progress};
use crate::reconcile::{Conclusion, Mode, Outcome, RegionConclusion, RegionState};
use crate::secrets_manager::{CallError, CallErrorKind};

/// The stable names of the errors that the function answers, as `errorType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// The event cannot be understood, or names what cannot be a secret.
    BadEvent,
    /// The function's role may not make a call.
    AccessDenied,
    /// AWS limits the rate of calls.
    Throttled,
    /// The secret, or its first value, was not there while the invocation lasted.
    SecretNotReady,
    /// A replica failed.
    ReplicationFailed,
    /// A replica was not in sync when the time was up.
    ReplicationPending,
    /// AWS did not answer, or answered with a fault of its own.
    ServiceUnavailable,
    /// The function has a bug.
    Internal,
}

/// An invocation that did not reach the wanted state, as Lambda shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    error_type: ErrorType,
    message: String,
}

impl Failure {
    /// The failure that a record tells of.
    pub(super) fn new(error_type: ErrorType, record: &Record) -> Self {
        Self {
            error_type,
            message: record.explanation(),
        }
    }

    /// The stable name.
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

/// The runtime logs the `Debug` form, so it reads like the `Display` form.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.error_type, self.message)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self {
            error_type: format!("{:?}", failure.error_type),
            error_message: failure.message,
        }
    }
}

/// The type of the error that a report ends in, if it does.
pub(super) fn error_type(report: &Report) -> Option<ErrorType> {
    let reconciliation = match &report.ending {
        Ending::BadEvent(_) => return Some(ErrorType::BadEvent),
        Ending::Internal(_) => return Some(ErrorType::Internal),
        Ending::Secret(reconciliation) => reconciliation,
    };
    match &reconciliation.conclusion {
        Conclusion::Skipped(_) => None,
        Conclusion::NotReady(_) => Some(ErrorType::SecretNotReady),
        Conclusion::Unreadable(error) => Some(of_read(error)),
        Conclusion::Covered { .. } if report.mode == Mode::DryRun => None,
        Conclusion::Covered { regions, .. } => match report.outcome() {
            Outcome::Failed => Some(of_regions(regions)),
            Outcome::Pending
                if !regions
                    .iter()
                    .all(|region| is_unknown_or_done(&region.state)) =>
            {
                Some(ErrorType::ReplicationPending)
            }
            _ => None,
        },
    }
}

/// A status that nobody knows yet never fails an event: another attempt would not know it either.
fn is_unknown_or_done(state: &RegionState) -> bool {
    match state {
        RegionState::InProgress(progress) => matches!(progress, Progress::UnknownStatus(_)),
        _ => true,
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

/// The type that all failed Regions share, or the general one.
fn of_regions(regions: &[RegionConclusion]) -> ErrorType {
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
        FailureReason::AccessDenied => ErrorType::AccessDenied,
        FailureReason::Throttled => ErrorType::Throttled,
        FailureReason::ServiceUnavailable => ErrorType::ServiceUnavailable,
        FailureReason::SecretNotFound => ErrorType::SecretNotReady,
        FailureReason::NameAlreadyExists
        | FailureReason::OrphanedReplica
        | FailureReason::KmsKeyUnavailable
        | FailureReason::KmsAccessDenied
        | FailureReason::RegionNotEnabled
        | FailureReason::RequestRejected
        | FailureReason::ReplicationFailed => ErrorType::ReplicationFailed,
    }
}
