pub(super) mod essential;

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, SystemTime};

use metrique::CloseValue;
use metrique::RootEntry;
use metrique::emf::Emf;
use metrique::unit::{Count, Millisecond};
use metrique::unit_of_work::metrics;
use metrique::writer::format::Format;

use super::{Report, SweepReport, milliseconds, replication_ms};
use crate::reconcile::{Action, Mode, RegionOutcome, RegionState, SecretOutcome};
use crate::sweep::Sweep;
use secret_replicator_core::outcome::Outcome;
use secret_replicator_core::reason::{Progress, SkipReason};
use secret_replicator_core::secret::Region;

/// The metrics of one secret, without dimensions.
#[metrics(rename_all = "PascalCase")]
struct SecretMetrics {
    #[metrics(timestamp)]
    timestamp: SystemTime,
    #[metrics(unit = Count)]
    secrets_evaluated: u64,
    #[metrics(unit = Count)]
    secrets_skipped: u64,
    #[metrics(unit = Count)]
    bad_events: u64,
    #[metrics(unit = Count)]
    deletes_blocked: u64,
    #[metrics(unit = Millisecond)]
    event_age: Option<Duration>,
}

/// The metrics of one Region.
#[metrics(subfield, rename_all = "PascalCase")]
pub(super) struct ReplicaMetrics {
    #[metrics(unit = Count)]
    pub(super) replicas_requested: u64,
    #[metrics(unit = Count)]
    replicas_in_sync: u64,
    #[metrics(unit = Count)]
    replicas_failed: u64,
    #[metrics(unit = Count)]
    pub(super) replicas_refused: u64,
    #[metrics(unit = Count)]
    pub(super) replicas_excluded: u64,
    #[metrics(unit = Count)]
    pub(super) replicas_removed: u64,
    #[metrics(unit = Count)]
    pub(super) replicas_overwritten: u64,
    #[metrics(unit = Count)]
    pub(super) replicas_pending: u64,
    #[metrics(unit = Count)]
    pub(super) versions_behind: u64,
    #[metrics(unit = Millisecond)]
    replication_time: Option<Duration>,
}

/// The metrics of one Region, once without dimensions and once by `ReplicaRegion`.
#[metrics(rename_all = "PascalCase", emf::dimension_sets = [[], ["ReplicaRegion"]])]
struct RegionMetrics {
    #[metrics(timestamp)]
    timestamp: SystemTime,
    replica_region: String,
    #[metrics(flatten)]
    replica: ReplicaMetrics,
}

/// The metrics of a Region that is not a value of the dimension.
#[metrics(rename_all = "PascalCase")]
struct UnknownRegionMetrics {
    #[metrics(timestamp)]
    timestamp: SystemTime,
    #[metrics(flatten)]
    replica: ReplicaMetrics,
}

/// The metrics of one slice, without dimensions. Only the last slice of a sweep has the optional ones, so
/// that they have one value per sweep.
#[metrics(rename_all = "PascalCase")]
struct SweepMetrics {
    #[metrics(timestamp)]
    timestamp: SystemTime,
    #[metrics(unit = Count)]
    sweep_secrets: u64,
    #[metrics(unit = Count)]
    sweep_compared: u64,
    #[metrics(unit = Count)]
    sweep_described: u64,
    #[metrics(unit = Count)]
    sweep_drift: u64,
    #[metrics(unit = Count)]
    sweep_limited: u64,
    #[metrics(unit = Count)]
    sweep_failures: u64,
    #[metrics(unit = Count)]
    sweep_repaired: Option<u64>,
    #[metrics(unit = Count)]
    sweep_pending: Option<u64>,
    #[metrics(unit = Millisecond)]
    sweep_duration: Option<Duration>,
}

/// The values that a complete sweep has once.
struct CompleteSweep {
    /// The secrets of which the sweep changed a replica. `None` in a dry run, which changes nothing.
    sweep_repaired: Option<u64>,
    /// The replicas that the sweep found in progress.
    sweep_pending: u64,
}

/// Returns the values of a complete sweep from its last slice. Because the alarm `DriftReturns` counts the values of
/// `SweepRepaired` as sweeps, each sweep has one. A secret that has another, failed Region counts, because its drift
/// returns all the same. The alarm `ReplicasStayPending` reads the number of replicas in progress from sweeps alone,
/// because events find replicas in progress that soon are in sync.
fn complete_sweep(report: &SweepReport) -> Option<CompleteSweep> {
    let Sweep { totals, next, .. } = &report.state;
    next.is_none().then(|| CompleteSweep {
        sweep_repaired: (report.mode != Mode::DryRun).then_some(totals.secrets_changed),
        sweep_pending: totals.replicas_pending(),
    })
}

