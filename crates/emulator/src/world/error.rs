//! Errors of the API, with AWS's codes and texts.

use std::fmt;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status: 400, except for a fault of the service.
    pub status: u16,
    /// The code, sent as `__type`, for example `ResourceNotFoundException`.
    pub code: String,
    /// AWS's text.
    pub message: String,
}

impl ApiError {
    /// An error of the caller: HTTP status 400.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> ApiError {
        ApiError {
            status: 400,
            code: code.into(),
            message: message.into(),
        }
    }

    /// The answer of a stopped Region.
    pub(super) fn unavailable() -> ApiError {
        ApiError {
            status: 503,
            ..ApiError::new("ServiceUnavailable", "The service is unavailable.")
        }
    }

    pub(super) fn secret_not_found() -> ApiError {
        ApiError::new(
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
        )
    }

    pub(super) fn invalid_parameter(message: impl Into<String>) -> ApiError {
        ApiError::new("InvalidParameterException", message)
    }

    pub(super) fn invalid_request(message: impl Into<String>) -> ApiError {
        ApiError::new("InvalidRequestException", message)
    }

    pub(super) fn validation(message: impl Into<String>) -> ApiError {
        ApiError::new("ValidationException", message)
    }

    /// A violated constraint of the service model, in the words of AWS's framework.
    pub(super) fn constraint(value: &str, member: &str, constraint: &str) -> ApiError {
        ApiError::validation(format!(
            "1 validation error detected: Value {value} at '{member}' failed to satisfy \
             constraint: {constraint}"
        ))
    }

    /// \[field: lgallard/terraform-aws-secrets-manager#188\]
    pub(super) fn on_replica() -> ApiError {
        ApiError::invalid_parameter(
            "Operation not permitted on a replica secret. Call must be made in primary secret's \
             region.",
        )
    }

    /// \[field\]; also the answer to a Region of another partition \[infer\].
    pub(super) fn invalid_replica_region() -> ApiError {
        ApiError::invalid_parameter("Invalid replica region.")
    }

    /// \[field: external-secrets/kubernetes-external-secrets#415\]
    pub(super) fn marked_for_deletion() -> ApiError {
        ApiError::invalid_request(
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    }

    /// The API reference gives this text as a cause \[doc\].
    pub(super) fn managed_by_service() -> ApiError {
        ApiError::invalid_request(
            "The secret is managed by another service, and you must use that service to update it.",
        )
    }

    /// A token that belongs to a version with another value \[verified: moto\].
    pub(super) fn token_in_use(token: &str, arn: &str) -> ApiError {
        ApiError::new(
            "ResourceExistsException",
            format!(
                "You can't use ClientRequestToken {token} because that value is already in use for \
                 a version of secret {arn}."
            ),
        )
    }

    /// The caller lacks a permission on the key \[field: aws/aws-cdk#7677\].
    pub(super) fn kms_denied() -> ApiError {
        ApiError::new("AccessDeniedException", "Access to KMS is not allowed")
    }

    /// A Region that the account has not enabled does not know the account's credentials. AWS
    /// uses this code for tokens that it does not accept there \[infer\].
    pub(super) fn region_not_enabled() -> ApiError {
        ApiError::new(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )
    }

    pub(crate) fn throttled() -> ApiError {
        ApiError::new("ThrottlingException", "Rate exceeded")
    }

    pub(crate) fn unknown_operation() -> ApiError {
        ApiError::new("UnknownOperationException", "")
    }

    pub(crate) fn serialization(message: impl Into<String>) -> ApiError {
        ApiError::new("SerializationException", message)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}
