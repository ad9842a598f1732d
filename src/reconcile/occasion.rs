//! The occasion of a reconciliation: the properties of the trigger that determine waiting and retries.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secret_replicator_core::request::Cause;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::deadlines::{Deadlines, Poller};

/// The age of an event from which a missing secret counts as deleted, not as too new to be found.
/// `DescribeSecret` finds a new secret within seconds (reported by users).
const TOO_OLD_TO_WAIT: Duration = Duration::from_mins(3);

/// The age of an event from which a read shows the reported change. `DescribeSecret` is eventually
/// consistent.
const READS_LAG: Duration = Duration::from_secs(5);

/// The occasion of a reconciliation.
#[derive(Clone, Copy, Debug)]
pub enum Occasion {
    /// A request for one secret: an action, or an event. An event has an age if it contains its time.
    Request(Cause, Option<EventAge>),
    /// A sweep of all secrets.
    Sweep {
        /// Whether to retry failures of unknown cause too.
        thorough: bool,
        /// Whether the list of a Region shows no replica, or one without the current version.
        is_doubtful: bool,
        /// The wall clock.
        clock: Clock,
    },
}

impl Occasion {
    /// Returns whether a missing secret counts as deleted, so that waiting for it is useless.
    pub(super) fn is_too_old_to_wait(&self) -> bool {
        matches!(self, Self::Request(_, Some(age)) if age.now() > TOO_OLD_TO_WAIT)
    }

    /// Returns the time from which a read shows the change that an event reports. `None` if that time has
    /// passed or is unknown.
    pub(super) fn fresh_at(&self) -> Option<Instant> {
        match self {
            Self::Request(_, Some(age)) => age.reaches(READS_LAG),
            _ => None,
        }
    }

    /// Returns the cause of the request. `None` for a sweep.
    pub(super) fn cause(&self) -> Option<Cause> {
        match self {
            Self::Request(cause, _) => Some(*cause),
            Self::Sweep { .. } => None,
        }
    }

    /// Returns a poller for the repetitions of writes that AWS has failed or not answered. A sweep uses the time of
    /// its slice.
    pub(super) fn retries(&self, deadlines: &Deadlines) -> Poller {
        match self {
            Self::Request(..) => deadlines.repeat_requests(),
            Self::Sweep { .. } => deadlines.retry_in_sweep(),
        }
    }

    /// Returns whether to look for former replicas that a removal left in their Regions. A change of tags may
    /// be the retry of an event whose removal has not ended, an action asks about one secret, and a thorough
    /// sweep finds the rest. Other events and quick sweeps save the reads.
    pub(super) fn checks_for_leftovers(&self) -> bool {
        match self {
            Self::Request(cause, _) => matches!(cause, Cause::Action | Cause::TagChange),
            Self::Sweep { thorough, .. } => *thorough,
        }
    }

    /// Returns whether to probe a Region before a replica is requested there that the primary secret does not list. A
    /// promoted former replica has the name in each sweep after a failover. Each request would fail, and use up a
    /// change of the sweep. Events save the read.
    pub(super) fn probes_before_requests(&self) -> bool {
        matches!(self, Self::Sweep { .. })
    }

    /// Returns whether to check in their Regions the replicas that AWS reports in sync: after a new version became
    /// current, unless the plan is only made and not executed, and if a list contradicts the status.
    pub(super) fn checks_replicas_in_sync(&self, is_executed: bool) -> bool {
        match self {
            Self::Request(cause, _) => is_executed && matches!(cause, Cause::NewVersion(_)),
            Self::Sweep { is_doubtful, .. } => *is_doubtful,
        }
    }

    /// Returns whether to retry replicas that failed for an unknown reason.
    pub(super) fn retries_unknown_failures(&self) -> bool {
        match self {
            Self::Request(..) => true,
            Self::Sweep { thorough, .. } => *thorough,
        }
    }
}

/// The age of an event.
#[derive(Clone, Copy, Debug)]
pub struct EventAge {
    read_at: Instant,
    at_read: Duration,
}

impl EventAge {
    /// Returns the age of an event with this timestamp. The age is zero if the timestamp is in the future.
    #[must_use]
    pub fn since(event: DateTime<Utc>, clock: Clock) -> Self {
        Self {
            read_at: Instant::now(),
            at_read: (clock.now() - event).to_std().unwrap_or_default(),
        }
    }

    fn now(&self) -> Duration {
        self.at_read + self.read_at.elapsed()
    }

    /// Returns the time at which the event reaches an age. `None` if it already has.
    fn reaches(&self, age: Duration) -> Option<Instant> {
        let rest = age
            .checked_sub(self.at_read)
            .filter(|rest| !rest.is_zero())?;
        Some(self.read_at + rest).filter(|time| *time > Instant::now())
    }
}
