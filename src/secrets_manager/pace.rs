use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Spreads calls evenly over time, so that other callers of the account keep their share of the
/// quota in every moment.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / per_second.max(1),
            next: Mutex::new(Instant::now()),
        }
    }

    /// When the next turn is.
    pub(super) fn next_turn(&self) -> Instant {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        (*next).max(Instant::now())
    }

    /// Waits for the next turn. `false`, at once, if it does not come before `until`.
    pub(super) async fn turn(&self, until: Instant) -> bool {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            if turn >= until {
                return false;
            }
            *next = turn + self.interval;
            turn
        };
        sleep_until(turn).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_come_evenly_and_an_idle_time_is_no_credit() {
        let pace = Pace::new(25);
        let start = Instant::now();
        let until = start + Duration::from_mins(1);
        for _ in 0..26 {
            assert!(pace.turn(until).await);
        }
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        tokio::time::sleep(Duration::from_secs(10)).await;
        let start = Instant::now();
        for _ in 0..26 {
            assert!(pace.turn(until).await);
        }
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_would_come_too_late_is_not_waited_for() {
        let pace = Pace::new(1);
        let start = Instant::now();
        let until = start + Duration::from_millis(500);
        assert!(pace.turn(until).await);
        assert!(!pace.turn(until).await);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
