//! The alarms: none fires, and they reach operators.

use serde_json::Value;

use super::super::facts::{Alarm, Chain, Topic, TopicKey};
use super::super::finding::{Finding, Findings, Link, Symptom};
use super::super::resource_policy;
use super::{RECREATE, RESTORE, list, unread};

/// The alarms, by name in the template.
pub(crate) const ALARMS: [&str; 20] = [
    "FailedEventsWaiting",
    "FailedEventsLost",
    "EventsDropped",
    "UndeliveredEventsWaiting",
    "UndeliveredEventsLost",
    "UnstartedSweepsWaiting",
    "FunctionErrors",
    "FunctionThrottles",
    "ReplicasFailing",
    "SecretsNeedAttention",
    "SecretsUnresolved",
    "ReplicasStayPending",
    "BadEventsArriving",
    "SweepFailed",
    "SweepTimedOut",
    "SweepAborted",
    "SweepFailures",
    "SweepLimitReached",
    "DriftReturns",
    "SweepSilent",
];

/// Checks that no alarm fires that no earlier finding explains, and that all notify their topic.
pub(super) fn check(chain: &Chain, findings: &Findings) -> Vec<Finding> {
    let alarms = match &chain.alarms {
        Ok(alarms) => alarms,
        Err(error) => return vec![unread(Link::Alarms, "the alarms", error)],
    };
    let mut found = Vec::new();
    for name in ALARMS {
        let alarm = alarms.get(name).and_then(Option::as_ref);
        let Some(alarm) = alarm.filter(|alarm| alarm.firing) else {
            continue;
        };
        if !findings.explain(Symptom::Alarm(name)) {
            let problem = format!("the alarm {name} is in ALARM state: {}", alarm.reason);
            let remediation = format!("follow docs/OPERATIONS.md, {name}");
            found.push(Finding::error(Link::Alarms, problem, remediation));
        }
    }
    let names = |is_it: &dyn Fn(Option<&Alarm>) -> bool| {
        let names = alarms.iter().filter(|(_, alarm)| is_it(alarm.as_ref()));
        names.map(|(name, _)| name.as_str()).collect::<Vec<&str>>()
    };
    let missing = names(&|alarm| alarm.is_none());
    if !missing.is_empty() {
        let problem = format!("these alarms of the stack do not exist: {}", list(missing));
        found.push(Finding::error(Link::Alarms, problem, RECREATE));
    }
    if let Ok(Some(topic)) = &chain.topic {
        let others =
            names(&|alarm| alarm.is_some_and(|alarm| !alarm.notifies.contains(&topic.arn)));
        if !others.is_empty() {
            let problem = format!(
                "these alarms do not notify the topic {}: {}",
                topic.arn,
                list(others)
            );
            found.push(Finding::error(Link::Alarms, problem, RESTORE));
        }
    }
    let silent = names(&|alarm| alarm.is_some_and(|alarm| !alarm.actions_enabled));
    if !silent.is_empty() {
        let problem = format!(
            "the actions of these alarms are disabled, so they notify no operator: {}",
            list(silent)
        );
        let remediation = "run `aws cloudwatch enable-alarm-actions --alarm-names` with their names in CloudWatch";
        found.push(Finding::error(Link::Alarms, problem, remediation));
    }
    found
}

/// Checks that the topic has a subscriber, and a key that alarms can use.
pub(super) fn check_topic(chain: &Chain) -> Vec<Finding> {
    let topic = match &chain.topic {
        Ok(Some(topic)) => topic,
        Ok(None) => {
            let problem =
                "the topic of the alarms does not exist, so the alarms notify no operator";
            let remediation =
                "create the topic of AlarmTopicArn, or deploy the stack with another one";
            return vec![Finding::error(Link::Topic, problem, remediation)];
        }
        Err(error) => return vec![unread(Link::Topic, "the topic of the alarms", error)],
    };
    let findings = [
        check_subscriptions(topic),
        check_policy(chain, topic),
        check_key(topic),
    ];
    findings.into_iter().flatten().collect()
}

fn check_subscriptions(topic: &Topic) -> Option<Finding> {
    let Topic {
        arn,
        confirmed,
        pending,
        ..
    } = topic;
    if *confirmed > 0 {
        return None;
    }
    let (problem, remediation) = if *pending > 0 {
        (
            format!(
                "no subscription of the topic {arn} is confirmed, so the alarms notify no operator"
            ),
            "open the link in the email that AWS sent, or subscribe again after three days",
        )
    } else {
        (
            format!("the topic {arn} has no subscription, so the alarms notify no operator"),
            "deploy the stack with AlarmEmail, or subscribe to the topic with `aws sns subscribe`",
        )
    };
    Some(Finding::error(Link::Topic, problem, remediation))
}

/// Checks that the policy of the topic lets the alarms publish.
fn check_policy(chain: &Chain, topic: &Topic) -> Option<Finding> {
    let policy: Value = serde_json::from_str(&topic.policy).ok()?;
    let alarms = chain.alarms.as_ref().ok()?;
    let alarm = alarms.values().flatten().next()?;
    let service = "cloudwatch.amazonaws.com";
    if resource_policy::allows_service(&policy, service, "sns:Publish", Some(&alarm.arn)) {
        return None;
    }
    let problem = format!(
        "the policy of the topic {} does not allow CloudWatch `sns:Publish` for {}, so the alarms notify no operator",
        topic.arn, alarm.arn
    );
    let remediation = "add the statement of docs/DEPLOY.md, Alarm topic, with this account and the name of this stack";
    Some(Finding::error(Link::Topic, problem, remediation))
}

/// Checks that CloudWatch may use the key of the topic (CloudWatch user guide, "Notifying users on alarm
/// changes").
fn check_key(topic: &Topic) -> Option<Finding> {
    let arn = &topic.arn;
    match topic.key.as_ref()? {
        TopicKey::AwsManaged => Some(Finding::error(
            Link::Topic,
            format!(
                "the topic {arn} is encrypted with the key aws/sns, which CloudWatch cannot use, so no alarm arrives"
            ),
            "encrypt the topic with a customer managed key that CloudWatch may use (docs/DEPLOY.md, Alarm topic)",
        )),
        TopicKey::Customer(key, Ok(policy)) => {
            let policy: Value = serde_json::from_str(policy).unwrap_or_default();
            let is_denied = |action: &&str| {
                !resource_policy::allows_service(&policy, "cloudwatch.amazonaws.com", action, None)
            };
            let denied: Vec<&str> = ["kms:Decrypt", "kms:GenerateDataKey"]
                .into_iter()
                .filter(|action| is_denied(action))
                .collect();
            (!denied.is_empty()).then(|| {
                Finding::error(
                    Link::Topic,
                    format!(
                        "the key {key} of the topic {arn} does not allow CloudWatch {}, so no alarm arrives",
                        list(denied)
                    ),
                    "add the statement of docs/DEPLOY.md, Alarm topic, to the key policy",
                )
            })
        }
        TopicKey::Customer(key, Err(error)) => Some(unread(
            Link::Topic,
            &format!("the policy of the topic's key {key}"),
            error,
        )),
    }
}
