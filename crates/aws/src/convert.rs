use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsOutput;
use aws_sdk_secretsmanager::types::{ReplicationStatusType, SecretListEntry, StatusType, Tag};

use super::{CallError, Operation};
use secret_replicator_core::secret::{
    Encryption, Region, Replica, ReplicaStatus, Secret, SecretArn, SecretId,
};

/// A page of `ListSecrets`.
#[derive(Clone, Debug)]
pub struct Page {
    /// The secrets, without replicas and up to five minutes old.
    pub secrets: Vec<Result<Secret, Box<UnreadableEntry>>>,
    /// The token of the next page. `None` on the last page.
    pub next_token: Option<String>,
}

/// An entry of the list that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableEntry {
    /// The ARN or name in the entry, or `unknown`.
    pub id: SecretId,
    /// The error.
    pub error: CallError,
}

pub(super) fn page(answer: &ListSecretsOutput) -> Page {
    Page {
        secrets: answer.secret_list().iter().map(listed).collect(),
        next_token: answer
            .next_token()
            .filter(|token| !token.is_empty())
            .map(str::to_owned),
    }
}

fn listed(entry: &SecretListEntry) -> Result<Secret, Box<UnreadableEntry>> {
    let unreadable = || {
        Box::new(UnreadableEntry {
            id: SecretId::new(entry.arn().or(entry.name()).unwrap_or("unknown")),
            error: CallError::unreadable(
                Operation::ListSecrets,
                "a list entry has no valid ARN, no name, or an invalid Region".to_owned(),
            ),
        })
    };
    let arn = entry.arn().and_then(|arn| SecretArn::parse(arn).ok());
    let primary_region = entry.primary_region().map(Region::parse).transpose();
    Ok(Secret {
        arn: arn.ok_or_else(unreadable)?,
        name: entry.name().ok_or_else(unreadable)?.to_owned(),
        tags: read_tags(entry.tags()),
        encryption: Encryption::from_kms_key_id(entry.kms_key_id()),
        primary_region: primary_region.map_err(|_| unreadable())?,
        owning_service: entry.owning_service().map(str::to_owned),
        scheduled_for_deletion: entry.deleted_date().is_some(),
        has_value: true,
        replicas: BTreeMap::new(),
        name_available: BTreeSet::new(),
    })
}

pub(super) fn secret(answer: &DescribeSecretOutput) -> Result<Secret, CallError> {
    let unreadable = |message| CallError::unreadable(Operation::DescribeSecret, message);
    let arn = answer
        .arn()
        .ok_or_else(|| unreadable("the response has no ARN".to_owned()))?;
    let arn = SecretArn::parse(arn).map_err(|error| unreadable(error.to_string()))?;
    let name = answer
        .name()
        .ok_or_else(|| unreadable("the response has no Name".to_owned()))?;
    // An unreadable Region is an error, because it determines whether the secret is a replica.
    let primary_region = answer.primary_region().map(Region::parse).transpose();
    let primary_region = primary_region.map_err(|error| unreadable(error.to_string()))?;
    Ok(Secret {
        arn,
        name: name.to_owned(),
        tags: read_tags(answer.tags()),
        encryption: Encryption::from_kms_key_id(answer.kms_key_id()),
        primary_region,
        owning_service: answer.owning_service().map(str::to_owned),
        scheduled_for_deletion: answer.deleted_date().is_some(),
        has_value: answer
            .version_ids_to_stages()
            .is_some_and(|versions| !versions.is_empty()),
        replicas: replicas(answer.replication_status()),
        name_available: BTreeSet::new(),
    })
}

/// Converts a `ReplicationStatus`. Ignores an entry without a valid Region, because a policy cannot
/// name it.
pub(super) fn replicas(rows: &[ReplicationStatusType]) -> BTreeMap<Region, Replica> {
    rows.iter()
        .filter_map(|row| {
            let region = Region::parse(row.region()?).ok()?;
            let status = match row.status() {
                Some(StatusType::InSync) => ReplicaStatus::InSync,
                Some(StatusType::InProgress) => ReplicaStatus::InProgress,
                Some(StatusType::Failed) => ReplicaStatus::Failed,
                Some(other) => ReplicaStatus::Unknown(other.as_str().to_owned()),
                None => ReplicaStatus::Unknown("none".to_owned()),
            };
            let replica = Replica {
                status,
                message: row.status_message().map(str::to_owned),
                kms_key: row.kms_key_id().map(str::to_owned),
            };
            Some((region, replica))
        })
        .collect()
}

fn read_tags(tags: &[Tag]) -> BTreeMap<String, String> {
    let read = |tag: &Tag| {
        let value = tag.value().unwrap_or_default();
        Some((tag.key()?.to_owned(), value.to_owned()))
    };
    tags.iter().filter_map(read).collect()
}
