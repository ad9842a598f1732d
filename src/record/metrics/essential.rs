//! The metrics of the level `essential`: those that its alarms read, and no more.
//!
//! CloudWatch charges a metric for the hours in which it has values, so `SecretsUnresolved` has none that are zero.

use std::io;
use std::time::SystemTime;

use metrique::CloseValue;
use metrique::RootEntry;
use metrique::emf::Emf;
use metrique::unit::Count;
use metrique::unit_of_work::metrics;
use metrique::writer::format::Format;

use super::{complete_sweep, replica_metrics};
use crate::record::{Report, SweepReport};

/// The metric of secrets that a person must bring in order.
#[metrics(rename_all = "PascalCase")]
struct UnresolvedMetrics {
    #[metrics(timestamp)]
    timestamp: SystemTime,
    #[metrics(unit = Count)]
    secrets_unresolved: u64,
}

/// The metrics of a complete sweep.
#[metrics(rename_all = "PascalCase")]
struct CompleteMetrics {
    #[metrics(timestamp)]
    timestamp: SystemTime,
    #[metrics(unit = Count)]
    sweep_repaired: Option<u64>,
    #[metrics(unit = Count)]
    sweep_pending: u64,
}

/// Adds the metrics of a report: a secret with a refused Region that needs a person is unresolved. A failed event
/// does not count here, because Lambda retries it, and then the failure queue has it.
pub(in crate::record) fn write_secret(
    report: &Report,
    emf: &mut Emf,
    lines: &mut Vec<u8>,
) -> io::Result<()> {
    let regions = report.outcome.regions().iter();
    let is_refused = regions
        .map(replica_metrics)
        .any(|metrics| metrics.replicas_refused > 0);
    let timestamp = SystemTime::from(report.ended);
    write_unresolved(u64::from(is_refused), timestamp, emf, lines)
}

/// Adds the metrics of a slice: its secrets that failed or are left for the next sweep are unresolved. The last slice
/// adds those of the whole sweep.
pub(in crate::record) fn write_sweep(
    report: &SweepReport,
    emf: &mut Emf,
    lines: &mut Vec<u8>,
) -> io::Result<()> {
    let timestamp = SystemTime::from(report.ended);
    let slice = &report.state.slice;
    write_unresolved(slice.failed + slice.limited, timestamp, emf, lines)?;
    let Some(sweep) = complete_sweep(report) else {
        return Ok(());
    };
    let metrics = CompleteMetrics {
        timestamp,
        sweep_repaired: sweep.sweep_repaired,
        sweep_pending: sweep.sweep_pending,
    };
    emf.format(&RootEntry::new(metrics.close()), lines)
        .map_err(io::Error::other)
}

fn write_unresolved(
    secrets_unresolved: u64,
    timestamp: SystemTime,
    emf: &mut Emf,
    lines: &mut Vec<u8>,
) -> io::Result<()> {
    if secrets_unresolved == 0 {
        return Ok(());
    }
    let metrics = UnresolvedMetrics {
        timestamp,
        secrets_unresolved,
    };
    emf.format(&RootEntry::new(metrics.close()), lines)
        .map_err(io::Error::other)
}
