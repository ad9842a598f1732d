use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::operation::list_secret_version_ids::ListSecretVersionIdsOutput;
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsOutput;
use aws_sdk_secretsmanager::types::{ReplicationStatusType, SecretListEntry, StatusType, Tag};

use chrono::{DateTime, Utc};

use super::{CallError, Operation};
use secret_replicator_core::failover::Rotation;
use secret_replicator_core::failover::failback::Version;
use secret_replicator_core::secret::{
    Encryption, Region, RegionalSecret, Replica, ReplicaStatus, Secret, SecretArn, SecretId,
};

/// A page of `ListSecrets`.
#[derive(Clone, Debug)]
pub struct Page {
    /// The secrets, without replicas and up to five minutes old.
    pub secrets: Vec<Result<Secret, Box<UnreadableEntry>>>,
    /// The token of the next page. `None` on the last page.
    pub next_token: Option<String>,
}

/// A page of `ListSecrets` with the rotation of each secret.
#[derive(Clone, Debug)]
pub struct RotationPage {
    /// The secrets, without replicas and up to five minutes old.
    pub secrets: Vec<Result<ListedSecret, Box<UnreadableEntry>>>,
    /// The token of the next page. `None` on the last page.
    pub next_token: Option<String>,
}

/// An entry of the list.
#[derive(Clone, Debug)]
pub struct ListedSecret {
    /// The secret.
    pub secret: Secret,
    /// Its rotation, if it is enabled.
    pub rotation: Option<Rotation>,
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
        next_token: next_token(answer.next_token()),
    }
}

pub(super) fn rotation_page(answer: &ListSecretsOutput) -> RotationPage {
    let listed = |entry| {
        Ok(ListedSecret {
            secret: listed(entry)?,
            rotation: rotation(entry),
        })
    };
    RotationPage {
        secrets: answer.secret_list().iter().map(listed).collect(),
        next_token: next_token(answer.next_token()),
    }
}

pub(super) fn next_token(token: Option<&str>) -> Option<String> {
    let token = token.filter(|token| !token.is_empty());
    token.map(str::to_owned)
}

/// Returns the rotation of a secret, if it is enabled.
fn rotation(entry: &SecretListEntry) -> Option<Rotation> {
    if entry.rotation_enabled() != Some(true) {
        return None;
    }
    let rules = entry.rotation_rules();
    let text = |text: Option<&str>| text.map(str::to_owned);
    Some(Rotation {
        function: text(entry.rotation_lambda_arn()),
        after_days: rules
            .and_then(aws_sdk_secretsmanager::types::RotationRulesType::automatically_after_days),
        schedule: text(rules.and_then(|rules| rules.schedule_expression())),
        window: text(rules.and_then(|rules| rules.duration())),
    })
}

/// Converts the versions of a secret. Ignores an entry without an ID.
pub(super) fn versions(answer: &ListSecretVersionIdsOutput) -> Vec<Version> {
    let version = |entry: &aws_sdk_secretsmanager::types::SecretVersionsListEntry| {
        Some(Version {
            id: entry.version_id()?.to_owned(),
            labels: entry.version_stages().iter().cloned().collect(),
            created: entry.created_date().and_then(time),
        })
    };
    answer.versions().iter().filter_map(version).collect()
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
        current_version: entry.secret_versions_to_stages().and_then(current_version),
        last_changed: entry.last_changed_date().and_then(time),
        replicas: BTreeMap::new(),
        probed: BTreeMap::new(),
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
        current_version: answer.version_ids_to_stages().and_then(current_version),
        last_changed: answer.last_changed_date().and_then(time),
        replicas: replicas(answer.replication_status()),
        probed: BTreeMap::new(),
    })
}

/// The version with the label `AWSCURRENT`.
fn current_version(versions: &HashMap<String, Vec<String>>) -> Option<String> {
    let is_current = |labels: &Vec<String>| labels.iter().any(|label| label == "AWSCURRENT");
    let current = versions.iter().find(|(_, labels)| is_current(labels));
    current.map(|(version, _)| version.clone())
}

fn time(time: &aws_sdk_secretsmanager::primitives::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}

/// The contents of a Region, by what it returns under the name of this primary secret.
pub(super) fn regional(
    primary: &Secret,
    region: &Region,
    there: &DescribeSecretOutput,
) -> Result<RegionalSecret, CallError> {
    let found = secret(there)?;
    if found.arn.region() != region {
        let message = format!(
            "the answer is from {}, not from {region}",
            found.arn.region()
        );
        return Err(CallError::unreadable(Operation::DescribeSecret, message));
    }
    let created = there.created_date().and_then(time);
    Ok(RegionalSecret::of(&primary.arn, &found, created))
}

/// Converts a `ReplicationStatus`. Ignores an entry without a valid Region, because a policy cannot
/// name it.
pub(super) fn replicas(rows: &[ReplicationStatusType]) -> BTreeMap<Region, Replica> {
    let mut replicas = BTreeMap::new();
    for (region, replica) in rows.iter().filter_map(row) {
        match replicas.entry(region) {
            Entry::Vacant(vacant) => {
                vacant.insert(replica);
            }
            Entry::Occupied(mut first) => contradict(first.get_mut(), &replica),
        }
    }
    replicas
}

/// Two rows of one Region whose statuses differ are an unknown status.
fn contradict(first: &mut Replica, second: &Replica) {
    if first.status != second.status {
        let both = format!("{} and {}", first.status, second.status);
        first.status = ReplicaStatus::Unknown(both);
    }
}

fn row(row: &ReplicationStatusType) -> Option<(Region, Replica)> {
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
}

fn read_tags(tags: &[Tag]) -> BTreeMap<String, String> {
    let read = |tag: &Tag| {
        let value = tag.value().unwrap_or_default();
        Some((tag.key()?.to_owned(), value.to_owned()))
    };
    tags.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(status: StatusType) -> ReplicationStatusType {
        ReplicationStatusType::builder()
            .region("eu-west-1")
            .status(status)
            .build()
    }

    /// Returns the status of the Region that these rows have in common.
    fn status(rows: &[ReplicationStatusType]) -> ReplicaStatus {
        let mut replicas = replicas(rows).into_values();
        let status = replicas.next().expect("a replica").status;
        assert_eq!(replicas.next(), None);
        status
    }

    #[test]
    fn rows_of_one_region_that_contradict_each_other_are_an_unknown_status() {
        let (in_sync, failed) = (StatusType::InSync, StatusType::Failed);
        let rows = [in_sync.clone(), failed].map(replica);
        let unknown = ReplicaStatus::Unknown("InSync and Failed".to_owned());
        assert_eq!(status(&rows), unknown);
        let rows = [in_sync.clone(), in_sync].map(replica);
        assert_eq!(status(&rows), ReplicaStatus::InSync);
    }

    #[test]
    fn only_a_version_with_the_label_awscurrent_is_a_value() {
        let current = |labels: &[&str]| {
            let labels = labels.iter().map(ToString::to_string).collect();
            current_version(&HashMap::from([("v1".to_owned(), labels)]))
        };
        for labels in [&[][..], &["AWSPENDING"], &["INITIAL", "AWSPREVIOUS"]] {
            assert_eq!(current(labels), None, "{labels:?}");
        }
        let both = current(&["AWSPENDING", "AWSCURRENT"]);
        assert_eq!(both.as_deref(), Some("v1"));
    }
}
