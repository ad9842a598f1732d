use std::io;
use std::time::{Duration, SystemTime};

use metrique::CloseValue;
use metrique::RootEntry;
use metrique::emf::Emf;
use metrique::unit::{Count, Millisecond};
use metrique::unit_of_work::metrics;
use metrique::writer::format::Format;

use super::{Ending, Outcome, Report};
use crate::reconcile::{Action, RegionConclusion, RegionState};

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
    /// Tokens that stand where a Region should. What names a Region is counted by Region.
    #[metrics(unit = Count)]
    replicas_refused: Option<u64>,
    #[metrics(unit = Millisecond)]
    event_age: Option<Duration>,
}

/// The metrics of one Region: once without dimensions, and once by `ReplicaRegion`.
#[metrics(rename_all = "PascalCase", emf::dimension_sets = [[], ["ReplicaRegion"]])]
struct ReplicaMetrics {
    #[metrics(timestamp)]
    timestamp: SystemTime,
    replica_region: String,
    #[metrics(unit = Count)]
    replicas_requested: u64,
    #[metrics(unit = Count)]
    replicas_in_sync: u64,
    #[metrics(unit = Count)]
    replicas_failed: u64,
    #[metrics(unit = Count)]
    replicas_refused: u64,
    #[metrics(unit = Millisecond)]
    settle_time: Option<Duration>,
}

/// Adds the metrics of a report: one EMF line for the secret and one for each Region.
pub(super) fn write(report: &Report, emf: &mut Emf, lines: &mut Vec<u8>) -> io::Result<()> {
    let timestamp = SystemTime::from(report.ended);
    let secret = secret_metrics(report, timestamp);
    emf.format(&RootEntry::new(secret.close()), lines)
        .map_err(io::Error::other)?;
    for conclusion in report.regions() {
        if let Some(replica) = replica_metrics(conclusion, timestamp) {
            emf.format(&RootEntry::new(replica.close()), lines)
                .map_err(io::Error::other)?;
        }
    }
    Ok(())
}

fn secret_metrics(report: &Report, timestamp: SystemTime) -> SecretMetrics {
    let tokens = report
        .regions()
        .iter()
        .filter(|conclusion| conclusion.region.is_err())
        .count();
    SecretMetrics {
        timestamp,
        secrets_evaluated: u64::from(report.secret().is_some()),
        secrets_skipped: u64::from(report.outcome() == Outcome::Skipped),
        bad_events: u64::from(matches!(report.ending, Ending::BadEvent(_))),
        replicas_refused: (tokens > 0).then_some(tokens as u64),
        event_age: report
            .event_age_ms()
            .and_then(|age| u64::try_from(age).ok())
            .map(Duration::from_millis),
    }
}

/// A token that is no Region has no metrics of its own: whoever tags secrets could otherwise make
/// any number of them. Nor has the primary secret's own Region, which never gets a replica.
fn replica_metrics(conclusion: &RegionConclusion, timestamp: SystemTime) -> Option<ReplicaMetrics> {
    let region = conclusion.region.as_ref().ok()?;
    let state = &conclusion.state;
    if matches!(state, RegionState::Refused(refusal) if !refusal.counts()) {
        return None;
    }
    let requested = matches!(conclusion.action, Action::Replicate | Action::Retry)
        && *state != RegionState::Planned;
    let refused = matches!(state, RegionState::Refused(_));
    Some(ReplicaMetrics {
        timestamp,
        replica_region: region.to_string(),
        replicas_requested: u64::from(requested),
        replicas_in_sync: u64::from(matches!(state, RegionState::InSync(_))),
        replicas_failed: u64::from(matches!(state, RegionState::Failed(..))),
        replicas_refused: u64::from(refused),
        settle_time: match state {
            RegionState::InSync(after) => *after,
            _ => None,
        },
    })
}
