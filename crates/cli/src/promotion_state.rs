//! The file that records what `promote` did, for the next run and for `failback`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use secret_replicator_core::failover::promotion::{Candidate, NotPromoted, PromotionPlan};
use secret_replicator_core::secret::{Region, SecretArn};
use serde::{Deserialize, Serialize};

use crate::output::json;
use crate::output_file::OutputFile;
use crate::promote::Outcome;

/// The version of the file's format.
const FORMAT: u32 = 1;

/// The record of the promotions in one Region. It never contains a value.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: u32,
    region: Region,
    updated: DateTime<Utc>,
    /// The secrets by their resource (name and suffix).
    secrets: BTreeMap<String, PromotedSecret>,
}

/// A secret that a run planned to promote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromotedSecret {
    /// The name.
    pub(crate) name: String,
    /// The ARN in the failover Region.
    pub(crate) arn: SecretArn,
    /// The ARN of the former primary secret.
    pub(crate) primary_arn: SecretArn,
    /// The version with the label `AWSCURRENT` before the promotion.
    pub(crate) version_id: String,
    /// The customer managed key of the replica. `None` is the AWS managed key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key: Option<String>,
    /// What is known about the promotion.
    pub(crate) status: Status,
    /// The time at which a read showed the promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) promoted: Option<DateTime<Utc>>,
}

/// What is known about a promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// The run began. Only a read shows whether the secret was promoted.
    Planned,
    /// AWS accepted the call, and no read has shown the promotion yet.
    Unverified,
    /// A read showed the promotion.
    Promoted,
}

/// The record with its file.
#[derive(Debug)]
pub(crate) struct PromotionState {
    path: PathBuf,
    record: Record,
}

impl PromotionState {
    /// Returns the path without `--state`.
    fn default_path(region: &Region) -> PathBuf {
        format!("promotion-{region}.json").into()
    }

    /// Loads the file, or begins a new record if there is none.
    ///
    /// # Errors
    /// The file is not a record of this Region and version.
    pub(crate) fn load(path: Option<&Path>, region: &Region) -> anyhow::Result<Self> {
        let path = path.map_or_else(|| Self::default_path(region), Path::to_owned);
        let name = path.display();
        let record = match fs::read_to_string(&path) {
            Ok(text) => {
                let record: Record = serde_json::from_str(&text).with_context(|| {
                    format!(
                        "`{name}` is not a state file of `promote`; name another file with `--state`"
                    )
                })?;
                if record.format != FORMAT || record.region != *region {
                    bail!(
                        "the state file `{name}` is that of {} (format {}), not of {region} (format {FORMAT}); \
                         name another file with `--state`",
                        record.region,
                        record.format
                    );
                }
                record
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Record {
                format: FORMAT,
                region: region.clone(),
                updated: Utc::now(),
                secrets: BTreeMap::new(),
            },
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("failed to read the state file `{name}`; check its permissions")
                });
            }
        };
        Ok(Self { path, record })
    }

    /// Returns the path, for messages.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Returns the resources (name and suffix) of the secrets that a run planned to promote.
    pub(crate) fn resources(&self) -> BTreeSet<String> {
        self.record.secrets.keys().cloned().collect()
    }

    /// Returns whether no run planned a promotion.
    pub(crate) fn is_empty(&self) -> bool {
        self.record.secrets.is_empty()
    }

    /// Returns the secrets.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &PromotedSecret> {
        self.record.secrets.values()
    }

    /// Records a plan before its first call, so that an interruption at any time leaves a record.
    ///
    /// # Errors
    /// The file cannot be written. Nothing may be promoted then.
    pub(crate) fn plan(&mut self, plan: &PromotionPlan) -> anyhow::Result<()> {
        for candidate in &plan.promote {
            self.set(candidate, Status::Planned, None);
        }
        self.write()
    }

    /// Records that the Region shows secrets standalone whose promotion an earlier run began and did not verify.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn settle(&mut self, plan: &PromotionPlan) -> anyhow::Result<()> {
        let standalone = plan.left.iter();
        let standalone = standalone.filter(|left| left.reason == NotPromoted::AlreadyStandalone);
        let mut has_changed = false;
        for arn in standalone.filter_map(|left| left.arn.as_ref()) {
            let recorded = self.record.secrets.get_mut(arn.resource());
            if let Some(secret) = recorded.filter(|secret| secret.status != Status::Promoted) {
                secret.status = Status::Promoted;
                has_changed = true;
            }
        }
        if has_changed { self.write() } else { Ok(()) }
    }

    /// Records what happened to a secret.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn note(&mut self, candidate: &Candidate, outcome: &Outcome) -> anyhow::Result<()> {
        match outcome {
            Outcome::Promoted { at, version_id } => {
                let fresh = Candidate {
                    version_id: version_id.clone(),
                    ..candidate.clone()
                };
                self.set(&fresh, Status::Promoted, Some(*at));
            }
            Outcome::AlreadyStandalone => self.set(candidate, Status::Promoted, None),
            Outcome::Unverified => self.set(candidate, Status::Unverified, None),
            Outcome::Not(_) | Outcome::Failed(_) | Outcome::NotStarted => return Ok(()),
        }
        self.write()
    }

    fn set(&mut self, candidate: &Candidate, status: Status, promoted: Option<DateTime<Utc>>) {
        let secret = PromotedSecret {
            name: candidate.name.clone(),
            arn: candidate.arn.clone(),
            primary_arn: candidate.arn.in_region(&candidate.primary_region),
            version_id: candidate.version_id.clone(),
            kms_key: candidate.kms_key.as_ref().map(ToString::to_string),
            status,
            promoted,
        };
        let resource = candidate.arn.resource().to_owned();
        self.record.secrets.insert(resource, secret);
    }

    /// Replaces the file. Readers see the former record or the new one.
    fn write(&mut self) -> anyhow::Result<()> {
        self.record.updated = Utc::now();
        let text = json(&self.record)?;
        let file = OutputFile::check("--state", "promotion.json", &self.path)?;
        file.write(|to| to.write_all(text.as_bytes()))
    }
}
