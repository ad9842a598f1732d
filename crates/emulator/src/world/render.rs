//! Answers as JSON, with AWS's names of members.

use serde_json::{Map, Value, json};

use super::secret::{DEFAULT_KEY, Role, Row, Secret, SecretValue, Version};

/// Leaves out the members without a value, as AWS does.
pub(super) fn without_nulls(mut answer: Value) -> Value {
    if let Value::Object(members) = &mut answer {
        members.retain(|_, value| !value.is_null());
    }
    answer
}

/// The answer of `DescribeSecret`.
pub(super) fn described(secret: &Secret) -> Value {
    let mut members = common(secret);
    // A recorded replica without tags has no `Tags`. A recorded primary has an empty list.
    if matches!(secret.role, Role::Replica { .. }) && secret.tags.is_empty() {
        members["Tags"] = Value::Null;
    }
    members["VersionIdsToStages"] = stages(secret);
    members["PrimaryRegion"] = json!(secret.primary_region());
    members["ReplicationStatus"] = json!(replication_status(secret.rows()));
    without_nulls(members)
}

/// One entry of `SecretList`.
pub(super) fn listed(secret: &Secret) -> Value {
    let mut members = common(secret);
    members["SecretVersionsToStages"] = stages(secret);
    members["PrimaryRegion"] = json!(secret.primary_region());
    without_nulls(members)
}

/// The members that `DescribeSecret` and `ListSecrets` share.
fn common(secret: &Secret) -> Value {
    let description = secret.description.as_deref();
    let rotation = secret.rotation.as_ref();
    json!({
        "ARN": secret.arn(),
        "Name": secret.name,
        "Description": description.filter(|text| !text.is_empty()),
        "KmsKeyId": secret.kms_key_id,
        "RotationEnabled": rotation.map(|rotation| rotation.is_enabled),
        "RotationLambdaARN": rotation.map(|rotation| &rotation.function),
        "RotationRules": rotation.and_then(|rotation| rotation.rules.as_ref()),
        "LastChangedDate": secret.changed.as_epoch_seconds(),
        "DeletedDate": secret.deletion.map(super::Time::as_epoch_seconds),
        "Tags": secret.tags,
        "OwningService": secret.owning_service,
        "CreatedDate": secret.created.as_epoch_seconds(),
    })
}

/// The staging labels by version ID; `null` without a version.
fn stages(secret: &Secret) -> Value {
    let versions = secret.versions.iter();
    let stages: Map<String, Value> = versions
        .map(|version| (version.id.clone(), json!(version.stages)))
        .collect();
    json!((!stages.is_empty()).then_some(stages))
}

/// The answer of `GetSecretValue`.
pub(super) fn value_of(secret: &Secret, version: &Version, value: &SecretValue) -> Value {
    json!({
        "ARN": secret.arn(),
        "Name": secret.name,
        "VersionId": version.id,
        (value.member): value.text,
        "VersionStages": version.stages,
        "CreatedDate": version.created.as_epoch_seconds(),
    })
}

/// `ReplicationStatus`, if the secret has replicas.
pub(super) fn replication_status(rows: &[Row]) -> Option<Value> {
    (!rows.is_empty()).then(|| rows.iter().map(row).collect())
}

fn row(row: &Row) -> Value {
    without_nulls(json!({
        "Region": row.region,
        "KmsKeyId": row.kms_key_id.as_deref().unwrap_or(DEFAULT_KEY),
        "Status": row.state.status(),
        "StatusMessage": row.state.message(),
    }))
}
