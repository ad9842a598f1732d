use std::io;
use std::time::{Duration, SystemTime};

use metrique::CloseValue;
use metrique::RootEntry;
use metrique::emf::Emf;
use metrique::unit::{Count, Millisecond};
use metrique::unit_of_work::metrics;
use metrique::writer::format::Format;

use super::SweepReport;
use crate::report::record::milliseconds;
use crate::sweep::Sweep;

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
    #[metrics(unit = Count)]
    sweep_failures: u64,
    #[metrics(unit = Millisecond)]
    sweep_duration: Option<Duration>,
}

/// Adds the metrics of a slice. The duration is that of the whole sweep, when it is complete.
pub(in crate::report) fn write(
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
        sweep_failures: slice.failed,
        sweep_duration: next.is_none().then_some(duration),
    };
    emf.format(&RootEntry::new(metrics.close()), lines)
        .map_err(io::Error::other)
}
