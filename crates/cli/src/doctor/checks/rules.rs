//! The rules of EventBridge: they exist, are enabled, and may invoke the function.

use serde_json::Value;

use super::super::facts::{Chain, Rule, Subject};
use super::super::finding::{Finding, Link, Symptom};
use super::super::resource_policy;
use super::{DEPLOY, list, unread};

/// Checks the rules. Rules with the same fault are one finding.
pub(super) fn check(subject: &Subject, chain: &Chain) -> Vec<Finding> {
    let Ok(Some(function)) = &chain.function else {
        // The fault of the function is the finding.
        return Vec::new();
    };
    let mut findings = Vec::new();
    let mut missing = Vec::new();
    let mut found = Vec::new();
    for (name, rule) in &chain.rules {
        match rule {
            Ok(Some(rule)) => found.push((short(name), rule)),
            Ok(None) => missing.push(short(name)),
            Err(error) => findings.push(unread(Link::Rules, "the rules", error)),
        }
    }
    if !missing.is_empty() {
        let problem = format!(
            "these rules do not exist, so their events are lost: {}",
            list(missing)
        );
        let remediation = "delete the stack and deploy it again: CloudFormation does not recreate a rule that \
                           another principal deleted";
        findings.push(Finding::error(Link::Rules, problem, remediation));
    }
    findings.extend(check_enabled(subject, &found));
    let misses = |rule: &Rule| !rule.targets.contains(&function.arn);
    if let Some(names) = names_of(&found, misses) {
        let problem = format!("the function is not a target of these rules: {names}");
        findings.push(Finding::error(Link::Rules, problem, DEPLOY));
    }
    findings.extend(check_permission(chain, &found));
    findings
}

/// Returns the name of a rule without the prefix that SAM adds.
fn short<'a>(name: &&'a str) -> &'a str {
    name.strip_prefix("Replicator").unwrap_or(name)
}

fn names_of(rules: &[(&str, &Rule)], is_meant: impl Fn(&Rule) -> bool) -> Option<String> {
    let meant = rules.iter().filter(|(_, rule)| is_meant(rule));
    let names: Vec<&str> = meant.map(|(name, _)| *name).collect();
    (!names.is_empty()).then(|| list(names))
}

fn check_enabled(subject: &Subject, rules: &[(&str, &Rule)]) -> Option<Finding> {
    let names = names_of(rules, |rule| !rule.enabled)?;
    let disabled = rules.iter().find(|(_, rule)| !rule.enabled);
    let name = disabled.map_or("", |(_, rule)| {
        rule.arn.rsplit('/').next().unwrap_or_default()
    });
    let region = &subject.region;
    Some(Finding::error(
        Link::Rules,
        format!("these rules are disabled, so their events are lost: {names}"),
        format!("run `aws events enable-rule --region {region} --name {name}` for each rule"),
    ))
}

/// Checks the resource policy of the function, which must allow EventBridge to invoke it for each rule.
fn check_permission(chain: &Chain, rules: &[(&str, &Rule)]) -> Option<Finding> {
    let policy = match &chain.function_policy {
        Ok(policy) => policy.as_deref().unwrap_or("{}"),
        Err(error) => {
            return Some(unread(
                Link::Rules,
                "the resource policy of the function",
                error,
            ));
        }
    };
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let is_denied = |rule: &Rule| {
        let (service, action) = ("events.amazonaws.com", "lambda:InvokeFunction");
        !resource_policy::allows_service(&policy, service, action, Some(&rule.arn))
    };
    let names = names_of(rules, is_denied)?;
    let problem = format!(
        "the resource policy of the function does not allow these rules to invoke it: {names}"
    );
    let finding = Finding::error(Link::Rules, problem, DEPLOY);
    Some(finding.explaining(&[Symptom::Alarm("UndeliveredEventsWaiting")]))
}
