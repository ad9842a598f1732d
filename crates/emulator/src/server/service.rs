//! The state that all calls share: the world, the faults, the log, the clock.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::Response;
use hyper::header::HeaderMap;
use serde_json::Value;

use super::call::{Call, CallLog, Outcome};
use super::calls_file::CallsFile;
use super::disturbance::Disturbance;
use super::fault::{Execution, Fault, FaultKind};
use super::wire::{self, ApiRequest};
use crate::{ApiError, Time, World, WorldSettings};

/// Secrets Manager as requests and answers, without sockets, and with a clock of the caller's: what
/// an HTTP client in the same process can talk to, in simulated time if it likes.
pub struct Service {
    world: Mutex<World>,
    faults: Mutex<Vec<Fault>>,
    disturbance: Mutex<Option<Disturbance>>,
    log: Mutex<CallLog>,
    calls_file: Option<CallsFile>,
    clock: Box<dyn Fn() -> Time + Send + Sync>,
}

/// The connection is closed without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionClosed;

impl fmt::Display for ConnectionClosed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("connection closed by a scripted fault")
    }
}

impl std::error::Error for ConnectionClosed {}

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
            clock: Box::new(clock),
        }
    }

    /// The same, which notes the calls of functions in a file too.
    pub(super) fn noting_calls_in(self, calls_file: Option<CallsFile>) -> Service {
        Service { calls_file, ..self }
    }

    /// Answers one HTTP request, given by its headers and its body. Timers are tokio's.
    ///
    /// # Errors
    /// [`ConnectionClosed`] if a fault says so.
    pub async fn respond(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Response<Bytes>, ConnectionClosed> {
        let request = match ApiRequest::parse(headers, body) {
            Ok(request) => request,
            Err(error) => return Ok(wire::answer(Err(error))),
        };
        let fault = self.take_fault(&request);
        let call = OpenCall::new(self, &request, fault.clone());
        match fault {
            None => Ok(call.answer(self.execute(&request))),
            Some(fault) => call.apply_fault(fault).await,
        }
    }

    /// Sets up or inspects the world, at the present time. Calls wait meanwhile.
    pub fn with<T>(&self, f: impl FnOnce(&mut World, Time) -> T) -> T {
        let mut world = lock(&self.world);
        // Read under the lock, so that the world never sees time run backwards.
        let now = (self.clock)();
        f(&mut world, now)
    }

    /// Adds a fault to the queue.
    pub fn script(&self, fault: Fault) {
        lock(&self.faults).push(fault);
    }

    /// Forgets the faults that still wait for calls.
    pub fn forget_faults(&self) {
        lock(&self.faults).clear();
    }

    /// Every call so far, in order of arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.log).calls().to_vec()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        lock(&self.log).forget();
    }

    fn execute(&self, request: &ApiRequest) -> Result<Value, ApiError> {
        self.with(|world, now| {
            world.handle(now, &request.region, &request.operation, &request.body)
        })
    }

    pub(super) fn disturb(&self, disturbance: Option<Disturbance>) {
        *lock(&self.disturbance) = disturbance;
    }

    pub(super) fn disturbed(&self) -> Vec<(FaultKind, usize)> {
        let disturbance = lock(&self.disturbance);
        disturbance
            .as_ref()
            .map(Disturbance::counts)
            .unwrap_or_default()
    }

    /// Uses up the oldest fault that matches; without one, chance may have one.
    fn take_fault(&self, request: &ApiRequest) -> Option<FaultKind> {
        let scripted = lock(&self.faults)
            .iter_mut()
            .find(|fault| fault.matches(request))
            .map(Fault::take);
        scripted.or_else(|| lock(&self.disturbance).as_mut()?.draw())
    }
}

/// A test that panics while it holds a lock must not take the server down with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call that has been logged and waits for its end.
struct OpenCall<'a> {
    service: &'a Service,
    request: &'a ApiRequest,
    number: usize,
}

impl<'a> OpenCall<'a> {
    fn new(
        service: &'a Service,
        request: &'a ApiRequest,
        fault: Option<FaultKind>,
    ) -> OpenCall<'a> {
        if let Some(file) = &service.calls_file {
            let id = request.secret_id().unwrap_or_default();
            let key = lock(&service.world).key_of(&request.region, id);
            file.note(request, key.as_deref());
        }
        let call = Call::new((service.clock)(), request, fault);
        OpenCall {
            service,
            request,
            number: lock(&service.log).push(call),
        }
    }

    async fn apply_fault(&self, fault: FaultKind) -> Result<Response<Bytes>, ConnectionClosed> {
        match fault {
            FaultKind::Latency(delay) => {
                tokio::time::sleep(delay).await;
                Ok(self.answer(self.service.execute(self.request)))
            }
            FaultKind::Throttle => Ok(self.answer(Err(ApiError::throttled()))),
            FaultKind::Answer {
                status,
                code,
                message,
                execution,
            } => {
                self.execute_if(execution);
                Ok(self.answer(Err(ApiError {
                    status,
                    code,
                    message,
                })))
            }
            FaultKind::Hang(execution) => {
                self.execute_if(execution);
                std::future::pending().await
            }
            FaultKind::CloseConnection(execution) => {
                self.execute_if(execution);
                self.ended(Outcome::Closed);
                Err(ConnectionClosed)
            }
            FaultKind::MalformedBody(execution) => {
                self.execute_if(execution);
                self.ended(Outcome::Malformed);
                Ok(wire::malformed())
            }
        }
    }

    fn answer(&self, result: Result<Value, ApiError>) -> Response<Bytes> {
        self.ended(Outcome::of(&result));
        wire::answer(result)
    }

    fn ended(&self, outcome: Outcome) {
        lock(&self.service.log).set_outcome(self.number, outcome);
    }

    /// Executes the call unless the fault came first. Its result is what the caller never learns.
    fn execute_if(&self, execution: Execution) {
        if execution == Execution::Done {
            let _ = self.service.execute(self.request);
        }
    }
}
