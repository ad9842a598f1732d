//! Secrets Manager over HTTP: AWS JSON 1.1, one port for all Regions.
//!
//! The Region of a call is the Region that it was signed for, in the credential scope of the
//! `Authorization` header. The signature itself is **not** verified, so any credentials work.

mod call;
mod calls_file;
mod disturbance;
mod events;
mod fault;
mod service;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::Response;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

pub use call::{Call, Outcome};
pub use disturbance::Disturbance;
pub use fault::{Execution, Fault, FaultKind};
pub use service::Service;

use crate::{ApiError, Time, WorldSettings, http};
use calls_file::CallsFile;

/// The maximum size of a request. A secret value has at most 64 KiB.
const LARGEST_BODY: usize = 1024 * 1024;

/// A running Secrets Manager on this machine. Dropping it stops it.
///
/// It runs on its own thread, so it answers even while its owner blocks.
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
    /// If the variable `EMULATOR_CALLS_FILE` names a file, the emulator appends the fields of
    /// functions' calls that IAM evaluates.
    ///
    /// # Errors
    /// If the address is in use or not on this machine, or if that file cannot be opened.
    pub async fn start_at(address: SocketAddr, settings: WorldSettings) -> io::Result<Emulator> {
        Emulator::start_service(address, settings, None).await
    }

    /// Starts at this address. The receiver gets the events that `EventBridge` delivers for calls of
    /// others than the function: one event for each call that the rules of the stack match.
    ///
    /// # Errors
    /// As [`Emulator::start_at`].
    pub async fn start_with_events(
        address: SocketAddr,
        settings: WorldSettings,
    ) -> io::Result<(Emulator, mpsc::UnboundedReceiver<Value>)> {
        let (sender, events) = mpsc::unbounded_channel();
        let emulator = Emulator::start_service(address, settings, Some(sender)).await?;
        Ok((emulator, events))
    }

    async fn start_service(
        address: SocketAddr,
        settings: WorldSettings,
        events: Option<mpsc::UnboundedSender<Value>>,
    ) -> io::Result<Emulator> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let listener = listener.into_std()?;
        let mut service = Service::new(settings, clock());
        service.calls_file = CallsFile::from_environment()?;
        service.events = events;
        let service = Arc::new(service);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let served = Arc::clone(&service);
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, served) => {}
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

    /// Returns the URL for `AWS_ENDPOINT_URL_SECRETS_MANAGER` or `--endpoint-url`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Deref for Emulator {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
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

/// Answers requests on sockets until dropped.
async fn serve(listener: std::net::TcpListener, service: Arc<Service>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let requests = Arc::new(AtomicU64::new(0));
    let respond = move |head: Parts, body: Option<Bytes>| {
        let number = requests.fetch_add(1, Ordering::Relaxed);
        respond(Arc::clone(&service), number, head, body)
    };
    http::serve(listener, LARGEST_BODY, respond).await;
}

async fn respond(
    service: Arc<Service>,
    number: u64,
    head: Parts,
    body: Option<Bytes>,
) -> io::Result<Response<Bytes>> {
    let mut response = if let Some(body) = body {
        service.respond(&head.headers, &body).await?
    } else {
        let error = ApiError::new("RequestEntityTooLargeException", "Request too large");
        wire::answer(Err(error))
    };
    let id = format!("00000000-0000-4000-9000-{number:012x}");
    let id = HeaderValue::try_from(id).map_err(io::Error::other)?;
    response.headers_mut().insert("x-amzn-requestid", id);
    Ok(response)
}

/// Returns a clock that starts at the time of day and then runs monotonically.
fn clock() -> impl Fn() -> Time {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let started_at = Time(0) + since_epoch.unwrap_or_default();
    let started = Instant::now();
    move || started_at + started.elapsed()
}
