use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Spaces calls evenly, so that other callers in the account always have a share of the quota.
#[derive(Debug)]
pub(super) struct Rate {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Rate {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / per_second.max(1),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Returns the time of the next free slot.
    pub(super) fn next_slot(&self) -> Instant {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        (*next).max(Instant::now())
    }

    /// Waits for the next free slot. Returns `false` at once if it is not before `until`.
    pub(super) async fn wait_for_slot(&self, until: Instant) -> bool {
        let now = Instant::now();
        let slot = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = (*next).max(now);
            if slot >= until {
                return false;
            }
            *next = slot + self.interval;
            slot
        };
        // The timer counts whole milliseconds, so waiting for the present can take one.
        if slot > now {
            sleep_until(slot).await;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn slots_are_evenly_spaced_and_idle_time_earns_no_credit() {
        let rate = Rate::new(25);
        let start = Instant::now();
        let until = start + Duration::from_mins(1);
        for _ in 0..26 {
            assert!(rate.wait_for_slot(until).await);
        }
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        tokio::time::sleep(Duration::from_secs(10)).await;
        let start = Instant::now();
        for _ in 0..26 {
            assert!(rate.wait_for_slot(until).await);
        }
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_after_the_deadline_is_not_waited_for() {
        let rate = Rate::new(1);
        let start = Instant::now();
        let until = start + Duration::from_millis(500);
        assert!(rate.wait_for_slot(until).await);
        assert!(!rate.wait_for_slot(until).await);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
