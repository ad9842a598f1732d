//! Answers as JSON, spelled as AWS spells them: members without a value are absent.

use serde_json::{Map, Value, json};

use super::list_index::Listed;
use super::secret::{DEFAULT_KEY, Role, Row, Secret, SecretText, Tag, Version};

/// Collects members, leaving out those without a value.
#[derive(Default)]
pub(super) struct Members(Map<String, Value>);

impl Members {
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Members {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Members {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// The answer of `DescribeSecret`, with these rows, which may be older than the rest.
pub(super) fn described(arn: String, secret: &Secret, rows: &[Row]) -> Value {
    let is_replica = matches!(secret.role, Role::Replica { .. });
    // A recorded replica without tags has no `Tags`, a primary has an empty list.
    let shows_tags = !is_replica || !secret.tags.is_empty();
    let stages: Map<String, Value> = secret
        .versions
        .iter()
        .map(|version| (version.id.clone(), json!(version.stages)))
        .collect();
    Members::default()
        .with("ARN", arn)
        .with("Name", secret.name.as_str())
        .with_some("Description", shown(secret.description.as_deref()))
        .with_some("KmsKeyId", secret.kms_key_id.as_deref())
        .with("LastChangedDate", secret.changed.as_epoch_seconds())
        .with_some(
            "DeletedDate",
            secret.deletion.map(super::Time::as_epoch_seconds),
        )
        .with_some("Tags", shows_tags.then(|| tags(&secret.tags)))
        .with_some("VersionIdsToStages", (!stages.is_empty()).then_some(stages))
        .with_some("OwningService", secret.owning_service.as_deref())
        .with("CreatedDate", secret.created.as_epoch_seconds())
        .with_some("PrimaryRegion", secret.primary_region_with(rows))
        .with_some("ReplicationStatus", replication_status(rows))
        .into_value()
}

/// One entry of `SecretList`.
pub(super) fn listed(secret: &Listed) -> Value {
    let stages: Map<String, Value> = secret
        .stages
        .iter()
        .map(|(id, stages)| (id.clone(), json!(stages)))
        .collect();
    Members::default()
        .with("ARN", secret.arn.as_str())
        .with("Name", secret.name.as_str())
        .with_some("Description", shown(secret.description.as_deref()))
        .with_some("KmsKeyId", secret.kms_key_id.as_deref())
        .with("LastChangedDate", secret.changed.as_epoch_seconds())
        .with_some(
            "DeletedDate",
            secret.deleted.map(super::Time::as_epoch_seconds),
        )
        .with("Tags", tags(&secret.tags))
        .with_some(
            "SecretVersionsToStages",
            (!stages.is_empty()).then_some(stages),
        )
        .with_some("OwningService", secret.owning_service.as_deref())
        .with("CreatedDate", secret.created.as_epoch_seconds())
        .with_some("PrimaryRegion", secret.primary_region.as_deref())
        .into_value()
}

/// The answer of `GetSecretValue`.
pub(super) fn value_of(arn: String, secret: &Secret, version: &Version) -> Value {
    let (member, text) = match &version.text {
        SecretText::String(text) => ("SecretString", text),
        SecretText::Binary(text) => ("SecretBinary", text),
    };
    Members::default()
        .with("ARN", arn)
        .with("Name", secret.name.as_str())
        .with("VersionId", version.id.as_str())
        .with(member, text.as_str())
        .with("VersionStages", json!(version.stages))
        .with("CreatedDate", version.created.as_epoch_seconds())
        .into_value()
}

/// `ReplicationStatus`, if the secret has replicas.
pub(super) fn replication_status(rows: &[Row]) -> Option<Value> {
    (!rows.is_empty()).then(|| rows.iter().map(row).collect())
}

fn row(row: &Row) -> Value {
    Members::default()
        .with("Region", row.region.as_str())
        .with("KmsKeyId", row.kms_key_id.as_deref().unwrap_or(DEFAULT_KEY))
        .with("Status", row.state.status())
        .with_some("StatusMessage", row.state.message())
        .into_value()
}

fn tags(tags: &[Tag]) -> Value {
    tags.iter()
        .map(|tag| json!({"Key": tag.key, "Value": tag.value}))
        .collect()
}

/// An empty description counts as absent.
fn shown(description: Option<&str>) -> Option<&str> {
    description.filter(|text| !text.is_empty())
}
