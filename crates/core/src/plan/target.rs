use std::collections::{BTreeMap, BTreeSet};

use crate::limits::{Limits, Overwrite};
use crate::policy::RegionRequest;
use crate::reason::{Conflict, Refusal};
use crate::secret::{KmsKey, Region, Secret};

/// A Region that may get a replica of one secret, and how.
///
/// Only a Region that the plan admits becomes one, so there is no target in the primary secret's own
/// Region, in another partition, outside the allowed Regions, in a forbidden Region, or with a weaker
/// key that no rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    region: Region,
    key: ReplicaKey,
    overwrite: Overwrite,
}

/// The key for a replica, and what named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaKey {
    /// The key; `None` is the AWS managed key `aws/secretsmanager`.
    pub kms_key: Option<KmsKey>,
    /// What named it.
    pub named_by: KeySource,
}

impl ReplicaKey {
    /// The key's name, for people.
    #[must_use]
    pub fn name(&self) -> String {
        self.kms_key
            .as_ref()
            .map_or_else(|| "aws/secretsmanager".to_owned(), ToString::to_string)
    }
}

/// What named a replica's key.
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

    /// Whether a secret of the same name in the Region is overwritten.
    #[must_use]
    pub fn overwrite(&self) -> Overwrite {
        self.overwrite
    }
}

/// A Region that may get a replica of one secret. Only [`admit`] makes one.
pub(super) struct AdmittedRegion<'a> {
    secret: &'a Secret,
    region: &'a Region,
    request: &'a RegionRequest,
    limits: &'a Limits,
}

/// Checks that a Region may get a replica.
///
/// # Errors
/// The reason why it must not.
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
    /// The target: the Region with the key for the replica.
    ///
    /// # Errors
    /// The reason why no key may be used, or why the rules contradict each other.
    pub(super) fn target(&self) -> Result<Target, Refusal> {
        let Self {
            secret,
            region,
            request,
            limits,
        } = self;
        let wants_overwrite =
            agreed(&request.overwrite, Conflict::Overwrite)?.is_some_and(|(yes, _)| *yes);
        Ok(Target {
            region: (*region).clone(),
            key: replica_key(secret, region, request)?,
            overwrite: if wants_overwrite {
                limits.overwrite
            } else {
                Overwrite::Never
            },
        })
    }
}

/// The one value that all rules agree on, and the rules. `None` if no rule names a value.
fn agreed<T: Ord>(
    said: &BTreeMap<T, BTreeSet<String>>,
    about: Conflict,
) -> Result<Option<(&T, &BTreeSet<String>)>, Refusal> {
    if said.len() > 1 {
        let rules = said.values().flatten().cloned().collect();
        return Err(Refusal::ConflictingRules(about, rules));
    }
    Ok(said.first_key_value())
}

/// A rule may name a weaker key outright; the policy's general keys never weaken anything.
fn replica_key(
    secret: &Secret,
    region: &Region,
    request: &RegionRequest,
) -> Result<ReplicaKey, Refusal> {
    let named = |key: &KmsKey| (!key.is_aws_managed()).then(|| key.clone());
    if let Some((key, rules)) = agreed(&request.rule_keys, Conflict::Key)? {
        return Ok(ReplicaKey {
            kms_key: named(key),
            named_by: KeySource::Rules(rules.clone()),
        });
    }
    if let Some(key) = request.policy_key.as_ref().and_then(named) {
        return Ok(ReplicaKey {
            kms_key: Some(key),
            named_by: KeySource::Policy,
        });
    }
    let kms_key = secret
        .encryption
        .replica_key(region)
        .map_err(|key| Refusal::WeakerEncryption(key.clone()))?;
    Ok(ReplicaKey {
        kms_key,
        named_by: KeySource::PrimarySecret,
    })
}
