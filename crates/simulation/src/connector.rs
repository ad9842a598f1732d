//! The SDK's connection to the emulator, in the same process: what the client has serialized and
//! signed is handed to the code that answers the emulator's sockets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use secret_replicator_aws::SecretsManager;
use secret_replicator_emulator::Service;
use serde_json::Value;

use crate::clock::{self, SimulatedTime};
use crate::journal::{Call, Current, SharedJournal};

/// The way from one sandbox to the world.
#[derive(Debug, Clone)]
pub struct Connector {
    service: Arc<Service>,
    journal: SharedJournal,
    current: Current,
    delays: Arc<Mutex<Delays>>,
}

/// How long calls are under way.
#[derive(Debug)]
pub struct Delays {
    random: fastrand::Rng,
    longest: u64,
}

impl Delays {
    /// Up to so many milliseconds each way.
    #[must_use]
    pub fn new(seed: u64, longest: u64) -> Delays {
        Delays {
            random: fastrand::Rng::with_seed(seed),
            longest,
        }
    }

    fn next(&mut self) -> Duration {
        Duration::from_millis(self.random.u64(0..=self.longest))
    }
}

impl Connector {
    /// A way to the service. Calls are noted as the current invocation's.
    #[must_use]
    pub fn new(
        service: Arc<Service>,
        journal: SharedJournal,
        current: Current,
        delays: Arc<Mutex<Delays>>,
    ) -> Connector {
        Connector {
            service,
            journal,
            current,
            delays,
        }
    }

    /// Secrets Manager in a Region, called by this way, as a process of its own would.
    #[must_use]
    pub fn secrets_manager(self, region: &str) -> SecretsManager {
        // Without it all sandboxes would share the tokens that limit retries.
        let retries = RetryPartition::custom("sandbox")
            .token_bucket(TokenBucket::default())
            .build();
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "simulation");
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.to_owned()))
            .credentials_provider(credentials)
            .retry_config(SecretsManager::retry_config())
            .timeout_config(SecretsManager::timeout_config())
            .retry_partition(retries)
            .sleep_impl(TokioSleep::new())
            .time_source(SimulatedTime)
            .http_client(self)
            .build();
        SecretsManager::new(Client::from_conf(config))
    }

    fn delay(&self) -> Duration {
        let mut delays = self.delays.lock().unwrap_or_else(PoisonError::into_inner);
        delays.next()
    }

    async fn send(self, request: http::Request<SdkBody>) -> Result<HttpResponse, ConnectorError> {
        let number = self.journal.sent(self.noted(&request));
        let (there, back) = (self.delay(), self.delay());
        let service = Arc::clone(&self.service);
        let (head, body) = request.into_parts();
        // A request that is on its way arrives, even if its client has given up meanwhile.
        let arrival = tokio::spawn(async move {
            tokio::time::sleep(there).await;
            let body = body.bytes().unwrap_or_default();
            service.respond(&head.headers, body).await
        });
        let answer = arrival
            .await
            .map_err(|lost| ConnectorError::io(lost.into()))?;
        tokio::time::sleep(back).await;
        match answer {
            Err(closed) => {
                self.journal.answered(number, None, Value::Null);
                Err(ConnectorError::io(closed.into()))
            }
            Ok(response) => {
                let body = serde_json::from_slice(response.body()).unwrap_or_default();
                let status = response.status().as_u16();
                self.journal.answered(number, Some(status), body);
                HttpResponse::try_from(response.map(SdkBody::from))
                    .map_err(|error| ConnectorError::other(error.into(), None))
            }
        }
    }

    fn noted(&self, request: &http::Request<SdkBody>) -> Call {
        let header = |name: &str| {
            let value = request.headers().get(name)?;
            value.to_str().ok()
        };
        let operation = header("x-amz-target").and_then(|target| target.split('.').nth(1));
        let scope = header("authorization").and_then(|text| text.split('/').nth(2));
        let body = request.body().bytes().unwrap_or_default();
        Call {
            at: u64::try_from(clock::elapsed().as_millis()).unwrap_or(u64::MAX),
            invocation: self.current.get(),
            region: scope.unwrap_or_default().to_owned(),
            operation: operation.unwrap_or_default().to_owned(),
            body: serde_json::from_slice(body).unwrap_or_default(),
            sent: 0,
            answer: None,
        }
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

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
