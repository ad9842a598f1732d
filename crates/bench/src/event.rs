//! The event for all contenders, and its secrets.

use anyhow::Context;
use serde_json::{Value, json};

/// The Region of the functions and of the secrets.
pub(crate) const REGION: &str = "us-east-1";

/// The secret of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The replica is in sync.
    Unchanged,
    /// The replica is missing.
    Drifted,
}

impl Subject {
    pub(crate) fn arn(self) -> String {
        let name = self.name();
        format!("arn:aws:secretsmanager:{REGION}:123456789012:secret:{name}-AbCdEf")
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Subject::Unchanged => "unchanged",
            Subject::Drifted => "drifted",
        }
    }
}

/// Returns a recorded `CreateSecret` event, changed to this secret.
pub(crate) fn created(subject: Subject) -> anyhow::Result<Value> {
    created_with_arn(&subject.arn())
}

/// Returns a recorded `CreateSecret` event, changed to the secret with this ARN.
pub(crate) fn created_with_arn(arn: &str) -> anyhow::Result<Value> {
    let recorded = include_str!("../../../events/create-secret-console.json");
    let mut event: Value =
        serde_json::from_str(recorded).context("failed to parse the recorded event")?;
    event["region"] = json!(REGION);
    event["detail"]["awsRegion"] = json!(REGION);
    event["detail"]["responseElements"]["arn"] = json!(arn);
    Ok(event)
}
