//! The event that every function gets: a recorded one.

use anyhow::Context;
use serde_json::{Value, json};

use crate::server::Subject;

/// The Region of the functions and of the secrets.
pub(crate) const HOME: &str = "us-east-1";

/// The event of a secret's creation.
pub(crate) fn created(subject: Subject) -> anyhow::Result<Value> {
    let recorded = include_str!("../../../events/create-secret-console.json");
    let mut event: Value = serde_json::from_str(recorded).context("the recorded event")?;
    event["region"] = json!(HOME);
    event["detail"]["awsRegion"] = json!(HOME);
    event["detail"]["responseElements"]["arn"] = json!(subject.arn());
    Ok(event)
}
