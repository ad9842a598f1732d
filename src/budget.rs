//! What an invocation may use: the time that it has, and in a sweep the changes.

mod allowance;

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

pub use allowance::{Allowance, Grant, Granted};

/// How much of an invocation's time is kept for the report, at most.
const RESERVE: Duration = Duration::from_secs(1);

/// How long to wait for a secret, or for its first value, at most. Terraform takes about two
/// seconds (recorded events); what takes longer is left to Lambda's retries.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// The first pause between two looks at a secret, and the longest. In between they grow by half.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long a sweep's secrets may wait for their turn to be written to.
const TO_END: Duration = Duration::from_secs(10);

/// How long before the work must be done the last call begins, so that it can end.
pub(crate) const LAST_CALL: Duration = Duration::from_millis(500);

/// How long the SDK tries a request that AWS throttles, at most.
const TRIES: Duration = Duration::from_secs(8);

/// How long a look may outlast the time for looks.
const GRACE: Duration = Duration::from_secs(2);

/// The time that an invocation has. Everything that waits asks it, so that the function reports
/// before Lambda kills it.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    cut_off: Instant,
    total: Duration,
    settle: Duration,
    wait: Wait,
}

/// Whether a secret that is not ready is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Yes: an event tells of a secret that is perhaps still being made.
    UntilReady,
    /// No: somebody asks for a secret that ought to be there.
    Never,
}

impl Budget {
    /// A budget for an invocation that Lambda ends after `remaining`, and that follows replicas for
    /// `settle` at most.
    #[must_use]
    pub fn new(remaining: Duration, settle: Duration, wait: Wait) -> Self {
        let reserve = RESERVE.min(remaining / 5);
        Self {
            cut_off: Instant::now() + remaining.saturating_sub(reserve),
            total: remaining,
            settle,
            wait,
        }
    }

    /// When the work must be done, whatever its state.
    #[must_use]
    pub fn cut_off(&self) -> Instant {
        self.cut_off
    }

    /// Whether it is too late to begin with more secrets: what has begun needs time to end, which is
    /// the time to follow replicas and some for their turn to be requested, and at most half of
    /// everything.
    #[must_use]
    pub fn is_late_for_more(&self) -> bool {
        let end = (self.settle + TO_END).min(self.total / 2);
        Instant::now() + end >= self.cut_off
    }

    /// When the last write should be made, so that its replicas can be followed.
    #[must_use]
    pub fn last_turn(&self) -> Instant {
        let end = self.settle.min(self.total / 4);
        self.cut_off.checked_sub(end).unwrap_or(self.cut_off)
    }

    /// Whether it is too late for a write whose answer comes before the work must be done.
    #[must_use]
    pub fn is_too_late_to_write(&self) -> bool {
        Instant::now() + LAST_CALL >= self.cut_off
    }

    /// The looks at a secret that is not ready: what is left after time to follow the replicas, and
    /// at least half of everything.
    #[must_use]
    pub fn looks_until_ready(&self) -> Looks {
        let left = self.cut_off.saturating_duration_since(Instant::now());
        let wait = match self.wait {
            Wait::UntilReady => left
                .saturating_sub(self.settle)
                .max(left / 2)
                .min(LONGEST_WAIT),
            Wait::Never => Duration::ZERO,
        };
        let ended = self.wait == Wait::Never;
        // Nothing can be done without the secret, so a look at it may take all the time there is.
        Looks {
            ended,
            deadline: self.cut_off,
            ..self.looks(wait)
        }
    }

    /// The looks at replicas that are not in sync yet.
    #[must_use]
    pub fn looks_until_settled(&self) -> Looks {
        self.looks(self.settle)
    }

    /// The pauses between requests that AWS throttles, as long as there is time to follow the
    /// replicas besides. None where nobody waits for a secret: a sweep has a pace of its own.
    #[must_use]
    pub fn pauses_while_throttled(&self) -> Looks {
        let now = Instant::now();
        let last_try = self.cut_off.checked_sub(TRIES).unwrap_or(now);
        let end = self.last_turn().min(last_try);
        let time = end.saturating_duration_since(now);
        Looks {
            ended: self.wait == Wait::Never || time.is_zero(),
            ..self.looks(time)
        }
    }

