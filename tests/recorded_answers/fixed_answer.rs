//! The SDK's real client over a connection that returns the same response to every request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::http::{HttpRequest, HttpResponse};
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::http::StatusCode;
use secret_replicator_aws::SecretsManager;

/// A connection that returns the same response to every request.
#[derive(Clone, Debug)]
pub(crate) struct FixedAnswer(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    status: u16,
    body: Vec<u8>,
    requests: Vec<String>,
}

impl FixedAnswer {
    /// Creates a connection that returns this status and body.
    pub(crate) fn new(status: u16, body: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State {
            status,
            body,
            requests: Vec::new(),
        })))
    }

    /// Changes the response and clears the recorded requests.
    pub(crate) fn change_to(&self, status: u16, body: Vec<u8>) {
        *self.state() = State {
            status,
            body,
            requests: Vec::new(),
        };
    }

    /// Returns the operation and the body of each request.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// Returns the function's adapter on this connection, without retries.
    pub(crate) fn secrets_manager(&self) -> SecretsManager {
        let connection = SharedHttpConnector::new(self.clone());
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("any", "any", None, None, "tests"))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| connection.clone()))
            .build();
        SecretsManager::new(Client::from_conf(config))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpConnector for FixedAnswer {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap_or_default();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
        let mut state = self.state();
        state.requests.push(format!("{operation} {body}"));
        // An HTTP library does not pass invalid statuses to a client either.
        let status = StatusCode::try_from(state.status).expect("a status");
        let mut answer = HttpResponse::new(status, state.body.clone().into());
        let headers = answer.headers_mut();
        headers.insert("content-type", "application/x-amz-json-1.1");
        HttpConnectorFuture::ready(Ok(answer))
    }
}
