use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// How many replicas may still be added or removed.
///
/// Changes are granted before they are tried, and counted when it is known which were made: what
/// AWS refuses must not use up the changes of others, in this sweep and in every later one.
#[derive(Debug)]
pub struct Allowance {
    most: u64,
    count: Mutex<Count>,
    settled: Notify,
}

#[derive(Debug, Default)]
struct Count {
    /// Changes that were made.
    made: u64,
    /// Changes that were granted, and of which nobody knows yet whether they are made.
    open: u64,
}

/// Whether changes may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Yes.
    Granted,
    /// No: there are not as many left.
    UsedUp,
    /// Perhaps, but that will be known too late.
    Late,
}

impl Allowance {
    /// So many.
    #[must_use]
    pub fn of(most: u64) -> Self {
        Self {
            most,
            count: Mutex::default(),
            settled: Notify::new(),
        }
    }

    /// As many as are wanted.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::of(u64::MAX)
    }

    /// Asks for so many changes: all or none. Waits, until then at most, while it depends on others
    /// whether there are as many. What was granted is to be settled.
    pub async fn take(&self, changes: u64, until: Instant) -> Grant {
        loop {
            let settled = self.settled.notified();
            if let Some(grant) = self.try_take(changes) {
                return grant;
            }
            if timeout_at(until, settled).await.is_err() {
                return Grant::Late;
            }
        }
    }

    fn try_take(&self, changes: u64) -> Option<Grant> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |used: u64| {
            used.checked_add(changes)
                .is_some_and(|sum| sum <= self.most)
        };
        if fits(count.made.saturating_add(count.open)) {
            count.open += changes;
            Some(Grant::Granted)
        } else if fits(count.made) {
            None
        } else {
            Some(Grant::UsedUp)
        }
    }

    /// Says how many of the granted changes were made.
    pub fn settle(&self, granted: u64, made: u64) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.open = count.open.saturating_sub(granted);
        count.made = count.made.saturating_add(made);
        drop(count);
        self.settled.notify_waiters();
    }

    /// How many changes were made.
    #[must_use]
    pub fn made(&self) -> u64 {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.made
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn changes_are_granted_all_or_none_until_they_are_used_up() {
        let allowance = Allowance::of(3);
        assert_eq!(allowance.take(2, soon()).await, Grant::Granted);
        allowance.settle(2, 2);
        assert_eq!(allowance.take(2, soon()).await, Grant::UsedUp);
        assert_eq!(allowance.take(1, soon()).await, Grant::Granted);
        allowance.settle(1, 1);
        assert_eq!(allowance.take(0, soon()).await, Grant::Granted);
        assert_eq!(allowance.take(1, soon()).await, Grant::UsedUp);
        assert_eq!(allowance.made(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn changes_that_were_not_made_are_waited_for_and_granted_to_others() {
        let allowance = Allowance::of(1);
        assert_eq!(allowance.take(1, soon()).await, Grant::Granted);
        let (grant, ()) = tokio::join!(allowance.take(1, soon()), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            allowance.settle(1, 0);
        });
        assert_eq!(grant, Grant::Granted);
        assert_eq!(allowance.take(1, soon()).await, Grant::Late);
    }

    #[tokio::test]
    async fn an_unlimited_allowance_never_ends() {
        let allowance = Allowance::unlimited();
        for _ in 0..3 {
            assert_eq!(allowance.take(1000, soon()).await, Grant::Granted);
        }
    }
}
