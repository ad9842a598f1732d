use std::fmt;

use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::RequestId;
use thiserror::Error;

use secret_replicator_core::reason::{FailureReason, PolicyType};

use super::freshness::MAX_READ_AGE;

/// An API call of Secrets Manager that the function or the command-line tool makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `DescribeSecret`
    DescribeSecret,
    /// `ListSecrets`
    ListSecrets,
    /// `ReplicateSecretToRegions`
    ReplicateSecretToRegions,
    /// `RemoveRegionsFromReplication`
    RemoveRegionsFromReplication,
    /// `StopReplicationToReplica`
    StopReplicationToReplica,
    /// `ListSecretVersionIds`
    ListSecretVersionIds,
    /// `RestoreSecret`
    RestoreSecret,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{operation}: {code}: {message}{}", .request_id.as_deref().map(|id| format!(" (request {id})")).unwrap_or_default())]
pub struct CallError {
    /// The operation.
    pub operation: Operation,
    /// The kind of the failure.
    pub kind: CallErrorKind,
    /// AWS's error code, for instance `InvalidParameterException`. Without one, the function's own code:
    /// `NoAnswer`, `OutOfTime`, `NotSent`, `SlowRead`, `OldRead`, `Invalid` or
    /// `Unreadable`.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// AWS's request ID, which AWS Support needs.
    pub request_id: Option<String>,
}

/// The kind of a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallErrorKind {
    /// The secret does not exist, or does not exist yet.
    NotFound,
    /// The role is not allowed to make the call, or AWS rejected the credentials.
    AccessDenied,
    /// AWS throttled the call.
    Throttled,
    /// The call was not sent, because it got no write slot or no connection before the
    /// deadline.
    NotSent,
    /// AWS rejected the request and would reject the same request again.
    Refused,
    /// AWS failed or did not respond. The call may have been executed.
    Unanswered,
    /// The request could not be built, or the response could not be read.
    Internal,
}

/// The code of a call without a response before its deadline.
const OUT_OF_TIME: &str = "OutOfTime";

/// Codes that are common to AWS services and missing from Secrets Manager's model (AWS General
/// Reference, "Common errors").
const ACCESS_CODES: [&str; 14] = [
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

const THROTTLING_CODES: [&str; 6] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
];

