//! A world without faults.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use secret_replicator_core::secret::Region;
use serde_json::json;

use super::super::checks::diagnose;
use super::super::facts::{
    Alarm, Call, Chain, Decision, Facts, FieldSelector, Function, KeyState, KeyUse, QUEUES, Queue,
    Rule, SCHEDULES, Schedule, Selector, Stack, Subject, Sweep, Sweeps, Topic, Trail, Unread,
};
use super::super::finding::{Finding, Link, Severity};

pub(super) const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:replicator";
pub(super) const MACHINE: &str =
    "arn:aws:states:us-east-1:123456789012:stateMachine:secret-replicator-sweep";

pub(super) fn region(code: &str) -> Region {
    Region::parse(code).unwrap()
}

pub(super) fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

pub(super) fn hours_ago(hours: i64) -> DateTime<Utc> {
    now() - TimeDelta::hours(hours)
}

pub(super) fn denied(action: &'static str) -> Unread {
    Unread {
        action,
        error: format!("AccessDenied: not authorized to perform: {action}"),
        denied: true,
    }
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// A stack that is a year old.
pub(crate) fn stack() -> Stack {
    Stack {
        status: "UPDATE_COMPLETE".to_owned(),
        reason: None,
        created: hours_ago(24 * 365),
        parameters: texts(&[
            ("SilenceAlarmHours", "2"),
            ("SweepEnabled", "true"),
            ("MetricsNamespace", "SecretReplicator"),
        ]),
        resources: texts(&[("Replicator", "replicator"), ("Sweep", MACHINE)]),
        version: Some("0.1.0".to_owned()),
    }
}

fn function() -> Function {
    Function {
        arn: FUNCTION.to_owned(),
        state: "Active".to_owned(),
        reason: None,
        update_failed: false,
        environment: texts(&[
            ("ALLOWED_REPLICA_REGIONS", "eu-west-1 us-west-2"),
            ("DRY_RUN", "false"),
        ]),
        log_level: Some("INFO".to_owned()),
        reserved_concurrency: None,
        invoked: None,
    }
}

pub(super) const RULE_ARN: &str =
    "arn:aws:events:us-east-1:123456789012:rule/secret-replicator-ReplicatorSecretChanged-EXAMPLE";

/// The event pattern of the template.
pub(super) const PATTERN: &str = include_str!("../checks/event-pattern.json");

/// The rule, with this function or state machine as its target.
pub(super) fn rule(target: &str) -> Rule {
    Rule {
        arn: RULE_ARN.to_owned(),
        enabled: true,
        pattern: PATTERN.to_owned(),
        targets: vec![target.to_owned()],
    }
}

/// The resource policy of the function that permits a rule.
pub(super) fn function_policy(rule: &str) -> String {
    let statement = serde_json::json!({
        "Effect": "Allow",
        "Principal": { "Service": "events.amazonaws.com" },
        "Action": "lambda:InvokeFunction",
        "Resource": FUNCTION,
        "Condition": { "ArnLike": { "AWS:SourceArn": rule } }
    });
    serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

pub(super) fn basic(management: bool, read_write: &str) -> Selector {
    Selector::Basic {
        management,
        read_write: read_write.to_owned(),
    }
}

pub(super) fn field(name: &str, equals: &[&str], not_equals: &[&str]) -> FieldSelector {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    FieldSelector {
        field: name.to_owned(),
        equals: owned(equals),
        not_equals: owned(not_equals),
    }
}

pub(super) fn trail() -> Trail {
    Trail {
        arn: "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit".to_owned(),
        logging: Ok(true),
        selectors: Ok(vec![basic(true, "WriteOnly")]),
    }
}

pub(super) fn call(action: &str, on: &str, decision: Decision) -> Call {
    Call {
        action: action.to_owned(),
        on: on.to_owned(),
        decision,
    }
}

pub(super) fn key(state: &str) -> KeyUse {
    KeyUse {
        region: region("eu-west-1"),
        key: "mrk-0123456789abcdef0123456789abcdef".to_owned(),
        secret: "prod/db".to_owned(),
        state: Ok(Some(KeyState {
            state: state.to_owned(),
            encrypts: true,
        })),
    }
}

fn roles() -> BTreeMap<&'static str, super::super::facts::Read<Vec<Call>>> {
    let allowed = |action, on| call(action, on, Decision::Allowed);
    BTreeMap::from([
        (
            "ReplicatorRole",
            Ok(vec![allowed("secretsmanager:DescribeSecret", "us-east-1")]),
        ),
        (
            "SweepRole",
            Ok(vec![allowed("lambda:InvokeFunction", FUNCTION)]),
        ),
        (
            "SweepStartRole",
            Ok(vec![allowed("states:StartExecution", MACHINE)]),
        ),
    ])
}

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:alarms";

/// Returns the policy of docs/DEPLOY.md for the alarms of an account.
pub(super) fn topic_policy(account: &str) -> String {
    let statement = json!({
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "SNS:Publish",
        "Resource": TOPIC,
        "Condition": {
            "StringEquals": {"aws:SourceAccount": [account]},
            "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:us-east-1:*:alarm:secret-replicator-*"},
        },
    });
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

fn alarms() -> BTreeMap<String, Option<Alarm>> {
    let quiet = Alarm {
        firing: false,
        reason: "no datapoint was breaching".to_owned(),
        actions_enabled: true,
        arn: "arn:aws:cloudwatch:us-east-1:123456789012:alarm:secret-replicator-any".to_owned(),
        notifies: vec![TOPIC.to_owned()],
    };
    let names = super::super::checks::alarm_names();
    names
        .iter()
        .map(|name| ((*name).to_owned(), Some(quiet.clone())))
        .collect()
}

fn chain() -> Chain {
    let empty = Queue {
        messages: 0,
        first_error: None,
    };
    let schedule = Schedule {
        enabled: true,
        target: MACHINE.to_owned(),
    };
    Chain {
        function: Ok(Some(function())),
        function_policy: Ok(Some(function_policy(RULE_ARN))),
        rule: Ok(Some(rule(FUNCTION))),
        trails: Ok(vec![trail()]),
        trails_elsewhere: Vec::new(),
        roles: roles(),
        keys: Ok(vec![key("Enabled")]),
        enabled_regions: Ok(BTreeSet::from(
            ["us-east-1", "eu-west-1", "us-west-2"].map(region),
        )),
        unreachable: BTreeMap::new(),
        queues: QUEUES.map(|name| (name, Ok(Some(empty.clone())))).into(),
        schedules: SCHEDULES
            .map(|name| (name, Ok(Some(schedule.clone()))))
            .into(),
        sweeps: Ok(Sweeps {
            running: false,
            last: Some(Sweep {
                ended: hours_ago(1),
                status: "SUCCEEDED".to_owned(),
                error: None,
                limited: 0,
                failed: 0,
            }),
        }),
        metrics: Ok(vec![hours_ago(1), hours_ago(3)]),
        topic: Ok(Some(Topic {
            arn: TOPIC.to_owned(),
            confirmed: 1,
            pending: 0,
            key: None,
            policy: topic_policy("123456789012"),
        })),
        alarms: Ok(alarms()),
    }
}

/// Returns the findings about the stack, after a change of the healthy world.
pub(super) fn with_stack(change: impl FnOnce(&mut Facts)) -> Vec<Finding> {
    let mut facts = Facts {
        subject: Subject {
            stack: "secret-replicator".to_owned(),
            region: region("us-east-1"),
            now: now(),
            tool_version: "0.1.0".to_owned(),
        },
        stack: Some(stack()),
        chain: Some(chain()),
    };
    change(&mut facts);
    diagnose(&facts)
}

/// Returns the findings after a change of the healthy chain.
pub(super) fn with(change: impl FnOnce(&mut Chain)) -> Vec<Finding> {
    with_stack(|facts| change(facts.chain.as_mut().unwrap()))
}

/// Changes the function of a chain.
pub(super) fn with_function(change: impl FnOnce(&mut Function)) -> Vec<Finding> {
    with(|chain| change(chain.function.as_mut().unwrap().as_mut().unwrap()))
}

/// Fires alarms.
pub(super) fn fire(chain: &mut Chain, names: &[&str]) {
    let alarms = chain.alarms.as_mut().unwrap();
    for name in names {
        let alarm = alarms.get_mut(*name).unwrap();
        alarm.as_mut().unwrap().firing = true;
    }
}

/// Asserts that there is one finding, about this link, with these texts in problem and remediation.
#[track_caller]
pub(super) fn assert_only(findings: &[Finding], link: Link, severity: Severity, texts: [&str; 2]) {
    let [finding] = findings else {
        panic!("expected one finding, found {findings:#?}");
    };
    assert_eq!(
        (finding.link, finding.severity),
        (link, severity),
        "{finding:#?}"
    );
    let [problem, remediation] = texts;
    assert!(finding.problem.contains(problem), "{finding:#?}");
    assert!(finding.remediation.contains(remediation), "{finding:#?}");
}
