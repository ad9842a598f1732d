//! The file that records what `promote` did, for the next run and for `failback`.
//!
//! The file has one JSON object a line: the head, then an entry for each thing that became known about a secret. The
//! last entry of a secret counts, except that a promotion that a read showed is never forgotten. Lines are only
//! appended, so an interruption at any time loses at most the line that is being written.
//!
//! | module | content |
//! |---|---|
//! | `default_path` | the name of the file without `--state` |
//! | `log` | [`PromotionLog`]: the locked file that a run appends to |

mod default_path;
mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use secret_replicator_core::failover::promotion::{NotPromoted, PromotionPlan};
use secret_replicator_core::secret::{Region, SecretArn};
use serde::{Deserialize, Serialize};

pub(crate) use default_path::{DefaultPath, Known};
pub(crate) use log::PromotionLog;

/// The version of the file's format.
const FORMAT: u32 = 1;

/// The first line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u32,
    /// The failover Region.
    region: Region,
}

/// A secret that a run planned to promote. Never contains a value.
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

/// What the file says.
#[derive(Debug, Default)]
pub(crate) struct PromotionState {
    /// The secrets by their resource (name and suffix).
    secrets: BTreeMap<String, PromotedSecret>,
}

impl PromotionState {
    /// Reads a file. The state is empty if there is none.
    ///
    /// # Errors
    /// The file is not a record of this Region and version.
    pub(crate) fn read(path: &Path, region: &Region) -> anyhow::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&text, path, region)?.0),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| unreadable(path)),
        }
    }

    /// Parses the complete lines of a file. Returns their length: an interrupted write can leave a part of a line.
    fn parse(text: &str, path: &Path, region: &Region) -> anyhow::Result<(Self, usize)> {
        let name = path.display();
        let not_a_record = || {
            format!("`{name}` is not a state file of `promote`; name another file with `--state`")
        };
        let complete = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = text[..complete].lines();
        let mut state = Self::default();
        let Some(head) = lines.next() else {
            // A part of the head is all that an interruption left.
            let is_part = serde_json::to_string(&Head::of(region))?.starts_with(text);
            return if is_part {
                Ok((state, 0))
            } else {
                bail!(not_a_record())
            };
        };
        let head: Head = serde_json::from_str(head).with_context(not_a_record)?;
        if head.format != FORMAT || head.region != *region {
            bail!(
                "the state file `{name}` is that of {} (format {}), not of {region} (format {FORMAT}); name another \
                 file with `--state`",
                head.region,
                head.format
            );
        }
        for line in lines {
            state.apply(serde_json::from_str(line).with_context(not_a_record)?);
        }
        Ok((state, complete))
    }

    /// Applies an entry. A list can be minutes old and a run can be interrupted, so neither a plan nor an entry
    /// without a time replaces a promotion that a read showed.
    fn apply(&mut self, entry: PromotedSecret) {
        let resource = entry.arn.resource().to_owned();
        let known = self.secrets.get(&resource);
        let is_promoted = known.is_some_and(|known| known.status == Status::Promoted);
        if !is_promoted || entry.promoted.is_some() {
            self.secrets.insert(resource, entry);
        }
    }

    /// Returns the resources (name and suffix) of the secrets that a run planned to promote.
    pub(crate) fn resources(&self) -> BTreeSet<String> {
        self.secrets.keys().cloned().collect()
    }

    /// Returns whether no run planned a promotion.
    pub(crate) fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Returns the secrets.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &PromotedSecret> {
        self.secrets.values()
    }

    /// Returns entries for the secrets that the Region shows standalone, and whose promotion an earlier run began and
    /// did not verify.
    pub(crate) fn unsettled(&self, plan: &PromotionPlan) -> Vec<PromotedSecret> {
        let standalone = plan.left.iter();
        let standalone = standalone.filter(|left| left.reason == NotPromoted::AlreadyStandalone);
        let recorded = standalone
            .filter_map(|left| left.arn.as_ref())
            .filter_map(|arn| self.secrets.get(arn.resource()));
        let unsettled = recorded.filter(|secret| secret.status != Status::Promoted);
        unsettled
            .map(|secret| PromotedSecret {
                status: Status::Promoted,
                ..secret.clone()
            })
            .collect()
    }
}

impl Head {
    fn of(region: &Region) -> Self {
        Self {
            format: FORMAT,
            region: region.clone(),
        }
    }
}

fn unreadable(path: &Path) -> String {
    let name = path.display();
    format!("failed to read the state file `{name}`; check its permissions")
}

/// The file of a run: the one of `--state`, or the one with the default name.
#[derive(Clone, Debug)]
pub(crate) struct StateFile {
    /// The file of `--state`.
    named: Option<PathBuf>,
    /// The failover Region.
    region: Region,
}

impl StateFile {
    pub(crate) fn new(named: Option<&Path>, region: &Region) -> Self {
        Self {
            named: named.map(Path::to_owned),
            region: region.clone(),
        }
    }

    /// Returns the path. `None` without `--state` if too little is known for a name, and no file has one that fits.
    ///
    /// # Errors
    /// Several files have a name that fits.
    pub(crate) fn path(&self, known: &Known<'_>) -> anyhow::Result<Option<PathBuf>> {
        match &self.named {
            Some(path) => Ok(Some(path.clone())),
            None => DefaultPath::new(&self.region).find(known),
        }
    }

    /// Reads what the file says.
    ///
    /// # Errors
    /// The file cannot be read, or is not a record of this Region and version.
    pub(crate) fn read(&self, path: Option<&Path>) -> anyhow::Result<PromotionState> {
        let read = |path| PromotionState::read(path, &self.region);
        Ok(path.map(read).transpose()?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
