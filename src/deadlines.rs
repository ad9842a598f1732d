//! The deadlines of an invocation. All waits take their limits from one [`Deadlines`], so that the
//! function reports before Lambda stops it.

use std::time::Duration;

use secret_replicator_aws::MIN_CALL_TIME;
use secret_replicator_core::request::Wait;
use tokio::time::{Instant, sleep_until};

/// The maximum time reserved for the report.
const REPORT_TIME: Duration = Duration::from_secs(1);

/// The maximum wait for a secret or for its first value. Terraform puts the value about two seconds after
/// it creates the secret (recorded events). Lambda's retries of the event cover longer delays.
const MAX_READY_WAIT: Duration = Duration::from_mins(1);

/// The maximum time for which the Region of a removed replica is polled. AWS removes a replica within 40 to
/// 90 seconds (reported by users).
const MAX_REMOVAL_WAIT: Duration = Duration::from_secs(150);

/// The first pause between two polls. Each pause is 1.5 times as long as the previous one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause between two polls.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The time that secrets in progress need to get their write slots, in addition to the replication wait.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// The retries of a request that AWS throttled or did not answer, if the caller does not wait for AWS.
const RETRIES_WITHOUT_WAIT: u32 = 3;

/// The maximum time for which a sweep retries a secret after transient errors.
const MAX_SWEEP_RETRY_TIME: Duration = Duration::from_mins(1);

/// The time that the last poll may take beyond the end of polling.
const POLL_GRACE: Duration = Duration::from_secs(2);

/// The deadlines of an invocation, computed once when it starts.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    end: Instant,
    total: Duration,
    replication_wait: Duration,
    wait: Wait,
}

impl Deadlines {
    /// Computes the deadlines of an invocation that Lambda stops after `remaining` and that follows
    /// replicas for at most `replication_wait`.
    #[must_use]
    pub fn new(remaining: Duration, replication_wait: Duration, wait: Wait) -> Self {
        let reserve = REPORT_TIME.min(remaining / 5);
        Self {
            end: Instant::now() + remaining.saturating_sub(reserve),
            total: remaining,
            replication_wait,
            wait,
        }
    }

    /// Returns the time at which all work must end, complete or not.
    #[must_use]
    pub fn end(&self) -> Instant {
        self.end
    }

    /// Returns the time from which it is too late to start more secrets. Reserves time for the secrets in
    /// progress to get their write slots and follow their replicas, but at most half of the invocation's time.
    #[must_use]
    pub fn last_start(&self) -> Instant {
        let needed = (self.replication_wait + WRITE_TIME).min(self.total / 2);
        self.end.checked_sub(needed).unwrap_or(self.end)
    }

    /// Returns the time by which a list ends that begins now and must leave time for the work on its entries: a third
    /// of the time that is left to start more secrets.
    #[must_use]
    pub fn last_page(&self) -> Instant {
        let now = Instant::now();
        now + self.last_start().saturating_duration_since(now) / 3
    }

    /// Returns whether it is too late to start more secrets.
    #[must_use]
    pub fn is_too_late_for_more(&self) -> bool {
        Instant::now() >= self.last_start()
    }

    /// Returns the latest time for a write that leaves time to follow its replicas.
    #[must_use]
    pub fn last_write(&self) -> Instant {
        let needed = self.replication_wait.min(self.total / 4);
        self.end.checked_sub(needed).unwrap_or(self.end)
    }

    /// Returns whether it is too late for AWS to respond to a write before the end.
    #[must_use]
    pub fn is_too_late_to_write(&self) -> bool {
        Instant::now() + MIN_CALL_TIME >= self.end
    }

