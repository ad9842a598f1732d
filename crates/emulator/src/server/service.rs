//! The state that all calls share: world, faults, log, clock.

use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper::header::HeaderMap;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::call::{Call, CallLog, Outcome};
use super::calls_file::CallsFile;
use super::disturbance::Disturbance;
use super::events;
use super::fault::{Execution, Fault, FaultKind};
use super::wire::{self, ApiRequest};
use crate::world::secret_id;
use crate::{ApiError, Time, World, WorldSettings};

/// Secrets Manager as requests and answers, without sockets and with the caller's clock. An HTTP
/// client in the same process can use it, also in simulated time.
pub struct Service {
    world: Mutex<World>,
    faults: Mutex<Vec<Fault>>,
    disturbance: Mutex<Option<Disturbance>>,
    log: Mutex<CallLog>,
    pub(super) calls_file: Option<Mutex<CallsFile>>,
    /// Receives the events of calls.
    pub(super) events: Option<mpsc::UnboundedSender<Value>>,
    clock: Box<dyn Fn() -> Time + Send + Sync>,
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    /// An empty world with these settings. The clock must not run backwards.
    pub fn new(
        settings: WorldSettings,
        clock: impl Fn() -> Time + Send + Sync + 'static,
    ) -> Service {
        Service {
            world: Mutex::new(World::new(settings)),
            faults: Mutex::default(),
            disturbance: Mutex::default(),
            log: Mutex::default(),
            calls_file: None,
            events: None,
            clock: Box::new(clock),
        }
    }

    /// Answers one HTTP request. Delays use tokio's timers.
    ///
    /// # Errors
    /// If a fault closes the connection.
    pub async fn respond(&self, headers: &HeaderMap, body: &[u8]) -> io::Result<Response<Bytes>> {
        let request = match ApiRequest::parse(headers, body) {
            Ok(request) => request,
            Err(error) => return Ok(wire::answer(Err(error))),
        };
        if let Some(file) = &self.calls_file {
            let id = secret_id(&request.body).unwrap_or_default();
            let secret = lock(&self.world).called_secret(&request.region, id);
            lock(file).note(&request, &secret);
        }
        let fault = self.take_fault(&request);
        let call = Call::new((self.clock)(), &request, fault.clone());
        let number = lock(&self.log).push(call);
        let (outcome, response) = self.outcome(&request, fault).await;
        lock(&self.log).set_outcome(number, outcome);
        response
    }

    /// Sets up or inspects the world at the present time. Calls wait in the meantime.
    pub fn with<T>(&self, f: impl FnOnce(&mut World, Time) -> T) -> T {
        let mut world = lock(&self.world);
        // Read under the lock, so that the world's time never runs backwards.
        let now = (self.clock)();
        f(&mut world, now)
    }

    /// Adds a fault to the queue.
    pub fn script(&self, fault: Fault) {
        lock(&self.faults).push(fault);
    }

    /// Removes the faults that wait for calls.
    pub fn forget_faults(&self) {
        lock(&self.faults).clear();
    }

    /// Removes this fault. Its number of calls must be unlimited or as it was scripted.
    pub fn forget_fault(&self, fault: &Fault) {
        lock(&self.faults).retain(|other| other != fault);
    }

    /// Adds random faults to calls from now on. `None` ends this.
    pub fn disturb(&self, disturbance: impl Into<Option<Disturbance>>) {
        *lock(&self.disturbance) = disturbance.into();
    }

    /// Returns the number of calls that the current disturbance has affected, by kind of fault.
    #[must_use]
    pub fn disturbed(&self) -> Vec<(FaultKind, usize)> {
        let disturbance = lock(&self.disturbance);
        let counts = disturbance.as_ref().map(Disturbance::counts);
        counts.unwrap_or_default()
    }

    /// Returns all calls, in order of arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.log).calls()
    }

    /// Returns the calls of one operation, in order of arrival.
    #[must_use]
    pub fn calls_to(&self, operation: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.operation == operation);
        calls
    }

    /// Empties the log of calls.
    pub fn forget_calls(&self) {
        lock(&self.log).clear();
    }

    fn execute(&self, request: &ApiRequest) -> Result<Value, ApiError> {
        let (now, result) = self.with(|world, now| {
            let (region, operation) = (&request.region, &request.operation);
            (now, world.handle(now, region, operation, &request.body))
        });
        if let Some(sender) = &self.events
            && let Some(event) = events::of(now, request, &result)
        {
            // Fails only after the receiver is dropped.
            let _ = sender.send(event);
        }
        result
    }

    /// Takes the oldest scripted fault that matches. Otherwise draws a random fault, if any.
    fn take_fault(&self, request: &ApiRequest) -> Option<FaultKind> {
        let scripted = lock(&self.faults)
            .iter_mut()
            .find(|fault| fault.matches(request))
            .map(Fault::take);
        scripted.or_else(|| lock(&self.disturbance).as_mut()?.draw())
    }

    async fn outcome(
        &self,
        request: &ApiRequest,
        fault: Option<FaultKind>,
    ) -> (Outcome, io::Result<Response<Bytes>>) {
        match fault {
            None => answered(self.execute(request)),
            Some(FaultKind::Latency(delay)) => self.delayed(request, delay).await,
            Some(FaultKind::Throttle) => answered(Err(ApiError::throttled())),
            Some(FaultKind::Answer {
                status,
                code,
                message,
                execution,
            }) => {
                self.execute_if(execution, request);
                answered(Err(ApiError {
                    status,
                    code,
                    message,
                }))
            }
            Some(FaultKind::Hang(execution)) => {
                self.execute_if(execution, request);
                std::future::pending().await
            }
            Some(FaultKind::CloseConnection(execution)) => {
                self.execute_if(execution, request);
                let error = io::Error::other("connection closed by a scripted fault");
                (Outcome::Closed, Err(error))
            }
            Some(FaultKind::MalformedBody(execution)) => {
                self.execute_if(execution, request);
                (Outcome::Malformed, Ok(wire::malformed()))
            }
        }
    }

    /// Executes and answers a call after a delay. The page of a list is prepared within the delay, because the
    /// emulator needs milliseconds for it; a list is eventually consistent, so it need not be the newest.
    async fn delayed(
        &self,
        request: &ApiRequest,
        delay: Duration,
    ) -> (Outcome, io::Result<Response<Bytes>>) {
        let answer_at = Instant::now() + delay;
        if request.operation != "ListSecrets" {
            sleep_until(answer_at).await;
        }
        let answer = answered(self.execute(request));
        sleep_until(answer_at).await;
        answer
    }

    /// Executes a call whose result the caller does not get.
    fn execute_if(&self, execution: Execution, request: &ApiRequest) {
        if execution == Execution::Done {
            let _ = self.execute(request);
        }
    }
}

fn answered(result: Result<Value, ApiError>) -> (Outcome, io::Result<Response<Bytes>>) {
    (Outcome::of(&result), Ok(wire::answer(result)))
}

/// Ignores poisoning: a test that panics while it holds a lock must not stop the server.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
