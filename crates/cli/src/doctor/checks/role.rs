//! The roles: each call that function, sweep and schedule must make is allowed.

use std::collections::{BTreeMap, BTreeSet};

use super::super::facts::{Call, Chain, Decision};
use super::super::finding::{Finding, Link, Symptom};
use super::{RESTORE, list, unread};

/// Checks the simulated calls. Calls of one role that are denied for the same reason are one finding.
pub(super) fn check(chain: &Chain) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (role, calls) in &chain.roles {
        match calls {
            Ok(calls) => findings.extend(denied(role, calls)),
            Err(error) => findings.push(unread(Link::Role, "the permissions of the roles", error)),
        }
    }
    findings
}

/// Calls that were denied for one reason: their actions, and the Regions or resources.
type Denied<'a> = (BTreeSet<&'a str>, BTreeSet<&'a str>);

fn denied(role: &str, calls: &[Call]) -> Vec<Finding> {
    let mut by_reason: BTreeMap<(Decision, bool), Denied<'_>> = BTreeMap::new();
    for call in calls {
        if call.decision != Decision::Allowed {
            let reason = (call.decision, call.action.starts_with("kms:"));
            let (actions, on) = by_reason.entry(reason).or_default();
            actions.insert(&call.action);
            on.insert(&call.on);
        }
    }
    let findings = by_reason
        .into_iter()
        .map(|((decision, is_kms), (actions, on))| {
            let actions = list(actions);
            let problem = format!(
                "the role {role} may not call {actions} for {}: {}",
                list(on),
                because(decision)
            );
            Finding::error(Link::Role, problem, remediation(decision, is_kms, &actions))
                .explaining(symptoms(role))
        });
    findings.collect()
}

fn because(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "it is allowed",
        Decision::DeniedByOrganization => "a policy of the organization does not allow it",
        Decision::DeniedByBoundary => "the permissions boundary does not allow it",
        Decision::ExplicitDeny => "a policy of the role denies it",
        Decision::NotAllowed => "no policy of the role allows it",
    }
}

fn remediation(decision: Decision, is_kms: bool, actions: &str) -> String {
    match decision {
        Decision::DeniedByOrganization => {
            format!("ask the administrators of the organization to allow {actions} to the role")
        }
        Decision::DeniedByBoundary => {
            format!("allow {actions} in the policy of PermissionsBoundaryArn")
        }
        Decision::ExplicitDeny => {
            format!("remove the statement that denies {actions} from the policies of the role")
        }
        Decision::NotAllowed if is_kms => {
            "add the keys to KmsKeyArns, or tag them for KmsKeyTagValue, and deploy the stack again"
                .to_owned()
        }
        Decision::NotAllowed | Decision::Allowed => RESTORE.to_owned(),
    }
}

fn symptoms(role: &str) -> &'static [Symptom] {
    match role {
        "ReplicatorRole" => &[
            Symptom::Alarm("FunctionErrors"),
            Symptom::Alarm("SweepFailures"),
            Symptom::Alarm("ReplicasFailing"),
            Symptom::Alarm("SecretsUnresolved"),
        ],
        "SweepRole" => &[
            Symptom::Alarm("SweepFailed"),
            Symptom::FailedSweep,
            Symptom::NoMetrics,
        ],
        _ => &[
            Symptom::Alarm("SweepSilent"),
            Symptom::NoSweep,
            Symptom::NoMetrics,
        ],
    }
}
