//! Secrets Manager over HTTP: AWS JSON 1.1, one port for every Region.
//!
//! The Region of a call is the one it was signed for, in the credential scope of its
//! `Authorization` header. The signature itself is **not** verified, so any credentials do.

mod call;
mod calls_file;
mod disturbance;
mod fault;
mod http;
mod service;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use call::{Call, Outcome};
pub use disturbance::Disturbance;
pub use fault::{Execution, Fault, FaultKind};
pub use service::{ConnectionClosed, Service};

use crate::{Time, World, WorldSettings};
use calls_file::CallsFile;

/// A running Secrets Manager on this machine; it stops when dropped.
///
/// It runs on a thread of its own, so it answers even while its owner blocks.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    service: Arc<Service>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts on 127.0.0.1 at a free port.
    ///
    /// # Errors
    /// If no socket can be opened.
    pub async fn start(settings: WorldSettings) -> io::Result<Emulator> {
        Emulator::start_at((Ipv4Addr::LOCALHOST, 0).into(), settings).await
    }

    /// Starts at this address.
    ///
    /// If the variable `EMULATOR_CALLS_FILE` names a file, the fields of functions' calls that IAM
    /// evaluates are appended to it.
    ///
    /// # Errors
    /// If the address is taken or not this machine's, or that file cannot be opened.
    pub async fn start_at(address: SocketAddr, settings: WorldSettings) -> io::Result<Emulator> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let listener = listener.into_std()?;
        let calls_file = CallsFile::from_environment()?;
        let clock = Clock::start();
        let service = Service::new(settings, move || clock.now()).noting_calls_in(calls_file);
        let service = Arc::new(service);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let served = Arc::clone(&service);
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = http::serve(listener, served) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = thread::Builder::new()
            .name("emulator".to_owned())
            .spawn(serve)?;
        Ok(Emulator {
            address,
            service,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The URL for `AWS_ENDPOINT_URL_SECRETS_MANAGER` or `--endpoint-url`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets up or inspects the world, at the present time. Calls wait meanwhile.
    pub fn with<T>(&self, f: impl FnOnce(&mut World, Time) -> T) -> T {
        self.service.with(f)
    }

    /// Adds a fault to the queue.
    pub fn script(&self, fault: Fault) {
        self.service.script(fault);
    }

    /// Adds random faults to calls from now on; `None` ends it.
    pub fn disturb(&self, disturbance: impl Into<Option<Disturbance>>) {
        self.service.disturb(disturbance.into());
    }

    /// The number of calls that the current disturbance has affected, by kind of fault.
    #[must_use]
    pub fn disturbed(&self) -> Vec<(FaultKind, usize)> {
        self.service.disturbed()
    }

    /// Every call so far, in order of arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.service.calls()
    }

    /// The calls of one operation, in order of arrival.
    #[must_use]
    pub fn calls_to(&self, operation: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.operation == operation);
        calls
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.service.forget_calls();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The panic hook has already printed a panic of the server.
            let _ = thread.join();
        }
    }
}

/// Monotonic wall-clock time.
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
