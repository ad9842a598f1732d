use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use metrique::CloseValue;
use metrique::RootEntry;
use metrique::emf::Emf;
use metrique::unit::{Count, Millisecond};
use metrique::unit_of_work::metrics;
use metrique::writer::format::Format;
use serde::Serialize;

use super::record::milliseconds;
use crate::reconcile::Mode;
use crate::secret::Region;
use crate::sweep::{RegionTotals, Sweep, Token, Totals};

/// Everything that is known of a sweep when one of its slices ends.
#[derive(Clone, Debug)]
pub struct SweepReport {
    /// Lambda's id of the invocation.
    pub request_id: String,
    /// When the invocation began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// Whether the sweep might have written.
    pub mode: Mode,
    /// How far the sweep is.
    pub sweep: Sweep,
}

/// The summary of a sweep after a slice: the line in the log, and the function's answer. The counts
/// are those of the whole sweep so far.
#[derive(Clone, Debug, Serialize)]
pub struct SweepRecord {
    timestamp: String,
    level: &'static str,
    message: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<&'static str>,
    trigger: &'static str,
    request_id: String,
    dry_run: bool,
    duration_ms: i64,
    sweep_duration_ms: i64,
    seen: u64,
    covered: u64,
    in_sync: u64,
    drifted: u64,
    repaired: u64,
    planned: u64,
    pending: u64,
    refused: u64,
    failed: u64,
    limited: u64,
    changes: u64,
    regions: BTreeMap<Region, RegionTotals>,
    #[serde(rename = "nextToken")]
    next_token: Option<String>,
}

impl SweepRecord {
    pub(super) fn new(report: &SweepReport) -> Self {
        let Sweep { totals, next, .. } = &report.sweep;
        let is_limited = totals.limited > 0;
        let needs_a_look = is_limited || totals.failed > 0;
        Self {
            timestamp: report.ended.to_rfc3339_opts(SecondsFormat::Millis, true),
            level: if needs_a_look { "WARN" } else { "INFO" },
            message: message(&report.sweep),
            outcome: totals.outcome().name(),
            reason: is_limited.then_some("limited"),
            cure: is_limited.then_some(
                "nothing, if the next sweep may do the rest; otherwise start a sweep with a higher \
                 `maxChanges`",
            ),
            trigger: "sweep",
            request_id: report.request_id.clone(),
            dry_run: report.mode == Mode::DryRun,
            duration_ms: milliseconds(report.started, report.ended),
            sweep_duration_ms: milliseconds(report.sweep.started, report.ended),
            seen: totals.seen,
            covered: totals.covered,
            in_sync: totals.in_sync,
            drifted: totals.drifted,
            repaired: totals.repaired,
            planned: totals.planned,
            pending: totals.pending,
            refused: totals.refused,
            failed: totals.failed,
            limited: totals.limited,
            changes: totals.changes,
            regions: totals.regions.clone(),
            next_token: next.as_ref().map(Token::to_text),
        }
    }
}

/// One sentence for people who read the log.
fn message(sweep: &Sweep) -> String {
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
        (limited, "left for the next sweep"),
    ];
    let rest: String = parts
        .iter()
        .filter(|(count, _)| **count > 0)
        .map(|(count, what)| format!(", {count} {what}"))
        .collect();
    format!("{how_far}: {seen} secrets seen, {covered} covered, {in_sync} in sync{rest}")
}

/// The metrics of one slice, without dimensions.
#[metrics(rename_all = "PascalCase")]
struct SweepMetrics {
    #[metrics(timestamp)]
    timestamp: SystemTime,
    #[metrics(unit = Count)]
    sweep_secrets: u64,
    #[metrics(unit = Count)]
    sweep_drift: u64,
    #[metrics(unit = Count)]
    sweep_limited: u64,
    #[metrics(unit = Millisecond)]
    sweep_duration: Option<Duration>,
}

/// Adds the metrics of a slice. The duration is that of the whole sweep, when it is complete.
pub(super) fn write_metrics(
    report: &SweepReport,
    emf: &mut Emf,
    lines: &mut Vec<u8>,
) -> io::Result<()> {
    let Sweep { slice, next, .. } = &report.sweep;
    let duration = milliseconds(report.sweep.started, report.ended);
    let duration = Duration::from_millis(u64::try_from(duration).unwrap_or_default());
    let metrics = SweepMetrics {
        timestamp: SystemTime::from(report.ended),
        sweep_secrets: slice.seen,
        sweep_drift: slice.drifted,
        sweep_limited: slice.limited,
        sweep_duration: next.is_none().then_some(duration),
    };
    emf.format(&RootEntry::new(metrics.close()), lines)
        .map_err(io::Error::other)
}
