//! The event of every function, a recorded one, and the secrets that it is about.

use anyhow::Context;
use serde_json::{Value, json};

/// The Region of the functions and of the secrets.
pub(crate) const REGION: &str = "us-east-1";

/// The secret that an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The replica is in sync.
    Unchanged,
    /// The replica is missing.
    Drifted,
}

impl Subject {
    /// The secret's ARN.
    pub(crate) fn arn(self) -> String {
        let name = self.name();
        format!("arn:aws:secretsmanager:{REGION}:123456789012:secret:{name}-AbCdEf")
    }

    /// The secret's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Subject::Unchanged => "unchanged",
            Subject::Drifted => "drifted",
        }
    }
}

/// Returns the event of a secret's creation.
pub(crate) fn created(subject: Subject) -> anyhow::Result<Value> {
    let recorded = include_str!("../../../events/create-secret-console.json");
    let mut event: Value = serde_json::from_str(recorded).context("the recorded event")?;
    event["region"] = json!(REGION);
    event["detail"]["awsRegion"] = json!(REGION);
    event["detail"]["responseElements"]["arn"] = json!(subject.arn());
    Ok(event)
}
