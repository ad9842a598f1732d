//! The HTTP side of the Runtime API, version 2018-06-01.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

const PREFIX: &str = "/2018-06-01/runtime/";

/// Lambda takes responses of up to 6 MB.
const LARGEST_BODY: usize = 6 * 1024 * 1024;

/// A message of the function's process.
#[derive(Debug)]
pub(super) enum Message {
    /// It is ready for an event, to be sent here.
    Next(oneshot::Sender<Event>),
    /// It answers the current invocation.
    Response(Bytes),
    /// It reports an error of the current invocation.
    Error(ErrorReport),
    /// It cannot start.
    InitError(ErrorReport),
}

/// An event on its way to the function.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Bytes,
}

/// The function's own report of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorReport {
    pub(super) error_type: String,
    pub(super) error_message: String,
}

/// The server; it stops when dropped.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    messages: mpsc::UnboundedSender<Message>,
    /// The invocation that may be answered.
    open_request: Mutex<Option<String>>,
}

impl RuntimeApi {
    pub(super) async fn start() -> std::io::Result<(RuntimeApi, mpsc::UnboundedReceiver<Message>)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (sender, messages) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            messages: sender,
            open_request: Mutex::default(),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        let api = RuntimeApi {
            address,
            shared,
            task,
        };
        Ok((api, messages))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets this invocation be answered, once.
    pub(super) fn open(&self, request_id: &str) {
        *self.shared.open_request() = Some(request_id.to_owned());
    }

    /// Lets nothing be answered any more.
    pub(super) fn close(&self) {
        *self.shared.open_request() = None;
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(connection(stream, Arc::clone(&shared)));
        } else {
            // The peer went away, or this process is out of file descriptors for the moment.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Without this, small answers may wait for the peer's delayed acknowledgements.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(shared.respond(request).await) }
    });
    // An error here is a process that went away, which its exit status tells better.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Shared {
    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        if (&head.method, path) == (&Method::GET, "invocation/next") {
            return self.next().await;
        }
        if head.method != Method::POST {
            return refusal(StatusCode::NOT_FOUND, "NotFound", "no such path");
        }
        let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
            let too_large = StatusCode::PAYLOAD_TOO_LARGE;
            return refusal(too_large, "RequestEntityTooLarge", "the body is too large");
        };
        self.post(path, &head.headers, body.to_bytes())
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        let (sender, event) = oneshot::channel();
        let is_served = self.messages.send(Message::Next(sender)).is_ok();
        match event.await {
            Ok(event) if is_served => event.into_response(),
            _ => refusal(StatusCode::GONE, "SandboxGone", "the sandbox is shut down"),
        }
    }

    fn post(&self, path: &str, headers: &HeaderMap, body: Bytes) -> Response<Full<Bytes>> {
        let parts: Vec<&str> = path.split('/').collect();
        let message = match parts.as_slice() {
            ["init", "error"] => Message::InitError(ErrorReport::parse(headers, &body)),
            ["invocation", id, _] if !self.take_open(id) => {
                return refusal(
                    StatusCode::BAD_REQUEST,
                    "InvalidRequestID",
                    "Invalid request ID",
                );
            }
            ["invocation", _, "response"] => Message::Response(body),
            ["invocation", _, "error"] => Message::Error(ErrorReport::parse(headers, &body)),
            _ => return refusal(StatusCode::NOT_FOUND, "NotFound", "no such path"),
        };
        // Nobody listens only while the sandbox is being dropped.
        let _ = self.messages.send(message);
        json(StatusCode::ACCEPTED, &serde_json::json!({"status": "OK"}))
    }

    /// Whether this invocation may still be answered. Closes it.
    fn take_open(&self, request_id: &str) -> bool {
        self.open_request()
            .take_if(|open| open == request_id)
            .is_some()
    }

    fn open_request(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.open_request
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Event {
    /// An event with the headers that Lambda adds.
    pub(super) fn new(
        request_id: &str,
        function_arn: &str,
        deadline: Duration,
        body: Bytes,
    ) -> Event {
        let name = HeaderName::from_static;
        Event {
            headers: vec![
                // AWS's own Python runtime dies without it.
                (name("content-type"), "application/json".to_owned()),
                (name("lambda-runtime-aws-request-id"), request_id.to_owned()),
                (
                    name("lambda-runtime-deadline-ms"),
                    deadline.as_millis().to_string(),
                ),
                (
                    name("lambda-runtime-invoked-function-arn"),
                    function_arn.to_owned(),
                ),
                (
                    name("lambda-runtime-trace-id"),
                    "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
                        .to_owned(),
                ),
            ],
            body,
        }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        for (name, value) in self.headers {
            // A setting with control characters in it is left out rather than sent.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

impl ErrorReport {
    /// Reads `errorType` and `errorMessage`; what is missing comes from the header, or is the body
    /// itself.
    fn parse(headers: &HeaderMap, body: &[u8]) -> ErrorReport {
        let report: Value = serde_json::from_slice(body).unwrap_or_default();
        let member = |name: &str| report.get(name)?.as_str().map(str::to_owned);
        let header = headers
            .get("lambda-runtime-function-error-type")
            .and_then(|value| value.to_str().ok());
        let unnamed = || header.unwrap_or("Unhandled").to_owned();
        let unexplained = || String::from_utf8_lossy(body).into_owned();
        ErrorReport {
            error_type: member("errorType").unwrap_or_else(unnamed),
            error_message: member("errorMessage").unwrap_or_else(unexplained),
        }
    }
}

fn refusal(status: StatusCode, error_type: &str, message: &str) -> Response<Full<Bytes>> {
    let body = serde_json::json!({"errorType": error_type, "errorMessage": message});
    json(status, &body)
}

fn json(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.to_string().into()));
    *response.status_mut() = status;
    response
}
