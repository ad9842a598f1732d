//! Past states of a Region's secrets, for reads that lag, in the orders of lists.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::arn::name_of;
use super::secret::{Place, Secret};
use super::{Collation, Time};

/// The states of a secret with their times, oldest first. `None` stands for a deleted secret.
type States = Vec<(Time, Option<Arc<Secret>>)>;

/// The present and past states of all secrets of a Region.
#[derive(Debug)]
pub(super) struct History {
    states: BTreeMap<Place, States>,
    /// The same secrets, sorted by name.
    by_name: BTreeSet<SortKey>,
    collation: Collation,
}

/// The attribute by which a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SortBy {
    Created,
    Name,
}

/// The order of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) by: SortBy,
    pub(super) is_descending: bool,
}

/// The position of a secret in a list: the text by which the list is sorted, then the place. In a list by
/// creation, the text is empty.
pub(super) type SortKey = (String, Place);

impl History {
    pub(super) fn new(collation: Collation) -> History {
        History {
            states: BTreeMap::new(),
            by_name: BTreeSet::new(),
            collation,
        }
    }

    /// Adds the state since `at`. Drops the states that no read with at most this lag returns.
    pub(super) fn record(
        &mut self,
        at: Time,
        lag: Duration,
        place: &Place,
        state: Option<Arc<Secret>>,
    ) {
        if !self.states.contains_key(place) {
            self.by_name.insert(self.name_key(place));
        }
        let states = self.states.entry(place.clone()).or_default();
        states.push((at, state));
        let seen = states.iter().rposition(|(since, _)| *since + lag <= at);
        states.drain(..seen.unwrap_or(0));
        if lag < Duration::MAX && matches!(states[..], [(_, None)]) {
            self.states.remove(place);
            self.by_name.remove(&self.name_key(place));
        }
    }

    /// Returns the state of a secret `lag` ago, or its first state if the secret is younger.
    pub(super) fn state(&self, now: Time, lag: Duration, place: &Place) -> Option<&Secret> {
        let mut found = None;
        for (since, state) in self.states.get(place)?.iter().rev() {
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
        self.states.iter().flat_map(|(place, states)| {
            let states = states.iter();
            states.map(move |(since, state)| (*since, place, state.as_deref()))
        })
    }

    /// Returns the secrets that existed `lag` ago and come after `after`, in ascending order, or before
    /// it, in descending order.
    pub(super) fn list<'a>(
        &'a self,
        now: Time,
        lag: Duration,
        order: Order,
        after: Option<&Place>,
    ) -> Box<dyn Iterator<Item = Arc<Secret>> + 'a> {
        let descending = order.is_descending;
        let state = move |place: &'a Place| {
            let mut newest_first = self.states.get(place)?.iter().rev();
            let (_, state) = newest_first.find(|(since, _)| *since + lag <= now)?;
            state.clone()
        };
        match order.by {
            SortBy::Created => {
                let places = self.states.range(bounds(after, descending));
                in_order(places.map(|(place, _)| place), descending, state)
            }
            SortBy::Name => {
                let after = after.map(|place| self.sort_key(order, place));
                let places = self.by_name.range(bounds(after.as_ref(), descending));
                in_order(places.map(|(_, place)| place), descending, state)
            }
        }
    }

    /// Returns the position of a place in a list.
    pub(super) fn sort_key(&self, order: Order, place: &Place) -> SortKey {
        match order.by {
            SortBy::Created => (String::new(), place.clone()),
            SortBy::Name => self.name_key(place),
        }
    }

    /// Returns whether no state is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    fn name_key(&self, place: &Place) -> SortKey {
        (self.collation.sort_key(name_of(&place.1)), place.clone())
    }
}

fn bounds<T>(after: Option<&T>, descending: bool) -> (Bound<&T>, Bound<&T>) {
    let bound = after.map_or(Bound::Unbounded, Bound::Excluded);
    if descending {
        (Bound::Unbounded, bound)
    } else {
        (bound, Bound::Unbounded)
    }
}

fn in_order<'a, T: 'a>(
    places: impl DoubleEndedIterator<Item = &'a Place> + 'a,
    descending: bool,
    state: impl FnMut(&'a Place) -> Option<T> + 'a,
) -> Box<dyn Iterator<Item = T> + 'a> {
    if descending {
        Box::new(places.rev().filter_map(state))
    } else {
        Box::new(places.filter_map(state))
    }
}
