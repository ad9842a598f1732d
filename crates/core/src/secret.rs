//! The metadata of a secret, in strict types.
//!
//! Every value from outside (events, responses, tags, the policy) is parsed into these types once. A
//! parsed value is well formed.

mod arn;
mod encryption;
mod region;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

pub use arn::{NotASecretArn, SecretArn};
pub use encryption::{Encryption, KmsKey, NotAKmsKey};
pub use region::{InvalidRegion, Region};

/// The maximum length of a name in characters (Secrets Manager API reference, `CreateSecret`).
pub(crate) const LONGEST_NAME: usize = 512;

/// The characters that a name may contain besides ASCII letters and digits (Secrets Manager API reference,
/// `CreateSecret`).
pub(crate) const NAME_PUNCTUATION: &str = "/_+=.@-!";

/// Returns whether the name of a secret may contain the character.
pub(crate) fn is_in_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || NAME_PUNCTUATION.contains(c)
}

/// The text cannot be the name of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotASecretName {
    /// The name is empty.
    #[error("the secret's name is empty")]
    Empty,
    /// The name has this number of characters.
    #[error("the secret's name has {0} characters; AWS allows {LONGEST_NAME}")]
    TooLong(usize),
    /// The name contains this character.
    #[error(
        "the secret's name contains `{}`; AWS allows letters, digits and `{NAME_PUNCTUATION}`",
        .0.escape_debug()
    )]
    Character(char),
}

/// The time after which a replica in progress is stuck. A replication takes seconds (reported by users).
pub const STUCK_AFTER: TimeDelta = TimeDelta::minutes(15);

/// A secret as `DescribeSecret` returns it, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// The full ARN, in the Region in which the secret was read.
    pub arn: SecretArn,
    /// The friendly name, for instance `prod/db`.
    pub name: String,
    /// The tags by key.
    pub tags: BTreeMap<String, String>,
    /// The encryption of the primary secret.
    pub encryption: Encryption,
    /// The Region of the primary secret, if AWS returns it. Absent if the secret was never replicated
    /// (recorded `DescribeSecret` responses).
    pub primary_region: Option<Region>,
    /// The AWS service that manages the secret, for instance `rds`.
    pub owning_service: Option<String>,
    /// Whether the secret is scheduled for deletion (`DeletedDate` is present).
    pub scheduled_for_deletion: bool,
    /// The version with the label `AWSCURRENT`, if there is one. Only such a version is a value: AWS
    /// lists versions without a value, too, and a secret under its first rotation has only
    /// `AWSPENDING`. Terraform creates a secret without a value and adds the value a moment later
    /// (recorded events).
    pub current_version: Option<String>,
    /// The time of the last change (`LastChangedDate`), if AWS returns one.
    pub last_changed: Option<DateTime<Utc>>,
    /// The replicas of the primary secret, by Region.
    pub replicas: BTreeMap<Region, Replica>,
    /// The contents of other Regions under the secret's name, where they were probed.
    pub probed: BTreeMap<Region, RegionalSecret>,
}

impl Secret {
    /// Returns a primary secret that need not exist, for evaluating a policy. It has a value and no
    /// replicas.
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
        if let Some(other) = name.chars().find(|c| !is_in_names(*c)) {
            return Err(NotASecretName::Character(other));
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
            current_version: Some("any".to_owned()),
            last_changed: None,
            replicas: BTreeMap::new(),
            probed: BTreeMap::new(),
        })
    }

    /// Returns this hypothetical secret in an account.
    #[must_use]
    pub fn in_account(self, account: &str) -> Self {
        Self {
            arn: self.arn.in_account(account),
            ..self
        }
    }

    /// Returns the AWS service that manages this secret. A managed secret has `OwningService`, the tag
    /// `aws:secretsmanager:owningService`, or a name of the form `service!...` (Secrets Manager user
    /// guide, "Secrets managed by other AWS services").
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

    /// Whether the secret has a value.
    #[must_use]
    pub fn has_value(&self) -> bool {
        self.current_version.is_some()
    }

    /// Whether a probe found a former replica of the secret in the Region that is now a standalone secret.
    #[must_use]
    pub fn is_promoted_in(&self, region: &Region) -> bool {
        self.probed.get(region) == Some(&RegionalSecret::PromotedReplica)
    }

    /// Returns whether this read is older than an earlier one, which shows a value: a secret never loses its value.
    #[must_use]
    pub fn lacks_value_of(&self, earlier: &Self) -> bool {
        earlier.has_value() && !self.has_value()
    }

    /// Returns the Regions in which a probe found a promoted former replica.
    #[must_use]
    pub fn promoted(&self) -> BTreeSet<Region> {
        let regions = self.probed.keys();
        let promoted = regions.filter(|region| self.is_promoted_in(region));
        promoted.cloned().collect()
    }

    /// Adds the Regions in which an earlier probe found a promoted former replica. Other findings of earlier probes
    /// must not be added, because they may permit a request that a later probe does not.
    pub fn note_promoted(&mut self, regions: &BTreeSet<Region>) {
        let promoted = |region: &Region| (region.clone(), RegionalSecret::PromotedReplica);
        self.probed.extend(regions.iter().map(promoted));
    }

    /// Whether the last change is older than [`STUCK_AFTER`]. Only then can a replication be stuck.
    #[must_use]
    pub fn is_settled(&self, now: DateTime<Utc>) -> bool {
        self.last_changed
            .is_some_and(|changed| now - changed > STUCK_AFTER)
    }

    /// Whether the replication to this Region, which AWS reports in progress, is stuck: both the last
    /// change of the secret and the creation of the replica, which a probe shows, are older than
    /// [`STUCK_AFTER`]. An unknown date means that it is not.
    #[must_use]
    pub fn is_replication_stuck(&self, found: &RegionalSecret, now: DateTime<Utc>) -> bool {
        let created = match found {
            RegionalSecret::Replica { created, .. } => *created,
            _ => None,
        };
        self.is_settled(now) && created.is_some_and(|created| now - created > STUCK_AFTER)
    }

    /// Whether what a Region has is the replica with the current version of this primary secret.
    #[must_use]
    pub fn is_current(&self, found: &RegionalSecret) -> bool {
        matches!(
            found,
            RegionalSecret::Replica { current_version, .. } if *current_version == self.current_version
        )
    }

    /// Returns whether this version is the current one.
    #[must_use]
    pub fn is_version_current(&self, version: VersionHash) -> bool {
        self.current_version.as_deref().map(VersionHash::of) == Some(version)
    }

    /// Returns the Region of the primary secret, if this secret is a replica.
    #[must_use]
    pub fn replica_of(&self) -> Option<&Region> {
        self.primary_region
            .as_ref()
            .filter(|primary| *primary != self.arn.region())
    }
}

