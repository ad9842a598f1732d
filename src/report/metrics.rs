use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, SystemTime};

use metrique::CloseValue;
use metrique::RootEntry;
use metrique::emf::Emf;
use metrique::unit::{Count, Millisecond};
use metrique::unit_of_work::metrics;
use metrique::writer::format::Format;

use super::{Ending, Report};
use crate::reconcile::{Action, Outcome, RegionConclusion, RegionState};
use crate::secret::Region;

/// The metrics of one invocation, without dimensions.
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
    #[metrics(unit = Millisecond)]
    event_age: Option<Duration>,
}

/// The metrics of one Region.
#[metrics(subfield, rename_all = "PascalCase")]
pub(super) struct ReplicaMetrics {
    #[metrics(unit = Count)]
    replicas_requested: u64,
    #[metrics(unit = Count)]
    replicas_in_sync: u64,
    #[metrics(unit = Count)]
    replicas_failed: u64,
    #[metrics(unit = Count)]
    replicas_refused: u64,
    #[metrics(unit = Count)]
    pub(super) replicas_removed: u64,
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

/// The metrics of what is no known Region, without dimensions.
#[metrics(rename_all = "PascalCase")]
struct UnknownRegionMetrics {
    #[metrics(timestamp)]
    timestamp: SystemTime,
    #[metrics(flatten)]
    replica: ReplicaMetrics,
}

/// Adds the metrics of a report: one EMF line for the secret, one for each Region, and one for all
/// that is no known Region.
pub(super) fn write(
    report: &Report,
    named_regions: &BTreeSet<Region>,
    emf: &mut Emf,
    lines: &mut Vec<u8>,
) -> io::Result<()> {
    let timestamp = SystemTime::from(report.ended);
    let secret = secret_metrics(report, timestamp);
    emf.format(&RootEntry::new(secret.close()), lines)
        .map_err(io::Error::other)?;
    for conclusion in report.regions() {
        let Some(replica) = replica_metrics(conclusion) else {
            continue;
        };
        if let Some(region) = dimension(conclusion, named_regions) {
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

/// The value of the dimension `ReplicaRegion`. What somebody wrote into a tag, and nobody else
/// knows, gets none: whoever tags secrets could otherwise make any number of metrics.
fn dimension<'a>(
    conclusion: &'a RegionConclusion,
    named_regions: &BTreeSet<Region>,
) -> Option<&'a Region> {
    let region = conclusion.region.as_ref().ok()?;
    (conclusion.is_listed || named_regions.contains(region)).then_some(region)
}

fn secret_metrics(report: &Report, timestamp: SystemTime) -> SecretMetrics {
    SecretMetrics {
        timestamp,
        secrets_evaluated: u64::from(report.secret().is_some()),
        secrets_skipped: u64::from(report.outcome() == Outcome::Skipped),
        bad_events: u64::from(matches!(report.ending, Ending::BadEvent(_))),
        event_age: report
            .event_age_ms()
            .and_then(|age| u64::try_from(age).ok())
            .map(Duration::from_millis),
    }
}

/// The primary secret's own Region has no metrics: it never gets a replica.
pub(super) fn replica_metrics(conclusion: &RegionConclusion) -> Option<ReplicaMetrics> {
    let state = &conclusion.state;
    if matches!(state, RegionState::Refused(refusal, _) if !refusal.counts()) {
        return None;
    }
    let requested = matches!(conclusion.action, Action::Replicate | Action::Retry)
        && *state != RegionState::Planned;
    Some(ReplicaMetrics {
        replicas_requested: u64::from(requested),
        replicas_in_sync: u64::from(matches!(state, RegionState::InSync(_))),
        replicas_failed: u64::from(matches!(state, RegionState::Failed(..))),
        replicas_refused: u64::from(matches!(
            state,
            RegionState::Refused(..) | RegionState::Spared(..)
        )),
        replicas_removed: u64::from(
            matches!(state, RegionState::Removed(_)) || conclusion.is_remade,
        ),
        replication_time: match state {
            RegionState::InSync(after) => *after,
            _ => None,
        },
    })
}
