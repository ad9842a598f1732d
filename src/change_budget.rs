//! Limits the number of replicas that a sweep changes.

use std::sync::{Mutex, PoisonError};

use secret_replicator_core::plan::Changes;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// A limit on changes, shared by all secrets of a sweep. A change creates, overwrites, recreates, repairs or
/// removes one replica.
///
/// A secret reserves changes before it requests them. When the requests are sent, it settles: it commits the changes
/// that AWS has accepted or may have executed, and releases those that can no longer follow. It does not wait for the
/// replicas first. Otherwise requests that AWS rejects would use up the budget of other secrets, in this sweep and in
/// every later one. For the same reason, repeats have a limit of their own: replicas that fail again and again leave
/// changes for the others.
#[derive(Debug)]
pub struct ChangeBudget {
    limit: u64,
    repeat_limit: u64,
    count: Mutex<Count>,
    settled: Notify,
}

#[derive(Debug, Default)]
struct Count {
    /// Committed changes.
    made: Changes,
    /// Reserved changes that are neither committed nor released.
    reserved: Changes,
}

/// Why a plan, or a part of it, was deferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferred {
    /// The sweep has used its `maxChanges`, or the part of it that is for repeats.
    ChangeLimitReached,
    /// The write-rate limit would delay at least one write beyond the deadline.
    DeadlineTooClose,
}

/// Reserved changes.
///
/// The open changes of a reservation that is dropped without [`commit`](Self::commit), which only a panic causes,
/// count as made: the sweep must not exceed the budget, and other secrets must not wait for the reservation.
#[derive(Debug)]
#[must_use]
pub struct Reservation<'a> {
    budget: &'a ChangeBudget,
    /// The changes that are neither made nor released.
    open: Changes,
    /// The committed changes.
    made: Changes,
}

impl Reservation<'_> {
    /// Returns the reserved changes that are neither made nor released.
    #[must_use]
    pub fn open(&self) -> Changes {
        self.open
    }

    /// Commits the number of changes made so far, keeps those that may still follow, and releases the rest.
    pub fn settle(&mut self, made: Changes, open: Changes) {
        self.budget.settle(self.open, open, made.without(self.made));
        self.made = made;
        self.open = open;
    }

    /// Releases all changes, because no request was sent.
    pub fn release(self) {
        self.commit(Changes::default());
    }

    /// Commits the number of changes made and releases the rest.
    pub fn commit(mut self, made: Changes) {
        self.settle(made, Changes::default());
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.open != Changes::default() {
            self.settle(self.made.and(self.open), Changes::default());
        }
    }
}

impl ChangeBudget {
    /// Creates a budget of `limit` changes, of which at most `repeat_limit` are repeats.
    #[must_use]
    pub fn new(limit: u64, repeat_limit: u64) -> Self {
        Self {
            limit,
            repeat_limit,
            count: Mutex::default(),
            settled: Notify::new(),
        }
    }

    /// Creates a budget without a limit.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(u64::MAX, u64::MAX)
    }

    /// Returns whether these changes are only repeats, and the budget has some left for them. A secret that needs
    /// other changes too is processed once, with its repeats.
    #[must_use]
    pub fn has_only_repeats(&self, wanted: Changes) -> bool {
        let left = self.left(self.made());
        wanted.first == 0 && wanted.repeats > 0 && left.repeats > 0
    }

    /// Reserves as many of these changes as the budget has. If more of them become available when other
    /// reservations are released, waits for those until `until`.
    ///
    /// # Errors
    /// [`Deferred`] if there is no change for the secret, or if the reservations are still open at `until`.
    pub async fn reserve(
        &self,
        wanted: Changes,
        until: Instant,
    ) -> Result<Reservation<'_>, Deferred> {
        loop {
            let settled = self.settled.notified();
            if let Some(decided) = self.try_reserve(wanted) {
                return decided;
            }
            if timeout_at(until, settled).await.is_err() {
                return Err(Deferred::DeadlineTooClose);
            }
        }
    }

    /// Returns `None` if the result depends on other reservations.
    fn try_reserve(&self, wanted: Changes) -> Option<Result<Reservation<'_>, Deferred>> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = self.left(count.made.and(count.reserved)).limit(wanted);
        if granted != self.left(count.made).limit(wanted) {
            return None;
        }
        if granted == Changes::default() && wanted != granted {
            return Some(Err(Deferred::ChangeLimitReached));
        }
        count.reserved = count.reserved.and(granted);
        Some(Ok(Reservation {
            budget: self,
            open: granted,
            made: Changes::default(),
        }))
    }

    /// Returns the changes that are left after `used`.
    fn left(&self, used: Changes) -> Left {
        let total = self.limit.saturating_sub(used.total());
        Left {
            total,
            repeats: self.repeat_limit.saturating_sub(used.repeats).min(total),
        }
    }

    /// Replaces open changes, and adds changes that were made.
    fn settle(&self, before: Changes, open: Changes, made: Changes) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.reserved = count.reserved.without(before).and(open);
        count.made = count.made.and(made);
        drop(count);
        self.settled.notify_waiters();
    }

    /// Returns the committed changes.
    #[must_use]
    pub fn made(&self) -> Changes {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.made
    }
}

