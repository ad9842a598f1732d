//! The state of a customer managed key in a Region, and what to do if it does not work.

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::types::KeyMetadata;

use crate::access::{Access, ApiError};

/// The error code for a key that does not exist in the Region.
const NOT_FOUND: &str = "NotFoundException";

/// The state of a key.
#[derive(Clone, Debug)]
pub(crate) struct KeyState {
    /// The state in KMS, for instance `Enabled` or `PendingDeletion`.
    pub(crate) state: String,
    /// Whether the key is symmetric and encrypts. Secrets Manager uses no other keys.
    pub(crate) encrypts: bool,
}

impl From<&KeyMetadata> for KeyState {
    fn from(key: &KeyMetadata) -> Self {
        let is_symmetric = key
            .key_spec()
            .is_none_or(|spec| spec.as_str() == "SYMMETRIC_DEFAULT");
        let encrypts = key
            .key_usage()
            .is_none_or(|usage| usage.as_str() == "ENCRYPT_DECRYPT");
        Self {
            state: key
                .key_state()
                .map_or("Unknown", |state| state.as_str())
                .to_owned(),
            encrypts: is_symmetric && encrypts,
        }
    }
}

/// Reads a key in the Region of the access. An alias or a key ID is valid in the Region of the call only. Returns
/// `None` if the Region does not have the key.
///
/// # Errors
/// AWS rejects the call or does not answer.
pub(crate) async fn describe(access: &Access, key: &str) -> Result<Option<KeyMetadata>, ApiError> {
    let client = Client::new(access.config());
    match client.describe_key().key_id(key).send().await {
        Ok(found) => Ok(found.key_metadata),
        Err(error) if error.code() == Some(NOT_FOUND) => Ok(None),
        Err(error) => Err(ApiError::new("kms:DescribeKey", &error)),
    }
}

/// Why a key does not encrypt a secret, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyProblem {
    pub(crate) problem: String,
    pub(crate) remediation: String,
}

/// Returns the problem of a key in a Region. `None` if the key works.
pub(crate) fn problem(region: &str, key: &str, state: Option<&KeyState>) -> Option<KeyProblem> {
    let (problem, remediation) = match state {
        Some(KeyState {
            encrypts: false, ..
        }) => (
            format!("the key {key} in {region} is not a symmetric encryption key"),
            "name a symmetric encryption key in the policy: Secrets Manager uses no other"
                .to_owned(),
        ),
        Some(KeyState { state, .. }) if state == "Enabled" => return None,
        Some(KeyState { state, .. }) => (
            format!("the key {key} in {region} is {state}"),
            enable(state, region, key),
        ),
        None => (
            format!("the key {key} does not exist in {region}"),
            create(region, key),
        ),
    };
    Some(KeyProblem {
        problem,
        remediation,
    })
}

fn enable(state: &str, region: &str, key: &str) -> String {
    match state {
        "PendingDeletion" | "PendingReplicaDeletion" => format!(
            "run `aws kms cancel-key-deletion` and `aws kms enable-key` with `--region {region} --key-id {key}`, \
             or name another key in the policy"
        ),
        "Disabled" => format!("run `aws kms enable-key --region {region} --key-id {key}`"),
        _ => "wait until the key is enabled, or name another key in the policy".to_owned(),
    }
}

fn create(region: &str, key: &str) -> String {
    let key_id = key.rsplit('/').next().unwrap_or(key);
    if key_id.starts_with("mrk-") {
        format!(
            "run `aws kms replicate-key --key-id {key_id} --replica-region {region}` in the Region of the \
             multi-Region primary key"
        )
    } else {
        format!("create the key or the alias in {region}, or name another key in the policy")
    }
}
