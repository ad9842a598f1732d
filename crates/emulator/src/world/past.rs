//! Past states, for reads that lag.

use std::time::Duration;

use super::Time;

/// The states of something, oldest first, as far back as a lag needs.
#[derive(Debug, Clone)]
pub(super) struct Past<T>(Vec<(Time, T)>);

impl<T> Default for Past<T> {
    fn default() -> Past<T> {
        Past(Vec::new())
    }
}

impl<T> Past<T> {
    /// Adds the state since `at`, and drops those that no read returns any more.
    pub(super) fn record(&mut self, at: Time, lag: Duration, state: T) {
        self.0.push((at, state));
        let seen = self.seen_index(at, lag).unwrap_or(0);
        self.0.drain(..seen);
    }

    /// The state of `lag` ago; none if there was none yet.
    pub(super) fn seen(&self, now: Time, lag: Duration) -> Option<&T> {
        self.seen_index(now, lag).map(|index| &self.0[index].1)
    }

    pub(super) fn oldest(&self) -> Option<&T> {
        self.0.first().map(|(_, state)| state)
    }

    /// The state, if no other is remembered.
    pub(super) fn only(&self) -> Option<&T> {
        self.oldest().filter(|_| self.0.len() == 1)
    }

    fn seen_index(&self, now: Time, lag: Duration) -> Option<usize> {
        self.0.iter().rposition(|(since, _)| *since + lag <= now)
    }
}