/// Adds the metrics of a report, with one EMF line for the secret and one for each Region.
pub(super) fn write_secret(
    report: &Report,
    named_regions: &BTreeSet<Region>,
    emf: &mut Emf,
    lines: &mut Vec<u8>,
) -> io::Result<()> {
    let timestamp = SystemTime::from(report.ended);
    let secret = secret_metrics(report, timestamp);
    emf.format(&RootEntry::new(secret.close()), lines)
        .map_err(io::Error::other)?;
    for outcome in report.outcome.regions() {
        let replica = replica_metrics(outcome);
        if let Some(region) = dimension(outcome, named_regions) {
            let replica_region = region.to_string();
            let metrics = RegionMetrics {
                timestamp,
                replica_region,
                replica,
            };
            emf.format(&RootEntry::new(metrics.close()), lines)
        } else {
            let metrics = UnknownRegionMetrics { timestamp, replica };
            emf.format(&RootEntry::new(metrics.close()), lines)
        }
        .map_err(io::Error::other)?;
    }
    Ok(())
}

/// Returns the value of the dimension `ReplicaRegion`. Returns `None` for a Region that only a tag names,
/// because the owners of secrets could otherwise create any number of metrics.
fn dimension<'a>(
    outcome: &'a RegionOutcome,
    named_regions: &BTreeSet<Region>,
) -> Option<&'a Region> {
    let region = outcome.region.as_ref().ok()?;
    (outcome.is_listed || named_regions.contains(region)).then_some(region)
}

fn secret_metrics(report: &Report, timestamp: SystemTime) -> SecretMetrics {
    SecretMetrics {
        timestamp,
        secrets_evaluated: u64::from(report.outcome.secret().is_some()),
        secrets_skipped: u64::from(report.outcome.outcome() == Outcome::Skipped),
        bad_events: u64::from(matches!(report.outcome, SecretOutcome::BadEvent(_))),
        deletes_blocked: u64::from(is_delete_blocked(&report.outcome)),
        event_age: report
            .event_age_ms()
            .and_then(|age| u64::try_from(age).ok())
            .map(Duration::from_millis),
    }
}

fn is_delete_blocked(outcome: &SecretOutcome) -> bool {
    matches!(
        outcome,
        SecretOutcome::Skipped(_, SkipReason::DeleteBlockedByReplicas { .. })
    )
}

/// Returns the metrics of a Region. A promoted former replica does not count as refused, because it can stay for
/// weeks after a failover, and the alarm `SecretsNeedAttention` would stay as well.
pub(super) fn replica_metrics(outcome: &RegionOutcome) -> ReplicaMetrics {
    let state = &outcome.state;
    let requests = [Action::Replicate, Action::Overwrite, Action::Retry];
    let requested = requests.contains(&outcome.action) && outcome.is_written;
    let is_refused = matches!(state, RegionState::Refused(..) | RegionState::Retained(..));
    ReplicaMetrics {
        replicas_requested: u64::from(requested),
        replicas_in_sync: u64::from(matches!(state, RegionState::InSync(_))),
        replicas_failed: u64::from(matches!(state, RegionState::Failed(..))),
        replicas_refused: u64::from(is_refused && !state.is_excluded() && !state.is_promoted()),
        replicas_excluded: u64::from(state.is_excluded()),
        replicas_removed: u64::from(
            matches!(state, RegionState::Removed(..)) || outcome.is_recreated,
        ),
        replicas_overwritten: u64::from(outcome.is_overwritten()),
        replicas_pending: u64::from(matches!(state, RegionState::InProgress(_))),
        versions_behind: u64::from(*state == RegionState::InProgress(Progress::VersionBehind)),
        replication_time: replication_ms(state).map(Duration::from_millis),
    }
}

/// Adds the metrics of a slice. The last slice adds those of the whole sweep.
pub(super) fn write_sweep(
    report: &SweepReport,
    emf: &mut Emf,
    lines: &mut Vec<u8>,
) -> io::Result<()> {
    let slice = &report.state.slice;
    let complete = complete_sweep(report);
    let duration = milliseconds(report.state.started, report.ended);
    let duration = Duration::from_millis(u64::try_from(duration).unwrap_or_default());
    let metrics = SweepMetrics {
        timestamp: SystemTime::from(report.ended),
        sweep_secrets: slice.seen,
        sweep_compared: slice.compared,
        sweep_described: slice.described,
        sweep_drift: slice.drifted,
        sweep_limited: slice.limited,
        sweep_failures: slice.failed,
        sweep_repaired: complete.as_ref().and_then(|sweep| sweep.sweep_repaired),
        sweep_pending: complete.as_ref().map(|sweep| sweep.sweep_pending),
        sweep_duration: complete.map(|_| duration),
    };
    emf.format(&RootEntry::new(metrics.close()), lines)
        .map_err(io::Error::other)
}
