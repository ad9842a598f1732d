//! The time of day, for records and for Lambda's deadline. Everything that waits uses tokio's clock.

use chrono::{DateTime, Utc};

/// A source of the time of day.
#[derive(Clone, Copy, Debug)]
pub struct Clock(fn() -> DateTime<Utc>);

impl Clock {
    /// The system clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Utc::now)
    }

    /// A clock of the caller, for instance a simulated one.
    #[must_use]
    pub fn new(now: fn() -> DateTime<Utc>) -> Self {
        Self(now)
    }

    /// The current time.
    #[must_use]
    pub fn now(self) -> DateTime<Utc> {
        (self.0)()
    }
}