    /// Returns a poller for a secret that is not ready. It leaves time to follow the replicas, but
    /// gets at least half of the remaining time.
    #[must_use]
    pub fn poll_until_ready(&self) -> Poller {
        let left = self.end.saturating_duration_since(Instant::now());
        let time = match self.wait {
            Wait::UntilReady => left
                .saturating_sub(self.replication_wait)
                .max(left / 2)
                .min(MAX_READY_WAIT),
            Wait::Never => Duration::ZERO,
        };
        // Without the secret there is no other work, so a read may take all the remaining time.
        Poller {
            ended: self.wait == Wait::Never,
            deadline: self.end,
            ..self.poller(time)
        }
    }

    /// Returns a poller for replicas that are not in sync yet.
    #[must_use]
    pub fn poll_replicas(&self) -> Poller {
        self.poller(self.replication_wait)
    }

    /// Returns a poller for replicas that the primary secret no longer lists, until their Regions answer
    /// that they are gone.
    #[must_use]
    pub fn poll_removals(&self) -> Poller {
        self.poller(MAX_REMOVAL_WAIT)
    }

    /// Returns a poller for the retries of a throttled request, which leaves time to follow the
    /// replicas. With [`Wait::Never`] it permits a few retries only: a manual call returns the error, and a
    /// sweep has its own write rate.
    #[must_use]
    pub fn retry_while_throttled(&self) -> Poller {
        let time = self.last_write().saturating_duration_since(Instant::now());
        Poller {
            ended: time.is_zero(),
            left: self.retries(),
            ..self.poller(time)
        }
    }

    /// Returns a poller for the repetitions of a request that AWS may have executed. An event repeats it
    /// for the replication wait, so that an outage of seconds fails no event. With [`Wait::Never`] it
    /// permits a few repetitions only, as [`retry_while_throttled`](Self::retry_while_throttled) does.
    #[must_use]
    pub fn repeat_requests(&self) -> Poller {
        Poller {
            left: self.retries(),
            ..self.poll_replicas()
        }
    }

    fn retries(&self) -> u32 {
        match self.wait {
            Wait::UntilReady => u32::MAX,
            Wait::Never => RETRIES_WITHOUT_WAIT,
        }
    }

    /// Returns a poller for the retries of a secret in a sweep after transient errors.
    #[must_use]
    pub fn retry_in_sweep(&self) -> Poller {
        let left = self.last_write().saturating_duration_since(Instant::now());
        Poller {
            ended: left.is_zero(),
            ..self.poller(left.min(MAX_SWEEP_RETRY_TIME))
        }
    }

    /// Returns how long a sweep retries a secret at least before it fails. A secret that gets less time in
    /// this slice is left for the next one, which begins with it.
    #[must_use]
    pub fn least_retry_time(&self) -> Duration {
        (self.total / 4).min(MAX_SWEEP_RETRY_TIME)
    }

    fn poller(&self, time: Duration) -> Poller {
        let now = Instant::now();
        let last = self.end.checked_sub(MIN_CALL_TIME).unwrap_or(now);
        let end = last.min(now + time).max(now);
        Poller {
            end,
            deadline: self.end.min(end + POLL_GRACE),
            pause: FIRST_PAUSE,
            left: u32::MAX,
            ended: false,
        }
    }
}

/// Paces polls or retries, with increasing pauses until a deadline.
#[derive(Debug)]
pub struct Poller {
    end: Instant,
    deadline: Instant,
    pause: Duration,
    /// The number of polls that are left.
    left: u32,
    ended: bool,
}

