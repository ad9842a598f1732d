use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::primitives::Blob;
use serde_json::{Value, json};

use super::super::facts::{FUNCTION, Function, Invoked, Read, Stack};
use super::{read as checked, read_optional};
use crate::access::Access;

const MISSING: &[&str] = &["ResourceNotFoundException"];

/// Reads the function and its resource policy.
pub(super) async fn read(
    access: &Access,
    stack: &Stack,
    invoke: bool,
) -> (Read<Option<Function>>, Read<Option<String>>) {
    let client = Client::new(access.config());
    let name = stack.resource(FUNCTION);
    let function = function(&client, name, invoke).await;
    let policy = client.get_policy().function_name(name).send().await;
    let policy = read_optional("lambda:GetPolicy", MISSING, policy);
    (
        function,
        policy.map(|found| found.and_then(|found| found.policy)),
    )
}

async fn function(client: &Client, name: &str, invoke: bool) -> Read<Option<Function>> {
    let found = client
        .get_function_configuration()
        .function_name(name)
        .send()
        .await;
    let found = read_optional("lambda:GetFunctionConfiguration", MISSING, found)?;
    let Some(found) = found else {
        return Ok(None);
    };
    let reserved = client
        .get_function_concurrency()
        .function_name(name)
        .send()
        .await;
    let reserved = checked("lambda:GetFunctionConcurrency", reserved)?;
    let invoked = if invoke {
        Some(explain(client, name).await)
    } else {
        None
    };
    Ok(Some(Function {
        reserved_concurrency: reserved.reserved_concurrent_executions(),
        invoked,
        ..configuration(&found)
    }))
}

fn configuration(found: &GetFunctionConfigurationOutput) -> Function {
    let update_failed = found
        .last_update_status()
        .is_some_and(|status| status.as_str() == "Failed");
    let reason = if update_failed {
        found.last_update_status_reason()
    } else {
        found.state_reason()
    };
    let variables = found
        .environment()
        .and_then(|environment| environment.variables());
    let logging = found.logging_config();
    let level = logging.and_then(|logging| logging.application_log_level());
    Function {
        arn: found.function_arn().unwrap_or_default().to_owned(),
        // Functions that are older than states have none.
        state: found
            .state()
            .map_or("Active", |state| state.as_str())
            .to_owned(),
        reason: reason.map(str::to_owned),
        update_failed,
        environment: variables
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        log_level: level.map(|level| level.as_str().to_owned()),
        reserved_concurrency: None,
        invoked: None,
    }
}

/// Invokes the function with the action `explain`, for a secret that need not exist. It never writes, and its
/// record has no metrics.
async fn explain(client: &Client, name: &str) -> Read<Invoked> {
    let payload = json!({
        "action": "explain",
        "secret": { "name": "doctor", "tags": {} }
    });
    let payload = Blob::new(payload.to_string());
    let answer = client
        .invoke()
        .function_name(name)
        .payload(payload)
        .send()
        .await;
    let answer = checked("lambda:InvokeFunction", answer)?;
    if answer.function_error().is_none() {
        return Ok(Invoked::Answered);
    }
    let body: Value = answer
        .payload()
        .and_then(|payload| serde_json::from_slice(payload.as_ref()).ok())
        .unwrap_or_default();
    let field = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    Ok(Invoked::Failed(field("errorType"), field("errorMessage")))
}
