//! Finding secrets and keeping the list up to date.

use super::arn::{self, SecretId};
use super::list_index::Listed;
use super::secret::{Role, Row, Secret};
use super::{ApiError, Time, World};

impl World {
    /// The secret that an id in a request names. An ARN of another Region or account finds nothing
    /// \[infer\].
    pub(super) fn find(&self, region: &str, secret_id: &str) -> Option<&Secret> {
        let secrets = self.regions.get(region)?;
        let resource = match SecretId::parse(secret_id) {
            SecretId::Name(name) => return secrets.get(name),
            SecretId::Arn {
                region: arn_region,
                account_id,
                resource,
            } => (arn_region == region && account_id == self.settings.account_id)
                .then_some(resource)?,
        };
        let complete = arn::split_suffix(resource)
            .and_then(|(name, suffix)| secrets.get(name).filter(|secret| secret.suffix == suffix));
        complete.or_else(|| secrets.get(resource))
    }

    /// The customer managed key of a secret, as it was named.
    pub(crate) fn key_of(&self, region: &str, secret_id: &str) -> Option<String> {
        self.find(region, secret_id)?.kms_key_id.clone()
    }

    /// Like [`World::find`], for the operations that do not find a new secret at once.
    pub(super) fn find_visible(
        &self,
        now: Time,
        region: &str,
        secret_id: &str,
    ) -> Result<&Secret, ApiError> {
        self.find(region, secret_id)
            .filter(|secret| secret.created + self.settings.visibility_delay <= now)
            .ok_or_else(ApiError::secret_not_found)
    }

    pub(super) fn find_mut(&mut self, region: &str, secret_id: &str) -> Option<&mut Secret> {
        let name = self.find(region, secret_id)?.name.clone();
        self.by_name_mut(region, &name)
    }

    pub(super) fn by_name(&self, region: &str, name: &str) -> Option<&Secret> {
        self.regions.get(region)?.get(name)
    }

    pub(super) fn by_name_mut(&mut self, region: &str, name: &str) -> Option<&mut Secret> {
        self.regions.get_mut(region)?.get_mut(name)
    }

    /// The name of the secret that a request is about.
    pub(super) fn locate(&self, region: &str, secret_id: &str) -> Result<String, ApiError> {
        self.find(region, secret_id)
            .map(|secret| secret.name.clone())
            .ok_or_else(ApiError::secret_not_found)
    }

    /// The name of a secret that a request changes: neither a replica nor marked for deletion.
    pub(super) fn locate_for_write(
        &self,
        region: &str,
        secret_id: &str,
    ) -> Result<String, ApiError> {
        let secret = self
            .find(region, secret_id)
            .ok_or_else(ApiError::secret_not_found)?;
        if secret.deletion.is_some() {
            return Err(ApiError::marked_for_deletion());
        }
        match secret.role {
            Role::Replica { .. } => Err(ApiError::on_replica()),
            Role::Primary(_) => Ok(secret.name.clone()),
        }
    }

    /// Like [`World::locate_for_write`], for what only the owning service may do. That AWS refuses
    /// to replicate a managed secret is \[gap\].
    pub(super) fn locate_unmanaged(
        &self,
        region: &str,
        secret_id: &str,
    ) -> Result<String, ApiError> {
        let name = self.locate_for_write(region, secret_id)?;
        match self.by_name(region, &name) {
            Some(secret) if secret.owning_service.is_some() => Err(ApiError::managed_by_service()),
            _ => Ok(name),
        }
    }

    pub(super) fn arn_of(&self, secret: &Secret) -> String {
        let account = &self.settings.account_id;
        arn::secret_arn(account, &secret.region, &secret.name, &secret.suffix)
    }

    /// Puts a secret into its Region, in the place of one of the same name.
    pub(super) fn insert(&mut self, at: Time, secret: Secret) {
        let (region, name) = (secret.region.clone(), secret.name.clone());
        self.remove(at, &region, &name);
        self.regions
            .entry(region.clone())
            .or_default()
            .insert(name.clone(), secret);
        self.note(at, &region, &name);
    }

    pub(super) fn remove(&mut self, at: Time, region: &str, name: &str) {
        let removed = self
            .regions
            .get_mut(region)
            .and_then(|secrets| secrets.remove(name));
        if let Some(secret) = removed {
            let place = (secret.created, self.arn_of(&secret));
            self.index.forget(at, region, &place);
        }
    }

    /// Remembers that a secret has changed, for the reads that lag behind.
    pub(super) fn note(&mut self, at: Time, region: &str, name: &str) {
        let lag = self.settings.status_lag;
        if let Some(secret) = self.by_name_mut(region, name) {
            secret.remember_rows(at, lag);
        }
        let listed = self
            .by_name(region, name)
            .map(|secret| Listed::new(self.arn_of(secret), secret));
        if let Some(listed) = listed {
            self.index.record(at, region, listed);
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Six characters that differ between secrets, and are the same in every run.
    pub(super) fn new_suffix(&mut self, region: &str, name: &str) -> String {
        const ALPHABET: &[u8; 62] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let number = self.next_number();
        let mut hash = fnv(format!("{region}/{name}/{number}").as_bytes());
        let mut character = || {
            let index = usize::try_from(hash % 62).unwrap_or_default();
            hash /= 62;
            char::from(ALPHABET[index])
        };
        (0..6).map(|_| character()).collect()
    }

    /// An id in the form of a UUID.
    pub(super) fn new_version_id(&mut self) -> String {
        let number = self.next_number();
        format!("00000000-0000-4000-8000-{number:012x}")
    }
}

impl Secret {
    /// Puts a row into `ReplicationStatus`, in the place of the Region's row if there is one.
    pub(super) fn put_row(&mut self, row: Row) {
        if let Role::Primary(rows) = &mut self.role {
            match rows.iter_mut().find(|other| other.region == row.region) {
                Some(other) => *other = row,
                None => rows.push(row),
            }
        }
    }

    pub(super) fn drop_row(&mut self, region: &str) {
        if let Role::Primary(rows) = &mut self.role {
            rows.retain(|row| row.region != region);
        }
    }
}

/// The FNV-1a hash.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
