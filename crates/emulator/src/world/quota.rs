//! The quotas of calls per second.

use super::Time;

/// The price of a call in units. A bucket regains as many units per millisecond as the quota allows
/// calls per second.
const CALL: u64 = 1000;

/// A quota of one Region: a token bucket for one second's calls.
#[derive(Debug, Default)]
pub(super) struct CallQuota {
    used: u64,
    updated: Time,
}

impl CallQuota {
    /// Returns whether another call is within the quota, and counts the call if so.
    pub(super) fn admits(&mut self, now: Time, calls_per_second: u32) -> bool {
        let rate = u64::from(calls_per_second);
        let elapsed = now.0.saturating_sub(self.updated.0);
        self.used = self.used.saturating_sub(elapsed.saturating_mul(rate));
        self.updated = self.updated.max(now);
        let is_admitted = self.used + CALL <= rate * CALL;
        if is_admitted {
            self.used += CALL;
        }
        is_admitted
    }
}
