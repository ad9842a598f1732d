//! Past states of a Region's secrets, for reads that lag.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::Time;
use super::secret::{Place, Secret};

/// The states of a secret with their times, oldest first. `None` stands for a deleted secret.
type States = Vec<(Time, Option<Arc<Secret>>)>;

/// The present and past states of all secrets of a Region.
#[derive(Debug, Default)]
pub(super) struct History(BTreeMap<Place, States>);

impl History {
    /// Adds the state since `at`. Drops the states that no read with at most this lag returns.
    pub(super) fn record(
        &mut self,
        at: Time,
        lag: Duration,
        place: &Place,
        state: Option<Arc<Secret>>,
    ) {
        let states = self.0.entry(place.clone()).or_default();
        states.push((at, state));
        let seen = states.iter().rposition(|(since, _)| *since + lag <= at);
        states.drain(..seen.unwrap_or(0));
        if lag < Duration::MAX && matches!(states[..], [(_, None)]) {
            self.0.remove(place);
        }
    }

    /// Returns the state of a secret `lag` ago, or its first state if the secret is younger.
    pub(super) fn state(&self, now: Time, lag: Duration, place: &Place) -> Option<&Secret> {
        let mut found = None;
        for (since, state) in self.0.get(place)?.iter().rev() {
            let Some(secret) = state else { break };
            found = Some(secret.as_ref());
            if *since + lag <= now {
                break;
            }
        }
        found
    }

    /// Returns all states that are kept, with their times. The states of one secret are in order.
    pub(super) fn states(&self) -> impl Iterator<Item = (Time, &Place, Option<&Secret>)> {
        self.0.iter().flat_map(|(place, states)| {
            let states = states.iter();
            states.map(move |(since, state)| (*since, place, state.as_deref()))
        })
    }

    /// Returns the secrets that existed `lag` ago and come after `after`, in order.
    pub(super) fn list(
        &self,
        now: Time,
        lag: Duration,
        after: Option<&Place>,
    ) -> impl Iterator<Item = (&Place, &Secret)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.0
            .range((from, Bound::Unbounded))
            .filter_map(move |(place, states)| {
                let mut newest_first = states.iter().rev();
                let (_, state) = newest_first.find(|(since, _)| *since + lag <= now)?;
                Some((place, state.as_deref()?))
            })
    }
}
