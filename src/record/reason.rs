use secret_replicator_core::reason::FailureReason;

use crate::reconcile::SecretOutcome;

/// The reason for an outcome that concerns the secret as a whole.
pub(super) struct Reason {
    /// The value of the record's field `reason`.
    pub(super) code: &'static str,
    /// The description.
    pub(super) detail: String,
    /// The remediation.
    pub(super) remediation: Option<&'static str>,
}

impl Reason {
    /// Returns the reason for an outcome, or `None` if the outcomes of the Regions contain all reasons.
    pub(super) fn of(outcome: &SecretOutcome) -> Option<Self> {
        Some(match outcome {
            SecretOutcome::Covered { .. } | SecretOutcome::NotReached => return None,
            SecretOutcome::Skipped(_, reason) => Self {
                code: reason.code(),
                detail: reason.detail(),
                remediation: None,
            },
            SecretOutcome::NotFound(error) => Self {
                code: FailureReason::SecretNotFound.code(),
                detail: error.to_string(),
                remediation: Some(FailureReason::SecretNotFound.remediation()),
            },
            SecretOutcome::NoValueYet(..) => Self {
                code: "no-value-yet",
                detail: "the secret has no value, so there is nothing to replicate yet".to_owned(),
                remediation: Some(
                    "put a value into the secret; Lambda retries an event, but after a manual call \
                     reconcile the secret again",
                ),
            },
            SecretOutcome::Unreadable(error) => Self {
                code: error.reason().code(),
                detail: error.to_string(),
                remediation: Some(error.reason().remediation()),
            },
            SecretOutcome::BadEvent(bad) => Self {
                code: "bad-event",
                detail: bad.message.clone(),
                remediation: Some(bad.remediation),
            },
            SecretOutcome::Internal(message) => Self {
                code: "internal",
                detail: message.clone(),
                remediation: Some("this is a bug in the function; report it with this record"),
            },
        })
    }
}