impl Poller {
    /// Returns the deadline of each poll's call.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Pauses before the next poll. Returns `false`, without a pause, after the last poll. The last poll
    /// is due at the end of polling.
    pub async fn pause(&mut self) -> bool {
        if self.ended {
            return false;
        }
        let next = Instant::now() + self.pause;
        self.left -= 1;
        self.ended = next >= self.end || self.left == 0;
        sleep_until(next.min(self.end)).await;
        self.pause = (self.pause * 3 / 2).min(LONGEST_PAUSE);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deadlines(remaining: u64, wait: u64) -> Deadlines {
        let seconds = Duration::from_secs;
        Deadlines::new(seconds(remaining), seconds(wait), Wait::UntilReady)
    }

    async fn polls(mut poller: Poller) -> (u32, Duration) {
        let start = Instant::now();
        let mut count = 0;
        while poller.pause().await {
            count += 1;
        }
        (count, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_takes_a_third_of_the_time_for_new_work() {
        let deadlines = deadlines(180, 30);
        // One second for the report, and 40 for the work in progress.
        let third = Duration::from_secs(139) / 3;
        assert_eq!(deadlines.last_page(), Instant::now() + third);
        tokio::time::advance(Duration::from_secs(150)).await;
        assert_eq!(deadlines.last_page(), Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn replicas_are_followed_for_the_replication_wait() {
        let deadlines = deadlines(90, 30);
        let (count, elapsed) = polls(deadlines.poll_replicas()).await;
        assert_eq!(elapsed, Duration::from_secs(30));
        assert!((8..20).contains(&count), "{count} polls");
    }

    #[tokio::test(start_paused = true)]
    async fn removals_are_followed_for_150_seconds_or_until_the_end() {
        for (remaining, expected) in [(180, 150_000), (60, 58_500)] {
            let (_, elapsed) = polls(deadlines(remaining, 30).poll_removals()).await;
            assert_eq!(elapsed, Duration::from_millis(expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_has_half_a_second_for_its_answer() {
        let deadlines = deadlines(10, 30);
        tokio::time::advance(Duration::from_millis(8499)).await;
        assert!(!deadlines.is_too_late_to_write());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(deadlines.is_too_late_to_write());
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_everything_before_lambda_does() {
        let deadlines = deadlines(10, 30);
        let (_, elapsed) = polls(deadlines.poll_replicas()).await;
        assert_eq!(elapsed, Duration::from_millis(8500));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_secret_leaves_time_to_follow_its_replicas() {
        let deadlines = deadlines(71, 30);
        let (_, elapsed) = polls(deadlines.poll_until_ready()).await;
        assert_eq!(elapsed, Duration::from_secs(40));
    }

    #[tokio::test(start_paused = true)]
    async fn throttled_requests_leave_time_to_follow_the_replicas() {
        let (_, elapsed) = polls(deadlines(90, 30).retry_while_throttled()).await;
        assert_eq!(elapsed, Duration::from_millis(66_500));
        let late = Deadlines {
            end: Instant::now() + Duration::from_secs(1),
            ..deadlines(90, 30)
        };
        assert_eq!(
            polls(late.retry_while_throttled()).await,
            (0, Duration::ZERO)
        );
        let by_hand = Deadlines {
            wait: Wait::Never,
            ..deadlines(90, 30)
        };
        let (retries, _) = polls(by_hand.retry_while_throttled()).await;
        assert_eq!(retries, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_repeats_a_request_for_the_replication_wait_and_others_three_times() {
        let (_, elapsed) = polls(deadlines(90, 30).repeat_requests()).await;
        assert_eq!(elapsed, Duration::from_secs(30));
        let by_hand = Deadlines {
            wait: Wait::Never,
            ..deadlines(90, 30)
        };
        let (repetitions, _) = polls(by_hand.repeat_requests()).await;
        assert_eq!(repetitions, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_must_exist_is_not_waited_for() {
        let deadlines = Deadlines {
            wait: Wait::Never,
            ..deadlines(60, 30)
        };
        assert_eq!(
            polls(deadlines.poll_until_ready()).await,
            (0, Duration::ZERO)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_that_hangs_ends_soon_after_the_time_for_polls() {
        let poller = deadlines(60, 1).poll_replicas();
        assert_eq!(poller.deadline() - Instant::now(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn no_replication_wait_still_means_one_poll() {
        let deadlines = deadlines(10, 0);
        assert_eq!(polls(deadlines.poll_replicas()).await, (1, Duration::ZERO));
    }
}
