use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use secret_replicator_core::failover::failback::{SafeCall, Standing, Step, Version, WayBack};
use secret_replicator_core::secret::{Region, Secret};
use serde::Serialize;

use super::Arguments;
use super::perform::Outcome;
use super::read::{Both, Read, Subject};

/// The report, in the form of `--output json`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The old primary Region.
    pub(super) to: Region,
    /// The failover Region.
    pub(super) from: Region,
    /// The start, in RFC 3339.
    started: String,
    /// The file that says what was promoted. `None` if the report rests on the lists of both Regions.
    pub(super) state_file: Option<String>,
    /// Whether the user interrupted the calls of `--perform`.
    pub(super) interrupted: bool,
    pub(super) secrets: Vec<Row>,
}

/// One secret.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) standing: Standing,
    /// Why the order of the values is known, or why it is not.
    pub(super) evidence: String,
    pub(super) old_primary: Option<SideRow>,
    pub(super) promoted: Option<SideRow>,
    /// The version at the time of the promotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_at_promotion: Option<String>,
    /// The time of the promotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    promoted_at: Option<DateTime<Utc>>,
    /// The call of `--perform`. The other members are those after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) performed: Option<Performed>,
    pub(super) steps: Vec<Step>,
    /// The call that may be made now.
    #[serde(skip)]
    pub(super) next_call: Option<SafeCall>,
    #[serde(skip)]
    pub(super) subject: Subject,
}

/// A call of `--perform`.
#[derive(Debug, Serialize)]
pub(super) struct Performed {
    /// The command that makes the same call.
    pub(super) command: String,
    pub(super) outcome: &'static str,
    /// Why it was not made or not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
}

/// One side of a secret.
#[derive(Debug, Serialize)]
pub(super) struct SideRow {
    arn: String,
    /// `primary` with replicas, `standalone`, or `replica`.
    pub(super) role: &'static str,
    /// The version with the label `AWSCURRENT`.
    pub(super) version_id: Option<String>,
    /// The time at which that version was created.
    pub(super) version_created: Option<DateTime<Utc>>,
    /// The last change, of the value or of anything else.
    pub(super) last_changed: Option<DateTime<Utc>>,
}

impl Report {
    pub(super) fn new(
        arguments: &Arguments,
        started: DateTime<Utc>,
        state_file: Option<&Path>,
        secrets: Vec<Row>,
    ) -> Self {
        Self {
            to: arguments.to.clone(),
            from: arguments.from.clone(),
            started: started.to_rfc3339_opts(SecondsFormat::Secs, true),
            state_file: state_file.map(|path| path.display().to_string()),
            interrupted: false,
            secrets,
        }
    }

    /// Returns the positions of the secrets with a call that may be made now.
    pub(super) fn calls(&self) -> Vec<(usize, SafeCall)> {
        let rows = self.secrets.iter().enumerate();
        rows.filter_map(|(position, row)| Some((position, row.next_call.clone()?)))
            .collect()
    }

    /// Returns whether the old primary Region is the primary Region of each secret again.
    pub(super) fn is_done(&self) -> bool {
        let mut rows = self.secrets.iter();
        rows.all(|row| row.standing == Standing::Restored)
    }
}

impl Row {
    pub(super) fn new(subject: Subject, both: &Both) -> Self {
        let WayBack {
            standing,
            evidence,
            steps,
        } = both.way.clone();
        let promoted = subject.promoted.as_ref();
        Self {
            name: subject.name.clone(),
            standing,
            evidence,
            old_primary: side_row(&both.old),
            promoted: side_row(&both.new),
            version_at_promotion: promoted.map(|promoted| promoted.version_id.clone()),
            promoted_at: promoted.and_then(|promoted| promoted.promoted),
            performed: None,
            next_call: both.way.next_call().cloned(),
            steps,
            subject,
        }
    }
}

impl Performed {
    pub(super) fn new(call: &SafeCall, outcome: &Outcome) -> Self {
        Self {
            command: call.command(),
            outcome: outcome.name(),
            detail: outcome.detail(),
        }
    }
}

fn side_row(read: &Read) -> Option<SideRow> {
    let (secret, versions): &(Secret, Vec<Version>) = read.as_ref()?;
    let created = |version: &String| -> Option<DateTime<Utc>> {
        let mut versions = versions.iter();
        versions.find(|own| own.id == *version)?.created
    };
    Some(SideRow {
        arn: secret.arn.to_string(),
        role: match secret.replica_of() {
            Some(_) => "replica",
            None if secret.replicas.is_empty() => "standalone",
            None => "primary",
        },
        version_created: secret.current_version.as_ref().and_then(created),
        version_id: secret.current_version.clone(),
        last_changed: secret.last_changed,
    })
}
