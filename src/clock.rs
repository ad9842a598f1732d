//! The wall clock, for records and for Lambda's deadline. All waits use tokio's clock.

use chrono::{DateTime, Utc};

/// A source of wall-clock time.
#[derive(Clone, Copy, Debug)]
pub struct Clock(fn() -> DateTime<Utc>);

impl Clock {
    /// Returns the system clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Utc::now)
    }

    /// Returns a clock that calls `now`, for example a simulated clock.
    #[must_use]
    pub fn new(now: fn() -> DateTime<Utc>) -> Self {
        Self(now)
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(self) -> DateTime<Utc> {
        (self.0)()
    }
}
