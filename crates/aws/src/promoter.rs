use secret_replicator_core::secret::{Secret, SecretArn, SecretId};
use tokio::time::Instant;

use super::{
    CallError, ConnectBy, Operation, ReadTime, SecretsManager, WriteError, WriteSlot,
    without_retries,
};

/// The client that promotes replicas in its Region. It has one write, `StopReplicationToReplica`.
#[derive(Clone, Debug)]
pub struct Promoter(SecretsManager);

impl Promoter {
    /// Creates a client that makes at most this number of promotions per second. The write quota of the Region is
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

    /// Reads a secret's metadata for a promotion that rests on it, or to verify one.
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

    /// Makes the replica with this ARN a standalone secret. No other call turns it into a replica again. The SDK
    /// does not retry the call, so the caller reads the secret after an ambiguous failure.
    ///
    /// # Errors
    /// [`WriteError::Stale`], without a call, if the read is too old. [`CallError`]; see
    /// [`CallError::may_have_been_executed`].
    pub async fn stop_replication(
        &self,
        replica: &SecretArn,
        read: ReadTime,
        _slot: WriteSlot,
        until: Instant,
    ) -> Result<(), WriteError> {
        let client = self.0.client.client();
        let request = client
            .stop_replication_to_replica()
            .secret_id(replica.as_str());
        let call = || {
            let customized = request.customize();
            let customized = customized.interceptor(ConnectBy(read.send_by()));
            customized.config_override(without_retries()).send()
        };
        self.0
            .write(read, until, Operation::StopReplicationToReplica, call)
            .await
            .map(drop)
    }
}
