use serde::Serialize;

use super::milliseconds;
use super::summary::{Conclusion, Head, SummaryReport};
use crate::sweep::Sweep;
use secret_replicator_core::sweep::{Token, Totals};

/// The complete result of a sweep's slice.
pub type SweepReport = SummaryReport<Sweep>;

/// The summary of a sweep after a slice: the log line and the function's response. The counts cover the
/// whole sweep so far.
#[derive(Clone, Debug, Serialize)]
pub struct SweepRecord {
    #[serde(flatten)]
    head: Head,
    #[serde(skip_serializing_if = "Option::is_none")]
    sweep_id: Option<String>,
    sweep_duration_ms: i64,
    #[serde(flatten)]
    totals: Totals,
    #[serde(rename = "nextToken")]
    next_token: Option<String>,
}

impl SweepRecord {
    pub(super) fn new(report: &SweepReport) -> Self {
        let sweep = &report.state;
        Self {
            head: Head::new(report, conclusion(sweep)),
            sweep_id: sweep.id.clone(),
            sweep_duration_ms: milliseconds(sweep.started, report.ended),
            totals: sweep.totals.clone(),
            next_token: sweep.next.as_ref().map(Token::to_text),
        }
    }
}

fn conclusion(sweep: &Sweep) -> Conclusion {
    let outcome = sweep.totals.outcome();
    let is_limited = sweep.totals.limited > 0;
    Conclusion {
        level: match outcome.level() {
            "INFO" if is_limited => "WARN",
            level => level,
        },
        message: message(sweep),
        outcome,
        reason: is_limited.then_some("limited"),
        detail: None,
        remediation: is_limited.then_some(
            "no action is needed if the next sweep can process the rest; otherwise start a sweep \
             with a higher `maxChanges`",
        ),
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
    let secrets = if *seen == 1 { "secret" } else { "secrets" };
    let mut words = vec![
        format!("{how_far}: {seen} {secrets} seen"),
        format!("{covered} covered"),
        format!("{in_sync} in sync"),
    ];
    let rest = parts.iter().filter(|(count, _)| **count > 0);
    words.extend(rest.map(|(count, what)| format!("{count} {what}")));
    words.join(", ")
}
