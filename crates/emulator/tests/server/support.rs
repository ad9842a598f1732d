//! Clients: the real SDK, and a bare socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{Credentials, Region};
use secret_replicator_emulator::{Emulator, WorldSettings};

pub(crate) const HOME: &str = "us-east-1";
pub(crate) const IRELAND: &str = "eu-west-1";

/// An emulator whose replicas are in sync at the first look.
pub(crate) async fn emulator() -> Emulator {
    let settings = WorldSettings {
        replication_delay: Duration::ZERO,
        ..WorldSettings::default()
    };
    Emulator::start(settings).await.unwrap()
}

/// A client that tries every call once.
pub(crate) async fn client(emulator: &Emulator, region: &str) -> Client {
    client_with(emulator, region, RetryConfig::disabled()).await
}

pub(crate) async fn client_with(emulator: &Emulator, region: &str, retry: RetryConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(5))
        .build();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .endpoint_url(emulator.endpoint())
        .credentials_provider(Credentials::for_tests())
        .retry_config(retry)
        .timeout_config(timeouts)
        .load()
        .await;
    Client::new(&config)
}

/// Sends raw bytes and gives all that comes back until the server closes.
pub(crate) fn raw(emulator: &Emulator, bytes: &[u8]) -> String {
    let endpoint = emulator.endpoint();
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://")).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    // The server may hang up on nonsense before it has read all of it.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends a well-formed POST request with these headers.
pub(crate) fn post(emulator: &Emulator, headers: &[(&str, &str)], body: &str) -> String {
    let headers = headers.iter().fold(String::new(), |all, (name, value)| {
        format!("{all}{name}: {value}\r\n")
    });
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    raw(emulator, request.as_bytes())
}
