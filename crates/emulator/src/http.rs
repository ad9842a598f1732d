//! HTTP/1.1 on loopback sockets, for the servers of Secrets Manager and of the Runtime API.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Answers requests until dropped, together with all connections. `respond` gets `None` for a body
/// that exceeds `largest_body`. The connection closes if `respond` fails.
pub(crate) async fn serve<F, R>(listener: TcpListener, largest_body: usize, respond: F)
where
    F: Fn(Parts, Option<Bytes>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = io::Result<Response<Bytes>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(connection(stream, largest_body, respond.clone()));
        } else {
            // The peer closed the connection, or the process has no free file descriptor.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection<F, R>(stream: TcpStream, largest_body: usize, respond: F)
where
    F: Fn(Parts, Option<Bytes>) -> R,
    R: Future<Output = io::Result<Response<Bytes>>>,
{
    // Without this, small answers can wait for the peer's delayed acknowledgements.
    let _ = stream.set_nodelay(true);
    let service = service_fn(async |request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, largest_body).collect().await.ok();
        let response = respond(head, body.map(Collected::to_bytes)).await?;
        io::Result::Ok(response.map(Full::new))
    });
    // An error is a connection that the peer or a scripted fault closed.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
