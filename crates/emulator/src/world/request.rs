//! Requests. Members that are `null` count as absent. Unknown members are ignored, as on AWS.

use serde::Deserialize;
use serde_json::Value;

use super::ApiError;
use super::secret::{SecretValue, Tag};

/// The members of all operations. A member has the same meaning in each operation that has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    secret_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) client_request_token: Option<String>,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
    tags: Option<Vec<RawTag>>,
    pub(super) tag_keys: Option<Vec<String>>,
    pub(super) add_replica_regions: Option<Vec<ReplicaRegion>>,
    pub(super) force_overwrite_replica_secret: Option<bool>,
    pub(super) remove_replica_regions: Option<Vec<String>>,
    pub(super) version_id: Option<String>,
    pub(super) version_stage: Option<String>,
    pub(super) version_stages: Option<Vec<String>>,
    pub(super) recovery_window_in_days: Option<i64>,
    pub(super) force_delete_without_recovery: Option<bool>,
    pub(super) include_planned_deletion: Option<bool>,
    pub(super) max_results: Option<i64>,
    pub(super) next_token: Option<String>,
    pub(super) sort_by: Option<String>,
    pub(super) sort_order: Option<String>,
    pub(super) filters: Option<Vec<RawFilter>>,
    pub(super) secret_id_list: Option<Vec<String>>,
    pub(super) move_to_version_id: Option<String>,
    pub(super) remove_from_version_id: Option<String>,
    #[serde(rename = "RotationLambdaARN")]
    pub(super) rotation_lambda_arn: Option<String>,
    pub(super) rotation_rules: Option<Value>,
    pub(super) rotate_immediately: Option<bool>,
    pub(super) password_length: Option<i64>,
    pub(super) exclude_characters: Option<String>,
    pub(super) exclude_numbers: Option<bool>,
    pub(super) exclude_punctuation: Option<bool>,
    pub(super) exclude_uppercase: Option<bool>,
    pub(super) exclude_lowercase: Option<bool>,
    pub(super) include_space: Option<bool>,
    pub(super) require_each_included_type: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawFilter {
    pub(super) key: Option<String>,
    pub(super) values: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReplicaRegion {
    pub(super) region: Option<String>,
    pub(super) kms_key_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawTag {
    key: Option<String>,
    value: Option<String>,
}

impl Input {
    pub(super) fn parse(body: &Value) -> Result<Input, ApiError> {
        Input::deserialize(body).map_err(|error| ApiError::serialization(error.to_string()))
    }

    pub(super) fn secret_id(&self) -> Result<&str, ApiError> {
        required(self.secret_id.as_deref(), "secretId")
    }

    /// Returns the value, if the request has one.
    pub(super) fn secret_value(&self) -> Result<Option<SecretValue>, ApiError> {
        let (member, text) = match (&self.secret_string, &self.secret_binary) {
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid_parameter(
                    "You can't specify both a secret string value and a secret binary value in \
                     the same secret.",
                ));
            }
            (Some(text), None) => ("SecretString", text.clone()),
            (None, Some(text)) => ("SecretBinary", text.clone()),
            (None, None) => return Ok(None),
        };
        Ok(Some(SecretValue { member, text }))
    }

    /// Returns the tags, if the request has any, checked against the documented limits \[doc\].
    pub(super) fn tags(&self) -> Result<Option<Vec<Tag>>, ApiError> {
        let tags = self.tags.as_ref();
        tags.map(|tags| tags.iter().map(tag).collect()).transpose()
    }
}

/// Returns a member, or the error for a member that is missing.
pub(super) fn required<T>(member: Option<T>, name: &str) -> Result<T, ApiError> {
    member.ok_or_else(|| ApiError::constraint("null", name, "Member must not be null"))
}

fn tag(raw: &RawTag) -> Result<Tag, ApiError> {
    let key = required(raw.key.clone(), "tags.1.member.key")?;
    let value = raw.value.clone().unwrap_or_default();
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
