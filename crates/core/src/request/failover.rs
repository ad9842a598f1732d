//! The actions of a failover: `drill` and `promote`.
//!
//! A person sends them, or a step of a plan of ARC Region switch (custom action Lambda execution block), which merges
//! four fields into the payload (ARC API reference, `Lambdas`).

use serde_json::{Map, Value};

use super::action::Fields;
use super::{BadEvent, FunctionIdentity, Request, cut};
use crate::secret::Region;

const DRILL_REMEDIATION: &str = "send {\"action\": \"drill\", \"region\": \"...\"} with the Region whose replicas \
    would be promoted; `from` is optional, and names the Region of their primary secrets";
const PROMOTE_REMEDIATION: &str = "send {\"action\": \"promote\", \"region\": \"...\", \"from\": \"...\", \"dryRun\": \
    true} with the Region whose replicas are promoted; `from` is optional, and names the Region of their primary \
    secrets; `dryRun` is optional, and without it the function promotes";

/// The fields that ARC Region switch merges into the payload of a step.
const OF_ARC: [&str; 4] = ["InvokedBy", "PlanArn", EXECUTION_ID, "StepName"];
const EXECUTION_ID: &str = "ExecutionId";

/// A drill or a promotion of the replicas of the function's Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailoverRequest {
    /// What to do.
    pub action: FailoverAction,
    /// The Region of the primary secrets whose replicas are meant. `None` if the Region has replicas of one primary
    /// Region only.
    pub from: Option<Region>,
    /// The execution of a plan of ARC Region switch, for the records.
    pub execution_id: Option<String>,
}

/// An action of a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailoverAction {
    /// Report which replicas could be promoted. Never writes.
    Drill,
    /// Promote the replicas.
    Promote {
        /// Whether to decide and report only.
        dry_run: bool,
    },
}

/// Parses the action `drill`.
pub(super) fn drill(
    fields: &Map<String, Value>,
    function: &FunctionIdentity,
) -> Result<Request, BadEvent> {
    let fields = Fields::of(fields, DRILL_REMEDIATION);
    only(&fields, &["action", "region", "from"])?;
    request(&fields, function, FailoverAction::Drill)
}

/// Parses the action `promote`.
pub(super) fn promote(
    fields: &Map<String, Value>,
    function: &FunctionIdentity,
) -> Result<Request, BadEvent> {
    let fields = Fields::of(fields, PROMOTE_REMEDIATION);
    only(&fields, &["action", "region", "from", "dryRun"])?;
    let dry_run = fields.flag("dryRun")?;
    request(&fields, function, FailoverAction::Promote { dry_run })
}

/// Returns the execution of the plan that sent the request, for its origin.
pub(super) fn execution(request: &Result<Request, BadEvent>) -> Option<&str> {
    match request {
        Ok(Request::Failover(request)) => request.execution_id.as_deref(),
        _ => None,
    }
}

fn only(fields: &Fields<'_>, known: &[&str]) -> Result<(), BadEvent> {
    fields.only(&[known, &OF_ARC].concat())
}

fn request(
    fields: &Fields<'_>,
    function: &FunctionIdentity,
    action: FailoverAction,
) -> Result<Request, BadEvent> {
    let Some(region) = fields.region("region", "region")? else {
        return fields.bad("the field `region` is missing".to_owned());
    };
    if region != function.region {
        return fields.bad(format!(
            "`region` is {region}, but this function promotes replicas in {} only: call the function of the stack \
             in {region}",
            function.region
        ));
    }
    let from = fields.region("from", "from")?;
    if from.as_ref() == Some(&region) {
        return fields.bad(format!(
            "`from` is {region}, as is `region`: a replica has its primary secret in another Region"
        ));
    }
    Ok(Request::Failover(FailoverRequest {
        action,
        from,
        // AWS adds the field, so another type than text is not an error.
        execution_id: fields.text(EXECUTION_ID).ok().flatten().map(cut),
    }))
}
