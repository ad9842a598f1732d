//! What the function knows of a secret: strict types over what AWS answers.
//!
//! Everything that comes from outside (events, answers, tags, the policy) passes through these
//! types once. What has passed is known to be well formed.

mod arn;
mod encryption;
mod region;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use thiserror::Error;

pub use arn::{NotASecretArn, SecretArn};
pub use encryption::{Encryption, KmsKey, NotAKmsKey};
pub use region::{InvalidRegion, Region};

/// The length that the Secrets Manager API reference gives for a name, in characters.
pub(crate) const LONGEST_NAME: usize = 512;

/// No secret can have the name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotASecretName {
    /// It is empty.
    #[error("the secret's name is empty")]
    Empty,
    /// It has so many characters.
    #[error("the secret's name has {0} characters; AWS allows {LONGEST_NAME}")]
    TooLong(usize),
}

/// A secret as `DescribeSecret` shows it, without anything of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// The full ARN, in the Region it was read in.
    pub arn: SecretArn,
    /// The friendly name, for instance `prod/db`.
    pub name: String,
    /// The tags by key.
    pub tags: BTreeMap<String, String>,
    /// How the primary secret is encrypted.
    pub encryption: Encryption,
    /// Where the primary secret lives, if AWS names it. It is absent on a secret that was never
    /// replicated (recorded `DescribeSecret` answers).
    pub primary_region: Option<Region>,
    /// The AWS service that manages the secret, for instance `rds`.
    pub owning_service: Option<String>,
    /// Whether the secret is scheduled for deletion (`DeletedDate` is present).
    pub scheduled_for_deletion: bool,
    /// Whether the secret has a version, so a value. Terraform creates a secret without one and
    /// puts the value a moment later (recorded events).
    pub has_value: bool,
    /// The replicas that the primary secret has, by Region.
    pub replicas: BTreeMap<Region, Replica>,
    /// Regions that were looked into, and hold no secret of this name: nothing stands in the way of
    /// a replica there, and nothing is lost with one.
    pub name_available: BTreeSet<Region>,
}

impl Secret {
    /// A primary secret that need not exist, for asking what a policy would make of it. It has a
    /// value and no replicas.
    ///
    /// # Errors
    /// [`NotASecretName`] if no secret can have the name.
    pub fn hypothetical(
        name: &str,
        tags: BTreeMap<String, String>,
        primary_region: &Region,
        kms_key_id: Option<&str>,
    ) -> Result<Self, NotASecretName> {
        let length = name.chars().count();
        if length == 0 {
            return Err(NotASecretName::Empty);
        }
        if length > LONGEST_NAME {
            return Err(NotASecretName::TooLong(length));
        }
        let partition = primary_region.partition();
        let arn =
            format!("arn:{partition}:secretsmanager:{primary_region}:000000000000:secret:{name}");
        Ok(Self {
            arn: SecretArn::parse(&arn).map_err(|_| NotASecretName::TooLong(length))?,
            name: name.to_owned(),
            tags,
            encryption: Encryption::from_kms_key_id(kms_key_id),
            primary_region: None,
            owning_service: None,
            scheduled_for_deletion: false,
            has_value: true,
            replicas: BTreeMap::new(),
            name_available: BTreeSet::new(),
        })
    }

    /// The service that manages this secret, whichever of the three marks of a managed secret it
    /// carries: `OwningService`, the tag `aws:secretsmanager:owningService`, or a name of the form
    /// `service!...` (Secrets Manager user guide, "Secrets managed by other AWS services").
    #[must_use]
    pub fn managed_by(&self) -> Option<&str> {
        self.owning_service
            .as_deref()
            .or_else(|| {
                self.tags
                    .get("aws:secretsmanager:owningService")
                    .map(String::as_str)
            })
            .or_else(|| self.name.split_once('!').map(|(service, _)| service))
    }

    /// The Region of the primary secret, if this secret is a replica of it.
    #[must_use]
    pub fn replica_of(&self) -> Option<&Region> {
        self.primary_region
            .as_ref()
            .filter(|primary| *primary != self.arn.region())
    }
}

/// A replica as the primary secret's `ReplicationStatus` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// How far the replication is.
    pub status: ReplicaStatus,
    /// AWS's own words, for instance why a replication failed.
    pub message: Option<String>,
    /// The key that encrypts the replica.
    pub kms_key: Option<String>,
}

/// The status of a replica. AWS adds statuses (`Detached` is one the SDK does not know), so the
/// set is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaStatus {
    /// The replica holds what the primary secret holds.
    InSync,
    /// AWS is still copying.
    InProgress,
    /// AWS gave up; the message says why.
    Failed,
    /// A status that this version does not know, as AWS wrote it.
    Unknown(String),
}

impl fmt::Display for ReplicaStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InSync => "InSync",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Unknown(status) => status,
        })
    }
}

/// A secret as a caller names it: by ARN, or by name (or partial ARN), as AWS accepts both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretId {
    /// The full ARN.
    Arn(SecretArn),
    /// Anything else that `DescribeSecret` takes as `SecretId`.
    Name(String),
}

impl SecretId {
    /// Reads an identifier; what is no full ARN is taken as a name.
    #[must_use]
    pub fn new(text: &str) -> Self {
        SecretArn::parse(text).map_or_else(|_| Self::Name(text.to_owned()), Self::Arn)
    }

    /// The identifier as `SecretId` of an API call.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Arn(arn) => arn.as_str(),
            Self::Name(name) => name,
        }
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Result<Secret, NotASecretName> {
        let home = Region::parse("eusc-de-east-1").unwrap();
        Secret::hypothetical(name, BTreeMap::new(), &home, None)
    }

    #[test]
    fn a_hypothetical_secret_has_a_name_that_aws_allows() {
        assert!(named(&"a".repeat(LONGEST_NAME)).is_ok());
        let too_long = named(&"ü".repeat(LONGEST_NAME + 1));
        assert_eq!(too_long, Err(NotASecretName::TooLong(LONGEST_NAME + 1)));
        assert_eq!(named(""), Err(NotASecretName::Empty));
    }
}
