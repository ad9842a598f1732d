//! The record of an invocation: the line in the log, the metrics, and the function's answer.
//!
//! The record and the metrics derive from one [`Report`], so they cannot disagree. The record is built
//! once, written, and returned.

mod errors;
mod metrics;
mod reason;
mod secret;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use metrique::emf::Emf;
use secret_replicator_core::explain::Explanation;
use secret_replicator_core::request::Origin;
use secret_replicator_core::secret::{Region, SecretId};
use serde::Serialize;

pub use errors::{ErrorType, Failure};
pub use secret::SecretRecord;
pub use sweep::{SweepRecord, SweepReport};

use crate::reconcile::{Mode, SecretOutcome};

/// Everything that is known about a request for one secret when it ends.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where the request came from.
    pub origin: Origin,
    /// Lambda's ID of the invocation.
    pub request_id: String,
    /// When the work began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// Whether the function was allowed to write.
    pub mode: Mode,
    /// The secret as the request named it, if it did.
    pub named: Option<SecretId>,
    /// What became of the secret.
    pub outcome: SecretOutcome,
    /// The decision rule by rule, where that was requested. Part of the answer, not of the log.
    pub explanation: Option<Explanation>,
}

impl Report {
    /// The age of the event when the work began, in milliseconds.
    fn event_age_ms(&self) -> Option<i64> {
        self.origin
            .event_time
            .map(|time| milliseconds(time, self.started))
    }
}

/// What the function writes and returns.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Record {
    /// The record of one secret.
    Secret(Box<SecretRecord>),
    /// The summary of a sweep so far.
    Sweep(Box<SweepRecord>),
}

/// Writes records and metrics, usually to standard output, which Lambda sends to CloudWatch Logs.
pub struct Recorder {
    emf: Mutex<Emf>,
    output: Mutex<Box<dyn Write + Send>>,
    /// The Regions that get a metric dimension of their own.
    named_regions: BTreeSet<Region>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder")
            .field("named_regions", &self.named_regions)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// A recorder whose metrics go to this CloudWatch namespace. They have the dimension
    /// `ReplicaRegion` for these Regions and for those in which AWS lists a replica.
    #[must_use]
    pub fn new(metrics_namespace: &str, named_regions: BTreeSet<Region>) -> Self {
        let emf = Emf::builder(metrics_namespace.to_owned(), vec![vec![]]).build();
        Self {
            emf: Mutex::new(emf),
            output: Mutex::new(Box::new(io::stdout())),
            named_regions,
        }
    }

    /// The same recorder with another output.
    #[must_use]
    pub fn with_output(self, output: impl Write + Send + 'static) -> Self {
        Self {
            output: Mutex::new(Box::new(output)),
            ..self
        }
    }

    /// Writes the record and the metrics of a report, and returns the record.
    ///
    /// # Errors
    /// [`Failure`] if the wanted state was not reached and nobody decided against it, so that Lambda
    /// retries the event and then sends it to the failure queue.
    pub fn record(&self, report: Report) -> Result<Record, Failure> {
        let record = SecretRecord::new(&report);
        let failure =
            errors::error_type(&report).map(|error_type| Failure::new(error_type, &record));
        // The write comes last: a panic before it still leaves exactly one record.
        self.write(&record, |emf, lines| {
            metrics::write_secret(&report, &self.named_regions, emf, lines)
        });
        match failure {
            Some(failure) => Err(failure),
            None => Ok(Record::Secret(Box::new(
                record.with_explanation(report.explanation),
            ))),
        }
    }

    /// Writes the record and the metrics of a sweep's slice, and returns the record.
    #[must_use]
    pub fn record_sweep(&self, report: &SweepReport) -> Record {
        let record = SweepRecord::new(report);
        self.write(&record, |emf, lines| {
            metrics::write_sweep(report, emf, lines)
        });
        Record::Sweep(Box::new(record))
    }

    /// Writes a record and its metrics, one JSON object per line, in one write. A write that fails must
    /// not change the answer, so it is only logged.
    fn write(
        &self,
        record: &impl Serialize,
        metrics: impl FnOnce(&mut Emf, &mut Vec<u8>) -> io::Result<()>,
    ) {
        if let Err(error) = self.try_write(record, metrics) {
            tracing::error!(%error, "failed to write the record");
        }
    }

    fn try_write(
        &self,
        record: &impl Serialize,
        metrics: impl FnOnce(&mut Emf, &mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut lines = serde_json::to_vec(record)?;
        lines.push(b'\n');
        let mut emf = self.emf.lock().unwrap_or_else(PoisonError::into_inner);
        metrics(&mut emf, &mut lines)?;
        drop(emf);
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(&lines)?;
        output.flush()
    }
}

/// The time between two moments in milliseconds. The clocks of two machines never agree exactly, so a
/// negative time counts as zero.
fn milliseconds(from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    (to - from).num_milliseconds().max(0)
}