    fn looks(&self, time: Duration) -> Looks {
        let now = Instant::now();
        let last = self.cut_off.checked_sub(LAST_CALL).unwrap_or(now);
        let end = last.min(now + time).max(now);
        Looks {
            end,
            deadline: self.cut_off.min(end + GRACE),
            pause: FIRST_PAUSE,
            ended: false,
        }
    }
}

/// Looks at something that changes by itself, or repetitions, with growing pauses between them, up to
/// an end.
#[derive(Debug)]
pub struct Looks {
    end: Instant,
    deadline: Instant,
    pause: Duration,
    ended: bool,
}

impl Looks {
    /// Until when a look may take.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Pauses before the next look. `false` if there is none: the last one came at the end.
    pub async fn pause(&mut self) -> bool {
        if self.ended {
            return false;
        }
        let next = Instant::now() + self.pause;
        self.ended = next >= self.end;
        sleep_until(next.min(self.end)).await;
        self.pause = (self.pause * 3 / 2).min(LONGEST_PAUSE);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(remaining: u64, settle: u64) -> Budget {
        let seconds = Duration::from_secs;
        Budget::new(seconds(remaining), seconds(settle), Wait::UntilReady)
    }

    async fn looks(mut looks: Looks) -> (u32, Duration) {
        let start = Instant::now();
        let mut count = 0;
        while looks.pause().await {
            count += 1;
        }
        (count, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn replicas_are_followed_for_the_replication_wait() {
        let budget = budget(90, 30);
        let (count, elapsed) = looks(budget.looks_until_settled()).await;
        assert_eq!(elapsed, Duration::from_secs(30));
        assert!((8..20).contains(&count), "{count} looks");
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_has_half_a_second_for_its_answer() {
        let budget = budget(10, 30);
        tokio::time::advance(Duration::from_millis(8499)).await;
        assert!(!budget.is_too_late_to_write());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(budget.is_too_late_to_write());
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_everything_before_lambda_does() {
        let budget = budget(10, 30);
        let (_, elapsed) = looks(budget.looks_until_settled()).await;
        assert_eq!(elapsed, Duration::from_millis(8500));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_secret_leaves_time_to_follow_its_replicas() {
        let budget = budget(71, 30);
        let (_, elapsed) = looks(budget.looks_until_ready()).await;
        assert_eq!(elapsed, Duration::from_secs(40));
    }

    #[tokio::test(start_paused = true)]
    async fn throttled_requests_leave_time_to_follow_the_replicas() {
        let (_, elapsed) = looks(budget(90, 30).pauses_while_throttled()).await;
        assert_eq!(elapsed, Duration::from_millis(66_500));
        let late = Budget {
            cut_off: Instant::now() + Duration::from_secs(1),
            ..budget(90, 30)
        };
        assert_eq!(
            looks(late.pauses_while_throttled()).await,
            (0, Duration::ZERO)
        );
        let by_hand = Budget {
            wait: Wait::Never,
            ..budget(90, 30)
        };
        assert_eq!(
            looks(by_hand.pauses_while_throttled()).await,
            (0, Duration::ZERO)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_ought_to_be_there_is_not_waited_for() {
        let budget = Budget {
            wait: Wait::Never,
            ..budget(60, 30)
        };
        assert_eq!(looks(budget.looks_until_ready()).await, (0, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_ends_soon_after_the_time_for_looks() {
        let looks = budget(60, 1).looks_until_settled();
        assert_eq!(looks.deadline() - Instant::now(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn no_replication_wait_still_means_one_look() {
        let budget = budget(10, 0);
        assert_eq!(
            looks(budget.looks_until_settled()).await,
            (1, Duration::ZERO)
        );
    }
}
