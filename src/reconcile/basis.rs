//! What the writes for a secret rest on.

use std::collections::BTreeMap;

use secret_replicator_aws::{CallError, ReadTime};
use secret_replicator_core::plan::{Plan, Target, decide};
use secret_replicator_core::secret::{Region, Replica, Secret, SecretId};
use tokio::time::Instant;

use super::Reconciler;
use super::execution::{Response, Responses};

/// A plan, the secret that it was made for, and the time of the read that showed the secret. A write rests
/// on a read that is at most [`MAX_READ_AGE`](secret_replicator_aws::MAX_READ_AGE) old, so after each wait
/// the secret is read again.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    pub(super) secret: Secret,
    pub(super) plan: Plan,
    pub(super) read: ReadTime,
    /// The replicas that this invocation has removed. A read may still show them.
    pub(super) removed: BTreeMap<Region, Replica>,
}

/// The targets of a request after another read.
pub(super) struct Renewed {
    /// The targets that are still to be requested. Empty if a read shows that nothing is to be requested.
    pub(super) targets: Vec<Target>,
    /// The responses for the replicas that the read shows as requested.
    pub(super) begun: Responses,
}

impl Basis {
    pub(super) fn new(secret: Secret, plan: Plan, read: ReadTime) -> Self {
        Self {
            secret,
            plan,
            read,
            removed: BTreeMap::new(),
        }
    }

    /// Returns whether the replica in a Region differs from the one before the request. The request was then
    /// executed.
    fn has_moved(&self, now: &Secret, region: &Region) -> bool {
        let replica = now.replicas.get(region);
        replica.is_some() && self.secret.replicas.get(region) != replica
    }
}

impl Reconciler {
    /// Reads a secret again for a request.
    ///
    /// # Errors
    /// [`CallError`] if the read fails, or if it lacks the value that the earlier one showed. AWS does not document
    /// how it replicates a secret without a value.
    pub(super) async fn read_again(
        &self,
        earlier: &Secret,
        until: Instant,
    ) -> Result<(Secret, ReadTime), CallError> {
        let id = SecretId::Arn(earlier.arn.clone());
        let (now, time) = self.secrets_manager.read(&id, until).await?;
        if now.lacks_value_of(earlier) {
            return Err(CallError::old_read());
        }
        Ok((now, time))
    }

    /// Reads the secret again for a request. Probes again before a request that overwrites. The probes come first,
    /// because they may take longer than a read remains valid for a write.
    ///
    /// # Errors
    /// [`CallError`] if the read fails.
    pub(super) async fn read_for(
        &self,
        basis: &Basis,
        targets: &[Target],
        until: Instant,
    ) -> Result<(Secret, ReadTime), CallError> {
        let overwriting = targets.iter().filter(|target| target.overwrites());
        let overwriting: Vec<Region> = overwriting.map(|target| target.region().clone()).collect();
        let probed = self.probe_again(&basis.secret, overwriting, until).await;
        let (mut now, read) = self.read_again(&basis.secret, until).await?;
        now.probed = probed;
        now.replicas
            .retain(|region, replica| basis.removed.get(region) != Some(replica));
        Ok((now, read))
    }

    /// Decides which of the targets are still to be requested.
    pub(super) fn renew(&self, basis: &Basis, now: &Secret, targets: &[Target]) -> Renewed {
        let fresh = decide(now, &self.policy, &self.limits);
        let (begun, open): (Vec<&Target>, Vec<&Target>) = targets
            .iter()
            .partition(|target| basis.has_moved(now, target.region()));
        // The secret may have changed and need other replicas. The next attempt decides.
        let still_wanted = |target: &Target| {
            let fresh = fresh.target_like(target)?;
            (fresh.overwrites() == target.overwrites()).then(|| fresh.clone())
        };
        Renewed {
            targets: open.into_iter().filter_map(still_wanted).collect(),
            begun: begun
                .into_iter()
                .map(|target| (target.region().clone(), Response::executed()))
                .collect(),
        }
    }
}
