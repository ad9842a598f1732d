//! The time of a world, which callers pass in.

use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since the Unix epoch.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Time(pub u64);

impl Time {
    /// Returns the seconds since the Unix epoch, the format of dates in AWS JSON 1.1.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 fit into the 53 bits of an f64 for 285,000 years"
    )]
    pub fn as_epoch_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Returns an earlier time, or the epoch.
    #[must_use]
    pub fn before(self, duration: Duration) -> Time {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Time(self.0.saturating_sub(milliseconds))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    /// Saturates instead of overflowing. Drops fractions of a millisecond.
    fn add(self, duration: Duration) -> Time {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Time(self.0.saturating_add(milliseconds))
    }
}
