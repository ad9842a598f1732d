//! The secrets that repeat earlier requests, which a slice processes last.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use secret_replicator_core::sweep::SecretHash;

use crate::reconcile::KnownSecret;

/// The maximum number of secrets that wait to repeat requests. A longer queue would take much memory.
const MAX_WAITING: usize = 256;

/// When a listed secret may repeat earlier requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeats {
    /// After the sweep has reached all other secrets.
    Last,
    /// Now.
    Now,
}

/// The secrets whose plan only repeats earlier requests. They follow all other secrets of the slice, in an
/// order that differs from sweep to sweep: the changes of a sweep may not suffice for all of them, and the
/// same ones would always be left over.
#[derive(Debug)]
pub(super) struct RepeatQueue {
    started: DateTime<Utc>,
    waiting: BTreeMap<SecretHash, Repeat>,
}

/// A secret that waits to repeat requests.
#[derive(Debug)]
pub(super) struct Repeat {
    /// The number of the secret's page.
    pub(super) page: usize,
    /// The secret on its page.
    pub(super) secret: SecretHash,
    /// Whether a list shows no replica, or one without the current version.
    pub(super) is_doubtful: bool,
    /// The secret to reconcile.
    pub(super) known: KnownSecret,
}

impl RepeatQueue {
    /// Creates the queue of a slice. `started` is the start of the sweep.
    pub(super) fn new(started: DateTime<Utc>) -> Self {
        Self {
            started,
            waiting: BTreeMap::new(),
        }
    }

    /// Adds a secret. Returns the first one in the queue if the queue is full.
    pub(super) fn add(&mut self, repeat: Repeat) -> Option<Repeat> {
        let id = repeat.known.id.as_str();
        let place = SecretHash::of(&format!("{} {id}", self.started.timestamp_millis()));
        // If two secrets have the same hash, the earlier one is processed now.
        let same = self.waiting.insert(place, repeat);
        let is_full = self.waiting.len() > MAX_WAITING;
        same.or_else(|| if is_full { self.next() } else { None })
    }

    /// Takes the first secret.
    pub(super) fn next(&mut self) -> Option<Repeat> {
        self.waiting.pop_first().map(|(_, repeat)| repeat)
    }
}
