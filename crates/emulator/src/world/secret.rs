//! Secrets, versions and replicas.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::Time;
use super::arn::{ACCOUNT_ID, partition_of};

/// The key ID that AWS shows for the default key of Secrets Manager in each Region.
pub(super) const DEFAULT_KEY: &str = "alias/aws/secretsmanager";

/// The staging label of the version that readers get by default.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The staging label of the version that a rotation has not made current yet.
pub(super) const PENDING: &str = "AWSPENDING";
const PREVIOUS: &str = "AWSPREVIOUS";

const FAILED: &str = "Failed";

/// The position of a secret in a list, which is in the order of creation: creation time and ARN.
pub(super) type Place = (Time, String);

/// A secret in one Region.
#[derive(Debug, Clone)]
pub(super) struct Secret {
    pub(super) name: String,
    /// The six characters at the end of the ARN.
    pub(super) suffix: String,
    pub(super) region: String,
    pub(super) created: Time,
    pub(super) changed: Time,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) tags: Vec<Tag>,
    pub(super) versions: Versions,
    pub(super) owning_service: Option<String>,
    pub(super) deletion: Option<Time>,
    /// `None` until the first `RotateSecret`.
    pub(super) rotation: Option<Rotation>,
    pub(super) role: Role,
}

/// The rotation settings of a secret.
#[derive(Debug, Clone)]
pub(super) struct Rotation {
    pub(super) is_enabled: bool,
    pub(super) function: String,
    /// `RotationRules` as in the request.
    pub(super) rules: Option<Value>,
}

/// The role of a secret in replication.
#[derive(Debug, Clone)]
pub(super) enum Role {
    /// A standalone secret or, with rows, the primary of replicas.
    Primary(Vec<Row>),
    /// A copy of the secret with the same name and suffix in `primary_region`. A copy of another account's
    /// secret has its own Region there \[doc\].
    Replica { primary_region: String },
}

impl Secret {
    /// A standalone secret on the default key, without versions and tags.
    pub(super) fn new(at: Time, region: &str, name: &str, suffix: String) -> Secret {
        Secret {
            name: name.to_owned(),
            suffix,
            region: region.to_owned(),
            created: at,
            changed: at,
            description: None,
            kms_key_id: None,
            tags: Vec::new(),
            versions: Versions::default(),
            owning_service: None,
            deletion: None,
            rotation: None,
            role: Role::Primary(Vec::new()),
        }
    }

    pub(super) fn arn(&self) -> String {
        let (region, name, suffix) = (&self.region, &self.name, &self.suffix);
        let partition = partition_of(region);
        format!("arn:{partition}:secretsmanager:{region}:{ACCOUNT_ID}:secret:{name}-{suffix}")
    }

    pub(super) fn place(&self) -> Place {
        (self.created, self.arn())
    }

    /// Returns `PrimaryRegion`. A secret without replicas has none, and neither has a replica of another
    /// account's secret \[infer\].
    pub(super) fn primary_region(&self) -> Option<&str> {
        match &self.role {
            Role::Primary(rows) if rows.is_empty() => None,
            Role::Primary(_) => Some(&self.region),
            Role::Replica { primary_region } if *primary_region == self.region => None,
            Role::Replica { primary_region } => Some(primary_region),
        }
    }

    /// Returns the rows of `ReplicationStatus`. A replica has none.
    pub(super) fn rows(&self) -> &[Row] {
        match &self.role {
            Role::Primary(rows) => rows,
            Role::Replica { .. } => &[],
        }
    }

    pub(super) fn row_mut(&mut self, region: &str) -> Option<&mut Row> {
        match &mut self.role {
            Role::Primary(rows) => rows.iter_mut().find(|row| row.region == region),
            Role::Replica { .. } => None,
        }
    }

    /// Adds a row, or replaces the row of its Region.
    pub(super) fn put_row(&mut self, row: Row) {
        if let Role::Primary(rows) = &mut self.role {
            match rows.iter_mut().find(|other| other.region == row.region) {
                Some(other) => *other = row,
                None => rows.push(row),
            }
        }
    }

    pub(super) fn drop_row(&mut self, region: &str) {
        if let Role::Primary(rows) = &mut self.role {
            rows.retain(|row| row.region != region);
        }
    }

    /// Returns whether this is a replica of the primary `other`.
    pub(super) fn is_replica_of(&self, other: &Secret) -> bool {
        self.name == other.name && self.is_replica(&other.region, &other.suffix)
    }

