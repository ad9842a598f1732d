use chrono::{DateTime, SecondsFormat, Utc};
use secret_replicator_core::outcome::Outcome;
use secret_replicator_core::request::Origin;
use secret_replicator_core::secret::Region;
use serde::Serialize;

use super::{ErrorType, Failure, milliseconds};
use crate::failover::{FailoverSummary, FailoverTotals};
use crate::reconcile::Mode;

/// The complete result of a drill or a promotion.
#[derive(Clone, Debug)]
pub struct FailoverReport {
    /// The origin of the request.
    pub origin: Origin,
    /// Lambda's request ID.
    pub request_id: String,
    /// The function's account, if it is known.
    pub account: Option<String>,
    /// The start of the invocation.
    pub started: DateTime<Utc>,
    /// The end of the invocation.
    pub ended: DateTime<Utc>,
    /// Whether the function could write.
    pub mode: Mode,
    /// The result.
    pub summary: FailoverSummary,
}

/// The summary of a drill or a promotion: the log line and the function's response.
#[derive(Clone, Debug, Serialize)]
pub struct FailoverRecord {
    timestamp: String,
    level: &'static str,
    message: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remediation: Option<&'static str>,
    trigger: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    region: Region,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_region: Option<Region>,
    dry_run: bool,
    duration_ms: i64,
    #[serde(flatten)]
    totals: FailoverTotals,
    /// Whether the primary Region answered.
    compared: bool,
}

/// The reason of a drill or a promotion that has not reached every replica.
const UNFINISHED: &str = "unfinished";

impl FailoverRecord {
    pub(super) fn new(report: &FailoverReport) -> Self {
        let FailoverSummary {
            region,
            primary_region,
            totals,
            unlisted,
            is_compared,
            ..
        } = &report.summary;
        let is_unfinished = is_unfinished(&report.summary);
        let outcome = outcome(&report.summary);
        let remediation = if is_unfinished {
            Some("send the same action again; it continues with the replicas that are left")
        } else {
            (outcome == Outcome::Failed).then_some(
                "the records of these secrets say what to do; then send the same action again",
            )
        };
        Self {
            timestamp: report.ended.to_rfc3339_opts(SecondsFormat::Millis, true),
            level: outcome.level(),
            message: message(&report.origin.name, &report.summary),
            outcome: outcome.name(),
            reason: is_unfinished.then_some(UNFINISHED),
            detail: unlisted.clone(),
            remediation,
            trigger: report.origin.name.clone(),
            event_id: report.origin.event_id.clone(),
            request_id: report.request_id.clone(),
            account: report.account.clone(),
            region: region.clone(),
            primary_region: primary_region.clone(),
            dry_run: report.mode == Mode::DryRun,
            duration_ms: milliseconds(report.started, report.ended),
            totals: *totals,
            compared: *is_compared,
        }
    }

    /// Returns the failure of the invocation, if replicas are left or could not be promoted. What is unfinished is
    /// `ReplicationPending`, because another invocation continues, also if other replicas have failed.
    pub(super) fn failure(&self, summary: &FailoverSummary) -> Option<Failure> {
        let error_type = if is_unfinished(summary) {
            ErrorType::ReplicationPending
        } else if summary.totals.failed > 0 {
            ErrorType::ReplicationFailed
        } else {
            return None;
        };
        let detail = self.detail.as_deref().map(|detail| format!("; {detail}"));
        let remediation = self.remediation.unwrap_or_default();
        let message = &self.message;
        Some(Failure {
            error_type,
            message: format!(
                "{message}{}; remediation: {remediation}",
                detail.unwrap_or_default()
            ),
        })
    }
}

/// Returns whether replicas are left for the next invocation. In a drill, a secret that changed recently is not.
fn is_unfinished(summary: &FailoverSummary) -> bool {
    let FailoverTotals { left, pending, .. } = summary.totals;
    summary.unlisted.is_some() || left > 0 || (!summary.is_drill && pending > 0)
}

fn outcome(summary: &FailoverSummary) -> Outcome {
    let outcome = summary.totals.outcome();
    if summary.unlisted.is_some() {
        outcome.max(Outcome::Pending)
    } else {
        outcome
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
    ];
    let region = &summary.region;
    let mut words = vec![format!("{action} in {region}{from}: {covered} covered")];
    let rest = parts.iter().filter(|(count, _)| *count > 0);
    words.extend(rest.map(|(count, what)| format!("{count} {what}")));
    words.join(", ")
}
