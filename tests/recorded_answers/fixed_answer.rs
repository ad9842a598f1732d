//! The SDK's real client over a connection that returns the same response to every request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// The answers to the operations that have one of their own, in place of the general one.
    answers: BTreeMap<String, (u16, Vec<u8>)>,
    /// The answers to the requests whose body contains a text, before all others.
    answers_to: Vec<(String, u16, Vec<u8>)>,
    /// The answers in the Regions that have one of their own.
    regions: BTreeMap<String, (u16, Vec<u8>)>,
    requests: Vec<String>,
    hosts: Vec<String>,
}

fn host(uri: &str) -> String {
    let (_, rest) = uri.split_once("://").unwrap_or(("", uri));
    rest.split('/').next().unwrap_or_default().to_owned()
}

impl FixedAnswer {
    /// Creates a connection that returns this status and body.
    pub(crate) fn new(status: u16, body: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State {
            status,
            body,
            answers: BTreeMap::new(),
            answers_to: Vec::new(),
            regions: BTreeMap::new(),
            requests: Vec::new(),
            hosts: Vec::new(),
        })))
    }

    /// Sets the response to one operation.
    pub(crate) fn answer(&self, operation: &str, status: u16, body: Vec<u8>) {
        let target = format!("secretsmanager.{operation}");
        self.state().answers.insert(target, (status, body));
    }

    /// Sets the response to the requests whose body contains a text.
    pub(crate) fn answer_to(&self, text: &str, status: u16, body: Vec<u8>) {
        self.state()
            .answers_to
            .push((text.to_owned(), status, body));
    }

    /// Sets the response of one Region.
    pub(crate) fn answer_in(&self, region: &str, status: u16, body: Vec<u8>) {
        let regions = &mut self.state().regions;
        regions.insert(region.to_owned(), (status, body));
    }

    /// Changes the response and clears the recorded requests.
    pub(crate) fn change_to(&self, status: u16, body: Vec<u8>) {
        *self.state() = State {
            status,
            body,
            answers: BTreeMap::new(),
            answers_to: Vec::new(),
            regions: BTreeMap::new(),
            requests: Vec::new(),
            hosts: Vec::new(),
        };
    }

    /// Returns the operation and the body of each request.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// Returns the hosts of the requests.
    pub(crate) fn hosts(&self) -> Vec<String> {
        self.state().hosts.clone()
    }

    /// Returns the function's adapter on this connection, without retries.
    pub(crate) fn secrets_manager(&self) -> SecretsManager {
        self.secrets_manager_at(None)
    }

    /// Returns the same adapter with an endpoint.
    pub(crate) fn secrets_manager_at(&self, endpoint: Option<&str>) -> SecretsManager {
        let connection = SharedHttpConnector::new(self.clone());
        let mut config = Config::builder();
        config.set_endpoint_url(endpoint.map(str::to_owned));
        let config = config
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("any", "any", None, None, "tests"))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| connection.clone()));
        SecretsManager::new(config)
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
        state.hosts.push(host(request.uri()));
        // An HTTP library does not pass invalid statuses to a client either.
        let is_there = |(region, _): &(&String, _)| request.uri().contains(&format!(".{region}."));
        let of_region = state
            .regions
            .iter()
            .find(is_there)
            .map(|(_, answer)| answer);
        let text = body.as_ref();
        let mut of_text = state.answers_to.iter();
        let of_text = of_text.find(|(part, ..)| text.contains(part.as_str()));
        let of_operation = of_region.or(state.answers.get(operation));
        let (status, body) = match (of_text, of_operation) {
            (Some((_, status, body)), _) | (None, Some((status, body))) => (*status, body.clone()),
            (None, None) => (state.status, state.body.clone()),
        };
        let status = StatusCode::try_from(status).expect("a status");
        let mut answer = HttpResponse::new(status, body.into());
        let headers = answer.headers_mut();
        headers.insert("content-type", "application/x-amz-json-1.1");
        HttpConnectorFuture::ready(Ok(answer))
    }
}
