//! The time that an invocation has.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How much of an invocation's time is kept for the report, at most.
const RESERVE: Duration = Duration::from_secs(1);

/// How long to wait for a secret, or for its first value, at most. Terraform takes about two
/// seconds (recorded events); what takes longer is left to Lambda's retries.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// The first pause between two looks at a secret, and the longest. In between they grow by half.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The time that an invocation has. Everything that waits asks it, so that the function reports
/// before Lambda kills it.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    cut_off: Instant,
    settle: Duration,
}

impl Budget {
    /// A budget for an invocation that Lambda ends after `remaining`, and that follows replicas for
    /// `settle` at most.
    #[must_use]
    pub fn new(remaining: Duration, settle: Duration) -> Self {
        let reserve = RESERVE.min(remaining / 5);
        Self {
            cut_off: Instant::now() + remaining.saturating_sub(reserve),
            settle,
        }
    }

    /// When the work must be done, whatever its state.
    #[must_use]
    pub fn cut_off(&self) -> Instant {
        self.cut_off
    }

    /// The looks at a secret that is not ready: what is left after time to follow the replicas, and
    /// at least half of everything.
    #[must_use]
    pub fn looks_until_ready(&self) -> Looks {
        let left = self.cut_off.saturating_duration_since(Instant::now());
        let wait = left
            .saturating_sub(self.settle)
            .max(left / 2)
            .min(LONGEST_WAIT);
        Looks::until(Instant::now() + wait)
    }

    /// The looks at replicas that are not in sync yet.
    #[must_use]
    pub fn looks_until_settled(&self) -> Looks {
        Looks::until(self.cut_off.min(Instant::now() + self.settle))
    }
}

/// Looks at something that changes by itself, with growing pauses between them, up to an end.
#[derive(Debug)]
pub struct Looks {
    end: Instant,
    pause: Duration,
    ended: bool,
}

impl Looks {
    fn until(end: Instant) -> Self {
        Self {
            end,
            pause: FIRST_PAUSE,
            ended: false,
        }
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

    async fn looks(mut looks: Looks) -> (u32, Duration) {
        let start = Instant::now();
        let mut count = 0;
        while looks.pause().await {
            count += 1;
        }
        (count, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn replicas_are_followed_for_the_settle_time() {
        let budget = Budget::new(Duration::from_secs(90), Duration::from_secs(30));
        let (count, elapsed) = looks(budget.looks_until_settled()).await;
        assert_eq!(elapsed, Duration::from_secs(30));
        assert!((8..20).contains(&count), "{count} looks");
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_everything_before_lambda_does() {
        let budget = Budget::new(Duration::from_secs(10), Duration::from_secs(30));
        let (_, elapsed) = looks(budget.looks_until_settled()).await;
        assert_eq!(elapsed, Duration::from_secs(9));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_secret_leaves_time_to_follow_its_replicas() {
        let budget = Budget::new(Duration::from_secs(71), Duration::from_secs(30));
        let (_, elapsed) = looks(budget.looks_until_ready()).await;
        assert_eq!(elapsed, Duration::from_secs(40));
    }

    #[tokio::test(start_paused = true)]
    async fn no_settle_time_still_means_one_look() {
        let budget = Budget::new(Duration::from_secs(10), Duration::ZERO);
        assert_eq!(
            looks(budget.looks_until_settled()).await,
            (1, Duration::ZERO)
        );
    }
}
