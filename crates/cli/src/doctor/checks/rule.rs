//! The rule of EventBridge: it exists, is enabled, selects the events, and may invoke the function.

use serde_json::Value;

use super::super::facts::{Chain, Rule, Stack, Subject};
use super::super::finding::{Finding, Link, Symptom};
use super::super::resource_policy;
use super::{RECREATE, RESTORE, unread};

/// The event pattern of the rule in the template. A test compares both.
const PATTERN: &str = include_str!("event-pattern.json");

/// Checks the rule.
pub(super) fn check(subject: &Subject, stack: &Stack, chain: &Chain) -> Vec<Finding> {
    let Ok(Some(function)) = &chain.function else {
        // The fault of the function is the finding.
        return Vec::new();
    };
    let rule = match &chain.rule {
        Ok(Some(rule)) => rule,
        Ok(None) => {
            let problem = "the rule does not exist, so events are lost";
            return vec![Finding::error(Link::Rule, problem, RECREATE)];
        }
        Err(error) => return vec![unread(Link::Rule, "the rule", error)],
    };
    let findings = [
        check_state(subject, rule),
        check_pattern(subject, stack, rule),
        check_target(rule, &function.arn),
        check_permission(chain, rule),
    ];
    findings.into_iter().flatten().collect()
}

fn check_state(subject: &Subject, rule: &Rule) -> Option<Finding> {
    let problem = "the rule is disabled, so events are lost";
    let remediation = format!("run `{}`", command("enable-rule", subject, rule));
    (!rule.enabled).then(|| Finding::error(Link::Rule, problem, remediation))
}

/// Checks the event pattern, if the template has the version of the tool.
fn check_pattern(subject: &Subject, stack: &Stack, rule: &Rule) -> Option<Finding> {
    if stack.version.as_ref() != Some(&subject.tool_version) {
        return None;
    }
    let expected: Value = serde_json::from_str(PATTERN).unwrap_or_default();
    let found = serde_json::from_str(&rule.pattern).unwrap_or_default();
    if without_order(&found) == without_order(&expected) {
        return None;
    }
    let problem =
        "the event pattern of the rule is not that of the template, so events may be lost";
    let command = command("put-rule", subject, rule);
    let remediation = format!("run `{command} --event-pattern '{expected}'`");
    Some(Finding::error(Link::Rule, problem, remediation))
}

/// Returns a pattern with sorted lists. Their order has no meaning.
fn without_order(pattern: &Value) -> Value {
    match pattern {
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| (name.clone(), without_order(value)));
            Value::Object(fields.collect())
        }
        Value::Array(values) => {
            let mut values: Vec<Value> = values.iter().map(without_order).collect();
            values.sort_by_cached_key(Value::to_string);
            Value::Array(values)
        }
        scalar => scalar.clone(),
    }
}

fn check_target(rule: &Rule, function: &String) -> Option<Finding> {
    let problem = "the function is not a target of the rule";
    (!rule.targets.contains(function)).then(|| Finding::error(Link::Rule, problem, RESTORE))
}

/// Returns a command of the AWS CLI for the rule.
fn command(name: &str, subject: &Subject, rule: &Rule) -> String {
    let rule = rule.arn.rsplit('/').next().unwrap_or_default();
    format!(
        "aws events {name} --region {} --name {rule}",
        subject.region
    )
}

/// Checks the resource policy of the function, which must allow EventBridge to invoke it for the rule.
fn check_permission(chain: &Chain, rule: &Rule) -> Option<Finding> {
    let policy = match &chain.function_policy {
        Ok(policy) => policy.as_deref().unwrap_or("{}"),
        Err(error) => {
            let what = "the resource policy of the function";
            return Some(unread(Link::Rule, what, error));
        }
    };
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let (service, action) = ("events.amazonaws.com", "lambda:InvokeFunction");
    if resource_policy::allows_service(&policy, service, action, Some(&rule.arn)) {
        return None;
    }
    let problem = "the resource policy of the function does not allow the rule to invoke it";
    let finding = Finding::error(Link::Rule, problem, RESTORE);
    Some(finding.explaining(&[Symptom::Alarm("UndeliveredEventsWaiting")]))
}