    /// Returns whether this is a replica of the primary with this suffix in this Region.
    pub(super) fn is_replica(&self, of_region: &str, suffix: &str) -> bool {
        matches!(&self.role, Role::Replica { primary_region } if primary_region == of_region)
            && self.suffix == suffix
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

/// One row of `ReplicationStatus`.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) region: String,
    /// The key as the request named it.
    pub(super) kms_key_id: Option<String>,
    /// `ForceOverwriteReplicaSecret` of the request.
    pub(super) overwrite: bool,
    pub(super) state: RowState,
    /// Identifies the current attempt, so that tasks of earlier attempts have no effect.
    pub(super) ticket: u64,
}

impl Row {
    /// A requested replica on the default key, which overwrites nothing.
    pub(super) fn new(region: &str, state: RowState) -> Row {
        Row {
            region: region.to_owned(),
            kms_key_id: None,
            overwrite: false,
            state,
            ticket: 0,
        }
    }
}

/// The state of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowState {
    InProgress,
    /// `InProgress` until the primary gets its first value.
    WaitingForValue,
    InSync,
    Failed(String),
    Removing,
    Forced {
        status: String,
        message: Option<String>,
    },
}

impl RowState {
    pub(super) fn status(&self) -> &str {
        match self {
            RowState::InProgress | RowState::WaitingForValue | RowState::Removing => "InProgress",
            RowState::InSync => "InSync",
            RowState::Failed(_) => FAILED,
            RowState::Forced { status, .. } => status,
        }
    }

    /// Returns whether the status is `Failed`, whether real or forced.
    pub(super) fn is_failed(&self) -> bool {
        self.status() == FAILED
    }

    pub(super) fn message(&self) -> Option<&str> {
        match self {
            RowState::InProgress | RowState::WaitingForValue | RowState::Removing => None,
            RowState::InSync => Some("Replication succeeded"),
            RowState::Failed(message) => Some(message),
            RowState::Forced { message, .. } => message.as_deref(),
        }
    }
}

/// A secret value. Debug output does not contain it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SecretValue {
    /// `SecretString`, or `SecretBinary` for Base64.
    pub(super) member: &'static str,
    pub(super) text: String,
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretValue(...)")
    }
}

/// One version of a secret.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) id: String,
    /// `None` between `RotateSecret` and the `PutSecretValue` of the rotation.
    pub(super) value: Option<SecretValue>,
    pub(super) stages: Vec<String>,
    pub(super) created: Time,
}

impl Version {
    pub(super) fn has_stage(&self, stage: &str) -> bool {
        self.stages.iter().any(|label| label == stage)
    }
}

/// The versions with a staging label. AWS deletes versions without one at an unspecified time; the
/// emulator does so at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Versions(Vec<Version>);

impl Versions {
    pub(super) fn have_value(&self) -> bool {
        self.0.iter().any(|version| version.value.is_some())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Version> {
        self.0.iter()
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&Version> {
        self.0.iter().find(|version| version.id == id)
    }

    pub(super) fn by_stage(&self, stage: &str) -> Option<&Version> {
        self.0.iter().find(|version| version.has_stage(stage))
    }

    /// Adds a version and moves its labels to it. The first version with a value always becomes
    /// current. The version that was current becomes the previous one \[doc\]. A version of a
    /// rotation that has no value yet gets the value and keeps its labels.
    pub(super) fn put(&mut self, mut version: Version) {
        let is_first = version.value.is_some() && !self.have_value();
        if is_first && !version.has_stage(CURRENT) {
            version.stages.push(CURRENT.to_owned());
        }
        if !self.0.iter().any(|older| older.id == version.id) {
            self.0.push(Version {
                stages: Vec::new(),
                ..version.clone()
            });
        }
        for label in &version.stages {
            self.move_label(label, Some(&version.id));
        }
        if let Some(own) = self.0.iter_mut().find(|own| own.id == version.id) {
            own.value = version.value;
        }
    }

    /// Moves a label to a version, or removes it from all versions.
    pub(super) fn move_label(&mut self, label: &str, to: Option<&str>) {
        let is_moved = |version: &Version| to == Some(&version.id);
        if label == CURRENT && !self.by_stage(CURRENT).is_some_and(is_moved) {
            self.demote_current();
        }
        for version in &mut self.0 {
            let is_moved = to == Some(&version.id);
            version
                .stages
                .retain(|own| own != label && !(is_moved && label == CURRENT && own == PREVIOUS));
            if is_moved {
                version.stages.push(label.to_owned());
            }
        }
        self.0.retain(|version| !version.stages.is_empty());
    }

    /// Makes the current version the previous one.
    fn demote_current(&mut self) {
        for version in &mut self.0 {
            version.stages.retain(|label| label != PREVIOUS);
            for label in &mut version.stages {
                if label == CURRENT {
                    PREVIOUS.clone_into(label);
                }
            }
        }
    }
}
