//! The calls that the roles of the stack must be allowed to make, for IAM's policy simulator.

mod secrets;

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_core::secret::Region;

use super::facts::Stack;
use super::settings::Settings;
use crate::simulator::{Context, ContextValue};

/// Calls with the same resource and context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The role, by name in the template.
    pub(crate) role: &'static str,
    /// The IAM actions.
    pub(crate) actions: Vec<&'static str>,
    /// The ARN of the resource, or `*`.
    pub(crate) resource: String,
    /// The Region or resource, for people.
    pub(crate) on: String,
    /// The values of condition keys.
    pub(crate) context: Vec<Context>,
}

impl Request {
    /// Returns this request with another condition key.
    fn with(mut self, context: Context) -> Self {
        self.context.push(context);
        self
    }
}

/// A key, its use, and its tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The ARN.
    pub(crate) arn: String,
    /// The Region of the use.
    pub(crate) region: Region,
    /// Whether it encrypts replicas. Otherwise it decrypts primary secrets.
    pub(crate) encrypts: bool,
    /// The value of its tag `secret-replicator`, which `KmsKeyTagValue` selects.
    pub(crate) tag: Option<String>,
}

/// The names of things in an account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The partition, for instance `aws`.
    pub(crate) partition: String,
    /// The Region of the stack.
    pub(crate) region: Region,
    /// The ID of the account.
    pub(crate) id: String,
}

impl Account {
    /// Returns the ARN of a resource in the Region of the stack.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let region = self.region.as_str();
        self.arn_in(service, region, resource)
    }

    fn arn_in(&self, service: &str, region: &str, resource: &str) -> String {
        format!(
            "arn:{}:{service}:{region}:{}:{resource}",
            self.partition, self.id
        )
    }

    /// Returns the ARN of a role of the stack.
    pub(crate) fn role(&self, name: &str) -> String {
        self.arn_in("iam", "", &format!("role/{name}"))
    }
}

/// Returns the calls that the roles must make with these settings.
pub(crate) fn requests(
    account: &Account,
    stack: &Stack,
    settings: &Settings,
    replica_regions: &BTreeSet<Region>,
    keys: &BTreeSet<Key>,
) -> BTreeMap<&'static str, Vec<Request>> {
    let mut function = secrets::calls(account, settings, replica_regions);
    function.extend(keys.iter().map(of_key));
    function.extend(of_lambda(account, stack));
    BTreeMap::from([
        (FUNCTION_ROLE, function),
        (SWEEP_ROLE, of_sweep(account, stack)),
        (SCHEDULE_ROLE, of_schedule(account, stack)),
    ])
}

/// The role of the function, in the template.
pub(crate) const FUNCTION_ROLE: &str = "ReplicatorRole";
const SWEEP_ROLE: &str = "SweepRole";
const SCHEDULE_ROLE: &str = "SweepStartRole";

fn text(key: &'static str, value: impl Into<String>) -> Context {
    let value = ContextValue::Text(value.into());
    Context { key, value }
}

