//! The record of an invocation: the log line, the metrics, and the function's response.
//!
//! The record and the metrics derive from one [`Report`], so they always agree. The function builds the
//! record once, writes it, and returns it.

mod errors;
mod failover;
mod metrics;
mod reason;
mod secret;
mod summary;
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
pub use failover::{FailoverRecord, FailoverReport};
pub use secret::SecretRecord;
pub use summary::SummaryReport;
pub use sweep::{SweepRecord, SweepReport};

use crate::reconcile::{Mode, RegionState, SecretOutcome};
use crate::settings::Observability;

/// The complete result of a request about one secret.
#[derive(Clone, Debug)]
pub struct Report {
    /// The origin of the request.
    pub origin: Origin,
    /// Lambda's request ID.
    pub request_id: String,
    /// The function's account, if it is known.
    pub account: Option<String>,
    /// The execution of the state machine that sweeps, for a secret of a sweep.
    pub sweep_id: Option<String>,
    /// The start of the work.
    pub started: DateTime<Utc>,
    /// The end of the work.
    pub ended: DateTime<Utc>,
    /// Whether the function could write.
    pub mode: Mode,
    /// The secret as named in the request.
    pub named: Option<SecretId>,
    /// The outcome of the secret.
    pub outcome: SecretOutcome,
    /// The decision rule by rule, if requested. Part of the response, but not of the log.
    pub explanation: Option<Explanation>,
}

impl Report {
    /// Returns whether the report has metrics.
    fn has_metrics(&self) -> bool {
        self.explanation.is_none() && !matches!(self.outcome, SecretOutcome::Failover(_))
    }

    /// Returns the age of the event at the start of the work, in milliseconds.
    fn event_age_ms(&self) -> Option<i64> {
        self.origin
            .event_time
            .map(|time| milliseconds(time, self.started))
    }
}

/// The function's response, which it also writes to the log.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Record {
    /// The record of one secret.
    Secret(Box<SecretRecord>),
    /// The summary of a sweep so far.
    Sweep(Box<SweepRecord>),
    /// The summary of a drill or a promotion.
    Failover(Box<FailoverRecord>),
}

/// Writes records and metrics, by default to standard output, which Lambda sends to CloudWatch Logs.
pub struct Recorder {
    /// `None` without metrics.
    emf: Option<Mutex<Emf>>,
    observability: Observability,
    output: Mutex<Box<dyn Write + Send>>,
    /// The Regions that are values of a metric dimension.
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
    /// Creates a recorder whose metrics go to a CloudWatch namespace. The metrics have the dimension
    /// `ReplicaRegion` for `named_regions` and for Regions in which AWS lists a replica.
    #[must_use]
    pub fn new(metrics_namespace: &str, named_regions: BTreeSet<Region>) -> Self {
        let emf = Emf::builder(metrics_namespace.to_owned(), vec![vec![]]).build();
        Self {
            emf: Some(Mutex::new(emf)),
            named_regions,
            ..Self::without_metrics()
        }
    }

    /// Creates a recorder that writes records only.
    #[must_use]
    pub fn without_metrics() -> Self {
        Self {
            emf: None,
            observability: Observability::Full,
            output: Mutex::new(Box::new(io::stdout())),
            named_regions: BTreeSet::new(),
        }
    }

    /// Replaces the level of the metrics, which is full by default.
    #[must_use]
    pub fn with_observability(self, observability: Observability) -> Self {
        Self {
            observability,
            ..self
        }
    }

    /// Replaces the output.
    #[must_use]
    pub fn with_output(self, output: impl Write + Send + 'static) -> Self {
        Self {
            output: Mutex::new(Box::new(output)),
            ..self
        }
    }

    /// Writes the record and the metrics of a report. Returns the record. An explanation has no metrics,
    /// because it must not fire an alarm, and its secret need not exist. Nor has a replica in a drill or a promotion:
    /// its caller gets the error.
    ///
    /// # Errors
    /// [`Failure`] if the wanted state was not reached, unless the outcome is `skipped` or `refused`, a
    /// covered secret was only planned, or every open Region has an unknown status. Lambda then
    /// retries the event and finally sends it to the failure queue.
    pub fn record(&self, report: Report) -> Result<Record, Failure> {
        let record = SecretRecord::new(&report);
        let failure =
            errors::error_type(&report).map(|error_type| Failure::new(error_type, &record));
        // Written last: after a panic in the lines above, the handler writes the event's only record.
        self.write(&record, |emf, lines| {
            if !report.has_metrics() {
                return Ok(());
            }
            match self.observability {
                Observability::Full => {
                    metrics::write_secret(&report, &self.named_regions, emf, lines)
                }
                Observability::Essential => metrics::essential::write_secret(&report, emf, lines),
            }
        });
        match failure {
            Some(failure) => Err(failure),
            None => Ok(Record::Secret(Box::new(
                record.with_explanation(report.explanation),
            ))),
        }
    }

    /// Writes the record and the metrics of a sweep's slice. Returns the record.
    #[must_use]
    pub fn record_sweep(&self, report: &SweepReport) -> Record {
        let record = SweepRecord::new(report);
        self.write(&record, |emf, lines| match self.observability {
            Observability::Full => metrics::write_sweep(report, emf, lines),
            Observability::Essential => metrics::essential::write_sweep(report, emf, lines),
        });
        Record::Sweep(Box::new(record))
    }

    /// Writes the record of a drill or a promotion. Returns the record.
    ///
    /// # Errors
    /// [`Failure`] if replicas are left for another invocation, or could not be promoted.
    pub fn record_failover(&self, report: &FailoverReport) -> Result<Record, Failure> {
        let record = FailoverRecord::new(report);
        self.write(&record, |_, _| Ok(()));
        match record.failure(&report.state) {
            Some(failure) => Err(failure),
            None => Ok(Record::Failover(Box::new(record))),
        }
    }

    /// Writes a record and its metrics, one JSON object per line, in one write. A failed write is only
    /// logged, because it must not change the response.
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
        if let Some(emf) = &self.emf {
            let mut emf = emf.lock().unwrap_or_else(PoisonError::into_inner);
            metrics(&mut emf, &mut lines)?;
        }
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(&lines)?;
        output.flush()
    }
}

/// Returns the time from the request to the poll that showed the replica in sync, in whole milliseconds.
fn replication_ms(state: &RegionState) -> Option<u64> {
    match state {
        RegionState::InSync(Some(after)) => u64::try_from(after.as_millis()).ok(),
        _ => None,
    }
}

/// Returns the time between two moments in milliseconds. A negative time counts as zero, because the
/// clocks of two machines differ slightly.
fn milliseconds(from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    (to - from).num_milliseconds().max(0)
}
