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
#[derive(Debug)]
pub enum Grant<'a> {
    /// Yes.
    Granted(Granted<'a>),
    /// No: there are not as many left.
    UsedUp,
    /// Perhaps, but that will be known too late.
    Late,
}

/// Changes that may be made, and of which nobody knows yet whether they are.
///
/// If that is never said, because a bug ends the work, they count as made: the allowance must not be
/// exceeded, nor anybody wait for them.
#[derive(Debug)]
#[must_use]
pub struct Granted<'a> {
    allowance: &'a Allowance,
    changes: u64,
    made: u64,
}

impl Granted<'_> {
    /// Says how many of the granted changes were made.
    pub fn settle(mut self, made: u64) {
        self.made = made;
    }
}

impl Drop for Granted<'_> {
    fn drop(&mut self) {
        self.allowance.settle(self.changes, self.made);
    }
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
    /// whether there are as many.
    pub async fn take(&self, changes: u64, until: Instant) -> Grant<'_> {
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

    fn try_take(&self, changes: u64) -> Option<Grant<'_>> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |used: u64| {
            used.checked_add(changes)
                .is_some_and(|sum| sum <= self.most)
        };
        if fits(count.made.saturating_add(count.open)) {
            count.open += changes;
            Some(Grant::Granted(Granted {
                allowance: self,
                changes,
                made: changes,
            }))
        } else if fits(count.made) {
            None
        } else {
            Some(Grant::UsedUp)
        }
    }

    fn settle(&self, granted: u64, made: u64) {
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

    async fn granted(allowance: &Allowance, changes: u64) -> Granted<'_> {
        match allowance.take(changes, soon()).await {
            Grant::Granted(granted) => granted,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn changes_are_granted_all_or_none_until_they_are_used_up() {
        let allowance = Allowance::of(3);
        granted(&allowance, 2).await.settle(2);
        assert!(matches!(allowance.take(2, soon()).await, Grant::UsedUp));
        granted(&allowance, 1).await.settle(1);
        granted(&allowance, 0).await.settle(0);
        assert!(matches!(allowance.take(1, soon()).await, Grant::UsedUp));
        assert_eq!(allowance.made(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn changes_that_were_not_made_are_waited_for_and_granted_to_others() {
        let allowance = Allowance::of(1);
        let first = granted(&allowance, 1).await;
        let (second, ()) = tokio::join!(granted(&allowance, 1), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            first.settle(0);
        });
        assert!(matches!(allowance.take(1, soon()).await, Grant::Late));
        second.settle(1);
    }

    #[tokio::test]
    async fn changes_whose_work_ends_in_a_panic_count_as_made_and_keep_nobody_waiting() {
        let allowance = Allowance::of(2);
        drop(granted(&allowance, 1).await);
        assert_eq!(allowance.made(), 1);
        granted(&allowance, 1).await.settle(1);
        assert!(matches!(allowance.take(1, soon()).await, Grant::UsedUp));
    }

    #[tokio::test]
    async fn an_unlimited_allowance_never_ends() {
        let allowance = Allowance::unlimited();
        for _ in 0..3 {
            granted(&allowance, 1000).await.settle(1000);
        }
    }
}
