//! Connections and requests.

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
use tokio::net::{TcpListener, TcpStream};

use super::service::{ConnectionClosed, Service};
use super::wire;
use crate::ApiError;

/// More than any request of Secrets Manager may have: a value has at most 64 KiB.
const LARGEST_BODY: usize = 1024 * 1024;

/// Serves until it is dropped, together with every connection.
pub(super) async fn serve(listener: StdListener, service: Arc<Service>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let requests = Arc::new(AtomicU64::new(0));
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let connection = connection(stream, Arc::clone(&service), Arc::clone(&requests));
            tokio::spawn(connection);
        } else {
            // The peer went away, or the process is out of file descriptors for the moment.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn connection(stream: TcpStream, service: Arc<Service>, requests: Arc<AtomicU64>) {
    // Without this, small answers may wait for the peer's delayed acknowledgements.
    let _ = stream.set_nodelay(true);
    let answers = service_fn(|request| {
        let number = requests.fetch_add(1, Ordering::Relaxed);
        let service = Arc::clone(&service);
        async move {
            let mut response = respond(&service, request).await?;
            let id = format!("00000000-0000-4000-9000-{number:012x}");
            if let Ok(id) = HeaderValue::from_str(&id) {
                response.headers_mut().insert("x-amzn-requestid", id);
            }
            Ok::<_, ConnectionClosed>(response)
        }
    });
    // An error here is a peer that went away or a scripted hang-up; both end the connection only.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answers)
        .await;
}

async fn respond(
    service: &Service,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, ConnectionClosed> {
    let (head, body) = request.into_parts();
    let response = if let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await {
        service.respond(&head.headers, &body.to_bytes()).await?
    } else {
        let error = ApiError::new("RequestEntityTooLargeException", "Request too large");
        wire::answer(Err(error))
    };
    Ok(response.map(Full::new))
}
