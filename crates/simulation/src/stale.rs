//! Reads that lag behind writes.
//!
//! `DescribeSecret` is eventually consistent: of two reads in a row, the second may show the older
//! state. Within the lag after a change, each read shows at random the secret as it is, or as it was
//! before that change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secret_replicator_emulator::Service;
use serde_json::{Value, json};

use crate::clock;
use crate::scenario::HOME;

/// The past versions of secrets that reads may show. Clones share them.
#[derive(Debug, Clone)]
pub struct StaleReads(Arc<Mutex<Versions>>);

#[derive(Debug)]
struct Versions {
    lag: Duration,
    random: fastrand::Rng,
    /// By ARN: the version before the last change, and when that change was.
    past: BTreeMap<String, (Value, Duration)>,
}

impl StaleReads {
    /// Reads that lag by up to `lag` milliseconds; 0 turns them off.
    #[must_use]
    pub fn new(seed: u64, lag: u64) -> StaleReads {
        StaleReads(Arc::new(Mutex::new(Versions {
            lag: Duration::from_millis(lag),
            random: fastrand::Rng::with_seed(seed),
            past: BTreeMap::new(),
        })))
    }

    /// Returns the secret as it is now, to be passed to [`StaleReads::changed`] after a change.
    #[must_use]
    pub fn version(&self, service: &Service, secret_id: &str) -> Option<Value> {
        if self.lock().lag.is_zero() {
            return None;
        }
        let request = json!({"SecretId": secret_id});
        let answer = service.with(|world, now| world.handle(now, HOME, "DescribeSecret", &request));
        answer.ok()
    }

    /// Records that the secret had this version until now.
    pub fn changed(&self, version: Option<Value>) {
        if let Some(version) = version
            && let Some(arn) = version["ARN"].as_str().map(str::to_owned)
        {
            self.lock().past.insert(arn, (version, clock::elapsed()));
        }
    }

    /// Returns what a read shows whose fresh answer is `present`, if it lags.
    #[must_use]
    pub fn past(&self, present: &Value) -> Option<Value> {
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
