//! Views of a world for tests.

use super::secret::{CURRENT, DEFAULT_KEY, Row, Secret, SecretText};

/// One row of a primary secret's `ReplicationStatus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaView {
    /// The replica's Region.
    pub region: String,
    /// AWS's status: `InProgress`, `InSync`, `Failed`, or one that was forced.
    pub status: String,
    /// AWS's text to it.
    pub status_message: Option<String>,
    /// The key as the request named it; `alias/aws/secretsmanager` if it named none.
    pub kms_key_id: String,
}

/// A secret in one Region, be it standalone, primary or replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretView {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The Region it lives in.
    pub region: String,
    /// Its own Region if it has replicas, another Region if it is a replica, else `None`.
    pub primary_region: Option<String>,
    /// Its tags, in order.
    pub tags: Vec<(String, String)>,
    /// Its key as `DescribeSecret` shows it.
    pub kms_key_id: Option<String>,
    /// Its current value, as opaque text.
    pub value: Option<String>,
    /// The service that manages it.
    pub owning_service: Option<String>,
    /// Whether it is scheduled for deletion.
    pub scheduled_for_deletion: bool,
    /// Its `ReplicationStatus`; empty unless it is a primary with replicas.
    pub replicas: Vec<ReplicaView>,
}

impl ReplicaView {
    pub(super) fn all_of(secret: &Secret) -> Vec<ReplicaView> {
        secret.rows().iter().map(ReplicaView::new).collect()
    }

    fn new(row: &Row) -> ReplicaView {
        let key = row.kms_key_id.as_deref().unwrap_or(DEFAULT_KEY);
        ReplicaView {
            region: row.region.clone(),
            status: row.state.status().to_owned(),
            status_message: row.state.message().map(str::to_owned),
            kms_key_id: key.to_owned(),
        }
    }
}

impl SecretView {
    pub(super) fn new(arn: String, secret: &Secret) -> SecretView {
        let current = secret.versions.by_stage(CURRENT);
        SecretView {
            arn,
            name: secret.name.clone(),
            region: secret.region.clone(),
            primary_region: secret.primary_region().map(str::to_owned),
            tags: secret
                .tags
                .iter()
                .map(|tag| (tag.key.clone(), tag.value.clone()))
                .collect(),
            kms_key_id: secret.kms_key_id.clone(),
            value: current.map(|version| match &version.text {
                SecretText::String(text) | SecretText::Binary(text) => text.clone(),
            }),
            owning_service: secret.owning_service.clone(),
            scheduled_for_deletion: secret.deletion.is_some(),
            replicas: ReplicaView::all_of(secret),
        }
    }
}
