use std::fmt;

use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::RequestId;
use thiserror::Error;

use secret_replicator_core::reason::{FailureReason, PolicyType};

/// An API call of Secrets Manager that the function makes.
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
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A call that failed, in the project's own terms.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{operation}: {code}: {message}{}", .request_id.as_deref().map(|id| format!(" (request {id})")).unwrap_or_default())]
pub struct CallError {
    /// The call.
    pub operation: Operation,
    /// What the failure means.
    pub kind: CallErrorKind,
    /// AWS's error code, for instance `InvalidParameterException`, or one of the function's own
    /// where AWS gave none: `NoAnswer`, `OutOfTime`, `NotSent`, `Unreadable`.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// AWS's request id, which AWS Support asks for.
    pub request_id: Option<String>,
}

/// What a failed call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallErrorKind {
    /// The secret does not exist, or not yet.
    NotFound,
    /// The role may not make the call, or its credentials are not accepted.
    AccessDenied,
    /// AWS limits the rate.
    Throttled,
    /// The call was not sent: the write rate had no slot for it before the deadline.
    NotSent,
    /// AWS refuses this request; the same request will be refused again.
    Refused,
    /// AWS failed, or no answer came. The call may have been executed.
    Unanswered,
    /// The request could not be built, or the answer could not be read.
    Internal,
}

/// Codes that AWS services share and that Secrets Manager's model does not list (AWS general
/// reference, "Common errors").
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

pub(super) const THROTTLING_CODES: [&str; 6] = [
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
                    // Not an answer of Secrets Manager, which names a code with each error: the page of
                    // a proxy, whatever its status, or half an answer.
                    None => (CallErrorKind::Unanswered, "Unreadable"),
                }
            }
            SdkError::ConstructionFailure(_) => (CallErrorKind::Internal, "NotSent"),
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
            code: "OutOfTime".to_owned(),
            message: "no answer before the deadline of the invocation".to_owned(),
            request_id: None,
        }
    }

    /// A call that was not sent, because the write rate had no slot for it before the deadline.
    pub(super) fn not_sent(operation: Operation) -> Self {
        Self {
            operation,
            kind: CallErrorKind::NotSent,
            code: "OutOfTime".to_owned(),
            message: "the write rate had no slot for it before the deadline of the invocation"
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

    /// Whether AWS may have executed the call in spite of the failure.
    #[must_use]
    pub fn may_have_been_executed(&self) -> bool {
        self.kind == CallErrorKind::Unanswered
    }

    /// Whether the same call may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            CallErrorKind::Unanswered | CallErrorKind::Throttled | CallErrorKind::NotSent
        )
    }

    /// Whether AWS rejected a parameter of the request.
    #[must_use]
    pub fn is_validation_error(&self) -> bool {
        let codes = [
            "ValidationException",
            "InvalidParameterException",
            "InvalidNextTokenException",
        ];
        codes.contains(&self.code.as_str())
    }

    /// Whether AWS rejected the whole request, perhaps because of one Region in it.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        matches!(
            self.kind,
            CallErrorKind::Refused | CallErrorKind::AccessDenied
        )
    }

    /// The failure as a reason for the record.
    #[must_use]
    pub fn reason(&self) -> FailureReason {
        match self.kind {
            CallErrorKind::NotFound => FailureReason::SecretNotFound,
            CallErrorKind::AccessDenied => self.denial(),
            CallErrorKind::Throttled | CallErrorKind::NotSent => FailureReason::Throttled,
            CallErrorKind::Unanswered => FailureReason::ServiceUnavailable,
            CallErrorKind::Refused => {
                FailureReason::from_message(&self.message).unwrap_or_else(|| self.refusal())
            }
            CallErrorKind::Internal => FailureReason::RequestRejected,
        }
    }

    /// What denies the call: IAM names the action, and Secrets Manager says "Access to KMS is not
    /// allowed".
    fn denial(&self) -> FailureReason {
        match FailureReason::from_message(&self.message) {
            Some(denied @ (FailureReason::AccessDenied(_) | FailureReason::KmsAccessDenied(_))) => {
                denied
            }
            _ => FailureReason::AccessDenied(PolicyType::Unnamed),
        }
    }

    /// The reason of a refusal whose message says nothing that is known. `EncryptionFailure` and
    /// `DecryptionFailure` are errors about the key (API reference).
    fn refusal(&self) -> FailureReason {
        match self.code.as_str() {
            "EncryptionFailure" | "DecryptionFailure" => FailureReason::KmsKeyUnavailable,
            _ => FailureReason::RequestRejected,
        }
    }

    /// Whether AWS rejected a write because the secret is a replica. Of a replica in another account,
    /// `DescribeSecret` shows a secret like any other, so only a write tells.
    #[must_use]
    pub fn is_about_a_replica(&self) -> bool {
        self.kind == CallErrorKind::Refused
            && self
                .message
                .contains("Operation not permitted on a replica secret")
    }
}

/// The causes of an error without a message from AWS: a name that does not resolve, a broken
/// connection, a timeout. Only the `Display` forms: a `Debug` form may hold the answer's body.
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
