//! The state of one Region.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use super::history::{History, Order};
use super::lazy::LazySecrets;
use super::quota::CallQuota;
use super::secret::{Place, Secret};
use super::{Collation, KeyState, Time};

/// The secrets, keys and quotas of one Region.
#[derive(Debug)]
pub(super) struct Region {
    /// The present state, by name, of all secrets that are not lazy.
    secrets: BTreeMap<String, Arc<Secret>>,
    /// The states that lagging reads return.
    history: History,
    /// Secrets that have not changed since a series put them into the Region.
    lazy: Option<LazySecrets>,
    /// The customer keys whose state is set.
    pub(super) keys: BTreeMap<String, KeyState>,
    pub(super) write_quota: CallQuota,
    pub(super) list_quota: CallQuota,
}

impl Region {
    pub(super) fn new(collation: Collation) -> Region {
        Region {
            secrets: BTreeMap::new(),
            history: History::new(collation),
            lazy: None,
            keys: BTreeMap::new(),
            write_quota: CallQuota::default(),
            list_quota: CallQuota::default(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Secret>> {
        match self.secrets.get(name) {
            Some(secret) => Some(Arc::clone(secret)),
            None => self.lazy.as_ref()?.get(name).map(Arc::new),
        }
    }

    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// Returns the number of secrets that are not lazy.
    #[cfg(test)]
    pub(super) fn stored(&self) -> usize {
        self.secrets.len()
    }

    /// Returns whether the Region has never had a secret.
    pub(super) fn is_untouched(&self) -> bool {
        self.secrets.is_empty() && self.history.is_empty() && self.lazy.is_none()
    }

    /// Adds the secrets of a series to a Region that has never had a secret.
    pub(super) fn add_lazy(&mut self, secrets: LazySecrets) {
        self.lazy = Some(secrets);
    }

    /// Returns the present secrets, by name.
    pub(super) fn all(&mut self) -> impl Iterator<Item = &Arc<Secret>> {
        for name in self
            .lazy
            .iter()
            .flat_map(LazySecrets::names)
            .collect::<Vec<_>>()
        {
            self.expand(&name);
        }
        self.secrets.values()
    }

    /// Changes a secret, if it exists. `lag` is the longest lag of a read.
    pub(super) fn update(
        &mut self,
        at: Time,
        lag: Duration,
        name: &str,
        change: impl FnOnce(&mut Secret),
    ) {
        self.expand(name);
        if let Some(secret) = self.secrets.get_mut(name) {
            change(Arc::make_mut(secret));
            let state = Some(Arc::clone(secret));
            self.history.record(at, lag, &secret.place(), state);
        }
    }

    /// Adds a secret, or replaces the secret of its name.
    pub(super) fn insert(&mut self, at: Time, lag: Duration, secret: Arc<Secret>) {
        self.expand(&secret.name);
        let replaced = self.secrets.get(&secret.name);
        // Reads of an updated replica can still show its earlier state.
        if replaced.is_some_and(|replaced| replaced.place() != secret.place()) {
            self.remove(at, lag, &secret.name);
        }
        let state = Some(Arc::clone(&secret));
        self.history.record(at, lag, &secret.place(), state);
        self.secrets.insert(secret.name.clone(), secret);
    }

    pub(super) fn remove(&mut self, at: Time, lag: Duration, name: &str) {
        self.expand(name);
        if let Some(secret) = self.secrets.remove(name) {
            self.history.record(at, lag, &secret.place(), None);
        }
    }

    /// Returns the secrets that existed `lag` ago and come after `after` in this order.
    pub(super) fn list<'a>(
        &'a self,
        now: Time,
        lag: Duration,
        order: Order,
        after: Option<&Place>,
    ) -> Box<dyn Iterator<Item = Arc<Secret>> + 'a> {
        let known = self.history.list(now, lag, order, after);
        let Some(lazy) = &self.lazy else { return known };
        let key = move |secret: &Secret| self.history.sort_key(order, &secret.place());
        let lazy = lazy.list(
            now,
            lag,
            order,
            after.map(|place| self.history.sort_key(order, place)),
            key,
        );
        let (mut known, mut lazy) = (known.peekable(), lazy.peekable());
        let is_lazy_next =
            move |known: &Secret, lazy: &Secret| (key(lazy) < key(known)) != order.is_descending;
        Box::new(iter::from_fn(move || match (known.peek(), lazy.peek()) {
            (Some(one), Some(other)) if is_lazy_next(one, other) => lazy.next(),
            (Some(_), _) => known.next(),
            (None, _) => lazy.next(),
        }))
    }

    /// Stores a lazy secret like any other, before it changes.
    fn expand(&mut self, name: &str) {
        if let Some((since, secret)) = self.lazy.as_mut().and_then(|lazy| lazy.take(name)) {
            let state = Some(Arc::clone(&secret));
            self.history
                .record(since, Duration::ZERO, &secret.place(), state);
            self.secrets.insert(name.to_owned(), secret);
        }
    }
}
