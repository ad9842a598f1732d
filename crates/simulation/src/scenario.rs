//! A world and everything that happens in it, as plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secret_replicator_emulator::{
    Denial, FailedReplicas, Fault, KeyState, KnownReplica, RegionNotEnabled, RemovedReplicas,
    SecretWithoutValue, WorldSettings,
};
use serde::{Deserialize, Serialize};

use secret_replicator_reference_policy as reference;
use secret_replicator_reference_policy::generator;

/// The Region of the function and of every primary secret.
pub const HOME: &str = "us-east-1";

/// The Regions that scenarios are about, besides [`HOME`]. The last two are not enabled, and of
/// another partition.
pub const REGIONS: [&str; 6] = [
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-south-1",
    "me-south-1",
    "cn-north-1",
];

/// Every Region that a policy or a tag may name.
pub(crate) fn regions() -> BTreeSet<&'static str> {
    let others = REGIONS.into_iter().chain(generator::WORLD);
    others.chain([HOME]).collect()
}

/// When acts and faults end, in milliseconds.
pub const STORM: u32 = 300_000;

/// The function, its world, and what happens there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scenario {
    /// The function's settings.
    pub settings: FunctionSettings,
    /// The policy.
    pub(crate) policy: reference::Policy,
    /// Whether the policy has `removal: covered`.
    pub removal: bool,
    /// How AWS behaves.
    pub aws: Aws,
    /// The secrets that are there at the beginning.
    pub secrets: Vec<SecretAtStart>,
    /// What owners and AWS do.
    pub acts: Vec<Act>,
    /// What goes wrong with calls.
    pub faults: Vec<TimedFault>,
    /// Invocations that end before their time.
    pub kills: Vec<Kill>,
}

/// The function's settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FunctionSettings {
    /// `ALLOWED_REPLICA_REGIONS`
    pub allowed_regions: Option<BTreeSet<String>>,
    /// `ALLOW_OVERWRITE`
    pub overwrite: bool,
    /// `ALLOW_REMOVAL`
    pub removal: bool,
    /// `REPLICATION_WAIT_SECONDS`
    pub settle: u64,
    /// The function's timeout in seconds.
    pub timeout: u64,
    /// `SWEEP_WRITES_PER_SECOND`
    pub writes_per_second: u32,
}

/// How AWS behaves. Times are in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Aws {
    /// From a request to `InSync` or `Failed`.
    pub replication: u64,
    /// From a request to the end of a removal.
    pub removal: u64,
    /// How long a new secret is not found.
    pub visibility: u64,
    /// How old the list is.
    pub list_lag: u64,
    /// How old the status of replicas is.
    pub status_lag: u64,
    /// How long a read may show a secret as it was before its last change.
    #[serde(default)]
    pub read_lag: u64,
    /// How long a request is under way at most, each way.
    pub latency: u64,
    /// The source of everything random while the world runs.
    pub noise: u64,
    /// What becomes of a Region that is not enabled.
    pub region_not_enabled: RegionNotEnabled,
    /// What becomes of a request for a replica that is there.
    pub known_replica: KnownReplica,
    /// What becomes of a secret without a value.
    pub secret_without_value: SecretWithoutValue,
    /// What is shown of a replica that never was.
    pub failed_replicas: FailedReplicas,
    /// What is shown of a replica that goes.
    pub removed_replicas: RemovedReplicas,
    /// The states of keys, by Region and name.
    pub keys: Vec<(String, String, KeyState)>,
    /// A Region that the function's role may not replicate to.
    pub denied_region: Option<String>,
}

/// A secret that is there at the beginning.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SecretAtStart {
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its key.
    pub kms_key: Option<String>,
    /// Whether it has a value.
    pub has_value: bool,
    /// Regions with a replica in sync.
    pub replicas: BTreeSet<String>,
    /// What else it may be.
    pub kind: Kind,
}

/// What a secret may be besides an ordinary primary secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Nothing else.
    Ordinary,
    /// A service manages it.
    Managed,
    /// It is the replica of a primary secret elsewhere.
    Replica,
    /// It is scheduled for deletion.
    Deleted,
}

