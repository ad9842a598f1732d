//! Views of a world for tests.

use super::secret::{CURRENT, DEFAULT_KEY, Row, Secret};

/// One row of a primary secret's `ReplicationStatus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaView {
    /// The replica's Region.
    pub region: String,
    /// The status: `InProgress`, `InSync`, `Failed`, or a forced one.
    pub status: String,
    /// The status message.
    pub status_message: Option<String>,
    /// The key as the request named it; `alias/aws/secretsmanager` by default.
    pub kms_key_id: String,
}

/// A secret in one Region: standalone, primary or replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretView {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its Region.
    pub region: String,
    /// Its own Region if it has replicas, another Region if it is a replica, otherwise `None`.
    pub primary_region: Option<String>,
    /// Its tags, in order.
    pub tags: Vec<(String, String)>,
    /// Its key as `DescribeSecret` shows it.
    pub kms_key_id: Option<String>,
    /// Its current value.
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
    pub(super) fn new(secret: &Secret) -> SecretView {
        let current = secret.versions.by_stage(CURRENT);
        let tags = secret.tags.iter();
        SecretView {
            arn: secret.arn(),
            name: secret.name.clone(),
            region: secret.region.clone(),
            primary_region: secret.primary_region().map(str::to_owned),
            tags: tags.map(|t| (t.key.clone(), t.value.clone())).collect(),
            kms_key_id: secret.kms_key_id.clone(),
            value: current.and_then(|version| Some(version.value.as_ref()?.text.clone())),
            owning_service: secret.owning_service.clone(),
            scheduled_for_deletion: secret.deletion.is_some(),
            replicas: ReplicaView::all_of(secret),
        }
    }
}
