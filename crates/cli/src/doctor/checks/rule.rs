//! The rule of EventBridge: it exists, is enabled, and may invoke the function.

use serde_json::Value;

use super::super::facts::{Chain, Rule, Subject};
use super::super::finding::{Finding, Link, Symptom};
use super::super::resource_policy;
use super::{DEPLOY, unread};

/// Checks the rule.
pub(super) fn check(subject: &Subject, chain: &Chain) -> Vec<Finding> {
    let Ok(Some(function)) = &chain.function else {
        // The fault of the function is the finding.
        return Vec::new();
    };
    let rule = match &chain.rule {
        Ok(Some(rule)) => rule,
        Ok(None) => {
            let problem = "the rule does not exist, so events are lost";
            let remediation = "delete the stack and deploy it again: CloudFormation does not recreate a rule that \
                               another principal deleted";
            return vec![Finding::error(Link::Rule, problem, remediation)];
        }
        Err(error) => return vec![unread(Link::Rule, "the rule", error)],
    };
    let mut findings = Vec::new();
    if !rule.enabled {
        let name = rule.arn.rsplit('/').next().unwrap_or_default();
        findings.push(Finding::error(
            Link::Rule,
            "the rule is disabled, so events are lost",
            format!(
                "run `aws events enable-rule --region {} --name {name}`",
                subject.region
            ),
        ));
    }
    if !rule.targets.contains(&function.arn) {
        let problem = "the function is not a target of the rule";
        findings.push(Finding::error(Link::Rule, problem, DEPLOY));
    }
    findings.extend(check_permission(chain, rule));
    findings
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
    let finding = Finding::error(Link::Rule, problem, DEPLOY);
    Some(finding.explaining(&[Symptom::Alarm("UndeliveredEventsWaiting")]))
}
