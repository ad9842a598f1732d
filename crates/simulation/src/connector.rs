//! The SDK's connection to the emulator, in the same process: passes the client's serialized and
//! signed requests to the code that answers the emulator's sockets.

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
use crate::journal::{Call, Current, SharedJournal, is_write};
use crate::scenario::HOME;
use crate::stale::StaleReads;

/// The connection of one sandbox to the emulator.
#[derive(Debug, Clone)]
pub struct Connector {
    service: Arc<Service>,
    journal: SharedJournal,
    current: Current,
    delays: Arc<Mutex<Delays>>,
    reads: StaleReads,
}

/// Random network delays.
#[derive(Debug)]
pub struct Delays {
    random: fastrand::Rng,
    longest: u64,
}

impl Delays {
    /// Delays of up to `longest` milliseconds each way.
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
    /// A connection to the service. Records calls as the current invocation's.
    #[must_use]
    pub fn new(
        service: Arc<Service>,
        journal: SharedJournal,
        current: Current,
        delays: Arc<Mutex<Delays>>,
        reads: StaleReads,
    ) -> Connector {
        Connector {
            service,
            journal,
            current,
            delays,
            reads,
        }
    }

    /// A client of Secrets Manager in a Region, with retry tokens of its own, as each process has.
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
        let call = self.noted(&request);
        let is_read = call.operation == "DescribeSecret" && call.region == HOME;
        let changed = call.secret_id().filter(|_| is_write(&call.operation));
        let changed = changed.map(str::to_owned);
        let number = self.journal.sent(call);
        let (there, back) = (self.delay(), self.delay());
        let (service, reads) = (Arc::clone(&self.service), self.reads.clone());
        let (head, body) = request.into_parts();
        // A request in flight arrives even if its client has timed out.
        let arrival = tokio::spawn(async move {
            tokio::time::sleep(there).await;
            let body = body.bytes().unwrap_or_default();
            let before = changed.and_then(|id| reads.version(&service, &id));
            let answer = service.respond(&head.headers, body).await;
            reads.changed(before);
            answer
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
                let past = is_read.then(|| self.reads.past(&body)).flatten();
                let response = response.map(|fresh| match &past {
                    Some(past) => SdkBody::from(past.to_string()),
                    None => SdkBody::from(fresh),
                });
                let status = response.status().as_u16();
                self.journal
                    .answered(number, Some(status), past.unwrap_or(body));
                HttpResponse::try_from(response)
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
