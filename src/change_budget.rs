//! Limits the number of replicas that a sweep adds or removes.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// A limit on changes, shared by all secrets of a sweep. A change adds or removes one replica.
///
/// A secret reserves changes before it requests them, and commits the number of changes made
/// afterwards. Otherwise requests that AWS rejects would use up the budget of other secrets, in this
/// sweep and in every later one.
#[derive(Debug)]
pub struct ChangeBudget {
    limit: u64,
    count: Mutex<Count>,
    committed: Notify,
}

#[derive(Debug, Default)]
struct Count {
    /// Committed changes.
    made: u64,
    /// Reserved changes that are neither committed nor released.
    reserved: u64,
}

/// Why a plan was deferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferred {
    /// The sweep has used its `maxChanges`.
    ChangeLimitReached,
    /// The write-rate limit would delay at least one write beyond the deadline.
    DeadlineTooClose,
}

/// Reserved changes.
///
/// A reservation that is dropped without [`commit`](Self::commit), which only a panic causes, counts
/// as fully made: the sweep must not exceed the budget, and other secrets must not wait for the
/// reservation.
#[derive(Debug)]
#[must_use]
pub struct Reservation<'a> {
    budget: &'a ChangeBudget,
    reserved: u64,
    made: u64,
}

impl Reservation<'_> {
    /// Commits the number of changes made and releases the rest.
    pub fn commit(mut self, made: u64) {
        self.made = made;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.budget.commit(self.reserved, self.made);
    }
}

impl ChangeBudget {
    /// Creates a budget of `limit` changes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            count: Mutex::default(),
            committed: Notify::new(),
        }
    }

    /// Creates a budget without a limit.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// Reserves changes, all or none. If enough changes remain only after other reservations are
    /// released, waits for them until `until`.
    ///
    /// # Errors
    /// [`Deferred`] if not enough changes remain, or if the reservations are still open at `until`.
    pub async fn reserve(&self, changes: u64, until: Instant) -> Result<Reservation<'_>, Deferred> {
        loop {
            let committed = self.committed.notified();
            if let Some(decided) = self.try_reserve(changes) {
                return decided;
            }
            if timeout_at(until, committed).await.is_err() {
                return Err(Deferred::DeadlineTooClose);
            }
        }
    }

    /// Returns `None` if the result depends on other reservations.
    fn try_reserve(&self, changes: u64) -> Option<Result<Reservation<'_>, Deferred>> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |used: u64| {
            used.checked_add(changes)
                .is_some_and(|sum| sum <= self.limit)
        };
        if fits(count.made.saturating_add(count.reserved)) {
            count.reserved += changes;
            Some(Ok(Reservation {
                budget: self,
                reserved: changes,
                made: changes,
            }))
        } else if fits(count.made) {
            None
        } else {
            Some(Err(Deferred::ChangeLimitReached))
        }
    }

    fn commit(&self, reserved: u64, made: u64) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.reserved = count.reserved.saturating_sub(reserved);
        count.made = count.made.saturating_add(made);
        drop(count);
        self.committed.notify_waiters();
    }

    /// Returns the number of committed changes.
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

    async fn reserved(budget: &ChangeBudget, changes: u64) -> Reservation<'_> {
        budget.reserve(changes, soon()).await.unwrap()
    }

    async fn deferred(budget: &ChangeBudget, changes: u64) -> Option<Deferred> {
        budget.reserve(changes, soon()).await.err()
    }

    #[tokio::test]
    async fn changes_are_reserved_all_or_none_until_the_limit_is_reached() {
        let budget = ChangeBudget::new(3);
        reserved(&budget, 2).await.commit(2);
        assert_eq!(
            deferred(&budget, 2).await,
            Some(Deferred::ChangeLimitReached)
        );
        reserved(&budget, 1).await.commit(1);
        reserved(&budget, 0).await.commit(0);
        assert_eq!(
            deferred(&budget, 1).await,
            Some(Deferred::ChangeLimitReached)
        );
        assert_eq!(budget.made(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn changes_that_were_not_made_are_released_to_waiting_secrets() {
        let budget = ChangeBudget::new(1);
        let first = reserved(&budget, 1).await;
        let (second, ()) = tokio::join!(reserved(&budget, 1), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            first.commit(0);
        });
        assert_eq!(deferred(&budget, 1).await, Some(Deferred::DeadlineTooClose));
        second.commit(1);
    }

    #[tokio::test]
    async fn changes_whose_work_ends_in_a_panic_count_as_made_and_keep_no_secret_waiting() {
        let budget = ChangeBudget::new(2);
        drop(reserved(&budget, 1).await);
        assert_eq!(budget.made(), 1);
        reserved(&budget, 1).await.commit(1);
        assert_eq!(
            deferred(&budget, 1).await,
            Some(Deferred::ChangeLimitReached)
        );
    }

    #[tokio::test]
    async fn an_unlimited_budget_never_ends() {
        let budget = ChangeBudget::unlimited();
        for _ in 0..3 {
            reserved(&budget, 1000).await.commit(1000);
        }
    }
}