/// The contents of a Region under the name of a primary secret that is in another Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegionalSecret {
    /// The Region has no secret of this name, so a replica can be created, and removing a failed one
    /// loses no data.
    Absent,
    /// The Region has the secret's replica.
    Replica {
        /// The version with the label `AWSCURRENT`. Replicas have the version IDs of their primary
        /// secret (recorded for one pair), and versions are immutable, so an equal ID shows that the
        /// value has arrived.
        current_version: Option<String>,
        /// The time at which the replica was created, if AWS returns it.
        created: Option<DateTime<Utc>>,
    },
    /// The Region has a former replica that `StopReplicationToReplica` made a standalone secret: it has
    /// the same six-character suffix, and may have a newer value.
    PromotedReplica,
    /// The Region has a replica of the same suffix whose primary secret is in a third Region: the secret was promoted
    /// after it had been replicated to several Regions. Nothing overwrites it, because it can be promoted at any
    /// time, and may have a newer value then.
    ReplicaOfAnotherRegion,
    /// The Region has another secret of the same name.
    OtherSecret,
}

/// The hash of a version ID, to compare versions within one invocation. The ID is the caller's
/// `ClientRequestToken`, and no record contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionHash(u64);

impl VersionHash {
    /// Hashes a version ID.
    #[must_use]
    pub fn of(version_id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        version_id.hash(&mut hasher);
        Self(hasher.finish())
    }
}

impl RegionalSecret {
    /// Classifies a secret in another Region that has the name of the primary secret with this ARN. `created` is
    /// unknown in the entry of a list.
    #[must_use]
    pub fn of(primary: &SecretArn, found: &Secret, created: Option<DateTime<Utc>>) -> Self {
        if found.arn.resource() != primary.resource() {
            return Self::OtherSecret;
        }
        match found.replica_of() {
            Some(region) if region == primary.region() => Self::Replica {
                created,
                current_version: found.current_version.clone(),
            },
            Some(_) => Self::ReplicaOfAnotherRegion,
            None => Self::PromotedReplica,
        }
    }
}

/// A replica as the primary secret's `ReplicationStatus` contains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The status of the replication.
    pub status: ReplicaStatus,
    /// AWS's message, for instance why a replication failed.
    pub message: Option<String>,
    /// The key that encrypts the replica.
    pub kms_key: Option<String>,
}

/// The status of a replica. The set is open, because AWS adds statuses: the SDK does not know
/// `Detached`, for instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaStatus {
    /// The replica has the contents of the primary secret.
    InSync,
    /// AWS is still copying the secret.
    InProgress,
    /// The replication failed. The message contains the cause.
    Failed,
    /// A status that this version does not know, as AWS returned it.
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

/// The identifier of a secret: an ARN, a name or a partial ARN. AWS accepts each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretId {
    /// The full ARN.
    Arn(SecretArn),
    /// Any other `SecretId` that `DescribeSecret` accepts.
    Name(String),
}

impl SecretId {
    /// Parses an identifier. Any text other than a full ARN becomes a name.
    #[must_use]
    pub fn new(text: &str) -> Self {
        SecretArn::parse(text).map_or_else(|_| Self::Name(text.to_owned()), Self::Arn)
    }

    /// Returns the identifier as `SecretId` of an API call.
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
        let region = Region::parse("eusc-de-east-1").unwrap();
        Secret::hypothetical(name, BTreeMap::new(), &region, None)
    }

    #[test]
    fn a_hypothetical_secret_has_a_name_that_aws_allows() {
        assert!(named(&"a".repeat(LONGEST_NAME)).is_ok());
        let too_long = named(&"ü".repeat(LONGEST_NAME + 1));
        assert_eq!(too_long, Err(NotASecretName::TooLong(LONGEST_NAME + 1)));
        assert_eq!(named(""), Err(NotASecretName::Empty));
        assert!(named("aZ9/_+=.@-!").is_ok());
        assert_eq!(named("a b"), Err(NotASecretName::Character(' ')));
        let message = named("a\u{1b}").unwrap_err().to_string();
        assert!(message.contains("`\\u{1b}`"), "{message}");
    }
}
