//! Answers CloudFormation, which checks a deployment: a stack with invalid settings or an invalid policy is rolled back.

use std::env;

use secret_replicator_aws::{NotSent, send_answer};
use secret_replicator_core::policy::Severity;
use secret_replicator_core::request::DeploymentCheck;
use tokio::time::Instant;

use crate::reconcile::SecretOutcome;
use crate::settings::{SettingError, SettingProblem, SettingsInvalid};

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// CloudFormation has received `SUCCESS`.
    Accepted,
    /// CloudFormation has received `FAILED` with these problems.
    Rejected(SettingsInvalid),
    /// CloudFormation has received no answer.
    Unanswered(NotSent),
}

/// Answers a check. `invalid` are the problems of the settings in force.
pub(crate) async fn answer(
    check: &DeploymentCheck,
    invalid: Option<&SettingsInvalid>,
    until: Instant,
) -> SecretOutcome {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let local_endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
    let destination = match check.destination(local_endpoint.as_deref()) {
        Ok(destination) => destination,
        Err(bad) => return SecretOutcome::BadEvent(bad),
    };
    let problems: Vec<String> = invalid.into_iter().flat_map(lines).collect();
    // Lambda sets the variable (Lambda developer guide, "Defined runtime environment variables").
    let answer = check.answer(&problems, variable("AWS_LAMBDA_LOG_GROUP_NAME").as_deref());
    let sent = send_answer(destination, &answer.body, until).await;
    SecretOutcome::DeploymentCheck(match (sent, invalid) {
        (Err(error), _) => CheckOutcome::Unanswered(error),
        (Ok(()), Some(invalid)) if !answer.is_success => CheckOutcome::Rejected(invalid.clone()),
        (Ok(()), _) => CheckOutcome::Accepted,
    })
}

/// Returns one line for each problem, without the warnings of the policy.
fn lines(invalid: &SettingsInvalid) -> Vec<String> {
    let of_problem = |problem: &SettingProblem| match &problem.error {
        SettingError::Value(_) => vec![problem.to_string()],
        SettingError::Policy(policy) => {
            let errors = policy.problems.iter();
            let errors = errors.filter(|error| error.severity == Severity::Error);
            errors
                .map(|error| format!("{}: {error}", problem.variable))
                .collect()
        }
    };
    invalid.problems.iter().flat_map(of_problem).collect()
}
