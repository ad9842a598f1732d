//! The HTTP side of the Runtime API, version 2018-06-01.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::Answer;
use crate::http;

const PREFIX: &str = "/2018-06-01/runtime/";

/// The maximum size of a response: 6 MB, as in Lambda.
const LARGEST_BODY: usize = 6 * 1024 * 1024;

/// A message of the function's process.
#[derive(Debug)]
pub(super) enum Message {
    /// The process is ready for an event, to be sent here as the response to its request.
    Next(oneshot::Sender<Response<Bytes>>),
    /// The process answers the current invocation, or reports an error of its start.
    Answered(Answer),
}

/// The server. Dropping it stops the server.
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
        let served = Arc::clone(&shared);
        let respond = move |head, body| {
            let shared = Arc::clone(&served);
            async move { Ok(shared.respond(&head, body).await) }
        };
        let api = RuntimeApi {
            address,
            shared,
            task: tokio::spawn(http::serve(listener, LARGEST_BODY, respond)),
        };
        Ok((api, messages))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the invocation that may be answered, once.
    pub(super) fn open(&self, request_id: Option<&str>) {
        *self.shared.open_request() = request_id.map(str::to_owned);
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    async fn respond(&self, head: &Parts, body: Option<Bytes>) -> Response<Bytes> {
        let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        match (&head.method, path, body) {
            (&Method::GET, "invocation/next", _) => self.next().await,
            (&Method::POST, _, Some(body)) => self.post(path, &head.headers, &body),
            (&Method::POST, _, None) => rejected(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                "the body exceeds 6 MB",
            ),
            _ => not_found(),
        }
    }

    async fn next(&self) -> Response<Bytes> {
        let (sender, event) = oneshot::channel();
        // The receiver of messages and the sender of the event are gone once the sandbox is.
        let _ = self.messages.send(Message::Next(sender));
        event.await.unwrap_or_else(|_| {
            rejected(StatusCode::GONE, "SandboxGone", "the sandbox is shut down")
        })
    }

    fn post(&self, path: &str, headers: &HeaderMap, body: &[u8]) -> Response<Bytes> {
        let parts: Vec<&str> = path.split('/').collect();
        let answer = match parts.as_slice() {
            ["invocation", id, _] if !self.take_open(id) => {
                let message = "Invalid request ID";
                return rejected(StatusCode::BAD_REQUEST, "InvalidRequestID", message);
            }
            ["invocation", _, "response"] => {
                Answer::Success(serde_json::from_slice(body).unwrap_or_else(|_| text(body).into()))
            }
            ["init", "error"] | ["invocation", _, "error"] => reported(headers, body),
            _ => return not_found(),
        };
        // Fails only while the sandbox is dropped.
        let _ = self.messages.send(Message::Answered(answer));
        response(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
    }

    /// Returns whether this invocation may still be answered, and closes it.
    fn take_open(&self, request_id: &str) -> bool {
        let mut open = self.open_request();
        open.take_if(|open| open == request_id).is_some()
    }

    fn open_request(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.open_request
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads `errorType` and `errorMessage`. Without them the type is the header's, and the message is
/// the body.
fn reported(headers: &HeaderMap, body: &[u8]) -> Answer {
    let report: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str| report.get(name)?.as_str().map(str::to_owned);
    let header = headers.get("lambda-runtime-function-error-type");
    let header = header.and_then(|value| value.to_str().ok());
    Answer::Error {
        error_type: member("errorType").unwrap_or_else(|| header.unwrap_or("Unhandled").to_owned()),
        error_message: member("errorMessage").unwrap_or_else(|| text(body)),
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

fn not_found() -> Response<Bytes> {
    rejected(StatusCode::NOT_FOUND, "NotFound", "no such path")
}

fn rejected(status: StatusCode, error_type: &str, message: &str) -> Response<Bytes> {
    let body = json!({ "errorType": error_type, "errorMessage": message });
    response(status, &body)
}

fn response(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(body.to_string().into());
    *response.status_mut() = status;
    response
}
