use secret_replicator_core::failover::failback::Version;
use secret_replicator_core::policy::ListFilter;
use secret_replicator_core::secret::{Region, RegionalSecret, Secret, SecretId};
use tokio::time::Instant;

use super::{CallError, DeletedSecrets, Operation, Page, RotationPage, SecretsManager, convert};

/// The client of a Region that cannot write and cannot read a value: it has no such method. Commands that promise
/// to change nothing hold this type only.
#[derive(Clone, Debug)]
pub struct Reader(SecretsManager);

impl Reader {
    /// Creates a client for many concurrent reads. It lists at most half of the quota's pages per second.
    #[must_use]
    pub fn new(client: &SecretsManager) -> Self {
        Self(client.for_reads())
    }

    /// Reads a page of the Region's secrets, sorted by name. The list can be up to five minutes old (Secrets
    /// Manager API reference, `ListSecrets`).
    ///
    /// # Errors
    /// [`CallError`] if AWS rejects the call or does not respond before `until`.
    pub async fn list(
        &self,
        filter: Option<&ListFilter>,
        next_token: Option<&str>,
        until: Instant,
    ) -> Result<Page, CallError> {
        self.0.list(filter, next_token, until).await
    }

    /// Reads a page of the Region's secrets with their rotation.
    ///
    /// # Errors
    /// [`CallError`] if AWS rejects the call or does not respond before `until`.
    pub async fn list_with_rotation(
        &self,
        filter: Option<&ListFilter>,
        deleted: DeletedSecrets,
        next_token: Option<&str>,
        until: Instant,
    ) -> Result<RotationPage, CallError> {
        self.0
            .list_with_rotation(filter, deleted, next_token, until)
            .await
    }

    /// Reads a page of the replicas in another Region whose primary secrets are in the client's Region.
    ///
    /// # Errors
    /// [`CallError`] if AWS rejects the call or does not respond in time, also if the account has not
    /// enabled the Region.
    pub async fn list_replicas(
        &self,
        region: &Region,
        filter: Option<&ListFilter>,
        next_token: Option<&str>,
        until: Instant,
    ) -> Result<Page, CallError> {
        self.0
            .list_replicas(region, filter, next_token, until)
            .await
    }

    /// Reads a secret's metadata, never its value.
    ///
    /// # Errors
    /// [`CallError`] if AWS rejects the call, does not respond before `until`, or returns an unreadable
    /// response.
    pub async fn describe(&self, id: &SecretId, until: Instant) -> Result<Secret, CallError> {
        self.0.describe(id, until).await
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
        self.0.probe_region(region, primary, until).await
    }

    /// Reads the IDs, labels and times of a secret's versions, deprecated ones included.
    ///
    /// # Errors
    /// [`CallError`] if AWS rejects a call or does not respond before `until`.
    pub async fn versions(&self, id: &SecretId, until: Instant) -> Result<Vec<Version>, CallError> {
        let mut versions = Vec::new();
        let mut token = None;
        loop {
            let client = self.0.client.client();
            let request = client
                .list_secret_version_ids()
                .secret_id(id.as_str())
                .include_deprecated(true)
                .set_next_token(token);
            let call = || request.send();
            let operation = Operation::ListSecretVersionIds;
            let answer = self.0.call(until, operation, call).await?;
            versions.extend(convert::versions(&answer));
            token = convert::next_token(answer.next_token());
            if token.is_none() {
                return Ok(versions);
            }
        }
    }
}
