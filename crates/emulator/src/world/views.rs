//! Views of a world for tests.

use std::collections::BTreeMap;

use super::secret::{CURRENT, DEFAULT_KEY, Role, Row, Secret};
use super::{Time, World};

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
    /// Whether it is a replica, of this account's secret or of another's.
    pub is_replica: bool,
    /// The ID of its current version.
    pub version_id: Option<String>,
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

/// The states of a name in a Region with their times, oldest first. `None` if no secret has the name.
pub type NamedStates = Vec<(Time, Option<SecretView>)>;

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
            is_replica: matches!(secret.role, Role::Replica { .. }),
            version_id: current.map(|version| version.id.clone()),
            tags: tags.map(|t| (t.key.clone(), t.value.clone())).collect(),
            kms_key_id: secret.kms_key_id.clone(),
            value: current.and_then(|version| Some(version.value.as_ref()?.text.clone())),
            owning_service: secret.owning_service.clone(),
            scheduled_for_deletion: secret.deletion.is_some(),
            replicas: ReplicaView::all_of(secret),
        }
    }
}

impl World {
    /// Returns all states of all secrets by Region and name. Requires
    /// [`WorldSettings::keeps_history`](super::WorldSettings::keeps_history).
    #[must_use]
    pub fn history(&self) -> BTreeMap<(String, String), NamedStates> {
        let mut all: BTreeMap<_, NamedStates> = BTreeMap::new();
        for (region, state) in &self.regions {
            let mut name = None;
            let mut last = None;
            for (since, place, secret) in state.history().states() {
                if last != Some(place) {
                    // The first state of a secret exists.
                    name = secret.map(|secret| secret.name.clone());
                    last = Some(place);
                }
                if let Some(name) = &name {
                    let states = all.entry((region.clone(), name.clone())).or_default();
                    states.push((since, secret.map(SecretView::new)));
                }
            }
        }
        for states in all.values_mut() {
            states.sort_by_key(|(since, _)| *since);
        }
        all
    }
}
