//! The one place that knows the AWS SDK: the calls, their answers in the project's own types, and
//! their errors mapped once.

mod error;
mod pace;
mod read;
mod retry;
mod tls;

use std::collections::BTreeMap;
use std::env;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{self, Config};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, ReplicaRegionType};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::budget::LAST_CALL;
use crate::limits::Overwrite;
use crate::plan::Target;
use crate::policy::ListFilter;
use crate::secret::{Region, Replica, Secret, SecretArn, SecretId};
pub use error::{CallError, CallErrorKind, Operation};
use pace::Pace;
pub use read::{Page, Unreadable};

/// How often the SDK tries a call before it gives up, the first try included.
const ATTEMPTS: u32 = 4;

/// How long one try of a call may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Secrets Manager in the function's Region.
#[derive(Clone, Debug)]
pub struct SecretsManager {
    client: Client,
    throttle: Option<Arc<Throttle>>,
}

/// What keeps many calls at once within bounds.
#[derive(Debug)]
struct Throttle {
    /// Each call under way has a connection of its own, and so memory.
    connections: Semaphore,
    writes: Pace,
    writers: Semaphore,
}

/// A place among those who ask for replicas. Whoever has one has the turns for all its Regions before
/// others begin: AWS may refuse a request for several, and then each takes one of its own.
#[derive(Debug)]
pub struct Writer<'a> {
    _place: Option<SemaphorePermit<'a>>,
}

/// What a look into another Region shows under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupancy {
    /// There is no secret of that name.
    Vacant,
    /// There is one, perhaps scheduled for deletion.
    Occupied,
}

