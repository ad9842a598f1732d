use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{EvaluationResult, PolicyEvaluationDecisionType};
use secret_replicator_core::failover::drill::ReaderCheck;
use secret_replicator_core::secret::{Region, SecretArn};

use super::Drill;
use super::evidence::{Keys, Observed, key_of};
use crate::access::ApiError;
use crate::simulator::{Context, ContextValue, entry};

const READ: &str = "secretsmanager:GetSecretValue";
const DECRYPT: &str = "kms:Decrypt";

/// The number of secrets in one simulated request.
const AT_ONCE: usize = 50;

/// The simulated decisions by resource.
type Decisions = BTreeMap<String, ReaderCheck>;

/// Simulates whether the role of `--reader-role` may read each replica and use its key. Returns the results by
/// resource (name and suffix). Empty without the option.
///
/// The simulator does not evaluate resource policies and key policies.
pub(super) async fn check(drill: &Drill<'_>, observed: &[Observed], keys: &Keys) -> Decisions {
    let (Some(role), Some(first)) = (drill.reader_role, observed.first()) else {
        return Decisions::new();
    };
    let role = role_arn(role, &first.expected.entry.arn);
    let simulator = Simulator {
        client: Client::new(drill.access.config()),
        role: &role,
        region: drill.to,
    };
    let replicas = observed.iter().filter_map(Observed::replica);
    let arns: Vec<String> = replicas.map(|replica| replica.arn.to_string()).collect();
    let reads = simulator.decide(READ, &arns, &[]).await;
    let arn_of = |observed: &Observed| {
        let key = key_of(observed)?;
        keys.get(key.as_str())?.arn.clone()
    };
    let key_arns: BTreeSet<String> = observed.iter().filter_map(arn_of).collect();
    let key_arns: Vec<String> = key_arns.into_iter().collect();
    let decrypts = simulator.decide(DECRYPT, &key_arns, &[via(drill.to)]).await;
    let checks = observed.iter().filter_map(|observed| {
        let replica = observed.replica()?;
        let read = reads.get(replica.arn.as_str());
        let decrypt = arn_of(observed).and_then(|arn| decrypts.get(&arn));
        Some((replica.arn.resource().to_owned(), both(read, decrypt)))
    });
    checks.collect()
}

/// Returns the context of a key that Secrets Manager uses for its caller.
fn via(region: &Region) -> Context {
    let domain = match region.partition() {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    Context {
        key: "kms:ViaService",
        value: ContextValue::Text(format!("secretsmanager.{region}.{domain}")),
    }
}

/// Returns the ARN of a role that is named by its name or its ARN.
fn role_arn(role: &str, secret: &SecretArn) -> String {
    if role.starts_with("arn:") {
        return role.to_owned();
    }
    let partition = secret.region().partition();
    format!("arn:{partition}:iam::{}:role/{role}", secret.account())
}

/// Combines the decisions about the secret and about its key. A secret on the AWS managed key needs only the first:
/// the policy of that key allows its use to the principals of the account (KMS developer guide).
fn both(read: Option<&ReaderCheck>, decrypt: Option<&ReaderCheck>) -> ReaderCheck {
    let checks: Vec<&ReaderCheck> = read.into_iter().chain(decrypt).collect();
    let denied = checks.iter().filter_map(|check| match check {
        ReaderCheck::Denied(actions) => Some(actions.clone()),
        _ => None,
    });
    let denied: Vec<String> = denied.flatten().collect();
    if !denied.is_empty() {
        return ReaderCheck::Denied(denied);
    }
    let unchecked = checks
        .iter()
        .find(|check| matches!(check, ReaderCheck::Unchecked(_)));
    match (unchecked, read) {
        (Some(unchecked), _) => (*unchecked).clone(),
        (None, Some(_)) => ReaderCheck::Allowed,
        (None, None) => {
            ReaderCheck::Unchecked("the simulator did not answer for this secret".to_owned())
        }
    }
}

struct Simulator<'a> {
    client: Client,
    role: &'a str,
    region: &'a Region,
}

impl Simulator<'_> {
    /// Decides about one action on each resource. After an error, the remaining resources are unchecked.
    async fn decide(&self, action: &str, resources: &[String], context: &[Context]) -> Decisions {
        let mut decisions = Decisions::new();
        for chunk in resources.chunks(AT_ONCE) {
            if let Err(error) = self
                .decide_some(action, chunk, context, &mut decisions)
                .await
            {
                let unchecked = ReaderCheck::Unchecked(error.to_string());
                let rest = resources
                    .iter()
                    .map(|resource| (resource.clone(), unchecked.clone()));
                let mut all: Decisions = rest.collect();
                all.extend(decisions);
                return all;
            }
        }
        decisions
    }

    async fn decide_some(
        &self,
        action: &str,
        resources: &[String],
        context: &[Context],
        decisions: &mut Decisions,
    ) -> Result<(), ApiError> {
        let region = Context {
            key: "aws:RequestedRegion",
            value: ContextValue::Text(self.region.to_string()),
        };
        let context = context.iter().chain([&region]).map(entry).collect();
        let mut pages = self
            .client
            .simulate_principal_policy()
            .policy_source_arn(self.role)
            .action_names(action)
            .set_resource_arns(Some(resources.to_vec()))
            .set_context_entries(Some(context))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| ApiError::new("iam:SimulatePrincipalPolicy", &error))?;
            for result in page.evaluation_results() {
                decisions.extend(of_result(action, result));
            }
        }
        Ok(())
    }
}

/// Returns the decisions of one result, which is about one resource or about several.
fn of_result(action: &str, result: &EvaluationResult) -> Vec<(String, ReaderCheck)> {
    let check = |decision: &PolicyEvaluationDecisionType, missing: &[String]| match decision {
        PolicyEvaluationDecisionType::Allowed => ReaderCheck::Allowed,
        PolicyEvaluationDecisionType::ImplicitDeny if !missing.is_empty() => {
            ReaderCheck::Unchecked(format!(
                "the permission for {action} depends on {}, which the simulation lacks",
                missing.join(", ")
            ))
        }
        _ => ReaderCheck::Denied(vec![action.to_owned()]),
    };
    let each = result.resource_specific_results().iter().map(|specific| {
        let missing = specific.missing_context_values();
        let decision = specific.eval_resource_decision();
        (
            specific.eval_resource_name().to_owned(),
            check(decision, missing),
        )
    });
    let each: Vec<_> = each.collect();
    if !each.is_empty() {
        return each;
    }
    let missing = result.missing_context_values();
    let resource = result.eval_resource_name().unwrap_or_default();
    vec![(resource.to_owned(), check(result.eval_decision(), missing))]
}
