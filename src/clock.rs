//! The time of day, for what is told to people and what Lambda says: everything that waits has
//! tokio's clock instead.

use chrono::{DateTime, Utc};

/// Says what time it is.
#[derive(Clone, Copy, Debug)]
pub struct Clock(fn() -> DateTime<Utc>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Utc::now)
    }

    /// A clock of the caller's, for instance one of a simulation.
    #[must_use]
    pub fn new(now: fn() -> DateTime<Utc>) -> Self {
        Self(now)
    }

    /// The time.
    #[must_use]
    pub fn now(self) -> DateTime<Utc> {
        (self.0)()
    }
}
