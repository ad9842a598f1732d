//! Reads the policy and the settings of a deployed stack.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow, ensure};
use secret_replicator_core::limits::Limits;

use crate::access::{Access, ApiError};
use crate::document::Document;
use crate::options::{allowed_regions, limits};
use crate::policy;

/// The policy and the limits of a stack.
pub(super) struct Stack {
    pub(super) policy: Document,
    pub(super) limits: Limits,
}

/// Reads the parameters of a stack in the Region of the access.
///
/// # Errors
/// The stack does not exist, cannot be read, or is not a stack of this project.
pub(super) async fn read(access: &Access, name: &str) -> anyhow::Result<Stack> {
    let client = aws_sdk_cloudformation::Client::new(access.config());
    let answer = client.describe_stacks().stack_name(name).send().await;
    let answer = answer
        .map_err(|error| ApiError::new("cloudformation:DescribeStacks", &error))
        .with_context(|| {
            let region = access.config().region();
            let region = region.map(ToString::to_string).unwrap_or_default();
            format!("failed to read the stack `{name}` in {region}; check its name and its Region")
        })?;
    let stack = answer.stacks().first();
    let stack = stack.ok_or_else(|| anyhow!("CloudFormation returned no stack `{name}`"))?;
    let parameters = stack.parameters().iter().filter_map(|parameter| {
        let value = parameter.parameter_value().unwrap_or_default();
        Some((parameter.parameter_key()?, value))
    });
    from_parameters(name, &parameters.collect())
}

/// Interprets the parameters of a stack as its function does.
fn from_parameters(name: &str, parameters: &BTreeMap<&str, &str>) -> anyhow::Result<Stack> {
    let get = |key: &str| {
        let value = parameters.get(key).copied();
        value.ok_or_else(|| {
            anyhow!(
                "the stack `{name}` has no parameter `{key}`, so it is not a stack of secret-replicator; \
                 `aws cloudformation describe-stacks` shows the stacks"
            )
        })
    };
    let allowed = allowed_regions(get("AllowedReplicaRegions")?);
    let allowed = allowed.map_err(|error| anyhow!("AllowedReplicaRegions of `{name}`: {error}"))?;
    let layer = parameters
        .get("PolicyLayerArn")
        .copied()
        .unwrap_or_default();
    ensure!(
        layer.is_empty(),
        "the policy of the stack `{name}` is in the layer {layer}, which this tool does not read; name the \
         policy file, and the limits with `--allowed-replica-regions`, `--allow-overwrite` and `--allow-removal`"
    );
    let text = get("ReplicationPolicy")?;
    let document = if text.is_empty() {
        policy::built_in()
    } else {
        Document::new(format!("the policy of the stack {name}"), text)
    };
    let is_true = |key| get(key).map(|value| value == "true");
    Ok(Stack {
        policy: document,
        limits: limits(
            allowed,
            is_true("AllowOverwrite")?,
            is_true("AllowRemoval")?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use secret_replicator_core::limits::{Overwrite, RemovalLimit};

    use super::*;

    #[test]
    fn parameters_mean_what_they_mean_to_the_function() {
        let mut parameters = BTreeMap::from([
            ("AllowedReplicaRegions", "eu-west-1,us-west-2"),
            ("ReplicationPolicy", ""),
            ("AllowOverwrite", "false"),
            ("AllowRemoval", "true"),
        ]);
        let stack = from_parameters("s", &parameters).unwrap();
        assert_eq!(stack.policy.name, "the built-in policy");
        assert_eq!(stack.limits.overwrite, Overwrite::Never);
        assert_eq!(stack.limits.removal, RemovalLimit::Allowed);
        assert_eq!(
            stack.limits.allowed_regions.to_string(),
            "eu-west-1 us-west-2"
        );
        parameters.insert("ReplicationPolicy", "version: 1");
        let stack = from_parameters("s", &parameters).unwrap();
        assert_eq!(stack.policy.text, "version: 1");
        parameters.insert(
            "PolicyLayerArn",
            "arn:aws:lambda:REGION:123456789012:layer:policy:1",
        );
        let error = from_parameters("s", &parameters).err().unwrap();
        assert!(error.to_string().contains("layer:policy:1"), "{error}");
        parameters.remove("PolicyLayerArn");
        parameters.remove("AllowRemoval");
        let error = from_parameters("s", &parameters).err().unwrap();
        assert!(error.to_string().contains("`AllowRemoval`"), "{error}");
    }
}
