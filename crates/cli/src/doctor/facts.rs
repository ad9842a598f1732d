//! The facts that the checks evaluate. They come from read-only calls; this module makes none.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use secret_replicator_core::secret::Region;

pub(crate) use crate::keys::KeyState;

/// A fact, or the reason why it could not be read.
pub(crate) type Read<T> = Result<T, Unread>;

/// A call that returned no fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    /// The IAM action of the call, for instance `lambda:GetPolicy`.
    pub(crate) action: &'static str,
    /// The error.
    pub(crate) error: String,
    /// Whether AWS denied the call.
    pub(crate) denied: bool,
}

/// What `doctor` examines, and when.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The name of the stack.
    pub(crate) stack: String,
    /// The Region of the stack.
    pub(crate) region: Region,
    /// The time of the examination.
    pub(crate) now: DateTime<Utc>,
    /// The version of this tool.
    pub(crate) tool_version: String,
}

/// All facts.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// What is examined.
    pub(crate) subject: Subject,
    /// The stack. `None` if it does not exist.
    pub(crate) stack: Option<Stack>,
    /// The links of the chain. `None` if the stack does not exist or has no usable resources.
    pub(crate) chain: Option<Chain>,
}

/// The CloudFormation stack.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// The status, for instance `UPDATE_COMPLETE`.
    pub(crate) status: String,
    /// The reason of the status.
    pub(crate) reason: Option<String>,
    /// The time of its creation.
    pub(crate) created: DateTime<Utc>,
    /// The parameters.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The physical IDs of the resources by their names in the template.
    pub(crate) resources: BTreeMap<String, String>,
    /// The version in the outputs.
    pub(crate) version: Option<String>,
}

impl Stack {
    /// Returns a parameter. Empty if the stack does not have it.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// Returns the metric that shows that sweeps run: each slice writes it or, at the level `essential`, each complete
    /// sweep.
    pub(crate) fn sweep_metric(&self) -> &'static str {
        match self.parameter("Observability") {
            "essential" => "SweepPending",
            _ => "SweepSecrets",
        }
    }

    /// Returns the physical ID of a resource. Empty if the stack does not have it.
    pub(crate) fn resource(&self, name: &str) -> &str {
        self.resources.get(name).map_or("", String::as_str)
    }

    /// Returns whether the resources of the stack can be examined. They change while a deployment is in progress.
    pub(crate) fn is_usable(&self) -> bool {
        let settled = [
            "CREATE_COMPLETE",
            "IMPORT_COMPLETE",
            "IMPORT_ROLLBACK_COMPLETE",
            "UPDATE_COMPLETE",
            "UPDATE_FAILED",
            "UPDATE_ROLLBACK_COMPLETE",
            "UPDATE_ROLLBACK_FAILED",
        ];
        settled.contains(&self.status.as_str()) && self.resources.contains_key(FUNCTION)
    }
}

/// The name of the function in the template.
pub(crate) const FUNCTION: &str = "Replicator";

/// The name of the rule in the template, which SAM makes of the function's event.
pub(crate) const RULE: &str = "ReplicatorSecretChanged";

/// The names of the schedules in the template.
pub(crate) const SCHEDULES: [&str; 2] = ["SweepStart", "SweepStartThorough"];

/// The names of the queues in the template.
pub(crate) const QUEUES: [&str; 3] = ["FailedEvents", "UndeliveredEvents", "UnstartedSweeps"];

/// The links of the chain.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    /// The function. `None` if it does not exist.
    pub(crate) function: Read<Option<Function>>,
    /// The resource policy of the function, as JSON. `None` if it has none.
    pub(crate) function_policy: Read<Option<String>>,
    /// The rule that delivers events. `None` if it does not exist.
    pub(crate) rule: Read<Option<Rule>>,
    /// The trails that apply to the stack's Region.
    pub(crate) trails: Read<Vec<Trail>>,
    /// The trails of other Regions that do not apply to the stack's Region, with their Regions.
    pub(crate) trails_elsewhere: Vec<(String, String)>,
    /// The simulated calls of each role, by name in the template.
    pub(crate) roles: BTreeMap<&'static str, Read<Vec<Call>>>,
    /// The customer managed keys.
    pub(crate) keys: Read<Vec<KeyUse>>,
    /// The Regions that the account has enabled.
    pub(crate) enabled_regions: Read<BTreeSet<Region>>,
    /// The error of the endpoint of each allowed Region that did not answer.
    pub(crate) unreachable: BTreeMap<Region, String>,
    /// The queues, by name in the template.
    pub(crate) queues: BTreeMap<&'static str, Read<Option<Queue>>>,
    /// The schedules, by name in the template.
    pub(crate) schedules: BTreeMap<&'static str, Read<Option<Schedule>>>,
    /// The executions of the state machine.
    pub(crate) sweeps: Read<Sweeps>,
    /// The beginning of each hour with a value of the metric of sweeps.
    pub(crate) metrics: Read<Vec<DateTime<Utc>>>,
    /// The topic of the alarms.
    pub(crate) topic: Read<Option<Topic>>,
    /// The alarms of the stack, by name in the template.
    pub(crate) alarms: Read<BTreeMap<String, Option<Alarm>>>,
}

