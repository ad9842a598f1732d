use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::milliseconds;
use crate::reconcile::Mode;
use crate::sweep::Sweep;
use secret_replicator_core::sweep::{Token, Totals};

/// The complete result of a sweep's slice.
#[derive(Clone, Debug)]
pub struct SweepReport {
    /// Lambda's request ID.
    pub request_id: String,
    /// The start of the invocation.
    pub started: DateTime<Utc>,
    /// The end of the invocation.
    pub ended: DateTime<Utc>,
    /// Whether the sweep could write.
    pub mode: Mode,
    /// The state of the sweep.
    pub sweep: Sweep,
}

/// The summary of a sweep after a slice: the log line and the function's response. The counts cover the
/// whole sweep so far.
#[derive(Clone, Debug, Serialize)]
pub struct SweepRecord {
    timestamp: String,
    level: &'static str,
    message: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remediation: Option<&'static str>,
    trigger: &'static str,
    request_id: String,
    dry_run: bool,
    duration_ms: i64,
    sweep_duration_ms: i64,
    #[serde(flatten)]
    totals: Totals,
    #[serde(rename = "nextToken")]
    next_token: Option<String>,
}

impl SweepRecord {
    pub(super) fn new(report: &SweepReport) -> Self {
        let Sweep { totals, next, .. } = &report.sweep;
        let is_limited = totals.limited > 0;
        let outcome = totals.outcome();
        Self {
            timestamp: report.ended.to_rfc3339_opts(SecondsFormat::Millis, true),
            level: match outcome.level() {
                "INFO" if is_limited => "WARN",
                level => level,
            },
            message: message(&report.sweep),
            outcome: outcome.name(),
            reason: is_limited.then_some("limited"),
            remediation: is_limited.then_some(
                "no action is needed if the next sweep can process the rest; otherwise start a sweep \
                 with a higher `maxChanges`",
            ),
            trigger: "sweep",
            request_id: report.request_id.clone(),
            dry_run: report.mode == Mode::DryRun,
            duration_ms: milliseconds(report.started, report.ended),
            sweep_duration_ms: milliseconds(report.sweep.started, report.ended),
            totals: totals.clone(),
            next_token: next.as_ref().map(Token::to_text),
        }
    }
}

/// Returns the record's `message`, for readers of the log.
pub(super) fn message(sweep: &Sweep) -> String {
    let Totals {
        seen,
        covered,
        in_sync,
        repaired,
        planned,
        pending,
        refused,
        failed,
        limited,
        overwritten,
        ..
    } = &sweep.totals;
    let how_far = match sweep.next {
        Some(_) => "sweep so far",
        None => "sweep complete",
    };
    let parts = [
        (repaired, "repaired"),
        (planned, "planned"),
        (pending, "pending"),
        (refused, "refused"),
        (failed, "failed"),
        (overwritten, "other secrets overwritten"),
        (limited, "left for the next sweep"),
    ];
    let mut words = vec![
        format!("{how_far}: {seen} secrets seen"),
        format!("{covered} covered"),
        format!("{in_sync} in sync"),
    ];
    let rest = parts.iter().filter(|(count, _)| **count > 0);
    words.extend(rest.map(|(count, what)| format!("{count} {what}")));
    words.join(", ")
}
