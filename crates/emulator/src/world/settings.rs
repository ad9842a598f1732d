//! The settings of a [`World`](crate::World): delays, quotas, and undocumented behavior of AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The settings of a world. The defaults follow AWS as far as its behavior is known, with shorter
/// delays.
#[derive(Debug, Clone)]
pub struct WorldSettings {
    /// The time from the call to `InSync` or `Failed`. AWS takes seconds \[field\]. Default 1 s.
    pub replication_delay: Duration,
    /// The time from `RemoveRegionsFromReplication` to the end of the removal. AWS takes 40 to 90 s
    /// \[field\]. Default 60 s.
    pub removal_delay: Duration,
    /// The time for which `DescribeSecret` does not find a new secret
    /// \[field: hashicorp/terraform-provider-aws#18406\]. `ReplicateSecretToRegions` does not find
    /// it either \[infer\]. The length is \[gap\]. Default 0.
    pub visibility_delay: Duration,
    /// The age of the state that `ListSecrets` returns. AWS documents up to five minutes.
    /// Default 0.
    pub list_lag: Duration,
    /// The ages of the lists of single Regions, instead of `list_lag`.
    pub list_lags: BTreeMap<String, Duration>,
    /// The order of names in a list that is sorted by name.
    pub collation: Collation,
    /// The least length of a `NextToken` in characters. AWS allows up to 4,096. Default: as short as possible.
    pub list_token_length: usize,
    /// The age of the `ReplicationStatus` that `DescribeSecret` returns. The lag is inferred from
    /// new secrets that are not found \[infer\]; its length is \[gap\]. Writes use the present
    /// state. A seeded secret has no earlier state. Default 0.
    pub status_lag: Duration,
    /// Reads that go back in time: each draws its ages at random, with this seed. A read can then show an
    /// older state than the read before it. `list_lag` and `visibility_delay` become the longest ages, and
    /// these lags replace `status_lag`. Default: none.
    pub random_reads: Option<(u64, ReadLags)>,
    /// Whether [`World::history`](crate::World::history) has all past states. Default: no.
    pub keeps_history: bool,
    /// The Regions that the account has enabled. Default: the Regions that are enabled in every
    /// account, in all partitions. Any other Region, known or not, counts as not enabled.
    pub enabled_regions: BTreeSet<String>,
    /// The result of a replication to a Region that is not enabled.
    pub region_not_enabled: RegionNotEnabled,
    /// The effect of `ReplicateSecretToRegions` on a Region that already has the replica.
    pub known_replica: KnownReplica,
    /// The result of replicating a secret without a value.
    pub secret_without_value: SecretWithoutValue,
    /// The status of a replica that failed before any version arrived.
    pub failed_replicas: FailedReplicas,
    /// The status of a replica during its removal.
    pub removed_replicas: RemovedReplicas,
    /// What the primary secret lists after the promotion of a replica.
    pub promoted_replicas: PromotedReplicas,
    /// The state of a customer key that [`World::set_key`](crate::World::set_key) has not set. Default
    /// [`KeyState::Missing`].
    pub unlisted_keys: KeyState,
    /// The write quota: calls per second in each Region. AWS rejects further calls with
    /// `ThrottlingException`. `None` for no limit. Default 50 \[doc\].
    pub writes_per_second: Option<u32>,
    /// The quota of `ListSecrets`: calls per second in each Region. `None` for no limit. Default 50
    /// \[doc\].
    pub lists_per_second: Option<u32>,
}

/// The order of names in a list that is sorted by name. AWS does not document it \[gap\].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Collation {
    /// The order of the bytes.
    #[default]
    Bytes,
    /// Upper-case and lower-case letters are equal.
    IgnoringCase,
    /// Only letters and digits count, without regard to case.
    IgnoringPunctuation,
}

impl Collation {
    /// Returns a text whose bytes have the order of the name.
    pub(super) fn sort_key(self, name: &str) -> String {
        match self {
            Collation::Bytes => name.to_owned(),
            Collation::IgnoringCase => name.to_ascii_lowercase(),
            Collation::IgnoringPunctuation => {
                let letters = name.chars().filter(char::is_ascii_alphanumeric);
                letters.map(|letter| letter.to_ascii_lowercase()).collect()
            }
        }
    }
}

