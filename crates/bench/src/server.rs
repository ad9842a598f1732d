//! A Secrets Manager with fixed answers, so that its own work does not distort a measurement.

mod answers;
mod authority;

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use answers::Answers;
pub(crate) use authority::Authority;

/// The protocol between a contender and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    /// Plain HTTP.
    Http,
    /// TLS with a chain of three certificates.
    Https,
}

impl Transport {
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Transport::Http => "http",
            Transport::Https => "https",
        }
    }
}

/// A running server; it stops when dropped.
pub(crate) struct FixedServer {
    endpoint: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    answers: Answers,
    /// Set for HTTPS.
    tls: Option<TlsAcceptor>,
    calls: AtomicU64,
}

impl FixedServer {
    /// Starts the server on a free port of 127.0.0.1.
    pub(crate) async fn start(
        transport: Transport,
        authority: &Authority,
    ) -> anyhow::Result<FixedServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        // An address, because a name would add a lookup in /etc/hosts to the figures.
        let endpoint = format!("{}://127.0.0.1:{port}", transport.scheme());
        let tls = match transport {
            Transport::Http => None,
            Transport::Https => Some(authority.acceptor()?),
        };
        let shared = Arc::new(Shared {
            answers: Answers::new()?,
            tls,
            calls: AtomicU64::new(0),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(FixedServer {
            endpoint,
            shared,
            task,
        })
    }

    /// The URL for `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the number of calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// Removes the replica of the drifted secret.
    pub(crate) fn reset(&self) {
        self.shared.answers.set_repaired(false);
    }

    /// Returns whether the drifted secret has its replica.
    pub(crate) fn is_repaired(&self) -> bool {
        self.shared.answers.is_repaired()
    }
}

impl Drop for FixedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Aborts the connections when this task is aborted.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(accept(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn accept(stream: TcpStream, shared: Arc<Shared>) {
    // Without this, small answers may wait for the peer's delayed acknowledgements.
    let _ = stream.set_nodelay(true);
    match &shared.tls {
        None => serve_connection(stream, &shared).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => serve_connection(stream, &shared).await,
            // The function fails, too, and reports details.
            Err(error) => eprintln!("TLS handshake: {error}"),
        },
    }
}

async fn serve_connection(stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) {
    let service =
        service_fn(|request| async { Ok::<_, Infallible>(shared.respond(request).await) });
    // An error means that the process ended.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Shared {
    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.answer(request).await.unwrap_or_else(|error| {
            let mut refusal = Response::new(Full::new(error.to_string().into()));
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            refusal
        })
    }

    async fn answer(&self, request: Request<Incoming>) -> anyhow::Result<Response<Full<Bytes>>> {
        let target = request.headers().get("x-amz-target");
        let target = target
            .context("the header x-amz-target is missing")?
            .to_str()?;
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = request.into_body().collect().await?.to_bytes();
        let answer = self.answers.to(&operation, &body);
        let answer = answer.with_context(|| format!("no fixed answer to {operation}"))?;
        Ok(Response::builder()
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amzn-requestid", "00000000-0000-4000-a000-000000000000")
            .body(Full::new(answer))?)
    }
}