/// The calls of KMS that Secrets Manager makes as the function.
fn of_key(key: &Key) -> Request {
    let actions = if key.encrypts {
        vec!["kms:GenerateDataKey", "kms:Encrypt"]
    } else {
        vec!["kms:Decrypt"]
    };
    let region = &key.region;
    let domain = if region.partition() == "aws-cn" {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    let tag = key
        .tag
        .iter()
        .map(|tag| text("aws:ResourceTag/secret-replicator", tag));
    let via = text(
        "kms:ViaService",
        format!("secretsmanager.{region}.{domain}"),
    );
    Request {
        role: FUNCTION_ROLE,
        actions,
        resource: key.arn.clone(),
        on: key.arn.clone(),
        context: [text("aws:RequestedRegion", region.as_str()), via]
            .into_iter()
            .chain(tag)
            .collect(),
    }
}

/// The calls that Lambda makes with the role of the function.
fn of_lambda(account: &Account, stack: &Stack) -> Vec<Request> {
    let stream = format!("log-group:{}:log-stream:any", stack.resource("LogGroup"));
    let logs = vec!["logs:CreateLogStream", "logs:PutLogEvents"];
    let traces = vec!["xray:PutTraceSegments", "xray:PutTelemetryRecords"];
    // With messages about failed events, Lambda sends these to a bus, whose rule passes them to the queue.
    let failed = match stack.resource("FailureBus") {
        "" => send(FUNCTION_ROLE, account, stack, "FailedEvents"),
        bus => {
            let bus = account.arn("events", &format!("event-bus/{bus}"));
            on_resource(FUNCTION_ROLE, vec!["events:PutEvents"], bus)
        }
    };
    vec![
        on_resource(FUNCTION_ROLE, logs, account.arn("logs", &stream)),
        on_resource(FUNCTION_ROLE, traces, "*".to_owned()),
        failed,
    ]
}

fn of_sweep(account: &Account, stack: &Stack) -> Vec<Request> {
    let function = format!("function:{}", stack.resource("Replicator"));
    let machine = stack.resource("Sweep").to_owned();
    vec![
        on_resource(
            SWEEP_ROLE,
            vec!["lambda:InvokeFunction"],
            account.arn("lambda", &function),
        ),
        on_resource(SWEEP_ROLE, vec!["states:ListExecutions"], machine),
    ]
}

fn of_schedule(account: &Account, stack: &Stack) -> Vec<Request> {
    let machine = stack.resource("Sweep").to_owned();
    vec![
        on_resource(SCHEDULE_ROLE, vec!["states:StartExecution"], machine),
        send(SCHEDULE_ROLE, account, stack, "UnstartedSweeps"),
    ]
}

fn send(role: &'static str, account: &Account, stack: &Stack, queue: &str) -> Request {
    // The physical ID of a queue is its URL.
    let name = stack.resource(queue).rsplit('/').next().unwrap_or_default();
    on_resource(role, vec!["sqs:SendMessage"], account.arn("sqs", name))
}

fn on_resource(role: &'static str, actions: Vec<&'static str>, resource: String) -> Request {
    Request {
        role,
        actions,
        on: if resource == "*" {
            "all resources".to_owned()
        } else {
            resource.clone()
        },
        resource,
        context: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use secret_replicator_core::limits::Limits;

    use super::*;
    use crate::options::{allowed_regions, limits};

    pub(super) fn of_function(overwrite: bool, removal: bool, keys: &[Key]) -> Vec<Request> {
        let limits = limits(allowed_regions("eu-west-1").unwrap(), overwrite, removal);
        of_settings(&settings(limits, false), keys)
    }

    pub(super) fn settings(limits: Limits, allow_promotion: bool) -> Settings {
        Settings {
            policy: None,
            limits,
            allow_promotion,
            dry_run: false,
        }
    }

    pub(super) fn of_settings(settings: &Settings, keys: &[Key]) -> Vec<Request> {
        let account = Account {
            partition: "aws".to_owned(),
            region: Region::parse("us-east-1").unwrap(),
            id: "123456789012".to_owned(),
        };
        let stack = super::super::tests::stack();
        let regions = settings.limits.allowed_regions.named_regions();
        let keys = keys.iter().cloned().collect();
        let mut requests = requests(&account, &stack, settings, &regions, &keys);
        requests.remove(FUNCTION_ROLE).unwrap()
    }

    pub(super) fn count(requests: &[Request], action: &str) -> usize {
        let found = requests
            .iter()
            .filter(|request| request.actions.contains(&action));
        found.count()
    }

    #[test]
    fn with_messages_failed_events_go_to_the_bus_of_the_stack() {
        let account = Account {
            partition: "aws".to_owned(),
            region: Region::parse("us-east-1").unwrap(),
            id: "123456789012".to_owned(),
        };
        let mut stack = super::super::tests::stack();
        assert_eq!(count(&of_lambda(&account, &stack), "sqs:SendMessage"), 1);
        let bus = ("FailureBus".to_owned(), "stack-failures".to_owned());
        stack.resources.extend([bus]);
        let requests = of_lambda(&account, &stack);
        assert_eq!(count(&requests, "sqs:SendMessage"), 0);
        let puts = |request: &&Request| request.actions == ["events:PutEvents"];
        let put = requests.iter().find(puts).expect("a request");
        let bus = "arn:aws:events:us-east-1:123456789012:event-bus/stack-failures";
        assert_eq!(put.resource, bus);
    }

    #[test]
    fn a_key_is_used_through_secrets_manager_in_its_region() {
        let key = Key {
            arn: "arn:aws:kms:eu-west-1:123456789012:key/mrk-1".to_owned(),
            region: Region::parse("eu-west-1").unwrap(),
            encrypts: true,
            tag: Some("allowed".to_owned()),
        };
        let requests = of_function(false, false, std::slice::from_ref(&key));
        assert_eq!(count(&requests, "kms:Encrypt"), 1);
        assert_eq!(count(&requests, "kms:Decrypt"), 0);
        let request = requests
            .iter()
            .find(|request| request.resource == key.arn)
            .unwrap();
        let context = request
            .context
            .iter()
            .map(|context| (context.key, &context.value));
        let text = |text: &str| ContextValue::Text(text.to_owned());
        assert_eq!(
            context.collect::<Vec<_>>(),
            [
                ("aws:RequestedRegion", &text("eu-west-1")),
                (
                    "kms:ViaService",
                    &text("secretsmanager.eu-west-1.amazonaws.com")
                ),
                ("aws:ResourceTag/secret-replicator", &text("allowed")),
            ]
        );
    }
}
