use std::collections::BTreeMap;

use aws_sdk_secretsmanager::types::ReplicaRegionType;
use secret_replicator_core::failover::failback::{Replication, Restoration};
use secret_replicator_core::secret::{Region, Replica, Secret, SecretId};
use tokio::time::Instant;

use super::{
    CallError, ConnectBy, Operation, ReadTime, ReplicationRequest, SecretsManager, WriteError,
    WriteSlot, without_retries,
};

/// The client that makes the calls of a way back in its Region. It has two writes, which destroy nothing:
/// `ReplicateSecretToRegions` without overwriting, and `RestoreSecret`. Only the core decides which calls these are.
#[derive(Clone, Debug)]
pub struct FailbackClient(SecretsManager);

impl FailbackClient {
    /// Creates a client that makes at most this number of writes per second. The write quota of the Region is
    /// 50 calls per second, which its other writers share (Secrets Manager user guide, "Quotas").
    #[must_use]
    pub fn new(client: &SecretsManager, writes_per_second: u32) -> Self {
        Self(client.with_write_rate(writes_per_second))
    }

    /// Waits for a slot of the write rate. Returns `None` without waiting if the next slot is too late for a write
    /// before `until`.
    pub async fn write_slot(&self, until: Instant) -> Option<WriteSlot> {
        self.0.write_slot(until).await
    }

    /// Reads a secret's metadata for a write that rests on it, or to verify one.
    ///
    /// # Errors
    /// [`CallError`] if AWS rejects the call, does not respond before `until`, or returns an unreadable
    /// response.
    pub async fn read(
        &self,
        id: &SecretId,
        until: Instant,
    ) -> Result<(Secret, ReadTime), CallError> {
        self.0.read(id, until).await
    }

    /// Requests a replica. AWS overwrites no secret: if the name is taken, the replication fails. `Ok` means only
    /// that AWS accepted the request, and contains the secret's replicas from the response.
    ///
    /// # Errors
    /// [`WriteError::Stale`], without a call, if the read is too old. [`CallError`]; see
    /// [`CallError::may_have_been_executed`].
    pub async fn replicate(
        &self,
        replication: &Replication,
        read: ReadTime,
        _slot: WriteSlot,
        until: Instant,
    ) -> Result<BTreeMap<Region, Replica>, WriteError> {
        let key = replication.kms_key().map(ToString::to_string);
        let region = ReplicaRegionType::builder()
            .region(replication.to().as_str())
            .set_kms_key_id(key);
        let request = ReplicationRequest {
            secret: replication.primary(),
            replica_regions: vec![region.build()],
            overwrite: Some(false),
        };
        self.0.request_replicas(request, read, until).await
    }

    /// Ends the scheduled deletion of a secret.
    ///
    /// # Errors
    /// [`WriteError::Stale`], without a call, if the read is too old. [`CallError`]; see
    /// [`CallError::may_have_been_executed`].
    pub async fn restore(
        &self,
        restoration: &Restoration,
        read: ReadTime,
        _slot: WriteSlot,
        until: Instant,
    ) -> Result<(), WriteError> {
        let client = self.0.client.client();
        let request = client
            .restore_secret()
            .secret_id(restoration.secret().as_str());
        let call = || {
            let customized = request.customize();
            let customized = customized.interceptor(ConnectBy(read.send_by()));
            customized.config_override(without_retries()).send()
        };
        self.0
            .write(read, until, Operation::RestoreSecret, call)
            .await
            .map(drop)
    }
}
