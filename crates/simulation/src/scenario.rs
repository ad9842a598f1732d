//! A world and everything that happens in it, as plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secret_replicator_emulator::{
    Collation, Denial, FailedReplicas, Fault, FaultKind, KeyState, KnownReplica, PromotedReplicas,
    ReadLags, RegionNotEnabled, RemovedReplicas, SecretWithoutValue, WorldSettings,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use secret_replicator_reference_policy::{self as reference, Answer, generator};

/// The Region of the function and of every primary secret.
pub(crate) const HOME: &str = "us-east-1";

/// The Regions that scenarios use besides [`HOME`]. `me-south-1` is not enabled; `cn-north-1` is in
/// another partition.
pub(crate) const REGIONS: [&str; 6] = [
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-south-1",
    "me-south-1",
    "cn-north-1",
];

/// Returns every Region that a policy or a tag can name.
pub(crate) fn regions() -> BTreeSet<&'static str> {
    let others = REGIONS.into_iter().chain(generator::WORLD);
    others.chain([HOME]).collect()
}

/// The time after which actions and faults stop, in milliseconds.
pub(crate) const STORM: u32 = 300_000;

/// The function, its AWS, and what happens there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Scenario {
    pub(crate) settings: FunctionSettings,
    pub(crate) policy: reference::Policy,
    /// Whether the policy has `removal: covered`.
    pub(crate) removal: bool,
    pub(crate) aws: Aws,
    /// The secrets at the beginning.
    pub(crate) secrets: Vec<SecretAtStart>,
    pub(crate) actions: Vec<TimedAction>,
    pub(crate) faults: Vec<TimedFault>,
    pub(crate) kills: Vec<Kill>,
    /// Whether a secret is reconciled by hand before the sweep after the storm, after a dry run and an
    /// explanation.
    #[serde(default)]
    pub(crate) rehearsal: bool,
    /// The outage during the sweep after the storm.
    #[serde(default)]
    pub(crate) outage: Option<Outage>,
    /// The outages of single Regions during the storm.
    #[serde(default)]
    pub(crate) regional_outages: Vec<RegionalOutage>,
    /// Where the native events about replicas arrive.
    #[serde(default)]
    pub(crate) replica_events: ReplicaEvents,
}

/// The function's settings. Times are in seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FunctionSettings {
    pub(crate) allowed_regions: Option<BTreeSet<String>>,
    pub(crate) overwrite: bool,
    pub(crate) removal: bool,
    pub(crate) replication_wait: u64,
    /// The timeout of the Lambda function.
    pub(crate) timeout: u64,
    pub(crate) writes_per_second: u32,
}

/// The behavior of AWS. Times are in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Aws {
    /// From a request to `InSync` or `Failed`.
    pub(crate) replication: u64,
    /// From a request to the end of a removal.
    pub(crate) removal: u64,
    /// The time for which a new secret is not found.
    pub(crate) visibility: u64,
    /// The longest age of `ListSecrets`. Each read draws its ages.
    pub(crate) list_lag: u64,
    /// The longest age of the replicas' status.
    pub(crate) status_lag: u64,
    /// The longest age of tags.
    #[serde(default)]
    pub(crate) tag_lag: u64,
    /// The longest age of versions.
    #[serde(default)]
    pub(crate) version_lag: u64,
    /// The longest age of the date of deletion.
    #[serde(default)]
    pub(crate) deletion_lag: u64,
    /// The longest network delay each way.
    pub(crate) latency: u64,
    /// The seed of everything random while the world runs.
    pub(crate) noise: u64,
    pub(crate) region_not_enabled: RegionNotEnabled,
    pub(crate) known_replica: KnownReplica,
    pub(crate) secret_without_value: SecretWithoutValue,
    pub(crate) failed_replicas: FailedReplicas,
    pub(crate) removed_replicas: RemovedReplicas,
    #[serde(default)]
    pub(crate) promoted_replicas: PromotedReplicas,
    /// The states of keys, by Region and name.
    pub(crate) keys: Vec<(String, String, KeyState)>,
    /// A Region that the function's role may not replicate to.
    pub(crate) denied_region: Option<String>,
}

/// A secret that exists at the beginning.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SecretAtStart {
    pub(crate) name: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) kms_key: Option<String>,
    pub(crate) has_value: bool,
    /// Regions with a replica in sync.
    pub(crate) replicas: BTreeSet<String>,
    /// Regions with a promoted former replica.
    #[serde(default)]
    pub(crate) promoted: BTreeSet<String>,
    /// Regions with another secret of this name.
    #[serde(default)]
    pub(crate) occupants: BTreeMap<String, Occupant>,
    pub(crate) kind: Kind,
}

/// The kind of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A primary secret that belongs to an owner.
    Ordinary,
    /// A secret that an AWS service manages.
    Managed,
    /// A replica of a primary secret in another Region.
    Replica,
    /// A replica of another account's secret. It looks like an ordinary secret.
    CrossAccount,
    /// A secret that is scheduled for deletion.
    Deleted,
    /// A secret that was deleted. Only its occupants exist.
    Gone,
}

/// A secret that has the name of another one in a Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Occupant {
    /// A former replica of a deleted secret of this name. It is a standalone secret.
    Stranded,
    /// A replica of a deleted secret of this name.
    Orphaned,
    /// A replica of another account's secret.
    CrossAccount,
}

/// Where the native events about replicas arrive: labels that moved, and changed tags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ReplicaEvents {
    /// At no function.
    #[default]
    Nowhere,
    /// At a function in the replica's Region.
    ReplicaRegion,
    /// At the function in [`HOME`], to which a rule forwards them.
    Home,
}

