use secret_replicator_core::failover::aftermath::StackAfter;
use secret_replicator_core::failover::nothing::Nothing;
use secret_replicator_core::outcome::Outcome;
use secret_replicator_core::secret::Region;
use serde::Serialize;

use super::summary::{Conclusion, Head, SummaryReport};
use super::{ErrorType, Failure};
use crate::failover::{FailoverSummary, FailoverTotals};

/// The complete result of a drill or a promotion.
pub type FailoverReport = SummaryReport<FailoverSummary>;

/// The summary of a drill or a promotion: the log line and the function's response.
#[derive(Clone, Debug, Serialize)]
pub struct FailoverRecord {
    #[serde(flatten)]
    head: Head,
    region: Region,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_region: Option<Region>,
    #[serde(flatten)]
    totals: FailoverTotals,
    /// Whether a drill has compared all replicas.
    compared: bool,
    /// Absent without a replica that can be promoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    after_promotion: Option<StackAfter>,
}

/// Why a drill or a promotion has not succeeded.
#[derive(Clone, Copy)]
enum Problem<'a> {
    /// Replicas are left for the next invocation.
    Unfinished {
        /// Whether some were promoted, so that the next invocation continues. Otherwise it may end in the same way.
        continues: bool,
        /// Whether others have failed.
        has_failed: bool,
    },
    /// Nothing is covered.
    Nothing(&'a Nothing),
    /// Secrets have failed.
    Failed,
}

impl<'a> Problem<'a> {
    fn of(summary: &'a FailoverSummary) -> Option<Self> {
        let FailoverTotals {
            promoted,
            left,
            pending,
            failed,
            ..
        } = summary.totals;
        // In a drill, a secret that changed recently is pending, and another drill need not follow.
        if summary.unlisted.is_some() || left > 0 || (!summary.is_drill && pending > 0) {
            return Some(Self::Unfinished {
                continues: !summary.is_drill && promoted + pending > 0,
                has_failed: failed > 0,
            });
        }
        let nothing = summary.nothing.as_ref().map(Self::Nothing);
        nothing.or((failed > 0).then_some(Self::Failed))
    }

    /// Returns the reason for the record. The records of the secrets have theirs.
    fn reason(self) -> Option<&'static str> {
        match self {
            Self::Unfinished { .. } => Some("unfinished"),
            Self::Nothing(_) => Some("nothing-covered"),
            Self::Failed => None,
        }
    }

    fn remediation(self) -> &'static str {
        match self {
            Self::Unfinished {
                continues,
                has_failed,
            } => unfinished(continues, has_failed),
            Self::Nothing(nothing) => nothing.remediation(),
            Self::Failed => {
                "the records of these secrets say what to do; then send the same action again"
            }
        }
    }

    fn error_type(self) -> ErrorType {
        match self {
            Self::Unfinished { .. } => ErrorType::ReplicationPending,
            // The action names the wrong Region.
            Self::Nothing(Nothing::OtherPrimaryRegions(_)) => ErrorType::BadEvent,
            Self::Nothing(_) | Self::Failed => ErrorType::ReplicationFailed,
        }
    }
}

/// Returns the remediation if replicas are left.
fn unfinished(continues: bool, has_failed: bool) -> &'static str {
    match (continues, has_failed) {
        (true, false) => "send the same action again; it continues with the replicas that are left",
        (true, true) => {
            "send the same action again; it continues with the replicas that are left; the records of the failed \
             secrets say what to do"
        }
        (false, false) => {
            "send the same action again; if it ends in the same way, use `secret-replicator drill` or `promote`, \
             which have no time limit"
        }
        (false, true) => {
            "the records of the failed secrets say what to do; then send the same action again; if it ends in the \
             same way, use `secret-replicator drill` or `promote`, which have no time limit"
        }
    }
}

impl FailoverRecord {
    pub(super) fn new(report: &FailoverReport) -> Self {
        let summary = &report.state;
        let after = &summary.after_promotion;
        Self {
            head: Head::new(report, conclusion(&report.origin.name, summary)),
            region: summary.region.clone(),
            primary_region: summary.primary_region.clone(),
            totals: summary.totals,
            compared: summary.is_compared,
            after_promotion: (after.secrets > 0).then(|| after.clone()),
        }
    }

    /// Returns the failure of the invocation, if replicas are left or could not be promoted, or if nothing is covered.
    pub(super) fn failure(&self, summary: &FailoverSummary) -> Option<Failure> {
        let problem = Problem::of(summary)?;
        let Head {
            message, detail, ..
        } = &self.head;
        let detail = detail.as_deref().map(|detail| format!("; {detail}"));
        Some(Failure {
            error_type: problem.error_type(),
            message: format!(
                "{message}{}; remediation: {}",
                detail.unwrap_or_default(),
                problem.remediation()
            ),
        })
    }
}

fn conclusion(action: &str, summary: &FailoverSummary) -> Conclusion {
    let outcome = outcome(summary);
    let problem = Problem::of(summary);
    let nothing = summary.nothing.as_ref();
    let nothing =
        nothing.map(|nothing| nothing.detail(&summary.region, summary.primary_region.as_ref()));
    Conclusion {
        level: outcome.level(),
        message: message(action, summary),
        outcome,
        reason: problem.and_then(Problem::reason),
        detail: summary.unlisted.clone().or(nothing),
        remediation: problem.map(Problem::remediation),
    }
}

fn outcome(summary: &FailoverSummary) -> Outcome {
    let outcome = summary.totals.outcome();
    match (&summary.unlisted, &summary.nothing) {
        (Some(_), _) => outcome.max(Outcome::Pending),
        (None, Some(_)) => Outcome::Failed,
        (None, None) => outcome,
    }
}

/// Returns the record's `message`, for readers of the log.
fn message(action: &str, summary: &FailoverSummary) -> String {
    let FailoverTotals {
        not_covered,
        covered,
        ready,
        planned,
        promoted,
        already_promoted,
        pending,
        failed,
        left,
        standalone,
        ..
    } = summary.totals;
    let from = summary.primary_region.as_ref();
    let from = from.map_or_else(String::new, |from| format!(" from {from}"));
    let parts = [
        (ready, "could be promoted"),
        (planned, "would be promoted"),
        (promoted, "promoted"),
        (already_promoted, "promoted before"),
        (pending, "pending"),
        (failed, "failed"),
        (left, "left"),
        (not_covered, "not covered"),
        (standalone, "standalone and covered"),
    ];
    let region = &summary.region;
    let mut words = vec![format!("{action} in {region}{from}: {covered} covered")];
    let rest = parts.iter().filter(|(count, _)| *count > 0);
    words.extend(rest.map(|(count, what)| format!("{count} {what}")));
    words.join(", ")
}
