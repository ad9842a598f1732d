//! The ages of the states that reads show.

use std::sync::Arc;
use std::time::Duration;

use super::region::Region;
use super::secret::Secret;
use super::{ReadLags, Time, World};

impl World {
    /// Returns the age that a read shows of something that lags by at most `longest`: that age or, if reads
    /// are random, often none.
    pub(super) fn age(&mut self, longest: Duration) -> Duration {
        if self.settings.random_reads.is_none() || longest.is_zero() {
            return longest;
        }
        if self.random.bool() {
            return Duration::ZERO;
        }
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.random.u64(0..=longest))
    }

    /// Returns a secret as `DescribeSecret` shows it. Each part has its own age.
    pub(super) fn as_read(&mut self, now: Time, secret: Arc<Secret>) -> Arc<Secret> {
        let lags = self.lags();
        let ages = ReadLags {
            status: self.age(lags.status),
            tags: self.age(lags.tags),
            versions: self.age(lags.versions),
            deletion: self.age(lags.deletion),
        };
        if ages == ReadLags::default() {
            return secret;
        }
        let place = secret.place();
        let history = self.regions.get(&secret.region);
        let past = |age| {
            let history = history.map(Region::history);
            let state = history.and_then(|history| history.state(now, age, &place));
            state.unwrap_or(&secret)
        };
        Arc::new(Secret {
            role: past(ages.status).role.clone(),
            tags: past(ages.tags).tags.clone(),
            versions: past(ages.versions).versions.clone(),
            deletion: past(ages.deletion).deletion,
            ..Secret::clone(&secret)
        })
    }

    /// Returns the age of the oldest state that a read can show.
    pub(super) fn longest_lag(&self) -> Duration {
        if self.settings.keeps_history {
            return Duration::MAX;
        }
        let lags = self.lags();
        let parts = [lags.status, lags.tags, lags.versions, lags.deletion];
        let longest = parts.into_iter().max();
        longest
            .unwrap_or_default()
            .max(self.settings.longest_list_lag())
    }

    fn lags(&self) -> ReadLags {
        let only_status = ReadLags {
            status: self.settings.status_lag,
            ..ReadLags::default()
        };
        self.settings
            .random_reads
            .map_or(only_status, |(_, lags)| lags)
    }
}
