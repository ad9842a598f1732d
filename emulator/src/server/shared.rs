//! What the connections share: the world, the faults, the log, the clock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::call::{Call, CallLog, Outcome};
use super::calls_file::CallsFile;
use super::fault::{Fault, FaultKind};
use super::wire::ApiRequest;
use crate::{ApiError, Time, World, WorldSettings};

#[derive(Debug)]
pub(super) struct Shared {
    world: Mutex<World>,
    faults: Mutex<Vec<Fault>>,
    log: Mutex<CallLog>,
    calls_file: Option<CallsFile>,
    clock: Clock,
}

impl Shared {
    pub(super) fn new(settings: WorldSettings, calls_file: Option<CallsFile>) -> Shared {
        Shared {
            world: Mutex::new(World::new(settings)),
            faults: Mutex::default(),
            log: Mutex::default(),
            calls_file,
            clock: Clock::start(),
        }
    }

    pub(super) fn with_world<T>(&self, f: impl FnOnce(&mut World, Time) -> T) -> T {
        let mut world = lock(&self.world);
        // Read under the lock, so that the world never sees time run backwards.
        let now = self.clock.now();
        f(&mut world, now)
    }

    pub(super) fn execute(&self, request: &ApiRequest) -> Result<Value, ApiError> {
        self.with_world(|world, now| {
            world.handle(now, &request.region, &request.operation, &request.body)
        })
    }

    pub(super) fn script(&self, fault: Fault) {
        lock(&self.faults).push(fault);
    }

    /// Uses up the oldest fault that matches.
    pub(super) fn take_fault(&self, request: &ApiRequest) -> Option<FaultKind> {
        lock(&self.faults)
            .iter_mut()
            .find(|fault| fault.matches(request))
            .map(Fault::take)
    }

    /// Logs a call that has arrived, and gives its number.
    pub(super) fn arrived(&self, request: &ApiRequest) -> usize {
        if let Some(file) = &self.calls_file {
            let key =
                lock(&self.world).key_of(&request.region, request.secret_id().unwrap_or_default());
            file.note(request, key.as_deref());
        }
        let mut log = lock(&self.log);
        log.push(request.as_call(self.clock.now()))
    }

    pub(super) fn ended(&self, number: usize, outcome: Outcome) {
        lock(&self.log).set_outcome(number, outcome);
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        lock(&self.log).calls().to_vec()
    }

    pub(super) fn forget_calls(&self) {
        lock(&self.log).forget();
    }
}

/// A test that panics while it holds a lock must not take the server down with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wall-clock time that never runs backwards.
#[derive(Debug)]
struct Clock {
    started: Instant,
    started_at: Time,
}

impl Clock {
    fn start() -> Clock {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Clock {
            started: Instant::now(),
            started_at: Time(0) + since_epoch,
        }
    }

    fn now(&self) -> Time {
        self.started_at + self.started.elapsed()
    }
}