/// An action and when it happens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TimedAction {
    /// In milliseconds.
    pub(crate) at: u32,
    pub(crate) action: Action,
    /// The delays in milliseconds after which EventBridge delivers CloudTrail's event of the action, if it
    /// has one. Empty: the event is lost. Several: it is delivered more than once.
    pub(crate) deliveries: Vec<u32>,
    /// The same for the native events: a label that moved, and a changed tag.
    #[serde(default)]
    pub(crate) native: Vec<u32>,
}

/// An action of an owner, an operator, the schedule, or AWS.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Action {
    /// An owner calls Secrets Manager.
    Call {
        region: String,
        operation: String,
        body: Value,
    },
    /// An owner deletes the secret of this name in this Region, without a recovery window. A replica of
    /// another primary secret is promoted first.
    Vacate(String, String),
    /// AWS changes the status and message of a secret's replica in a Region.
    Status(String, String, String, Option<String>),
    /// A key changes its state in a Region.
    Key(String, String, KeyState),
    /// The function's role loses a permission until the end of the storm.
    Deny(Denial),
    /// An operator invokes the action `reconcile`.
    Reconcile { name: String, dry_run: bool },
    /// An operator invokes the action `explain`.
    Explain(String),
    /// The schedule starts a sweep with this `maxChanges`.
    Sweep(u64),
    /// The schedule of the function in this Region starts a sweep there.
    SweepIn(String),
    /// An operator invokes the action `promote` of the function in this Region until it succeeds.
    PromoteAll(String),
}

/// A fault and the time from which it waits for calls, in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TimedFault {
    pub(crate) at: u32,
    pub(crate) fault: Fault,
}

/// An invocation whose process is killed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Kill {
    /// The number of the invocation.
    pub(crate) invocation: u64,
    /// The time from its beginning, in milliseconds.
    pub(crate) after: u32,
}

/// Seconds in which AWS answers calls with an error, during a sweep. If the fault names a Region other than
/// [`HOME`], that Region makes no changes meanwhile. Times are in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outage {
    /// From the start of the sweep.
    pub(crate) after: u32,
    pub(crate) length: u32,
    /// The affected calls and the error.
    pub(crate) fault: Fault,
    /// `maxChanges` of the sweep.
    pub(crate) max_changes: u64,
}

/// An outage of one Region during the storm. Times are in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RegionalOutage {
    pub(crate) at: u32,
    pub(crate) length: u32,
    pub(crate) region: String,
    pub(crate) kind: FaultKind,
}

impl RegionalOutage {
    /// Returns the fault of all calls in the Region.
    pub(crate) fn fault(&self) -> Fault {
        Fault {
            region: Some(self.region.clone()),
            ..Fault::on_any(self.kind.clone()).always()
        }
    }
}

impl Aws {
    /// Returns the longest age of a part of `DescribeSecret`.
    pub(crate) fn read_lag(&self) -> u64 {
        let lags = [
            self.status_lag,
            self.tag_lag,
            self.version_lag,
            self.deletion_lag,
        ];
        lags.into_iter().max().unwrap_or_default()
    }
}

impl Scenario {
    /// Returns the policy document.
    pub(crate) fn policy_text(&self) -> String {
        let mut text = generator::written(&self.policy);
        if self.removal {
            text.push_str("removal: covered\n");
        }
        text
    }

    /// Returns whether policy and settings together allow removal.
    pub(crate) fn removes(&self) -> bool {
        self.removal && self.settings.removal
    }

    /// Returns the expected decision about a Region, from the second implementation of the policy.
    pub(crate) fn expected(&self, secret: &reference::Secret, region: &str) -> Answer {
        self.policy
            .answer(secret, region, &self.reference_settings())
    }

    /// Returns whether policy or settings exclude a replica in a Region, regardless of the rules that want one.
    pub(crate) fn excludes(&self, secret: &reference::Secret, region: &str) -> bool {
        let settings = self.reference_settings();
        !self.policy.exclusions(secret, region, &settings).is_empty()
    }

    fn reference_settings(&self) -> reference::Settings {
        reference::Settings {
            allowed_regions: self.settings.allowed_regions.clone(),
            allow_overwrite: self.settings.overwrite,
        }
    }

    /// Returns whether the policy wants a replica in a Region.
    pub(crate) fn wants(&self, secret: &reference::Secret, region: &str) -> bool {
        matches!(self.expected(secret, region), Answer::Replica { .. })
    }

    /// Returns the order of lists, which AWS does not document.
    fn collation(&self) -> Collation {
        let collations = [
            Collation::Bytes,
            Collation::IgnoringCase,
            Collation::IgnoringPunctuation,
        ];
        *fastrand::Rng::with_seed(self.aws.noise)
            .choice(&collations)
            .unwrap_or(&Collation::Bytes)
    }

    pub(crate) fn world_settings(&self) -> WorldSettings {
        let milliseconds = Duration::from_millis;
        let aws = &self.aws;
        WorldSettings {
            replication_delay: milliseconds(aws.replication),
            removal_delay: milliseconds(aws.removal),
            visibility_delay: milliseconds(aws.visibility),
            list_lag: milliseconds(aws.list_lag),
            random_reads: Some((
                aws.noise,
                ReadLags {
                    status: milliseconds(aws.status_lag),
                    tags: milliseconds(aws.tag_lag),
                    versions: milliseconds(aws.version_lag),
                    deletion: milliseconds(aws.deletion_lag),
                },
            )),
            keeps_history: true,
            collation: self.collation(),
            region_not_enabled: aws.region_not_enabled,
            known_replica: aws.known_replica,
            secret_without_value: aws.secret_without_value,
            failed_replicas: aws.failed_replicas,
            removed_replicas: aws.removed_replicas,
            promoted_replicas: aws.promoted_replicas,
            ..WorldSettings::default()
        }
    }
}
