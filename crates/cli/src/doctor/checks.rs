//! The checks: facts in, findings out. They run in the order of the chain, so that one fault is one finding:
//! a fault explains its symptoms in later links.

mod alarms;
mod function;
mod keys;
mod queues;
mod regions;
mod role;
mod rule;
mod stack;
mod sweep;
mod trail;

use super::facts::{Facts, Unread};
use super::finding::{Finding, Findings, Link};
pub(crate) use sweep::silence;

/// Returns the findings about a stack. Empty if every link is in order.
pub(crate) fn diagnose(facts: &Facts) -> Vec<Finding> {
    let mut findings = Findings::default();
    let subject = &facts.subject;
    findings.extend(stack::check(subject, facts.stack.as_ref()));
    if let (Some(stack), Some(chain)) = (&facts.stack, &facts.chain) {
        findings.extend(regions::check_enabled(chain));
        findings.extend(function::check(subject, chain));
        findings.extend(role::check(chain));
        findings.extend(keys::check(chain));
        findings.extend(rule::check(subject, stack, chain));
        findings.extend(trail::check(subject, chain));
        let unreachable = regions::check_endpoints(chain, &findings);
        findings.extend(unreachable);
        findings.extend(sweep::check_schedules(subject, stack, chain));
        findings.extend(queues::check(chain));
        sweep::check_last(subject, stack, chain, &mut findings);
        let metrics = sweep::check_metrics(subject, stack, chain, &findings);
        findings.extend(metrics);
        findings.extend(alarms::check_topic(chain));
        let firing = alarms::check(chain, &findings);
        findings.extend(firing);
        findings.extend(stack::check_version(subject, stack));
    }
    one_per_denied_action(findings.into_vec())
}

/// Returns the finding that a link could not be checked.
fn unread(link: Link, what: &str, unread: &Unread) -> Finding {
    let remediation = if unread.denied {
        format!("allow `{}` to your principal", unread.action)
    } else {
        "run the command again; if the error remains, check the network and the Region".to_owned()
    };
    let problem = format!("failed to read {what}: {}", unread.error);
    Finding::unknown(link, problem, remediation)
}

/// Keeps one of the findings about the same unread facts.
fn one_per_denied_action(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let is_new =
            |known: &Finding| (known.link, &known.problem) != (finding.link, &finding.problem);
        if kept.iter().all(is_new) {
            kept.push(finding);
        }
    }
    kept
}

/// Joins names with commas.
fn list<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    names.join(", ")
}

/// The remediation of a resource that differs from the template. Another deployment of the same template does not change
/// it.
const RESTORE: &str = "restore the stack with a change set of the mode REVERT_DRIFT (docs/OPERATIONS.md, Changes outside of the stack)";

/// The remediation of a resource that does not exist. Whether the change set recreates it was not tried.
const RECREATE: &str = "restore the stack with a change set of the mode REVERT_DRIFT (docs/OPERATIONS.md, Changes \
                        outside of the stack); if that does not recreate it, delete the stack, deploy it again, and \
                        name its new role in key policies";

/// Returns the names of the alarms in the template.
pub(crate) fn alarm_names() -> &'static [&'static str] {
    &alarms::ALARMS
}
