//! The requests. Members that are `null` count as absent; unknown members are ignored,
//! as AWS does.

use serde::Deserialize;
use serde_json::Value;

use super::ApiError;
use super::secret::{SecretText, Tag};

/// Reads a request body.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a Value) -> Result<T, ApiError> {
    T::deserialize(body).map_err(|error| ApiError::serialization(error.to_string()))
}

/// A member that must be there.
pub(super) fn required<T>(member: Option<T>, name: &str) -> Result<T, ApiError> {
    member.ok_or_else(|| ApiError::constraint("null", name, "Member must not be null"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateSecret {
    pub(super) name: Option<String>,
    pub(super) client_request_token: Option<String>,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) secret_string: Option<String>,
    pub(super) secret_binary: Option<String>,
    pub(super) tags: Option<Vec<RawTag>>,
    pub(super) add_replica_regions: Option<Vec<ReplicaRegion>>,
    pub(super) force_overwrite_replica_secret: Option<bool>,
}

/// `DescribeSecret`, `RestoreSecret`, `StopReplicationToReplica`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OneSecret {
    pub(super) secret_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSecrets {
    pub(super) include_planned_deletion: Option<bool>,
    pub(super) max_results: Option<i64>,
    pub(super) next_token: Option<String>,
    pub(super) filters: Option<Vec<RawFilter>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawFilter {
    pub(super) key: Option<String>,
    pub(super) values: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResource {
    pub(super) secret_id: Option<String>,
    pub(super) tags: Option<Vec<RawTag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagResource {
    pub(super) secret_id: Option<String>,
    pub(super) tag_keys: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutSecretValue {
    pub(super) secret_id: Option<String>,
    pub(super) client_request_token: Option<String>,
    pub(super) secret_string: Option<String>,
    pub(super) secret_binary: Option<String>,
    pub(super) version_stages: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetSecretValue {
    pub(super) secret_id: Option<String>,
    pub(super) version_id: Option<String>,
    pub(super) version_stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteSecret {
    pub(super) secret_id: Option<String>,
    pub(super) recovery_window_in_days: Option<i64>,
    pub(super) force_delete_without_recovery: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReplicateSecretToRegions {
    pub(super) secret_id: Option<String>,
    pub(super) add_replica_regions: Option<Vec<ReplicaRegion>>,
    pub(super) force_overwrite_replica_secret: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemoveRegionsFromReplication {
    pub(super) secret_id: Option<String>,
    pub(super) remove_replica_regions: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReplicaRegion {
    pub(super) region: Option<String>,
    pub(super) kms_key_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawTag {
    pub(super) key: Option<String>,
    pub(super) value: Option<String>,
}

/// The value in a request, if it has one.
pub(super) fn secret_text(
    string: Option<String>,
    binary: Option<String>,
) -> Result<Option<SecretText>, ApiError> {
    match (string, binary) {
        (Some(_), Some(_)) => Err(ApiError::invalid_parameter(
            "You can't specify both a secret string value and a secret binary value in the same \
             secret.",
        )),
        (Some(text), None) => Ok(Some(SecretText::String(text))),
        (None, Some(text)) => Ok(Some(SecretText::Binary(text))),
        (None, None) => Ok(None),
    }
}

/// Checks tags against the documented limits \[doc\].
pub(super) fn tags(raw: Vec<RawTag>) -> Result<Vec<Tag>, ApiError> {
    raw.into_iter().map(tag).collect()
}

fn tag(raw: RawTag) -> Result<Tag, ApiError> {
    let key = required(raw.key, "tags.1.member.key")?;
    let value = raw.value.unwrap_or_default();
    if key.is_empty() || key.chars().count() > 128 {
        return Err(ApiError::constraint(
            &format!("'{key}'"),
            "tags.1.member.key",
            "Member must have length less than or equal to 128 and greater than or equal to 1",
        ));
    }
    if value.chars().count() > 256 {
        return Err(ApiError::constraint(
            &format!("'{value}'"),
            "tags.1.member.value",
            "Member must have length less than or equal to 256",
        ));
    }
    if key.starts_with("aws:") {
        return Err(ApiError::invalid_parameter(
            "aws: prefixed tag key names are not allowed for external use.",
        ));
    }
    Ok(Tag { key, value })
}
