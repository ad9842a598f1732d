use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use super::CallError;

/// The maximum age of the read on which a write rests, when the write reaches AWS. The secret's owner may
/// change its tags at any time.
pub const MAX_READ_AGE: Duration = Duration::from_secs(2);

/// The time that a request needs to reach AWS.
const SEND_TIME: Duration = Duration::from_millis(250);

/// The time of a successful read. Only [`SecretsManager::read`](super::SecretsManager::read) creates it, so
/// no write is possible without a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadTime(Instant);

impl ReadTime {
    /// Returns the time of a read that begins now.
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }

    /// Returns the time of a read that began this long ago.
    #[cfg(test)]
    pub(super) fn of_age(age: Duration) -> Self {
        Self(Instant::now() - age)
    }

    /// Returns the latest time to send a write that reaches AWS within [`MAX_READ_AGE`].
    pub(super) fn send_by(self) -> Instant {
        self.0 + MAX_READ_AGE.saturating_sub(SEND_TIME)
    }

    /// Returns whether a write that is sent now reaches AWS within [`MAX_READ_AGE`].
    #[must_use]
    pub fn is_fresh(self) -> bool {
        Instant::now() <= self.send_by()
    }
}

/// Why a write failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The write was not sent, because the read on which it rests is too old.
    #[error("the read is too old for a write")]
    Stale,
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_read_permits_writes_that_arrive_within_two_seconds() {
        let read = ReadTime::now();
        tokio::time::advance(Duration::from_millis(1750)).await;
        assert!(read.is_fresh());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!read.is_fresh());
    }
}
