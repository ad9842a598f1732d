//! Sends the answer to CloudFormation about a deployment.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use secret_replicator_core::request::Destination;
use tokio::time::{Instant, sleep, timeout_at};

use super::https;

/// The maximum number of attempts.
const ATTEMPTS: u32 = 5;

/// The timeout of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause before the second attempt. The following pauses double.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Why an answer was not delivered. Contains no part of its URL, which is a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSent(
    /// The last error.
    pub String,
);

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to send the answer to CloudFormation: {}", self.0)
    }
}

impl Error for NotSent {}

/// The result of an attempt.
enum Attempt {
    Delivered,
    /// Another attempt may succeed. Contains the error.
    Transient(String),
    /// Another attempt would end in the same way. Contains the error.
    Final(String),
}

/// Sends an answer with PUT. Its content type is empty, because the signature of the URL contains no other.
/// Repeats it after errors of the network and of S3 until `until`. Follows no redirect.
///
/// # Errors
/// [`NotSent`] if S3 has not accepted the answer.
pub async fn send_answer(to: Destination<'_>, answer: &str, until: Instant) -> Result<(), NotSent> {
    let connector = https::connector(None, None);
    let mut pause = FIRST_PAUSE;
    let mut last = "no time is left".to_owned();
    for attempt in 1..=ATTEMPTS {
        match send_once(&connector, to, answer, until).await {
            Attempt::Delivered => return Ok(()),
            Attempt::Final(error) => return Err(NotSent(error)),
            Attempt::Transient(error) => last = error,
        }
        if attempt == ATTEMPTS || Instant::now() + pause >= until {
            break;
        }
        sleep(pause).await;
        pause *= 2;
    }
    Err(NotSent(last))
}

async fn send_once(
    connector: &impl HttpConnector,
    to: Destination<'_>,
    answer: &str,
    until: Instant,
) -> Attempt {
    let Some(request) = request(to, answer) else {
        return Attempt::Final("the URL is invalid".to_owned());
    };
    let until = until.min(Instant::now() + ATTEMPT_TIMEOUT);
    match timeout_at(until, connector.call(request)).await {
        Ok(Ok(response)) => match response.status().as_u16() {
            200..=299 => Attempt::Delivered,
            status @ (408 | 429 | 500..) => Attempt::Transient(format!("S3 answered {status}")),
            status => Attempt::Final(format!("S3 answered {status}")),
        },
        Ok(Err(error)) => Attempt::Transient(describe(&error)),
        Err(_) => Attempt::Transient("S3 did not answer in time".to_owned()),
    }
}

/// Returns the request. `None` if the HTTP library cannot parse the URL.
fn request(to: Destination<'_>, answer: &str) -> Option<HttpRequest> {
    let mut request = HttpRequest::new(answer.into());
    request.set_method("PUT").ok()?;
    request.set_uri(to.expose()).ok()?;
    request.headers_mut().insert("content-type", "");
    Some(request)
}

/// Returns the innermost error, for instance of the certificate. The outer ones only say that a request failed.
fn describe(error: &ConnectorError) -> String {
    let mut error: &dyn Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
