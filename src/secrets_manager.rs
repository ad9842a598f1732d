//! The one place that knows the AWS SDK: two calls, their answers in the project's own types, and
//! their errors mapped once.

mod error;
mod retry;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::{BehaviorVersion, timeout::TimeoutConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::{ReplicaRegionType, ReplicationStatusType, StatusType};
use tokio::time::{Instant, timeout_at};

use crate::limits::Overwrite;
use crate::plan::Target;
use crate::secret::{Encryption, Region, Replica, ReplicaStatus, Secret, SecretArn, SecretId};
pub use error::{CallError, CallErrorKind, Operation};

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
}

impl SecretsManager {
    /// A client with the SDK's usual configuration from the environment.
    pub async fn from_environment() -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts)
            .load()
            .await;
        Self {
            client: Client::new(&config),
        }
    }

    /// Reads a secret's metadata. Never its value.
    ///
    /// # Errors
    /// [`CallError`] if AWS refuses, does not answer until `until`, or answers what cannot be read.
    pub async fn describe(&self, id: &SecretId, until: Instant) -> Result<Secret, CallError> {
        let call = self.client.describe_secret().secret_id(id.as_str()).send();
        match timeout_at(until, call).await {
            Ok(Ok(answer)) => read_secret(&answer),
            Ok(Err(error)) => Err(CallError::from_sdk(Operation::DescribeSecret, &error)),
            Err(_) => Err(CallError::out_of_time(Operation::DescribeSecret)),
        }
    }

    /// Asks AWS to replicate a secret to the targets. A secret of the same name in a target Region
    /// is overwritten only if every target allows it.
    ///
    /// AWS answers before it replicates, so `Ok` means accepted, no more. The SDK tries again only
    /// where AWS surely has not executed the call: replicating twice to one Region is a case whose
    /// outcome AWS does not document, so after a doubtful failure the caller reads first.
    ///
    /// # Errors
    /// [`CallError`]; see [`CallError::may_have_been_executed`].
    pub async fn replicate(
        &self,
        secret: &SecretArn,
        targets: &[&Target],
        until: Instant,
    ) -> Result<(), CallError> {
        let replica_regions = targets.iter().map(|target| {
            ReplicaRegionType::builder()
                .region(target.region().as_str())
                .set_kms_key_id(target.key().kms_key.as_ref().map(ToString::to_string))
                .build()
        });
        let overwrite = targets
            .iter()
            .all(|target| target.overwrite() == Overwrite::Allowed);
        let call = self
            .client
            .replicate_secret_to_regions()
            .set_force_overwrite_replica_secret(overwrite.then_some(true))
            .secret_id(secret.as_str())
            .set_add_replica_regions(Some(replica_regions.collect()))
            .customize()
            .config_override(retry::only_unless_executed())
            .send();
        match timeout_at(until, call).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(CallError::from_sdk(
                Operation::ReplicateSecretToRegions,
                &error,
            )),
            Err(_) => Err(CallError::out_of_time(Operation::ReplicateSecretToRegions)),
        }
    }
}

fn read_secret(answer: &DescribeSecretOutput) -> Result<Secret, CallError> {
    let unreadable = |message| CallError::unreadable(Operation::DescribeSecret, message);
    let arn = answer
        .arn()
        .ok_or_else(|| unreadable("the answer has no ARN".to_owned()))?;
    let arn = SecretArn::parse(arn).map_err(|error| unreadable(error.to_string()))?;
    let name = answer
        .name()
        .ok_or_else(|| unreadable("the answer has no Name".to_owned()))?;
    // Whether a secret is a replica must not be guessed.
    let primary_region = answer.primary_region().map(Region::parse).transpose();
    let primary_region = primary_region.map_err(|error| unreadable(error.to_string()))?;
    let tags = answer
        .tags()
        .iter()
        .filter_map(|tag| {
            Some((
                tag.key()?.to_owned(),
                tag.value().unwrap_or_default().to_owned(),
            ))
        })
        .collect();
    Ok(Secret {
        arn,
        name: name.to_owned(),
        tags,
        encryption: Encryption::from_kms_key_id(answer.kms_key_id()),
        primary_region,
        owning_service: answer.owning_service().map(str::to_owned),
        scheduled_for_deletion: answer.deleted_date().is_some(),
        has_value: answer
            .version_ids_to_stages()
            .is_some_and(|versions| !versions.is_empty()),
        replicas: read_replicas(answer.replication_status()),
    })
}

/// A row without a readable Region cannot be one that the policy wants, so it is left out.
fn read_replicas(rows: &[ReplicationStatusType]) -> BTreeMap<Region, Replica> {
    rows.iter()
        .filter_map(|row| {
            let region = Region::parse(row.region()?).ok()?;
            let status = match row.status() {
                Some(StatusType::InSync) => ReplicaStatus::InSync,
                Some(StatusType::InProgress) => ReplicaStatus::InProgress,
                Some(StatusType::Failed) => ReplicaStatus::Failed,
                Some(other) => ReplicaStatus::Unknown(other.as_str().to_owned()),
                None => ReplicaStatus::Unknown("none".to_owned()),
            };
            let replica = Replica {
                status,
                message: row.status_message().map(str::to_owned),
                kms_key: row.kms_key_id().map(str::to_owned),
            };
            Some((region, replica))
        })
        .collect()
}