/// The function's configuration.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// The ARN.
    pub(crate) arn: String,
    /// The state: `Active`, `Inactive`, `Pending` or `Failed`.
    pub(crate) state: String,
    /// The reason of the state, or of the failed last update.
    pub(crate) reason: Option<String>,
    /// Whether the last update failed.
    pub(crate) update_failed: bool,
    /// The environment variables.
    pub(crate) environment: BTreeMap<String, String>,
    /// The level below which Lambda drops log lines. `None` without JSON logs.
    pub(crate) log_level: Option<String>,
    /// The reserved concurrency. `None` if nothing is reserved.
    pub(crate) reserved_concurrency: Option<i32>,
    /// The result of a call of the function. `None` without `--invoke`.
    pub(crate) invoked: Option<Read<Invoked>>,
}

/// The result of an invocation with the action `explain`, which never writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Invoked {
    /// The function answered with a record.
    Answered,
    /// The function failed with this type and message.
    Failed(String, String),
}

/// A rule of EventBridge.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// The ARN.
    pub(crate) arn: String,
    /// Whether it is enabled.
    pub(crate) enabled: bool,
    /// The event pattern, as JSON.
    pub(crate) pattern: String,
    /// The ARNs of its targets.
    pub(crate) targets: Vec<String>,
}

/// A trail that applies to the stack's Region.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    /// The ARN.
    pub(crate) arn: String,
    /// Whether it logs.
    pub(crate) logging: Read<bool>,
    /// Its event selectors. A trail without selectors logs all management events.
    pub(crate) selectors: Read<Vec<Selector>>,
}

/// An event selector of a trail.
#[derive(Clone, Debug)]
pub(crate) enum Selector {
    /// A basic event selector.
    Basic {
        /// Whether it includes management events.
        management: bool,
        /// `All`, `ReadOnly` or `WriteOnly`.
        read_write: String,
    },
    /// An advanced event selector: all its fields must match.
    Advanced(Vec<FieldSelector>),
}

/// A field of an advanced event selector.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldSelector {
    /// The field of the event, for instance `eventCategory`.
    pub(crate) field: String,
    /// The only values that match. Empty for no restriction.
    pub(crate) equals: Vec<String>,
    /// The values that do not match.
    pub(crate) not_equals: Vec<String>,
}

/// A call of a role, decided by IAM's policy simulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The IAM action.
    pub(crate) action: String,
    /// The Region or resource of the call, for instance `eu-west-1`.
    pub(crate) on: String,
    /// The decision.
    pub(crate) decision: Decision,
}

/// The decision about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Decision {
    /// The call is allowed.
    Allowed,
    /// A policy of the organization does not allow the call.
    DeniedByOrganization,
    /// The permissions boundary does not allow the call.
    DeniedByBoundary,
    /// A policy of the role denies the call.
    ExplicitDeny,
    /// No policy of the role allows the call.
    NotAllowed,
}

/// The use of a customer managed key in a Region.
#[derive(Clone, Debug)]
pub(crate) struct KeyUse {
    /// The Region in which the key is used.
    pub(crate) region: Region,
    /// The key's name: an ARN, a key ID or an alias.
    pub(crate) key: String,
    /// A secret that needs it.
    pub(crate) secret: String,
    /// The key there. `None` if the Region does not have it.
    pub(crate) state: Read<Option<KeyState>>,
}

/// A queue.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    /// The number of messages, approximately.
    pub(crate) messages: u64,
    /// The error in the first message. `None` if no message could be read.
    pub(crate) first_error: Option<String>,
}

/// A schedule of EventBridge Scheduler.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// Whether it is enabled.
    pub(crate) enabled: bool,
    /// The ARN of its target.
    pub(crate) target: String,
}

/// The executions of the state machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sweeps {
    /// Whether a sweep is running.
    pub(crate) running: bool,
    /// The last sweep that ended and was not skipped.
    pub(crate) last: Option<Sweep>,
}

/// A sweep that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Sweep {
    /// The time of its end.
    pub(crate) ended: DateTime<Utc>,
    /// The status, for instance `SUCCEEDED`.
    pub(crate) status: String,
    /// The error and the cause of a failure.
    pub(crate) error: Option<String>,
    /// The number of secrets left to the next sweep.
    pub(crate) limited: u64,
    /// The number of failed secrets.
    pub(crate) failed: u64,
}

/// The topic of the alarms.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    /// The ARN.
    pub(crate) arn: String,
    /// The number of confirmed subscriptions.
    pub(crate) confirmed: usize,
    /// The number of subscriptions that wait for a confirmation.
    pub(crate) pending: usize,
    /// The key that encrypts the topic.
    pub(crate) key: Option<TopicKey>,
    /// The policy of the topic, as JSON.
    pub(crate) policy: String,
}

/// The key of a topic.
#[derive(Clone, Debug)]
pub(crate) enum TopicKey {
    /// The AWS managed key `aws/sns`, which alarms cannot use.
    AwsManaged,
    /// A customer managed key with its key policy, as JSON.
    Customer(String, Read<String>),
}

/// A CloudWatch alarm.
#[derive(Clone, Debug)]
pub(crate) struct Alarm {
    /// Whether it is in ALARM state.
    pub(crate) firing: bool,
    /// The reason of the state.
    pub(crate) reason: String,
    /// Whether its actions are enabled.
    pub(crate) actions_enabled: bool,
    /// The ARN.
    pub(crate) arn: String,
    /// The ARNs that it notifies when it fires.
    pub(crate) notifies: Vec<String>,
}
