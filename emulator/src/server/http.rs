//! Connections and requests.

use std::fmt;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use super::call::Outcome;
use super::fault::{Execution, FaultKind};
use super::shared::Shared;
use super::wire::{self, ApiRequest};
use crate::ApiError;

/// More than any request of Secrets Manager may have: a value has at most 64 KiB.
const LARGEST_BODY: usize = 1024 * 1024;

/// Serves until it is dropped, together with every connection.
pub(super) async fn serve(listener: StdListener, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let requests = Arc::new(AtomicU64::new(0));
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let connection = connection(stream, Arc::clone(&shared), Arc::clone(&requests));
            tokio::spawn(connection);
        } else {
            // The peer went away, or the process is out of file descriptors for the moment.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, requests: Arc<AtomicU64>) {
    // Without this, small answers may wait for the peer's delayed acknowledgements.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let number = requests.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&shared);
        async move {
            let mut response = respond(&shared, request).await?;
            let id = format!("00000000-0000-4000-9000-{number:012x}");
            if let Ok(id) = HeaderValue::from_str(&id) {
                response.headers_mut().insert("x-amzn-requestid", id);
            }
            Ok::<_, Hangup>(response)
        }
    });
    // An error here is a peer that went away or a scripted hang-up; both end the connection only.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Ends the connection without an answer.
#[derive(Debug)]
struct Hangup;

impl fmt::Display for Hangup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("connection closed by a scripted fault")
    }
}

impl std::error::Error for Hangup {}

async fn respond(
    shared: &Shared,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Hangup> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        let error = ApiError::new("RequestEntityTooLargeException", "Request too large");
        return Ok(wire::answer(Err(error)));
    };
    match ApiRequest::parse(&head.headers, &body.to_bytes()) {
        Ok(request) => {
            let call = OpenCall::new(shared, &request);
            match shared.take_fault(&request) {
                None => Ok(call.answer(shared.execute(&request))),
                Some(fault) => call.suffer(fault).await,
            }
        }
        Err(error) => Ok(wire::answer(Err(error))),
    }
}

/// A call that has been logged and waits for its end.
struct OpenCall<'a> {
    shared: &'a Shared,
    request: &'a ApiRequest,
    number: usize,
}

impl<'a> OpenCall<'a> {
    fn new(shared: &'a Shared, request: &'a ApiRequest) -> OpenCall<'a> {
        OpenCall {
            shared,
            request,
            number: shared.arrived(request),
        }
    }

    async fn suffer(&self, fault: FaultKind) -> Result<Response<Full<Bytes>>, Hangup> {
        match fault {
            FaultKind::Latency(delay) => {
                tokio::time::sleep(delay).await;
                Ok(self.answer(self.shared.execute(self.request)))
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
                self.shared.ended(self.number, Outcome::Closed);
                Err(Hangup)
            }
            FaultKind::MalformedBody(execution) => {
                self.execute_if(execution);
                self.shared.ended(self.number, Outcome::Malformed);
                Ok(wire::malformed())
            }
        }
    }

    fn answer(&self, result: Result<Value, ApiError>) -> Response<Full<Bytes>> {
        self.shared.ended(self.number, Outcome::of(&result));
        wire::answer(result)
    }

    /// Executes the call unless the fault came first. Its result is what the caller never learns.
    fn execute_if(&self, execution: Execution) {
        if execution == Execution::Done {
            let _ = self.shared.execute(self.request);
        }
    }
}
