//! What the function says of a secret: one record, its metrics, and the answer to Lambda.
//!
//! All three derive from one [`Report`], so they cannot disagree.

mod cause;
mod failure;
mod metrics;
mod record;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use metrique::emf::Emf;

pub use failure::{ErrorType, Failure};
pub use record::Record;

use crate::explain::Explanation;
use crate::reconcile::{Conclusion, Mode, NotReady, Reconciliation, RegionConclusion, RegionState};
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

/// The outcome of an invocation, from the lightest to the gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The secret was left alone, deliberately.
    Skipped,
    /// The wanted state was there already.
    Unchanged,
    /// A dry run: something would have been done.
    Planned,
    /// The wanted state was reached.
    Replicated,
    /// A Region gets no replica although a rule or a tag names it.
    Refused,
    /// The wanted state was not reached yet when the time was up.
    Pending,
    /// The wanted state cannot be reached as things are.
    Failed,
}

impl Outcome {
    /// The name in the record.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Unchanged => "unchanged",
            Self::Planned => "planned",
            Self::Replicated => "replicated",
            Self::Refused => "refused",
            Self::Pending => "pending",
            Self::Failed => "failed",
        }
    }

    /// The level of the record's log line.
    #[must_use]
    pub fn level(self) -> &'static str {
        match self {
            Self::Skipped | Self::Unchanged | Self::Planned | Self::Replicated => "INFO",
            Self::Refused | Self::Pending => "WARN",
            Self::Failed => "ERROR",
        }
    }
}

impl Report {
    /// The outcome: the gravest among the Regions.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.conclusion() {
            Some(Conclusion::Skipped(_)) => Outcome::Skipped,
            Some(Conclusion::NotReady(_)) => Outcome::Pending,
            Some(Conclusion::Unreadable(_)) | None => Outcome::Failed,
            Some(Conclusion::Covered { regions, .. }) => regions
                .iter()
                .map(|region| outcome_of(&region.state))
                .max()
                .unwrap_or(Outcome::Unchanged),
        }
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
            Some(Conclusion::Covered { regions, .. }) => regions,
            _ => &[],
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
    pub fn answer(&self) -> Result<Record, Failure> {
        match failure::error_type(self) {
            Some(error_type) => Err(Failure::new(error_type, &Record::new(self))),
            None => Ok(Record::new(self).with_explanation(self.explanation.clone())),
        }
    }
}

fn outcome_of(state: &RegionState) -> Outcome {
    match state {
        RegionState::InSync(Some(_)) | RegionState::Removed(_) => Outcome::Replicated,
        RegionState::InProgress(_) => Outcome::Pending,
        RegionState::Failed(..) => Outcome::Failed,
        RegionState::Refused(refusal, _) if refusal.counts() => Outcome::Refused,
        RegionState::Spared(..) => Outcome::Refused,
        RegionState::InSync(None) | RegionState::Refused(..) => Outcome::Unchanged,
        RegionState::Planned | RegionState::PlannedRemoval(_) => Outcome::Planned,
    }
}

/// Writes reports to standard output, which Lambda sends to CloudWatch Logs.
#[derive(Debug)]
pub struct Reporter {
    emf: Mutex<EmfFormat>,
    /// The Regions that the fence or the policy names.
    named_regions: BTreeSet<Region>,
}

struct EmfFormat(Emf);

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
            named_regions,
        }
    }

    /// Writes the record and the metrics of a report, one JSON object a line, in one write.
    ///
    /// # Errors
    /// Whatever standard output answers.
    pub fn write(&self, report: &Report) -> io::Result<()> {
        let mut lines = serde_json::to_vec(&Record::new(report))?;
        lines.push(b'\n');
        let mut emf = self.emf.lock().unwrap_or_else(PoisonError::into_inner);
        metrics::write(report, &self.named_regions, &mut emf.0, &mut lines)?;
        drop(emf);
        let mut out = io::stdout().lock();
        out.write_all(&lines)?;
        out.flush()
    }
}
