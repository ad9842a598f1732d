//! What the function says of a secret: one record, its metrics, and the answer to Lambda.
//!
//! All three derive from one [`Report`], so they cannot disagree.

mod cause;
mod failure;
mod metrics;
mod record;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use metrique::emf::Emf;
use serde::Serialize;

pub use failure::{ErrorType, Failure};
pub use record::Record;
pub use sweep::{SweepRecord, SweepReport};

use crate::explain::Explanation;
use crate::reconcile::{Conclusion, Mode, NotReady, Outcome, Reconciliation, RegionConclusion};
use crate::secret::{Region, Secret, SecretId};
use crate::trigger::{BadEvent, Origin};

/// Everything that is known of an invocation when it ends.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where the trigger came from.
    pub origin: Origin,
    /// Lambda's id of the invocation.
    pub request_id: String,
    /// When the invocation began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// Whether the function might have written.
    pub mode: Mode,
    /// The secret as the trigger named it, if it did.
    pub named: Option<SecretId>,
    /// How it ended.
    pub ending: Ending,
    /// Why, rule by rule, where that was asked for. Part of the answer, not of the log.
    pub explanation: Option<Explanation>,
}

/// The answer to Lambda.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// The record of one secret.
    Secret(Box<Record>),
    /// The summary of a sweep so far.
    Sweep(Box<SweepRecord>),
}

impl From<&SweepReport> for Answer {
    fn from(report: &SweepReport) -> Self {
        Self::Sweep(Box::new(SweepRecord::new(report)))
    }
}

/// How an invocation ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// The trigger was about a secret.
    Secret(Box<Reconciliation>),
    /// The trigger could not be understood.
    BadEvent(BadEvent),
    /// The function has a bug. The text is the panic's message.
    Internal(String),
}

impl Ending {
    /// The secret as last seen before any write.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Secret(reconciliation) => reconciliation.secret.as_ref(),
            Self::BadEvent(_) | Self::Internal(_) => None,
        }
    }
}

impl Report {
    /// The outcome: the gravest among the Regions.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.conclusion().map_or(Outcome::Failed, Outcome::of)
    }

    /// The secret as last seen before any write.
    fn secret(&self) -> Option<&Secret> {
        self.ending.secret()
    }

    fn conclusion(&self) -> Option<&Conclusion> {
        match &self.ending {
            Ending::Secret(reconciliation) => Some(&reconciliation.conclusion),
            Ending::BadEvent(_) | Ending::Internal(_) => None,
        }
    }

    /// What became of each Region that a rule or a tag names.
    fn regions(&self) -> &[RegionConclusion] {
        match self.conclusion() {
            Some(conclusion) => conclusion.regions(),
            None => &[],
        }
    }

    fn rules(&self) -> Vec<String> {
        match self.conclusion() {
            Some(
                Conclusion::Covered { rules, .. }
                | Conclusion::NotReady(NotReady::NoValueYet(rules)),
            ) => rules.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// How long ago the API call was when the invocation began, in milliseconds.
    fn event_age_ms(&self) -> Option<i64> {
        self.origin
            .event_time
            .map(|time| record::milliseconds(time, self.started))
    }

    /// The answer to Lambda. An error if the wanted state was not reached and nobody decided
    /// against it, so that Lambda retries the event and then hands it to the failure queue.
    ///
    /// # Errors
    /// [`Failure`] with a stable type.
    pub fn answer(&self) -> Result<Answer, Failure> {
        let record = Record::new(self);
        if let Some(error_type) = failure::error_type(self) {
            return Err(Failure::new(error_type, &record));
        }
        let record = record.with_explanation(self.explanation.clone());
        Ok(Answer::Secret(Box::new(record)))
    }
}

/// Writes reports, usually to standard output, which Lambda sends to CloudWatch Logs.
#[derive(Debug)]
pub struct Reporter {
    emf: Mutex<EmfFormat>,
    output: Output,
    /// The Regions that the allowed Regions or the policy names.
    named_regions: BTreeSet<Region>,
}

struct EmfFormat(Emf);

/// Where reports go.
struct Output(Mutex<Box<dyn Write + Send>>);

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Output")
    }
}

impl std::fmt::Debug for EmfFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmfFormat")
    }
}

impl Reporter {
    /// A reporter whose metrics go to this CloudWatch namespace, by Region for these Regions and for
    /// those in which AWS lists a replica.
    #[must_use]
    pub fn new(metrics_namespace: &str, named_regions: BTreeSet<Region>) -> Self {
        let emf = Emf::builder(metrics_namespace.to_owned(), vec![vec![]]).build();
        Self {
            emf: Mutex::new(EmfFormat(emf)),
            output: Output(Mutex::new(Box::new(io::stdout()))),
            named_regions,
        }
    }

    /// The same, writing elsewhere.
    #[must_use]
    pub fn with_output(self, output: impl Write + Send + 'static) -> Self {
        Self {
            output: Output(Mutex::new(Box::new(output))),
            ..self
        }
    }

    /// Writes the record and the metrics of a report, one JSON object a line, in one write.
    ///
    /// # Errors
    /// Whatever the output answers.
    pub fn write(&self, report: &Report) -> io::Result<()> {
        self.write_lines(&Record::new(report), |emf, lines| {
            metrics::write(report, &self.named_regions, emf, lines)
        })
    }

    /// Writes the summary and the metrics of a sweep's slice.
    ///
    /// # Errors
    /// Whatever the output answers.
    pub fn write_sweep(&self, report: &SweepReport) -> io::Result<()> {
        self.write_lines(&SweepRecord::new(report), |emf, lines| {
            sweep::metrics::write(report, emf, lines)
        })
    }

    fn write_lines(
        &self,
        record: &impl Serialize,
        metrics: impl FnOnce(&mut Emf, &mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut lines = serde_json::to_vec(record)?;
        lines.push(b'\n');
        let mut emf = self.emf.lock().unwrap_or_else(PoisonError::into_inner);
        metrics(&mut emf.0, &mut lines)?;
        drop(emf);
        let mut output = self.output.0.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(&lines)?;
        output.flush()
    }
}
