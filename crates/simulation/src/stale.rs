//! Reads that lag behind writes.
//!
//! `DescribeSecret` is eventually consistent: of two reads in a row, the second can return the older
//! state. Within the lag after a change, each read returns at random the secret as it is or as it was
//! before that change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secret_replicator_emulator::Service;
use serde_json::{Value, json};

use crate::clock;
use crate::scenario::HOME;

/// The past versions of secrets that reads can return. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct StaleReads(Arc<Mutex<Versions>>);

#[derive(Debug)]
struct Versions {
    lag: Duration,
    random: fastrand::Rng,
    /// By ARN: the version before the last change, and the time of that change.
    past: BTreeMap<String, (Value, Duration)>,
}

impl StaleReads {
    /// Creates reads that lag by up to `lag` milliseconds; 0 turns the lag off.
    pub(crate) fn new(seed: u64, lag: u64) -> StaleReads {
        StaleReads(Arc::new(Mutex::new(Versions {
            lag: Duration::from_millis(lag),
            random: fastrand::Rng::with_seed(seed),
            past: BTreeMap::new(),
        })))
    }

    /// Performs a change of the secret with this id. Reads can then return the version before it.
    pub(crate) async fn change<T>(
        &self,
        service: &Service,
        secret_id: Option<&str>,
        change: impl Future<Output = T>,
    ) -> T {
        let before = secret_id.and_then(|id| self.version(service, id));
        let result = change.await;
        if let Some(version) = before
            && let Some(arn) = version["ARN"].as_str().map(str::to_owned)
        {
            self.lock().past.insert(arn, (version, clock::elapsed()));
        }
        result
    }

    fn version(&self, service: &Service, secret_id: &str) -> Option<Value> {
        if self.lock().lag.is_zero() {
            return None;
        }
        let request = json!({"SecretId": secret_id});
        let answer = service.with(|world, now| world.handle(now, HOME, "DescribeSecret", &request));
        answer.ok()
    }

    /// Returns the stale answer to a read whose fresh answer is `present`, if the read lags.
    pub(crate) fn past(&self, present: &Value) -> Option<Value> {
        let mut versions = self.lock();
        let (past, changed) = versions.past.get(present["ARN"].as_str()?)?;
        let is_recent = clock::elapsed() < *changed + versions.lag;
        let past = is_recent.then(|| past.clone())?;
        versions.random.bool().then_some(past)
    }

    fn lock(&self) -> MutexGuard<'_, Versions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
