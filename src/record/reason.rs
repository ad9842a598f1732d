use std::borrow::Cow;

use secret_replicator_core::reason::FailureReason;

use crate::reconcile::SecretOutcome;

/// Why a request ended as it did, where that concerns the secret as a whole.
pub(super) struct Reason {
    /// The code in the record.
    pub(super) code: &'static str,
    /// What happened.
    pub(super) detail: String,
    /// What to do about it.
    pub(super) remediation: Option<Cow<'static, str>>,
}

impl Reason {
    /// The reason for an outcome. `None` if the Regions say everything.
    pub(super) fn of(outcome: &SecretOutcome) -> Option<Self> {
        Some(match outcome {
            SecretOutcome::Covered { .. } | SecretOutcome::NotReached => return None,
            SecretOutcome::Skipped(_, reason) => Self {
                code: reason.code(),
                detail: reason.detail(),
                remediation: reason.remediation().map(Cow::Owned),
            },
            SecretOutcome::NotFound(error) => Self {
                code: FailureReason::SecretNotFound.code(),
                detail: error.to_string(),
                remediation: Some(FailureReason::SecretNotFound.remediation().into()),
            },
            SecretOutcome::NoValueYet(..) => Self {
                code: "no-value-yet",
                detail: "the secret has no value, so there is nothing to replicate yet".to_owned(),
                remediation: Some(
                    "put a value into the secret; Lambda retries an event, by hand reconcile again"
                        .into(),
                ),
            },
            SecretOutcome::Unreadable(error) => Self {
                code: error.reason().code(),
                detail: error.to_string(),
                remediation: Some(error.reason().remediation().into()),
            },
            SecretOutcome::BadEvent(bad) => Self {
                code: "bad-event",
                detail: bad.message.clone(),
                remediation: Some(bad.remediation.into()),
            },
            SecretOutcome::Internal(message) => Self {
                code: "internal",
                detail: message.clone(),
                remediation: Some(
                    "this is a bug of the function: report it with this record".into(),
                ),
            },
        })
    }
}
