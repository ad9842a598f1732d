//! The SDK's connection to the emulator in the same process.
//!
//! Passes the client's serialized and signed requests to the code behind the emulator's sockets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use secret_replicator_aws::SecretsManager;
use secret_replicator_emulator::Service;
use serde_json::Value;
use tokio::time::sleep;

use crate::actors;
use crate::clock::{self, SimulatedTime};
use crate::journal::{Call, SharedJournal};
use crate::scenario::Scenario;

/// The AWS that all sandboxes of a world call.
#[derive(Debug, Clone)]
pub(crate) struct SimulatedAws {
    pub(crate) service: Arc<Service>,
    pub(crate) journal: SharedJournal,
    /// Random network delays of up to `latency` milliseconds.
    delays: Arc<Mutex<fastrand::Rng>>,
    latency: u64,
}

impl SimulatedAws {
    /// Creates the AWS of a scenario with its initial secrets.
    pub(crate) fn new(scenario: &Scenario) -> SimulatedAws {
        let service = Service::new(scenario.world_settings(), clock::now);
        actors::set_up(&service, scenario);
        let aws = &scenario.aws;
        SimulatedAws {
            service: Arc::new(service),
            journal: SharedJournal::default(),
            delays: Arc::new(Mutex::new(fastrand::Rng::with_seed(aws.noise))),
            latency: aws.latency,
        }
    }

    fn delay(&self) -> Duration {
        let mut delays = self.delays.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(delays.u64(0..=self.latency))
    }
}

/// The connection of one sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) aws: SimulatedAws,
    /// The Region of the function.
    pub(crate) region: &'static str,
    /// The number of the sandbox's current invocation.
    pub(crate) invocation: Arc<AtomicU64>,
}

impl Connector {
    /// Creates a client of Secrets Manager that uses this connection.
    pub(crate) fn secrets_manager(self) -> SecretsManager {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "simulation");
        let region = Region::from_static(self.region);
        let connector = SharedHttpConnector::new(self);
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(region)
            .credentials_provider(credentials)
            .retry_config(SecretsManager::retry_config())
            .timeout_config(SecretsManager::timeout_config())
            .sleep_impl(TokioSleep::new())
            .time_source(SimulatedTime)
            .http_client(http_client_fn(move |_, _| connector.clone()));
        SecretsManager::new(config)
    }

    async fn send(self, request: http::Request<SdkBody>) -> Result<HttpResponse, ConnectorError> {
        let Connector {
            aws, invocation, ..
        } = self;
        let call = parse(&request, invocation.load(Ordering::Relaxed));
        let index = aws.journal.lock().sent(call);
        let (there, back) = (aws.delay(), aws.delay());
        let service = Arc::clone(&aws.service);
        // A request in flight arrives even if its client has timed out.
        let arrival = tokio::spawn(async move {
            sleep(there).await;
            let (head, body) = request.into_parts();
            let body = body.bytes().unwrap_or_default();
            service.respond(&head.headers, body).await
        });
        let answer = arrival
            .await
            .map_err(|lost| ConnectorError::io(lost.into()))?;
        sleep(back).await;
        match answer {
            Err(closed) => {
                aws.journal.lock().answered(index, None, Value::Null);
                Err(ConnectorError::io(closed.into()))
            }
            Ok(response) => {
                let body = serde_json::from_slice(response.body()).unwrap_or_default();
                let status = response.status().as_u16();
                aws.journal.lock().answered(index, Some(status), body);
                HttpResponse::try_from(response.map(SdkBody::from))
                    .map_err(|error| ConnectorError::other(error.into(), None))
            }
        }
    }
}

fn parse(request: &http::Request<SdkBody>, invocation: u64) -> Call {
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        value.to_str().ok()
    };
    let operation = header("x-amz-target").and_then(|target| target.split('.').nth(1));
    let scope = header("authorization").and_then(|text| text.split('/').nth(2));
    let body = request.body().bytes().unwrap_or_default();
    Call {
        at: clock::milliseconds(),
        invocation,
        region: scope.unwrap_or_default().to_owned(),
        operation: operation.unwrap_or_default().to_owned(),
        body: serde_json::from_slice(body).unwrap_or_default(),
        sent: 0,
        answer: None,
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::other(error.into(), None))?;
            this.send(request).await
        })
    }
}