/// The changes that are left in a budget.
struct Left {
    total: u64,
    /// The repeats among them.
    repeats: u64,
}

impl Left {
    /// Returns the part of these changes that is left. First requests take precedence over repeats.
    fn limit(&self, wanted: Changes) -> Changes {
        let first = wanted.first.min(self.total);
        Changes {
            first,
            repeats: wanted.repeats.min(self.repeats).min(self.total - first),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    fn first(first: u64) -> Changes {
        Changes { first, repeats: 0 }
    }

    fn repeats(repeats: u64) -> Changes {
        Changes { first: 0, repeats }
    }

    async fn reserved(budget: &ChangeBudget, changes: Changes) -> Reservation<'_> {
        budget.reserve(changes, soon()).await.unwrap()
    }

    async fn deferred(budget: &ChangeBudget, changes: Changes) -> Option<Deferred> {
        budget.reserve(changes, soon()).await.err()
    }

    #[tokio::test]
    async fn changes_are_granted_until_the_limit_is_reached() {
        let budget = ChangeBudget::new(3, 3);
        reserved(&budget, first(2)).await.commit(first(2));
        let part = reserved(&budget, first(2)).await;
        assert_eq!(part.open(), first(1));
        part.commit(first(1));
        reserved(&budget, first(0)).await.commit(first(0));
        for changes in [first(1), repeats(1)] {
            assert_eq!(
                deferred(&budget, changes).await,
                Some(Deferred::ChangeLimitReached)
            );
        }
        assert_eq!(budget.made(), first(3));
    }

    #[tokio::test]
    async fn repeats_leave_changes_for_first_requests_and_come_after_them() {
        let budget = ChangeBudget::new(4, 2);
        let all = Changes {
            first: 1,
            repeats: 3,
        };
        assert!(!budget.has_only_repeats(all));
        let both = reserved(&budget, all).await;
        let granted = Changes {
            first: 1,
            repeats: 2,
        };
        assert_eq!(both.open(), granted);
        both.commit(first(1));
        assert!(budget.has_only_repeats(repeats(3)));
        assert!(!budget.has_only_repeats(first(0)));
        let part = reserved(&budget, repeats(3)).await;
        assert_eq!(part.open(), repeats(2));
        part.commit(repeats(2));
        assert!(!budget.has_only_repeats(repeats(1)));
        let late = deferred(&budget, repeats(1)).await;
        assert_eq!(late, Some(Deferred::ChangeLimitReached));
        reserved(&budget, first(1)).await.commit(first(1));
    }

    #[tokio::test(start_paused = true)]
    async fn changes_that_were_not_made_are_released_to_waiting_secrets() {
        let budget = ChangeBudget::new(1, 1);
        let held = reserved(&budget, first(1)).await;
        let (second, ()) = tokio::join!(reserved(&budget, first(1)), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            held.commit(first(0));
        });
        assert_eq!(
            deferred(&budget, first(1)).await,
            Some(Deferred::DeadlineTooClose)
        );
        second.commit(first(1));
    }

    #[tokio::test]
    async fn changes_that_can_no_longer_follow_are_released_before_the_rest_is_committed() {
        let budget = ChangeBudget::new(3, 3);
        let mut held = reserved(&budget, first(3)).await;
        held.settle(first(1), first(1));
        assert_eq!((budget.made(), held.open()), (first(1), first(1)));
        reserved(&budget, first(1)).await.commit(first(1));
        held.commit(first(2));
        assert_eq!(budget.made(), first(3));
    }

    #[tokio::test]
    async fn changes_whose_work_ends_in_a_panic_count_as_made_and_keep_no_secret_waiting() {
        let budget = ChangeBudget::new(2, 2);
        drop(reserved(&budget, first(1)).await);
        assert_eq!(budget.made(), first(1));
        reserved(&budget, first(1)).await.commit(first(1));
        assert_eq!(
            deferred(&budget, first(1)).await,
            Some(Deferred::ChangeLimitReached)
        );
    }

    #[tokio::test]
    async fn an_unlimited_budget_never_ends() {
        let budget = ChangeBudget::unlimited();
        for _ in 0..3 {
            reserved(&budget, first(1000)).await.commit(first(1000));
        }
    }
}
