//! The event of every function, a recorded one.

use anyhow::Context;
use serde_json::{Value, json};

use crate::server::Subject;

/// The Region of the functions and of the secrets.
pub(crate) const REGION: &str = "us-east-1";

/// Returns the event of a secret's creation.
pub(crate) fn created(subject: Subject) -> anyhow::Result<Value> {
    let recorded = include_str!("../../../events/create-secret-console.json");
    let mut event: Value = serde_json::from_str(recorded).context("the recorded event")?;
    event["region"] = json!(REGION);
    event["detail"]["awsRegion"] = json!(REGION);
    event["detail"]["responseElements"]["arn"] = json!(subject.arn());
    Ok(event)
}