/// The longest age of each part of an answer of `DescribeSecret` \[infer\].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadLags {
    /// `ReplicationStatus`, and whether the secret is a replica.
    pub status: Duration,
    /// `Tags`.
    pub tags: Duration,
    /// `VersionIdsToStages`.
    pub versions: Duration,
    /// `DeletedDate`.
    pub deletion: Duration,
}

/// The result of a replication to a Region that is not enabled for the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RegionNotEnabled {
    /// The call succeeds and the replica ends as `Failed` \[doc\].
    #[default]
    FailsLater,
    /// The whole call fails with `InvalidParameterException` \[gap\].
    RefusesCall,
}

/// The effect of `ReplicateSecretToRegions` on a Region that already has the replica \[gap\].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum KnownReplica {
    /// Accepted without effect, in any status.
    Ignore,
    /// Retries a failed replica. Accepted without effect in any other status.
    #[default]
    RetryIfFailed,
    /// The whole call fails with `InvalidParameterException`.
    RefuseCall,
}

/// The result of replicating a secret without a value \[gap\].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SecretWithoutValue {
    /// The replica stays `InProgress` until a value arrives.
    #[default]
    WaitsInProgress,
    /// The whole call fails with `InvalidRequestException`.
    RefusesCall,
}

/// The status of a replica that failed before any version arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum FailedReplicas {
    /// `ReplicationStatus` keeps it as `Failed`.
    #[default]
    Kept,
    /// It disappears from `ReplicationStatus` \[gap\].
    Dropped,
}

/// The status in the primary's `DescribeSecret` of a replica during its removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RemovedReplicas {
    /// The row stays, as `InProgress`, until the replica is gone. Until then the primary cannot be
    /// deleted \[gap\].
    Shown,
    /// The row stays as it was, `InSync`, until the replica is gone \[gap\].
    ShownAsBefore,
    /// The row disappears at once \[doc\]. The replica itself stays in its Region for the removal delay
    /// \[field\]. Deleting the primary meanwhile makes it a standalone secret \[field\].
    #[default]
    Hidden,
}

/// What the primary secret's `ReplicationStatus` shows after `StopReplicationToReplica` \[gap\].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PromotedReplicas {
    /// The row disappears at once, if the primary Region runs. Otherwise it stays as it was.
    #[default]
    Hidden,
    /// The row stays as it was.
    ShownAsBefore,
}

/// The state of a customer key in one Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// Replication with it works.
    Usable,
    /// The key does not exist.
    Missing,
    /// The key is disabled.
    Disabled,
    /// The caller may not use the key.
    Denied,
    /// The key is still being created and becomes usable at this time.
    UsableFrom(crate::Time),
}

/// The Regions that are enabled in every account.
const ALWAYS_ENABLED: [&str; 23] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "eusc-de-east-1",
];

impl WorldSettings {
    /// Returns the age of a Region's list.
    pub(super) fn list_lag(&self, region: &str) -> Duration {
        self.list_lags.get(region).copied().unwrap_or(self.list_lag)
    }

    pub(super) fn longest_list_lag(&self) -> Duration {
        self.list_lags
            .values()
            .copied()
            .fold(self.list_lag, Duration::max)
    }
}

impl Default for WorldSettings {
    fn default() -> WorldSettings {
        WorldSettings {
            replication_delay: Duration::from_secs(1),
            removal_delay: Duration::from_mins(1),
            visibility_delay: Duration::ZERO,
            list_lag: Duration::ZERO,
            list_lags: BTreeMap::new(),
            collation: Collation::default(),
            list_token_length: 0,
            status_lag: Duration::ZERO,
            random_reads: None,
            keeps_history: false,
            enabled_regions: ALWAYS_ENABLED.map(str::to_owned).into(),
            region_not_enabled: RegionNotEnabled::default(),
            known_replica: KnownReplica::default(),
            secret_without_value: SecretWithoutValue::default(),
            failed_replicas: FailedReplicas::default(),
            removed_replicas: RemovedReplicas::default(),
            promoted_replicas: PromotedReplicas::default(),
            unlisted_keys: KeyState::Missing,
            writes_per_second: Some(50),
            lists_per_second: Some(50),
        }
    }
}
