use std::collections::{BTreeMap, BTreeSet};

use crate::limits::{Limits, Overwrite};
use crate::policy::RegionRequest;
use crate::reason::{Conflict, Refusal};
use crate::secret::{KmsKey, Region, RegionalSecret, Secret};

/// A Region that may get a replica of one secret, with the replica's settings.
///
/// Only an admitted Region becomes a target, so no target is in the primary secret's own Region, in
/// another partition, outside the allowed Regions, or in a forbidden Region, and none has a weaker key
/// that no rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    region: Region,
    key: ReplicaKey,
    overwrite: Overwrite,
    overwrites: bool,
}

/// The key for a replica, and its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaKey {
    /// The key. `None` is the AWS managed key `aws/secretsmanager`.
    pub kms_key: Option<KmsKey>,
    /// The source of the key.
    pub source: KeySource,
}

impl ReplicaKey {
    /// Returns the key's name for display.
    #[must_use]
    pub fn name(&self) -> String {
        self.kms_key
            .as_ref()
            .map_or_else(|| "aws/secretsmanager".to_owned(), ToString::to_string)
    }
}

/// The source of a replica's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// These rules.
    Rules(BTreeSet<String>),
    /// The policy's `kms-keys`.
    Policy,
    /// The primary secret's own key.
    PrimarySecret,
}

impl Target {
    /// The Region of the replica.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The key for the replica.
    #[must_use]
    pub fn key(&self) -> &ReplicaKey {
        &self.key
    }

    /// Whether rules and settings allow to overwrite another secret of the same name in the Region.
    #[must_use]
    pub fn overwrite(&self) -> Overwrite {
        self.overwrite
    }

    /// Whether the request overwrites a secret (`ForceOverwriteReplicaSecret`): it is allowed, and a probe
    /// found another secret of the same name in the Region. Never if the probe failed.
    #[must_use]
    pub fn overwrites(&self) -> bool {
        self.overwrites
    }

    /// Whether both targets are a replica in the same Region with the same key.
    #[must_use]
    pub fn is_same_replica(&self, other: &Self) -> bool {
        (&self.region, &self.key) == (&other.region, &other.key)
    }
}

/// A Region that may get a replica of one secret. Only [`admit`] creates it.
pub(super) struct AdmittedRegion<'a> {
    secret: &'a Secret,
    region: &'a Region,
    request: &'a RegionRequest,
    limits: &'a Limits,
}

/// Checks that a Region may get a replica.
///
/// # Errors
/// The reason why the Region must not get a replica.
pub(super) fn admit<'a>(
    secret: &'a Secret,
    region: &'a Region,
    request: &'a RegionRequest,
    limits: &'a Limits,
) -> Result<AdmittedRegion<'a>, Refusal> {
    let primary = secret.arn.region();
    if region == primary {
        Err(Refusal::PrimaryRegion)
    } else if region.partition() != primary.partition() {
        Err(Refusal::OtherPartition)
    } else if !request.forbidden_by.is_empty() {
        Err(Refusal::ForbiddenByPolicy(request.forbidden_by.clone()))
    } else if !limits.allowed_regions.admits(region) {
        Err(Refusal::RegionNotAllowed)
    } else {
        Ok(AdmittedRegion {
            secret,
            region,
            request,
            limits,
        })
    }
}

impl AdmittedRegion<'_> {
    /// Returns the target: the Region with the replica's settings.
    ///
    /// # Errors
    /// The reason why no key may be used, or the conflict between rules.
    pub(super) fn target(&self) -> Result<Target, Refusal> {
        let Self {
            secret,
            region,
            request,
            limits,
        } = self;
        let wants_overwrite =
            agreed(&request.overwrite, Conflict::Overwrite)?.is_some_and(|(yes, _)| *yes);
        let overwrite = if wants_overwrite {
            limits.overwrite
        } else {
            Overwrite::Never
        };
        let is_taken = secret.probed.get(*region) == Some(&RegionalSecret::OtherSecret);
        Ok(Target {
            region: (*region).clone(),
            key: replica_key(secret, region, request)?,
            overwrite,
            overwrites: is_taken && overwrite == Overwrite::Allowed,
        })
    }
}

/// Returns the value on which all rules agree, and those rules. `None` if no rule specifies a value.
fn agreed<T: Ord>(
    values: &BTreeMap<T, BTreeSet<String>>,
    conflict: Conflict,
) -> Result<Option<(&T, &BTreeSet<String>)>, Refusal> {
    if values.len() > 1 {
        let rules = values.values().flatten().cloned().collect();
        return Err(Refusal::ConflictingRules(conflict, rules));
    }
    Ok(values.first_key_value())
}

impl ReplicaKey {
    /// Returns why a replica with this key contradicts the policy. `None` if it does not, or if the names
    /// of the keys do not show it. A customer managed key where neither rule nor policy names one is
    /// stronger than the AWS managed key, so it is accepted.
    pub(super) fn contradicted_by(&self, replica: &KmsKey) -> Option<Refusal> {
        if self.kms_key.is_none() && self.source == KeySource::PrimarySecret {
            return None;
        }
        let wanted = KmsKey::new(self.name());
        wanted.contradicts(replica).then(|| Refusal::KmsKeyDiffers {
            replica: replica.clone(),
            wanted,
        })
    }
}

/// Returns the key for a replica. A rule may explicitly name a weaker key than the primary secret's;
/// the policy's `kms-keys` never weaken encryption.
fn replica_key(
    secret: &Secret,
    region: &Region,
    request: &RegionRequest,
) -> Result<ReplicaKey, Refusal> {
    let named = |key: &KmsKey| (!key.is_aws_managed()).then(|| key.clone());
    if let Some((key, rules)) = agreed(&request.rule_keys, Conflict::Key)? {
        return Ok(ReplicaKey {
            kms_key: named(key),
            source: KeySource::Rules(rules.clone()),
        });
    }
    if let Some(key) = request.policy_key.as_ref().and_then(named) {
        return Ok(ReplicaKey {
            kms_key: Some(key),
            source: KeySource::Policy,
        });
    }
    let kms_key = secret
        .encryption
        .replica_key(region)
        .map_err(|key| Refusal::WeakerEncryption(key.clone()))?;
    Ok(ReplicaKey {
        kms_key,
        source: KeySource::PrimarySecret,
    })
}
