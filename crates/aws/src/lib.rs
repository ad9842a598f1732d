//! The adapter for the AWS SDK of Secrets Manager: makes the calls, and converts responses and errors
//! into the project's own types.
//!
//! | module | content |
//! |---|---|
//! | `convert` | converts the SDK's responses into secrets, replicas and pages |
//! | `endpoints` | the endpoints for calls to other Regions |
//! | `error` | [`CallError`]: classifies failed calls |
//! | `failback` | [`FailbackClient`]: makes the calls of a way back that destroy nothing |
//! | `https` | the HTTPS client |
//! | `answer` | sends the answer to CloudFormation |
//! | `calls` | makes a call before its deadline |
//! | `limits` | limits for many concurrent calls |
//! | `lists` | lists the secrets of a Region |
//! | `connect_by` | limits the wait of a write for its connection |
//! | `freshness` | the age of the read on which a write rests |
//! | `promoter` | [`Promoter`]: promotes replicas |
//! | `rate` | limits calls per second |
//! | `reader` | [`Reader`]: the client without a write |
//! | `retry_budget` | the retries of the SDK in one invocation |

#![forbid(unsafe_code)]

mod answer;
mod calls;
mod connect_by;
mod convert;
mod endpoints;
mod error;
mod failback;
mod freshness;
mod https;
mod limits;
mod lists;
mod promoter;
mod rate;
mod reader;
mod retry_budget;

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{self, Config};
use aws_sdk_secretsmanager::types::ReplicaRegionType;
use tokio::time::Instant;

pub use answer::{NotSent, send_answer};
use connect_by::ConnectBy;
pub use convert::{ListedSecret, Page, RotationPage, UnreadableEntry};
pub use endpoints::Endpoints;
pub use error::{CallError, CallErrorKind, Operation};
pub use failback::FailbackClient;
pub use freshness::{MAX_READ_AGE, ReadTime, WriteError};
pub use https::https_client;
use limits::CallLimits;
pub use limits::{WritePermit, WriteSlot};
pub use lists::DeletedSecrets;
pub use promoter::Promoter;
pub use reader::Reader;
use retry_budget::RetryBudget;
use secret_replicator_core::plan::Target;
use secret_replicator_core::secret::{
    Region, RegionalSecret, Replica, Secret, SecretArn, SecretId,
};

/// The minimum time for a call. No call starts when less time is left before its deadline.
pub const MIN_CALL_TIME: Duration = Duration::from_millis(500);

/// The maximum number of attempts of a read, including the first one.
const ATTEMPTS: u32 = 4;

/// The timeout of one attempt of a call.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The client of Secrets Manager in the function's Region.
#[derive(Clone, Debug)]
pub struct SecretsManager {
    client: Arc<RetryBudget>,
    endpoints: Endpoints,
    limits: Option<Arc<CallLimits>>,
}

