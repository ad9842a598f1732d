//! The remediation of failed AWS calls.

use std::env;
use std::error::Error;
use std::sync::OnceLock;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use secret_replicator_aws::CallError;
use thiserror::Error;

/// A failed call to an AWS service.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", with_remediation(.action, .code, .message))]
pub(crate) struct ApiError {
    /// The IAM action, for example `sts:GetCallerIdentity`.
    pub(crate) action: String,
    /// AWS's error code. Empty without an answer of AWS.
    pub(crate) code: String,
    /// AWS's message, or the causes of an error without an answer of AWS.
    pub(crate) message: String,
}

impl ApiError {
    /// Converts an error of the SDK. `action` is the IAM action of the call.
    pub(crate) fn new<E>(action: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let code = error.code().unwrap_or_default();
        let mut message = error.message().map_or_else(|| causes(error), str::to_owned);
        if let Some(status) = status_of_another_server(error) {
            message = format!("{NOT_AN_AWS_ERROR} {status} ({message})");
        }
        Self {
            action: action.to_owned(),
            code: code.to_owned(),
            message,
        }
    }
}

/// Returns the HTTP status of an answer that rejects the call and has no error code of AWS. AWS itself may answer so
/// while it is unavailable, with a status from 500.
fn status_of_another_server<E>(error: &SdkError<E, HttpResponse>) -> Option<u16>
where
    E: ProvideErrorMetadata,
{
    let SdkError::ServiceError(context) = error else {
        return None;
    };
    let status = context.raw().status().as_u16();
    (context.err().code().is_none() && status < 500).then_some(status)
}

impl From<&CallError> for ApiError {
    fn from(error: &CallError) -> Self {
        Self {
            action: format!("secretsmanager:{}", error.operation),
            code: error.code.clone(),
            message: error.message.clone(),
        }
    }
}

/// The profile of `--profile`. All calls of a process have the same one.
static PROFILE: OnceLock<String> = OnceLock::new();

/// Sets the profile that remediations name.
pub(super) fn use_profile(name: &str) {
    PROFILE.get_or_init(|| name.to_owned());
}

/// Returns the profile of `--profile`, or of the environment.
fn profile() -> Option<String> {
    let of_environment = || env::var("AWS_PROFILE").ok();
    let profile = PROFILE.get().cloned().or_else(of_environment);
    profile.filter(|name| !name.is_empty())
}

/// Returns the command that signs in to IAM Identity Center.
fn sign_in() -> String {
    match profile() {
        Some(name) => format!("aws sso login --profile {name}"),
        None => "aws sso login".to_owned(),
    }
}

/// The beginning of the message about an answer without an error code of AWS, before its HTTP status.
const NOT_AN_AWS_ERROR: &str = "expected an error of AWS, found HTTP status";

/// The messages of the SDK if no provider of the chain, or that of a profile, has credentials.
const NO_CREDENTIALS: [&str; 4] = [
    "failed to load IMDS session token",
    "no credentials found in chain",
    "no providers in chain provided credentials",
    "the credential provider was not enabled",
];

/// Formats the failure of a call: the action, AWS's code and message, and the remediation.
fn with_remediation(action: &str, code: &str, message: &str) -> String {
    if NO_CREDENTIALS.iter().any(|text| message.contains(text)) {
        return match profile() {
            Some(profile) => format!(
                "{action} failed: the profile `{profile}` has no credentials; `aws configure list --profile {profile}` \
                 shows what it has"
            ),
            None => format!(
                "{action} failed: no AWS credentials were found; add `--profile NAME` (`aws configure \
                 list-profiles` shows the names), or sign in with `aws sso login` or `aws configure`"
            ),
        };
    }
    let code = if code.is_empty() || code == "NoAnswer" {
        String::new()
    } else {
        format!("{code}: ")
    };
    let code = if message.is_empty() {
        code.trim_end_matches(": ").to_owned()
    } else {
        code
    };
    match remediation(action, &code, message) {
        Some(remediation) => format!("{action} failed: {code}{message}; {remediation}"),
        None => format!("{action} failed: {code}{message}"),
    }
}