impl CallError {
    pub(super) fn from_sdk<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let (kind, code) = match error {
            SdkError::ServiceError(answer) => {
                let status = answer.raw().status().as_u16();
                match error.code().filter(|code| !code.is_empty()) {
                    Some(code) => (kind_of(code, status), code),
                    // Secrets Manager returns a code with each error. This response is the page of a proxy,
                    // with any status, or it is incomplete.
                    None => (CallErrorKind::Unanswered, "Unreadable"),
                }
            }
            SdkError::ConstructionFailure(_) => (CallErrorKind::Internal, "Invalid"),
            _ => (CallErrorKind::Unanswered, "NoAnswer"),
        };
        let message = error.message().map_or_else(|| causes(error), str::to_owned);
        Self {
            operation,
            kind,
            code: code.to_owned(),
            message,
            request_id: error.request_id().map(str::to_owned),
        }
    }

    pub(super) fn out_of_time(operation: Operation) -> Self {
        Self {
            operation,
            kind: CallErrorKind::Unanswered,
            code: OUT_OF_TIME.to_owned(),
            message: "no response before the deadline of the invocation".to_owned(),
            request_id: None,
        }
    }

    /// Creates the error of a call that was not sent, because it got no write slot or no connection before
    /// the deadline.
    #[must_use]
    pub fn not_sent(operation: Operation) -> Self {
        Self {
            operation,
            kind: CallErrorKind::NotSent,
            code: "NotSent".to_owned(),
            message:
                "the call got no write slot or no connection before the deadline of the invocation"
                    .to_owned(),
            request_id: None,
        }
    }

    /// Creates the error of a write that was not sent, because each read on which it could rest was too old
    /// when it arrived.
    #[must_use]
    pub fn slow_read() -> Self {
        Self {
            operation: Operation::DescribeSecret,
            kind: CallErrorKind::Unanswered,
            code: "SlowRead".to_owned(),
            message: format!(
                "DescribeSecret takes too long, or the connection for the write does: a write must arrive within {} \
                 seconds after the read on which it rests",
                MAX_READ_AGE.as_secs()
            ),
            request_id: None,
        }
    }

    /// Creates the error of a read that is older than an earlier one: it lacks the secret's value.
    #[must_use]
    pub fn old_read() -> Self {
        Self {
            operation: Operation::DescribeSecret,
            kind: CallErrorKind::Unanswered,
            code: "OldRead".to_owned(),
            message:
                "DescribeSecret lags: it lacks the secret's value, which an earlier response showed"
                    .to_owned(),
            request_id: None,
        }
    }

    pub(super) fn unreadable(operation: Operation, message: String) -> Self {
        Self {
            operation,
            kind: CallErrorKind::Internal,
            code: "Unreadable".to_owned(),
            message,
            request_id: None,
        }
    }

    /// Returns whether AWS may have executed the call despite the failure.
    #[must_use]
    pub fn may_have_been_executed(&self) -> bool {
        self.kind == CallErrorKind::Unanswered
    }

    /// Returns whether there was no response before the deadline.
    #[must_use]
    pub fn is_out_of_time(&self) -> bool {
        self.code == OUT_OF_TIME
    }

    /// Returns whether the same call may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            CallErrorKind::Unanswered | CallErrorKind::Throttled | CallErrorKind::NotSent
        )
    }

    /// Returns whether AWS rejected a parameter of the request.
    #[must_use]
    pub fn is_validation_error(&self) -> bool {
        let codes = [
            "ValidationException",
            "InvalidParameterException",
            "InvalidNextTokenException",
        ];
        codes.contains(&self.code.as_str())
    }

    /// Returns whether AWS rejected the token of a page.
    #[must_use]
    pub fn is_invalid_token(&self) -> bool {
        self.code == "InvalidNextTokenException"
    }

    /// Returns whether AWS rejected the whole request, possibly because of one of its Regions.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        matches!(
            self.kind,
            CallErrorKind::Refused | CallErrorKind::AccessDenied
        )
    }

    /// Returns the failure as a reason for the record.
    #[must_use]
    pub fn reason(&self) -> FailureReason {
        match self.kind {
            CallErrorKind::NotFound => FailureReason::SecretNotFound,
            CallErrorKind::AccessDenied => self.denial(),
            CallErrorKind::Throttled | CallErrorKind::NotSent => FailureReason::Throttled,
            CallErrorKind::Unanswered => FailureReason::ServiceUnavailable,
            CallErrorKind::Refused => {
                FailureReason::from_message(&self.message).unwrap_or_else(|| self.rejection())
            }
            CallErrorKind::Internal => FailureReason::RequestRejected,
        }
    }

    /// Returns what denies the call. IAM's message contains the action, Secrets Manager's is "Access to KMS
    /// is not allowed".
    fn denial(&self) -> FailureReason {
        match FailureReason::from_message(&self.message) {
            Some(denied @ (FailureReason::AccessDenied(_) | FailureReason::KmsAccessDenied(_))) => {
                denied
            }
            _ => FailureReason::AccessDenied(PolicyType::Unnamed),
        }
    }

    /// Returns the reason of a rejection with an unknown message. `EncryptionFailure` and
    /// `DecryptionFailure` are errors of the key (API reference).
    fn rejection(&self) -> FailureReason {
        match self.code.as_str() {
            "EncryptionFailure" | "DecryptionFailure" => FailureReason::KmsKeyUnavailable,
            _ => FailureReason::RequestRejected,
        }
    }

    /// Returns whether AWS rejected a write because the secret is a replica. `DescribeSecret` marks a replica
    /// from another account with `CrossAccountPrimary`, which the SDK does not know. Reading it would need a
    /// second parse of the body of every response, so only a write reveals such a replica.
    #[must_use]
    pub fn is_about_a_replica(&self) -> bool {
        self.kind == CallErrorKind::Refused
            && self
                .message
                .contains("Operation not permitted on a replica secret")
    }
}

/// Returns the causes of an error without a message from AWS, for instance a name that does not resolve,
/// a broken connection or a timeout. Uses only the `Display` forms, because a `Debug` form may contain
/// the response body.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = chain.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

fn kind_of(code: &str, status: u16) -> CallErrorKind {
    if code == "ResourceNotFoundException" {
        CallErrorKind::NotFound
    } else if ACCESS_CODES.contains(&code) {
        CallErrorKind::AccessDenied
    } else if THROTTLING_CODES.contains(&code) {
        CallErrorKind::Throttled
    } else if status >= 500 || code == "InternalServiceError" {
        CallErrorKind::Unanswered
    } else {
        CallErrorKind::Refused
    }
}
