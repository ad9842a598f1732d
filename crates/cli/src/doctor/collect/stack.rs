use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::primitives::DateTime as SdkTime;
use aws_sdk_cloudformation::types::Stack as Described;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use chrono::{DateTime, Utc};

use super::super::facts::Stack;
use crate::access::{Access, ApiError};

/// Reads the stack, and its ID. `None` if it does not exist.
pub(super) async fn read(access: &Access, name: &str) -> Result<Option<(Stack, String)>, ApiError> {
    let client = Client::new(access.config());
    let described = match client.describe_stacks().stack_name(name).send().await {
        Ok(described) => described,
        // CloudFormation has no code of its own for a stack that does not exist.
        Err(error)
            if error
                .message()
                .is_some_and(|text| text.contains("does not exist")) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(ApiError::new("cloudformation:DescribeStacks", &error)),
    };
    let Some(found) = described.stacks().first() else {
        return Ok(None);
    };
    let parameters = found.parameters().iter().filter_map(|row| {
        Some((
            row.parameter_key()?.to_owned(),
            row.parameter_value()?.to_owned(),
        ))
    });
    let created = found.creation_time().map(SdkTime::secs);
    let stack = Stack {
        status: found
            .stack_status()
            .map_or("UNKNOWN", |status| status.as_str())
            .to_owned(),
        reason: found.stack_status_reason().map(str::to_owned),
        created: created
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .unwrap_or_else(Utc::now),
        parameters: parameters.collect(),
        resources: resources(&client, name).await?,
        version: version(found),
    };
    Ok(Some((
        stack,
        found.stack_id().unwrap_or_default().to_owned(),
    )))
}

/// Returns the version in the outputs.
fn version(found: &Described) -> Option<String> {
    let mut outputs = found.outputs().iter();
    let version = outputs.find(|output| output.output_key() == Some("Version"))?;
    version.output_value().map(str::to_owned)
}

async fn resources(client: &Client, name: &str) -> Result<BTreeMap<String, String>, ApiError> {
    let mut pages = client
        .list_stack_resources()
        .stack_name(name)
        .into_paginator()
        .send();
    let mut resources = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page =
            page.map_err(|error| ApiError::new("cloudformation:ListStackResources", &error))?;
        for row in page.stack_resource_summaries() {
            let is_deleted = row
                .resource_status()
                .is_some_and(|status| status.as_str() == "DELETE_COMPLETE");
            if let (Some(name), Some(id), false) = (
                row.logical_resource_id(),
                row.physical_resource_id(),
                is_deleted,
            ) {
                resources.insert(name.to_owned(), id.to_owned());
            }
        }
    }
    Ok(resources)
}
