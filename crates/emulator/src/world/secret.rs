//! Secrets, versions and replicas.

use std::fmt;
use std::time::Duration;

use super::Time;
use super::past::Past;

/// The key id AWS shows for the key that every Region has for Secrets Manager.
pub(super) const DEFAULT_KEY: &str = "alias/aws/secretsmanager";

/// The staging label of the version that readers get.
pub(super) const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// The status of a replica that could not be made.
const FAILED: &str = "Failed";

/// A secret in one Region.
#[derive(Debug, Clone)]
pub(super) struct Secret {
    pub(super) name: String,
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
    pub(super) role: Role,
    /// The rows of `ReplicationStatus` as they were, for `DescribeSecret`.
    pub(super) past_rows: Past<Vec<Row>>,
}

/// The role of a secret in replication.
#[derive(Debug, Clone)]
pub(super) enum Role {
    /// A secret of its own; with rows it is the primary of replicas.
    Primary(Vec<Row>),
    /// A copy of the secret of the same name and suffix in `primary_region`.
    Replica { primary_region: String },
}

impl Secret {
    /// What `ListSecrets` gives as `PrimaryRegion`, and `DescribeSecret` as well unless it lags.
    pub(super) fn primary_region(&self) -> Option<&str> {
        self.primary_region_with(self.rows())
    }

    /// `PrimaryRegion` beside these rows: a secret without replicas has none.
    pub(super) fn primary_region_with(&self, rows: &[Row]) -> Option<&str> {
        match &self.role {
            Role::Primary(_) if rows.is_empty() => None,
            Role::Primary(_) => Some(&self.region),
            Role::Replica { primary_region } => Some(primary_region),
        }
    }

    /// The rows of `ReplicationStatus`; none on a replica.
    pub(super) fn rows(&self) -> &[Row] {
        match &self.role {
            Role::Primary(rows) => rows,
            Role::Replica { .. } => &[],
        }
    }

    /// The rows of `lag` ago; those it began with if it is younger.
    pub(super) fn rows_seen(&self, now: Time, lag: Duration) -> &[Row] {
        let seen = self.past_rows.seen(now, lag);
        seen.or_else(|| self.past_rows.oldest())
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn remember_rows(&mut self, at: Time, lag: Duration) {
        let rows = self.rows().to_vec();
        self.past_rows.record(at, lag, rows);
    }

    pub(super) fn row_mut(&mut self, region: &str) -> Option<&mut Row> {
        match &mut self.role {
            Role::Primary(rows) => rows.iter_mut().find(|row| row.region == region),
            Role::Replica { .. } => None,
        }
    }

    /// Whether this is the replica that the primary `other` made.
    pub(super) fn is_replica_of(&self, other: &Secret) -> bool {
        matches!(&self.role, Role::Replica { primary_region } if *primary_region == other.region)
            && self.name == other.name
            && self.suffix == other.suffix
    }
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub(super) overwrite: Overwrite,
    pub(super) state: RowState,
    /// Names the attempt that is under way, so that what an earlier one had planned is void.
    pub(super) ticket: u64,
}

/// The effect of a replication on a secret of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overwrite {
    Never,
    Replace,
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

    /// Whether it failed, by itself or forced by a test.
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

/// A value, opaque to everything but `GetSecretValue`; it never shows in debug output.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum SecretText {
    String(String),
    /// Base64, as it came.
    Binary(String),
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretText(...)")
    }
}

/// One version of a secret's value.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) text: SecretText,
    pub(super) stages: Vec<String>,
    pub(super) created: Time,
}

impl Version {
    pub(super) fn has_stage(&self, stage: &str) -> bool {
        self.stages.iter().any(|label| label == stage)
    }
}

/// The versions that carry a staging label; AWS deletes others in its own time.
#[derive(Debug, Clone, Default)]
pub(super) struct Versions(Vec<Version>);

impl Versions {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
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

    /// Adds a version and moves its labels to it. The first version is always current, and the
    /// version that was current becomes the previous one \[doc\].
    pub(super) fn put(&mut self, mut version: Version) {
        if self.is_empty() && !version.has_stage(CURRENT) {
            version.stages.push(CURRENT.to_owned());
        }
        if version.has_stage(CURRENT) {
            self.demote_current();
        }
        for older in &mut self.0 {
            older.stages.retain(|label| !version.stages.contains(label));
        }
        self.0.push(version);
        self.0.retain(|version| !version.stages.is_empty());
    }

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