impl SecretsManager {
    /// Creates a client with the SDK's default configuration from the environment.
    pub async fn from_environment() -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(https_client())
            .retry_config(Self::retry_config())
            .timeout_config(Self::timeout_config());
        // Lambda sets these variables. The default chain also reads them first, but before that it
        // builds an STS client.
        let is_set = |name| env::var(name).is_ok_and(|value| !value.trim().is_empty());
        if is_set("AWS_ACCESS_KEY_ID") && is_set("AWS_SECRET_ACCESS_KEY") {
            loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
        }
        let config = loader.load().await;
        let home = config.region().map(ToString::to_string).unwrap_or_default();
        Self::from_config(&config).with_endpoints(Endpoints::from_environment(&home))
    }

    /// Creates a client for the Region of a configuration, with its credentials. The configuration should have
    /// [`https_client`], a retry configuration such as [`Self::retry_config`], and [`Self::timeout_config`].
    #[must_use]
    pub fn from_config(config: &SdkConfig) -> Self {
        Self::new(config::Builder::from(config))
    }

    /// Creates a client with this configuration, which should have [`Self::retry_config`] and
    /// [`Self::timeout_config`].
    #[must_use]
    pub fn new(config: config::Builder) -> Self {
        Self {
            client: Arc::new(RetryBudget::new(config)),
            endpoints: Endpoints::default(),
            limits: None,
        }
    }

    /// Returns this client with endpoints for other Regions.
    #[must_use]
    pub fn with_endpoints(self, endpoints: Endpoints) -> Self {
        Self { endpoints, ..self }
    }

    /// Gives the SDK its full budget of retries for the next invocation. Otherwise an outage in one
    /// invocation would leave the following ones of the same process without retries.
    pub fn begin_invocation(&self) {
        self.client.refill();
    }

    /// Returns the retry configuration of the client.
    #[must_use]
    pub fn retry_config() -> RetryConfig {
        RetryConfig::standard().with_max_attempts(ATTEMPTS)
    }

    /// Returns the timeouts of the client for connecting and for a response.
    #[must_use]
    pub fn timeout_config() -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build()
    }

    /// Returns a client for many concurrent calls that makes at most this number of writes per second.
    #[must_use]
    pub fn with_write_rate(&self, writes_per_second: u32) -> Self {
        Self {
            limits: Some(Arc::new(CallLimits::new(writes_per_second))),
            ..self.clone()
        }
    }

    /// Returns a client for many concurrent reads. It lists at most half of the quota's pages per second.
    #[must_use]
    pub fn for_reads(&self) -> Self {
        self.with_write_rate(1)
    }

    /// Waits for a permit to write. Returns `None` if no permit is free before `until`, or if the write
    /// rate would delay the first write beyond `until`.
    pub async fn write_permit(&self, until: Instant) -> Option<WritePermit<'_>> {
        match &self.limits {
            Some(limits) => limits.write_permit(until).await,
            None => Some(WritePermit::unlimited()),
        }
    }

    /// Waits for a slot of the write rate, at once if there is none. Returns `None` without waiting if the
    /// next slot leaves less than [`MIN_CALL_TIME`] before `until`.
    pub async fn write_slot(&self, until: Instant) -> Option<WriteSlot> {
        match &self.limits {
            Some(limits) => limits.write_slot(until).await,
            None => Some(WriteSlot::unlimited()),
        }
    }

    /// Reads a secret's metadata, never its value.
    ///
    /// # Errors
    /// [`CallError`] if AWS rejects the call, does not respond before `until`, or returns an unreadable
    /// response.
    pub async fn describe(&self, id: &SecretId, until: Instant) -> Result<Secret, CallError> {
        self.read(id, until).await.map(|(secret, _)| secret)
    }

    /// Reads a secret's metadata as [`describe`](Self::describe) does, for a write that rests on it.
    ///
    /// # Errors
    /// [`CallError`] if AWS rejects the call, does not respond before `until`, or returns an unreadable
    /// response.
    pub async fn read(
        &self,
        id: &SecretId,
        until: Instant,
    ) -> Result<(Secret, ReadTime), CallError> {
        let client = self.client.client();
        let request = client.describe_secret().secret_id(id.as_str());
        // The wait for a connection does not make the response older.
        let call = async || {
            let time = ReadTime::now();
            request.send().await.map(|answer| (answer, time))
        };
        let (answer, time) = self.call(until, Operation::DescribeSecret, call).await?;
        Ok((convert::secret(&answer)?, time))
    }

    /// Reads what another Region has under the name of this primary secret.
    ///
    /// # Errors
    /// [`CallError`], also if the account has not enabled the Region.
    pub async fn probe_region(
        &self,
        region: &Region,
        primary: &Secret,
        until: Instant,
    ) -> Result<RegionalSecret, CallError> {
        // The result is optional, so it must not delay other work.
        let until = until.min(Instant::now() + PROBE_TIMEOUT);
        let there = Config::builder()
            .region(config::Region::new(region.to_string()))
            .retry_config(RetryConfig::disabled());
        let there = self.endpoints.configure(region, there);
        let client = self.client.client();
        let request = client.describe_secret().secret_id(&primary.name);
        let call = || request.customize().config_override(there).send();
        match self.call(until, Operation::DescribeSecret, call).await {
            Ok(answer) => convert::regional(primary, region, &answer),
            Err(error) if error.kind == CallErrorKind::NotFound => Ok(RegionalSecret::Absent),
            Err(error) => Err(error),
        }
    }

    /// Requests replicas of a secret in the targets' Regions. Overwrites secrets of the same name there
    /// only if every target overwrites, that is, if a probe found another secret in each Region.
    ///
    /// AWS responds before it replicates, so `Ok` means only that AWS accepted the request. It contains
    /// the secret's replicas from the response. The SDK retries no write, because the secret may change
    /// meanwhile. AWS does not document the result of replicating twice to one Region, so after an
    /// ambiguous failure the caller must read the secret before it retries.
    ///
    /// # Errors
    /// [`WriteError::Stale`], without a call, if the read is too old. [`CallError`]; see
    /// [`CallError::may_have_been_executed`].
    pub async fn replicate(
        &self,
        secret: &SecretArn,
        targets: &[Target],
        read: ReadTime,
        _slot: WriteSlot,
        until: Instant,
    ) -> Result<BTreeMap<Region, Replica>, WriteError> {
        let replica_regions = targets.iter().map(|target| {
            ReplicaRegionType::builder()
                .region(target.region().as_str())
                .set_kms_key_id(target.key().kms_key.as_ref().map(ToString::to_string))
                .build()
        });
        let overwrite = !targets.is_empty() && targets.iter().all(Target::overwrites);
        let request = ReplicationRequest {
            secret,
            replica_regions: replica_regions.collect(),
            overwrite: overwrite.then_some(true),
        };
        self.request_replicas(request, read, until).await
    }

    /// Makes the call `ReplicateSecretToRegions`. The SDK does not retry it.
    async fn request_replicas(
        &self,
        request: ReplicationRequest<'_>,
        read: ReadTime,
        until: Instant,
    ) -> Result<BTreeMap<Region, Replica>, WriteError> {
        let client = self.client.client();
        let request = client
            .replicate_secret_to_regions()
            .set_force_overwrite_replica_secret(request.overwrite)
            .secret_id(request.secret.as_str())
            .set_add_replica_regions(Some(request.replica_regions));
        let call = || {
            let customized = request.customize();
            let customized = customized.interceptor(ConnectBy(read.send_by()));
            customized.config_override(without_retries()).send()
        };
        let answer = self
            .write(read, until, Operation::ReplicateSecretToRegions, call)
            .await?;
        Ok(convert::replicas(answer.replication_status()))
    }

    /// Requests the removal of the secret's replicas in these Regions. `Ok` means only that AWS accepted
    /// the request.
    ///
    /// # Errors
    /// [`WriteError::Stale`], without a call, if the read is too old. [`CallError`]; see
    /// [`CallError::may_have_been_executed`].
    pub async fn remove(
        &self,
        secret: &SecretArn,
        regions: &[Region],
        read: ReadTime,
        _slot: WriteSlot,
        until: Instant,
    ) -> Result<(), WriteError> {
        let regions = regions.iter().map(ToString::to_string).collect();
        let client = self.client.client();
        let request = client
            .remove_regions_from_replication()
            .secret_id(secret.as_str())
            .set_remove_replica_regions(Some(regions));
        let call = || {
            let customized = request.customize();
            let customized = customized.interceptor(ConnectBy(read.send_by()));
            customized.config_override(without_retries()).send()
        };
        self.write(read, until, Operation::RemoveRegionsFromReplication, call)
            .await
            .map(drop)
    }
}

/// The members of `ReplicateSecretToRegions`.
struct ReplicationRequest<'a> {
    secret: &'a SecretArn,
    replica_regions: Vec<ReplicaRegionType>,
    overwrite: Option<bool>,
}

/// The timeout for probing another Region.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// The configuration of a write. The SDK would retry it with a decision that may be seconds old.
fn without_retries() -> config::Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}
