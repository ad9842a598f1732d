use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use secret_replicator_core::failover::promotion::{Candidate, PromotionPlan};
use secret_replicator_core::secret::Region;
use serde::Serialize;

use super::{Head, PromotedSecret, PromotionState, Status, unreadable};
use crate::promote::Outcome;

/// The state file of a run that promotes. The run holds a lock on it, so that no other run appends to it.
#[derive(Debug)]
pub(crate) struct PromotionLog {
    path: PathBuf,
    file: File,
    state: PromotionState,
}

impl PromotionLog {
    /// Creates or opens a file, and locks it until the end of the run.
    ///
    /// # Errors
    /// Another run holds the lock, the file cannot be written, or it is not a record of this Region and version.
    pub(crate) fn open(path: &Path, region: &Region) -> anyhow::Result<Self> {
        let name = path.display();
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path);
        let mut file = file.with_context(|| {
            format!(
                "failed to write the state file `{name}`; make its directory writable, or name another file with \
                 `--state`"
            )
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another run of `promote` uses the state file `{name}`; wait until it ends, and run the command again"
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| {
                    format!("failed to lock the state file `{name}`; name a file on a local disk with `--state`")
                });
            }
        }
        let mut text = String::new();
        file.read_to_string(&mut text)
            .with_context(|| unreadable(path))?;
        let (state, complete) = PromotionState::parse(&text, path, region)?;
        let mut log = Self {
            path: path.to_owned(),
            file,
            state,
        };
        if complete < text.len() {
            let length = u64::try_from(complete).context("the state file is too long")?;
            log.file.set_len(length).with_context(|| log.failed())?;
        }
        if complete == 0 {
            log.append(&[Head::of(region)])?;
            log.sync_directory()?;
        }
        Ok(log)
    }

    /// Records a plan before its first call, so that an interruption at any time leaves a record.
    ///
    /// # Errors
    /// The file cannot be written. Nothing may be promoted then.
    pub(crate) fn plan(&mut self, plan: &PromotionPlan) -> anyhow::Result<()> {
        let candidates = plan.promote.iter();
        let entries = candidates.map(|candidate| entry(candidate, Status::Planned, None));
        self.add(entries.collect())
    }

    /// Records that the Region shows secrets standalone whose promotion an earlier run began and did not verify.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn settle(&mut self, plan: &PromotionPlan) -> anyhow::Result<()> {
        self.add(self.state.unsettled(plan))
    }

    /// Records what happened to a secret.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn note(&mut self, candidate: &Candidate, outcome: &Outcome) -> anyhow::Result<()> {
        let entry = match outcome {
            Outcome::Promoted { at, version_id } => {
                let fresh = Candidate {
                    version_id: version_id.clone(),
                    ..candidate.clone()
                };
                entry(&fresh, Status::Promoted, Some(*at))
            }
            Outcome::AlreadyStandalone => entry(candidate, Status::Promoted, None),
            Outcome::Unverified => entry(candidate, Status::Unverified, None),
            Outcome::Not(_) | Outcome::Failed(_) | Outcome::NotStarted => return Ok(()),
        };
        self.add(vec![entry])
    }

    fn add(&mut self, entries: Vec<PromotedSecret>) -> anyhow::Result<()> {
        self.append(&entries)?;
        for entry in entries {
            self.state.apply(entry);
        }
        Ok(())
    }

    /// Appends lines. They are on the disk when the function returns.
    fn append(&mut self, lines: &[impl Serialize]) -> anyhow::Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line).with_context(|| self.failed())?;
            text.push(b'\n');
        }
        let written = self.file.write_all(&text);
        let written = written.and_then(|()| self.file.sync_data());
        written.with_context(|| self.failed())
    }

    /// Puts the name of a new file on the disk.
    fn sync_directory(&self) -> anyhow::Result<()> {
        // Other systems cannot open a directory.
        if cfg!(unix) {
            let directory = match self.path.parent() {
                Some(parent) if parent != Path::new("") => parent,
                _ => Path::new("."),
            };
            let synced = File::open(directory).and_then(|directory| directory.sync_all());
            synced.with_context(|| self.failed())?;
        }
        Ok(())
    }

    fn failed(&self) -> String {
        let name = self.path.display();
        format!("failed to write the state file `{name}`; check the disk space and the directory")
    }
}

fn entry(candidate: &Candidate, status: Status, promoted: Option<DateTime<Utc>>) -> PromotedSecret {
    PromotedSecret {
        name: candidate.name.clone(),
        arn: candidate.arn.clone(),
        primary_arn: candidate.arn.in_region(&candidate.primary_region),
        version_id: candidate.version_id.clone(),
        kms_key: candidate.kms_key.as_ref().map(ToString::to_string),
        status,
        promoted,
    }
}
