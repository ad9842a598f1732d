use super::{Ending, Report};
use crate::reason::FailureReason;
use crate::reconcile::{Conclusion, NotReady};

/// Why an invocation ended as it did, where that concerns the secret as a whole.
pub(super) struct Cause {
    /// The code in the record.
    pub(super) reason: &'static str,
    /// What happened.
    pub(super) detail: String,
    /// What to do about it.
    pub(super) remediation: Option<&'static str>,
}

impl Cause {
    /// The cause that a report tells of. `None` if the Regions tell everything.
    pub(super) fn of(report: &Report) -> Option<Self> {
        match &report.ending {
            Ending::Secret(reconciliation) => Self::of_conclusion(&reconciliation.conclusion),
            Ending::BadEvent(bad) => Some(Self {
                reason: "bad-event",
                detail: bad.message.clone(),
                remediation: Some(bad.remediation),
            }),
            Ending::Internal(message) => Some(Self {
                reason: "internal",
                detail: message.clone(),
                remediation: Some("this is a bug of the function: report it with this record"),
            }),
        }
    }

    fn of_conclusion(conclusion: &Conclusion) -> Option<Self> {
        Some(match conclusion {
            Conclusion::Covered { .. } => return None,
            Conclusion::Skipped(reason) => Self {
                reason: reason.code(),
                detail: reason.detail(),
                remediation: None,
            },
            Conclusion::NotReady(NotReady::NotFound(error)) => Self {
                reason: FailureReason::SecretNotFound.code(),
                detail: error.to_string(),
                remediation: Some(FailureReason::SecretNotFound.remediation()),
            },
            Conclusion::NotReady(NotReady::NoValueYet(_)) => Self {
                reason: "no-value-yet",
                detail: "the secret has no value, so there is nothing to replicate yet".to_owned(),
                remediation: Some(
                    "put a value into the secret; Lambda retries an event, by hand reconcile again",
                ),
            },
            Conclusion::Unreadable(error) => Self {
                reason: error.reason().code(),
                detail: error.to_string(),
                remediation: Some(error.reason().remediation()),
            },
        })
    }
}