/// Something that an owner or AWS does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Act {
    /// When, in milliseconds.
    pub at: u32,
    /// What.
    pub deed: Deed,
    /// After how many milliseconds EventBridge delivers the event of it, if there is one: never,
    /// once, or more than once.
    pub deliveries: Vec<u32>,
}

/// What an owner or AWS does to a secret of this name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Deed {
    /// `CreateSecret`
    Create {
        /// The secret. Its kind does not matter.
        secret: SecretAtStart,
    },
    /// `PutSecretValue`
    PutValue(String),
    /// `TagResource`
    Tag(String, String, String),
    /// `UntagResource`
    Untag(String, String),
    /// `DeleteSecret`, with a recovery window or at once.
    Delete(String, bool),
    /// `RestoreSecret`
    Restore(String),
    /// `ReplicateSecretToRegions`, by hand, with a key or none.
    Replicate(String, String, Option<String>),
    /// `RemoveRegionsFromReplication`, by hand.
    Remove(String, String),
    /// `StopReplicationToReplica`, in the replica's Region.
    Detach(String, String),
    /// Somebody has a secret of this name in another Region.
    Occupy(String, String),
    /// Somebody deletes the secret of this name in another Region, whatever it is.
    Vacate(String, String),
    /// A replica gets a status from AWS.
    Status(String, String, String, Option<String>),
    /// A key changes its state.
    Key(String, String, KeyState),
    /// The function's role loses a permission, until the end of the storm.
    Deny(Denial),
    /// Somebody has the function look at the secret.
    Reconcile {
        /// The secret.
        name: String,
        /// Only to decide and report.
        dry_run: bool,
    },
    /// Somebody asks what would be done about the secret.
    Explain(String),
    /// The schedule starts a sweep with so many changes.
    Sweep(u64),
}

impl Deed {
    /// The secret of [`HOME`] that the deed may change.
    pub(crate) fn changes(&self) -> Option<&str> {
        match self {
            Deed::Create { secret } => Some(&secret.name),
            Deed::PutValue(name)
            | Deed::Tag(name, ..)
            | Deed::Untag(name, _)
            | Deed::Delete(name, _)
            | Deed::Restore(name)
            | Deed::Replicate(name, ..)
            | Deed::Remove(name, _)
            | Deed::Detach(name, _)
            | Deed::Status(name, ..) => Some(name),
            Deed::Occupy(..)
            | Deed::Vacate(..)
            | Deed::Key(..)
            | Deed::Deny(_)
            | Deed::Reconcile { .. }
            | Deed::Explain(_)
            | Deed::Sweep(_) => None,
        }
    }
}

/// A fault, and when it begins to wait for calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TimedFault {
    /// When, in milliseconds.
    pub at: u32,
    /// The fault.
    pub fault: Fault,
}

/// An invocation that ends before its time: the process is killed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Kill {
    /// The number of the invocation.
    pub invocation: u64,
    /// How long it lasts, in milliseconds.
    pub after: u32,
}

impl Scenario {
    /// The policy as its author writes it.
    #[must_use]
    pub fn policy_text(&self) -> String {
        let mut text = generator::written(&self.policy);
        if self.removal {
            text.push_str("removal: covered\n");
        }
        text
    }

    /// Whether policy and settings together allow removal.
    #[must_use]
    pub fn removes(&self) -> bool {
        self.removal && self.settings.removal
    }

    pub(crate) fn reference_settings(&self) -> reference::Settings {
        reference::Settings {
            allowed_regions: self.settings.allowed_regions.clone(),
            allow_overwrite: self.settings.overwrite,
        }
    }

    pub(crate) fn world_settings(&self) -> WorldSettings {
        let milliseconds = Duration::from_millis;
        let aws = &self.aws;
        WorldSettings {
            replication_delay: milliseconds(aws.replication),
            removal_delay: milliseconds(aws.removal),
            visibility_delay: milliseconds(aws.visibility),
            list_lag: milliseconds(aws.list_lag),
            status_lag: milliseconds(aws.status_lag),
            region_not_enabled: aws.region_not_enabled,
            known_replica: aws.known_replica,
            secret_without_value: aws.secret_without_value,
            failed_replicas: aws.failed_replicas,
            removed_replicas: aws.removed_replicas,
            ..WorldSettings::default()
        }
    }
}