impl SecretsManager {
    /// A client with the SDK's usual configuration from the environment.
    pub async fn from_environment() -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(tls::client())
            .retry_config(Self::retry_config())
            .timeout_config(Self::timeout_config());
        // Where Lambda puts them, and where the usual chain looks first; but before it looks, it makes
        // a client of STS.
        let is_set = |name| env::var(name).is_ok_and(|value| !value.trim().is_empty());
        if is_set("AWS_ACCESS_KEY_ID") && is_set("AWS_SECRET_ACCESS_KEY") {
            loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
        }
        Self::new(Client::new(&loader.load().await))
    }

    /// The calls of this client, which should have [`Self::retry_config`] and
    /// [`Self::timeout_config`].
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            throttle: None,
        }
    }

    /// How the client tries again.
    #[must_use]
    pub fn retry_config() -> RetryConfig {
        RetryConfig::standard().with_max_attempts(ATTEMPTS)
    }

    /// How long the client waits.
    #[must_use]
    pub fn timeout_config() -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build()
    }

    /// The same for many calls at once, with at most this many writes per second.
    #[must_use]
    pub fn throttled(&self, writes_per_second: u32) -> Self {
        Self {
            throttle: Some(Arc::new(Throttle {
                connections: Semaphore::new(CONNECTIONS),
                writes: Pace::new(writes_per_second),
                writers: Semaphore::new(writers(writes_per_second)),
            })),
            ..self.clone()
        }
    }

    /// Waits for a place among those who write. `None` if there is none before `until`, or if the
    /// first write would not be sent before.
    pub async fn writer(&self, until: Instant) -> Option<Writer<'_>> {
        let Some(throttle) = &self.throttle else {
            return Some(Writer { _place: None });
        };
        let place = timeout_at(until, throttle.writers.acquire()).await;
        let place = place.ok().and_then(Result::ok)?;
        (throttle.writes.next_turn() < until).then_some(Writer {
            _place: Some(place),
        })
    }

    /// Reads a secret's metadata. Never its value.
    ///
    /// # Errors
    /// [`CallError`] if AWS refuses, does not answer until `until`, or answers what cannot be read.
    pub async fn describe(&self, id: &SecretId, until: Instant) -> Result<Secret, CallError> {
        let request = self.client.describe_secret().secret_id(id.as_str());
        let call = || request.send();
        let answer = self.call(until, Operation::DescribeSecret, call).await?;
        read::secret(&answer)
    }

    /// Looks whether a secret of this name is in another Region.
    ///
    /// # Errors
    /// [`CallError`], also where the account has not enabled the Region.
    pub async fn look_into(
        &self,
        region: &Region,
        name: &str,
        until: Instant,
    ) -> Result<Occupancy, CallError> {
        // Nothing depends on it so much that it may hold up the rest.
        let until = until.min(Instant::now() + LONGEST_LOOK);
        let there = Config::builder()
            .region(config::Region::new(region.to_string()))
            .retry_config(RetryConfig::disabled());
        let request = self.client.describe_secret().secret_id(name);
        let call = || request.customize().config_override(there).send();
        match self.call(until, Operation::DescribeSecret, call).await {
            Ok(_) => Ok(Occupancy::Occupied),
            Err(error) if error.kind == CallErrorKind::NotFound => Ok(Occupancy::Vacant),
            Err(error) => Err(error),
        }
    }

    /// Reads a page of the Region's secrets. The list lags behind by up to five minutes (Secrets
    /// Manager API reference, `ListSecrets`).
    ///
    /// # Errors
    /// [`CallError`] if AWS refuses or does not answer until `until`.
    pub async fn list(
        &self,
        filter: Option<&ListFilter>,
        next_token: Option<&str>,
        until: Instant,
    ) -> Result<Page, CallError> {
        let request = self
            .client
            .list_secrets()
            .max_results(PAGE_SIZE)
            .set_filters(filter.map(|filter| vec![as_filter(filter)]))
            .set_next_token(next_token.map(str::to_owned));
        let call = || request.send();
        let answer = self.call(until, Operation::ListSecrets, call).await?;
        Ok(read::page(&answer))
    }

    /// Asks AWS to replicate a secret to the targets. A secret of the same name in a target Region
    /// is overwritten only if every target allows it.
    ///
    /// AWS answers before it replicates, so `Ok` means accepted, no more. It holds the secret's
    /// replicas as AWS's answer shows them. The SDK tries again only where AWS surely has not executed the call: replicating twice to one Region is a case whose
    /// outcome AWS does not document, so after a doubtful failure the caller reads first.
    ///
    /// # Errors
    /// [`CallError`]; see [`CallError::may_have_been_executed`].
    pub async fn replicate(
        &self,
        secret: &SecretArn,
        targets: &[&Target],
        until: Instant,
    ) -> Result<BTreeMap<Region, Replica>, CallError> {
        let replica_regions = targets.iter().map(|target| {
            ReplicaRegionType::builder()
                .region(target.region().as_str())
                .set_kms_key_id(target.key().kms_key.as_ref().map(ToString::to_string))
                .build()
        });
        let overwrite = targets
            .iter()
            .all(|target| target.overwrite() == Overwrite::Allowed);
        let request = self
            .client
            .replicate_secret_to_regions()
            .set_force_overwrite_replica_secret(overwrite.then_some(true))
            .secret_id(secret.as_str())
            .set_add_replica_regions(Some(replica_regions.collect()));
        let call = || {
            let customized = request.clone().customize();
            customized.config_override(self.retries()).send()
        };
        let answer = self
            .write(until, Operation::ReplicateSecretToRegions, call)
            .await?;
        Ok(read::replicas(answer.replication_status()))
    }

    /// Asks AWS to remove the secret's replicas in these Regions. `Ok` means accepted, no more.
    ///
    /// # Errors
    /// [`CallError`]; see [`CallError::may_have_been_executed`].
    pub async fn remove(
        &self,
        secret: &SecretArn,
        regions: &[&Region],
        until: Instant,
    ) -> Result<(), CallError> {
        let regions = regions.iter().map(ToString::to_string).collect();
        let request = self
            .client
            .remove_regions_from_replication()
            .secret_id(secret.as_str())
            .set_remove_replica_regions(Some(regions));
        let call = || {
            let customized = request.clone().customize();
            customized.config_override(self.retries()).send()
        };
        self.write(until, Operation::RemoveRegionsFromReplication, call)
            .await
            .map(drop)
    }

    async fn call<T, E, C>(
        &self,
        until: Instant,
        operation: Operation,
        call: impl FnOnce() -> C,
    ) -> Result<T, CallError>
    where
        C: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let connections = self.throttle.as_ref().map(|throttle| &throttle.connections);
        let call = async {
            let _connection = match connections {
                Some(connections) => connections.acquire().await.ok(),
                None => None,
            };
            // Boxed: a call's future is large, and deeper than what stands above it may be. It is made
            // only now, so that whoever waits for a connection takes little memory.
            Box::pin(call()).await
        };
        within(until, operation, call).await
    }

    /// How the SDK retries a write: not at all where each attempt needs a turn of its own.
    fn retries(&self) -> config::Builder {
        let retries = retry::only_unless_executed();
        match self.throttle {
            Some(_) => retries.retry_config(RetryConfig::disabled()),
            None => retries,
        }
    }

    async fn write<T, E, C>(
        &self,
        until: Instant,
        operation: Operation,
        call: impl Fn() -> C,
    ) -> Result<T, CallError>
    where
        C: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let Some(throttle) = &self.throttle else {
            return self.call(until, operation, call).await;
        };
        let last_turn = until.checked_sub(LAST_CALL).unwrap_or(until);
        let mut attempts = 0;
        loop {
            if !throttle.writes.turn(last_turn).await {
                return Err(CallError::not_sent(operation));
            }
            attempts += 1;
            match self.call(until, operation, &call).await {
                Err(error) if error.kind == CallErrorKind::Throttled && attempts < ATTEMPTS => {}
                answer => return answer,
            }
        }
    }
}

/// How long a look into another Region may take.
const LONGEST_LOOK: Duration = Duration::from_secs(3);

/// How many may write at once: enough for the pace as long as a write takes less than a second.
fn writers(writes_per_second: u32) -> usize {
    usize::try_from(writes_per_second.max(1)).unwrap_or(Semaphore::MAX_PERMITS)
}

/// How many calls may be under way at once: with 20 ms for each, these are 3,200 a second, more than one
/// processor makes.
const CONNECTIONS: usize = 64;

/// The most secrets that AWS puts on a page.
const PAGE_SIZE: i32 = 100;

fn as_filter(filter: &ListFilter) -> Filter {
    let (key, values) = match filter {
        ListFilter::TagKeys(keys) => (FilterNameStringType::TagKey, keys),
        ListFilter::NamePrefixes(prefixes) => (FilterNameStringType::Name, prefixes),
    };
    let values = values.iter().cloned().collect();
    Filter::builder().key(key).set_values(Some(values)).build()
}

async fn within<T, E>(
    until: Instant,
    operation: Operation,
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, CallError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if until <= Instant::now() {
        return Err(CallError::out_of_time(operation));
    }
    match timeout_at(until, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(CallError::from_sdk(operation, &error)),
        Err(_) => Err(CallError::out_of_time(operation)),
    }
}
