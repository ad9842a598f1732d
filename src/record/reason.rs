use std::borrow::Cow;

use secret_replicator_core::reason::{FailureReason, NO_VALUE_REMEDIATION, NO_VALUE_YET};

use super::Report;
use crate::deployment::CheckOutcome;
use crate::failover::ReplicaState;
use crate::reconcile::SecretOutcome;
use crate::settings::SettingsInvalid;

/// The reason for an outcome that concerns the secret as a whole.
pub(super) struct Reason {
    /// The value of the record's field `reason`.
    pub(super) code: &'static str,
    /// The description.
    pub(super) detail: String,
    /// The remediation.
    pub(super) remediation: Option<Cow<'static, str>>,
}

impl Reason {
    /// Returns the reason for the outcome of a report, or `None` if the outcomes of the Regions contain all
    /// reasons.
    pub(super) fn of(report: &Report) -> Option<Self> {
        Some(match &report.outcome {
            SecretOutcome::Covered { .. } | SecretOutcome::NotReached => return None,
            SecretOutcome::Failover(outcome) => return Self::of_failover(&outcome.state),
            SecretOutcome::Skipped(_, reason) => Self {
                code: reason.code(),
                detail: reason.detail(),
                remediation: reason.remediation().map(Cow::Owned),
            },
            SecretOutcome::NotFound(error) => Self {
                code: FailureReason::SecretNotFound.code(),
                detail: error.to_string(),
                remediation: Some(if report.origin.is_action() {
                    "check the name and the Region: the function reads secrets only in its own Region"
                        .into()
                } else {
                    FailureReason::SecretNotFound.remediation().into()
                }),
            },
            SecretOutcome::NoValueYet(..) => Self {
                code: NO_VALUE_YET,
                detail: "the secret has no value, so there is nothing to replicate yet".to_owned(),
                remediation: Some(NO_VALUE_REMEDIATION.into()),
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
            SecretOutcome::Misconfigured(invalid) => Self {
                code: code_of(invalid),
                detail: invalid.to_string(),
                remediation: Some(if report.origin.is_action() {
                    "deploy the stack again with the problems fixed; then send the action again"
                        .into()
                } else {
                    "deploy the stack again with the problems fixed; then start a sweep, which covers the \
                     secrets of failed events"
                        .into()
                }),
            },
            SecretOutcome::DeploymentCheck(outcome) => Self::of_check(outcome),
            SecretOutcome::Internal(message) => Self {
                code: "internal",
                detail: message.clone(),
                remediation: Some(
                    "this is a bug in the function; report it with this record".into(),
                ),
            },
        })
    }

    fn of_check(outcome: &CheckOutcome) -> Self {
        match outcome {
            CheckOutcome::Accepted => Self {
                code: "deployment-accepted",
                detail: "CloudFormation has been told to continue the deployment".to_owned(),
                remediation: None,
            },
            CheckOutcome::Rejected(invalid) => Self {
                code: code_of(invalid),
                detail: format!("CloudFormation has been told to roll back: {invalid}"),
                remediation: Some("fix the problems, and deploy the stack again".into()),
            },
            CheckOutcome::Unanswered(error) => Self {
                code: "deployment-unanswered",
                detail: error.to_string(),
                remediation: Some(
                    "allow the function to reach S3 in its Region; CloudFormation rolls back after five minutes \
                     without an answer"
                        .into(),
                ),
            },
        }
    }

    /// Returns the reason for the state of a replica in a drill or a promotion. A drill can find several: the first is
    /// the gravest.
    fn of_failover(state: &ReplicaState) -> Option<Self> {
        Some(match state {
            ReplicaState::Found(findings) => {
                let details: Vec<&str> = findings.iter().map(|found| found.detail.as_str()).collect();
                let first = findings.first()?;
                Self {
                    code: first.code,
                    detail: details.join("; "),
                    remediation: Some(first.remediation.clone().into()),
                }
            }
            ReplicaState::NotPromoted(reason) => Self {
                code: reason.code(),
                detail: reason.detail(),
                remediation: Some(
                    "the action `drill` shows whether the replica can be promoted; then send `promote` again".into(),
                ),
            },
            ReplicaState::Failed(error) => Self {
                code: error.reason().code(),
                detail: error.to_string(),
                remediation: Some(error.reason().remediation().into()),
            },
            ReplicaState::Unconfirmed => Self {
                code: "promotion-unconfirmed",
                detail: "AWS accepted the promotion, but reads do not show a standalone secret yet".to_owned(),
                remediation: Some("send the same action again; it reads the secret once more".into()),
            },
            ReplicaState::Ready
            | ReplicaState::Planned
            | ReplicaState::Promoted
            | ReplicaState::AlreadyStandalone
            | ReplicaState::Unsettled
            | ReplicaState::NotCovered
            | ReplicaState::NotReached => return None,
        })
    }
}

/// Returns the code for invalid settings.
fn code_of(invalid: &SettingsInvalid) -> &'static str {
    if invalid.has_policy() {
        "policy-invalid"
    } else {
        "config-invalid"
    }
}