/// Returns the remediation of a failed call. `None` for an unknown cause.
fn remediation(action: &str, code: &str, message: &str) -> Option<String> {
    let has = |parts: &[&str]| {
        let mut parts = parts.iter();
        parts.any(|part| message.contains(part) || code.contains(part))
    };
    // First, because the name of a role of IAM Identity Center contains SSO.
    if has(&["AccessDenied", "not authorized to perform"]) {
        let denied = message.split_once("not authorized to perform: ");
        let denied = denied.and_then(|(_, rest)| rest.split_whitespace().next());
        let action = denied.filter(|word| word.contains(':')).unwrap_or(action);
        if action == "sts:AssumeRole" {
            return Some(
                "check the role, which is that of `--role-name` or of the profile: its trust policy must allow the \
                 caller, with the external ID that it requires, and the caller needs `sts:AssumeRole` for it"
                    .to_owned(),
            );
        }
        return Some(format!(
            "allow `{action}`: docs/CLI.md has the IAM policy of each command"
        ));
    }
    // The SDK's credential providers have no public error codes (aws-config 1.13).
    if has(&["SSO", "access token"]) {
        return Some(format!("sign in again: `{}`", sign_in()));
    }
    if has(&["ExpiredToken", "RequestExpired"]) {
        return Some(format!(
            "the temporary credentials have expired: request new ones, or sign in again with `{}`",
            sign_in()
        ));
    }
    if has(&["was not defined", "No profiles were defined"]) {
        return Some(
            "`aws configure list-profiles` shows the profiles; name one of them with `--profile`"
                .to_owned(),
        );
    }
    if has(&[
        "InvalidClientTokenId",
        "UnrecognizedClient",
        "InvalidSignature",
        "SignatureDoesNotMatch",
    ]) {
        return Some(
            "the credentials are not valid in this Region: check the profile, and that the account has \
             enabled the Region"
                .to_owned(),
        );
    }
    if has(&[NOT_AN_AWS_ERROR, "UnknownOperation", "Unreadable"]) {
        return Some(
            "check that the server of `--endpoint-url` or AWS_ENDPOINT_URL has this service, and that no proxy \
             answers instead of AWS"
                .to_owned(),
        );
    }
    if has(&["Throttling", "TooManyRequests", "Rate exceeded"]) {
        return Some(
            "AWS limits the calls of the whole account: run the command again when other tools make fewer"
                .to_owned(),
        );
    }
    if has(&[
        "InternalServiceError",
        "InternalFailure",
        "ServiceUnavailable",
    ]) {
        return Some("AWS could not answer: run the command again".to_owned());
    }
    if has(&["dispatch failure", "dns error", "connect", "timeout"]) {
        return Some(
            "check the network, the Region code, and `--endpoint-url` or AWS_ENDPOINT_URL"
                .to_owned(),
        );
    }
    None
}

/// Returns the causes of an error without a message from AWS. Uses only the `Display` forms, because a
/// `Debug` form may contain the response body.
fn causes(error: &(dyn Error + 'static)) -> String {
    let first: Option<&(dyn Error + 'static)> = Some(error);
    let chain = std::iter::successors(first, |&error| error.source());
    let mut texts: Vec<String> = chain.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remediation_of(code: &str, message: &str) -> String {
        with_remediation("secretsmanager:ListSecrets", code, message)
    }

    #[test]
    fn each_known_cause_has_its_remediation() {
        let cases = [
            (
                "",
                "the SSO token has expired and cannot be refreshed",
                "aws sso login",
            ),
            ("ExpiredTokenException", "expired", "request new ones"),
            (
                "",
                "profile `prod` was not defined",
                "aws configure list-profiles",
            ),
            (
                "",
                "no credentials found in chain. Attempted: Environment",
                "add `--profile NAME`",
            ),
            (
                "AccessDeniedException",
                "User: arn:aws:iam::123456789012:user/a is not authorized to perform: kms:DescribeKey on it",
                "allow `kms:DescribeKey`",
            ),
            (
                "UnrecognizedClientException",
                "The security token is invalid",
                "enabled the Region",
            ),
            (
                "NoAnswer",
                "dispatch failure: io error",
                "check the network",
            ),
            (
                "AccessDenied",
                "User: arn:aws:iam::123456789012:user/a is not authorized to perform: sts:AssumeRole on resource: b",
                "trust policy",
            ),
            (
                "ThrottlingException",
                "Rate exceeded",
                "run the command again",
            ),
            ("InternalServiceError", "", "run the command again"),
            (
                "",
                "failed to load IMDS session token: 403",
                "no AWS credentials",
            ),
            ("UnknownOperationException", "", "has this service"),
            ("Unreadable", "unhandled error", "no proxy answers"),
        ];
        for (code, message, expected) in cases {
            let text = remediation_of(code, message);
            assert!(text.contains(expected), "{text}");
            assert!(!text.contains("NoAnswer"), "{text}");
        }
        let unknown = remediation_of("InvalidParameterException", "no");
        assert_eq!(
            unknown,
            "secretsmanager:ListSecrets failed: InvalidParameterException: no"
        );
    }
}
