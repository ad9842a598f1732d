//! Requests over a bare socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use secret_replicator_emulator::{Emulator, WorldSettings};
use serde_json::Value;

pub(crate) const HOME: &str = "us-east-1";
pub(crate) const IRELAND: &str = "eu-west-1";

pub(crate) async fn emulator() -> Emulator {
    Emulator::start(WorldSettings::default()).await.unwrap()
}

/// Sends raw bytes, and returns everything that arrives until the server closes the connection.
pub(crate) fn raw(emulator: &Emulator, bytes: &[u8]) -> String {
    raw_within(emulator, bytes, Duration::from_secs(5))
}

fn raw_within(emulator: &Emulator, bytes: &[u8], timeout: Duration) -> String {
    let endpoint = emulator.endpoint();
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(timeout)).unwrap();
    // The server may close the connection before it has read an invalid request.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers = headers.iter().fold(String::new(), |all, (name, value)| {
        format!("{all}{name}: {value}\r\n")
    });
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Sends a well-formed POST request with these headers.
pub(crate) fn post(emulator: &Emulator, headers: &[(&str, &str)], body: &str) -> String {
    raw(emulator, &request(headers, body))
}

pub(crate) fn signed(region: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/{region}/secretsmanager/\
         aws4_request, SignedHeaders=host, Signature=00"
    )
}

/// Makes a call, and returns the response, or what arrives of it within the timeout.
pub(crate) fn call_within(
    emulator: &Emulator,
    region: &str,
    operation: &str,
    body: &Value,
    timeout: Duration,
) -> String {
    let target = format!("secretsmanager.{operation}");
    let headers = [
        ("X-Amz-Target", target.as_str()),
        ("Authorization", &signed(region)),
    ];
    raw_within(emulator, &request(&headers, &body.to_string()), timeout)
}

pub(crate) fn call(emulator: &Emulator, region: &str, operation: &str, body: &Value) -> String {
    call_within(emulator, region, operation, body, Duration::from_secs(5))
}

/// Returns whether the response has this status and ends with this body.
pub(crate) fn is_answer(response: &str, status: u16, body: &str) -> bool {
    response.starts_with(&format!("HTTP/1.1 {status} ")) && response.ends_with(body)
}
