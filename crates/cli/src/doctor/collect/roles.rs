use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{EvaluationResult, PolicyEvaluationDecisionType};
use secret_replicator_core::secret::Region;

use super::super::facts::{Call, Decision, Read, Stack};
use super::super::permissions::{Account, Key, Request, requests};
use super::super::settings::Settings;
use super::read as checked;
use crate::access::Access;
use crate::simulator::entry;

/// Simulates the calls of each role. Without valid settings, the calls are unknown, and the fault of the settings
/// is the finding.
pub(super) async fn read(
    access: &Access,
    stack: &Stack,
    account: &Account,
    settings: Option<&Settings>,
    replica_regions: &BTreeSet<Region>,
    keys: &BTreeSet<Key>,
) -> BTreeMap<&'static str, Read<Vec<Call>>> {
    let Some(settings) = settings else {
        return BTreeMap::new();
    };
    let client = Client::new(access.config());
    let mut roles = BTreeMap::new();
    for (role, requests) in requests(account, stack, settings, replica_regions, keys) {
        let arn = account.role(stack.resource(role));
        roles.insert(role, simulate(&client, &arn, &requests).await);
    }
    roles
}

async fn simulate(client: &Client, role: &str, requests: &[Request]) -> Read<Vec<Call>> {
    let mut calls = Vec::new();
    for request in requests {
        let actions = request.actions.iter().map(|action| (*action).to_owned());
        let answer = client
            .simulate_principal_policy()
            .policy_source_arn(role)
            .set_action_names(Some(actions.collect()))
            .resource_arns(&request.resource)
            .set_context_entries(Some(request.context.iter().map(entry).collect()))
            .send()
            .await;
        let answer = checked("iam:SimulatePrincipalPolicy", answer)?;
        let results = answer.evaluation_results().iter();
        calls.extend(results.map(|result| Call {
            action: result.eval_action_name().to_owned(),
            on: request.on.clone(),
            decision: decision(result),
        }));
    }
    Ok(calls)
}

/// Returns the decision, and which kind of policy made it.
fn decision(result: &EvaluationResult) -> Decision {
    let organization = result.organizations_decision_detail();
    let boundary = result.permissions_boundary_decision_detail();
    match result.eval_decision() {
        PolicyEvaluationDecisionType::Allowed => Decision::Allowed,
        _ if organization.is_some_and(|detail| !detail.allowed_by_organizations()) => {
            Decision::DeniedByOrganization
        }
        _ if boundary.is_some_and(|detail| !detail.allowed_by_permissions_boundary()) => {
            Decision::DeniedByBoundary
        }
        PolicyEvaluationDecisionType::ExplicitDeny => Decision::ExplicitDeny,
        _ => Decision::NotAllowed,
    }
}
