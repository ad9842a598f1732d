//! Access to secrets. Every change goes through here, so that lagging reads find the past states.

use std::sync::Arc;

use super::arn::{ACCOUNT_ID, parse_arn, split_suffix};
use super::region::Region;
use super::secret::{Role, Secret};
use super::{ApiError, Time, World};

/// What IAM and KMS evaluate of a call's secret.
#[derive(Debug, Default)]
pub(crate) struct CalledSecret {
    /// The key as `DescribeSecret` shows it.
    pub(crate) key: Option<String>,
    /// The Region of the primary secret, as `DescribeSecret` shows it.
    pub(crate) primary_region: Option<String>,
}

impl World {
    pub(super) fn region_mut(&mut self, region: &str) -> &mut Region {
        let collation = self.settings.collation;
        let new = || Region::new(collation);
        self.regions.entry(region.to_owned()).or_insert_with(new)
    }

    /// Finds a secret by its ID in a request. An ARN of another Region or account finds nothing
    /// \[infer\].
    pub(super) fn find(&self, region: &str, secret_id: &str) -> Option<Arc<Secret>> {
        let secrets = self.regions.get(region)?;
        let Some((arn_region, account, resource)) = parse_arn(secret_id) else {
            return secrets.get(secret_id);
        };
        if (arn_region, account) != (region, ACCOUNT_ID) {
            return None;
        }
        split_suffix(resource)
            .and_then(|(name, suffix)| {
                let secret = secrets.get(name);
                secret.filter(|secret| secret.suffix == suffix)
            })
            .or_else(|| secrets.get(resource))
    }

    /// Returns what IAM and KMS evaluate of a secret.
    pub(crate) fn called_secret(&self, region: &str, secret_id: &str) -> CalledSecret {
        let found = self.find(region, secret_id);
        found.map_or_else(CalledSecret::default, |secret| CalledSecret {
            key: secret.kms_key_id.clone(),
            primary_region: secret.primary_region().map(str::to_owned),
        })
    }

    /// Finds a secret for the operations that do not find a new secret at once.
    pub(super) fn find_visible(
        &mut self,
        now: Time,
        region: &str,
        secret_id: &str,
    ) -> Result<Arc<Secret>, ApiError> {
        let delay = self.age(self.settings.visibility_delay);
        self.find(region, secret_id)
            .filter(|secret| secret.created + delay <= now)
            .ok_or_else(ApiError::secret_not_found)
    }

    pub(super) fn by_name(&self, region: &str, name: &str) -> Option<Arc<Secret>> {
        self.regions.get(region)?.get(name)
    }

    pub(super) fn locate(&self, region: &str, secret_id: &str) -> Result<Arc<Secret>, ApiError> {
        self.find(region, secret_id)
            .ok_or_else(ApiError::secret_not_found)
    }

    /// Finds a secret to change: neither a replica nor marked for deletion.
    pub(super) fn locate_for_write(
        &self,
        region: &str,
        secret_id: &str,
    ) -> Result<Arc<Secret>, ApiError> {
        let secret = self.locate(region, secret_id)?;
        if secret.deletion.is_some() {
            return Err(ApiError::marked_for_deletion());
        }
        match secret.role {
            Role::Replica { .. } => Err(ApiError::on_replica()),
            Role::Primary(_) => Ok(secret),
        }
    }

    /// Finds a secret to change in a way that only its owning service may use. It is \[gap\] whether
    /// AWS rejects the replication of a managed secret.
    pub(super) fn locate_unmanaged(
        &self,
        region: &str,
        secret_id: &str,
    ) -> Result<Arc<Secret>, ApiError> {
        let secret = self.locate_for_write(region, secret_id)?;
        if secret.owning_service.is_some() {
            return Err(ApiError::managed_by_service());
        }
        Ok(secret)
    }

    /// Changes a secret, if it exists.
    pub(super) fn update(
        &mut self,
        at: Time,
        region: &str,
        name: &str,
        change: impl FnOnce(&mut Secret),
    ) {
        let lag = self.longest_lag();
        if let Some(region) = self.regions.get_mut(region) {
            region.update(at, lag, name, change);
        }
    }

    /// Puts a secret into its Region. Replaces a secret of the same name.
    pub(super) fn insert(&mut self, at: Time, secret: impl Into<Arc<Secret>>) {
        let secret = secret.into();
        let lag = self.longest_lag();
        self.region_mut(&secret.region).insert(at, lag, secret);
    }

    pub(super) fn remove(&mut self, at: Time, region: &str, name: &str) {
        let lag = self.longest_lag();
        self.region_mut(region).remove(at, lag, name);
    }
}
