//! The events that EventBridge delivers for calls, in the form of the samples in `events/`.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use super::call::without_secrets;
use super::wire::ApiRequest;
use crate::world::{ACCOUNT_ID, secret_id};
use crate::{ApiError, Time};

/// The calls whose CloudTrail events the rules of the stack match, in addition to failed deletions.
const CALLS: [&str; 6] = [
    "CreateSecret",
    "RemoveRegionsFromReplication",
    "RestoreSecret",
    "StopReplicationToReplica",
    "TagResource",
    "UntagResource",
];

/// The label whose native events the rules of the stack match.
const CURRENT: &str = "AWSCURRENT";

/// Returns the event of a call, if a rule of the stack matches one. A call of the function has none,
/// because no rule matches it or the function skips it. AWS can send two events for one call
/// \[doc\]; here each call has at most one.
pub(super) fn of(
    now: Time,
    request: &ApiRequest,
    result: &Result<Value, ApiError>,
) -> Option<Value> {
    if request.is_from_function() {
        return None;
    }
    let is_blocked = |error: &ApiError| error.message.contains("still has replica regions");
    let operation = request.operation.as_str();
    let is_matched = CALLS.contains(&operation)
        || (operation == "DeleteSecret" && result.as_ref().is_err_and(is_blocked));
    if is_matched {
        return Some(of_trail(now, request, result));
    }
    let answer = result.as_ref().ok()?;
    let version = current_version(request, answer)?;
    let label = json!({
        "name": answer["Name"],
        "labelUpdated": CURRENT,
        "versionId": version,
    });
    let mut event = envelope(now, request, "Secret Label Updated", &label);
    event["resources"] = json!([answer["ARN"]]);
    Some(event)
}

/// Returns the version that a call makes the current one.
fn current_version<'a>(request: &'a ApiRequest, answer: &'a Value) -> Option<&'a str> {
    let body = &request.body;
    let version = match request.operation.as_str() {
        "PutSecretValue" => {
            let labels = answer["VersionStages"].as_array()?;
            labels.iter().find(|label| *label == CURRENT)?;
            answer
        }
        "UpdateSecret" => answer,
        "UpdateSecretVersionStage" if body["VersionStage"] == CURRENT => {
            return body["MoveToVersionId"].as_str();
        }
        _ => return None,
    };
    version["VersionId"].as_str()
}

fn of_trail(now: Time, request: &ApiRequest, result: &Result<Value, ApiError>) -> Value {
    let arn = result.as_ref().ok().and_then(|answer| answer.get("ARN"));
    let error = result.as_ref().err();
    let mut detail = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "arn": format!("arn:aws:iam::{ACCOUNT_ID}:user/you"),
            "accountId": ACCOUNT_ID,
        },
        "eventTime": timestamp(now),
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": request.operation,
        "awsRegion": request.region,
        "requestParameters": in_camel_case(without_secrets(&request.body)),
        "responseElements": arn.map(|arn| json!({ "arn": arn })),
        "eventID": format!("{}-{}", secret_id(&request.body).unwrap_or_default(), now.0),
        "readOnly": false,
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT_ID,
    });
    if let Some(error) = error {
        detail["errorCode"] = json!(error.code);
        detail["errorMessage"] = json!(error.message);
    }
    envelope(now, request, "AWS API Call via CloudTrail", &detail)
}

fn envelope(now: Time, request: &ApiRequest, detail_type: &str, detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": format!("{}-{}", request.operation, now.0),
        "detail-type": detail_type,
        "source": "aws.secretsmanager",
        "account": ACCOUNT_ID,
        "time": timestamp(now),
        "region": request.region,
        "resources": [],
        "detail": detail,
    })
}

fn timestamp(now: Time) -> String {
    let milliseconds = i64::try_from(now.0).unwrap_or(i64::MAX);
    let date = DateTime::from_timestamp_millis(milliseconds).unwrap_or_default();
    date.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Spells the members of a request as CloudTrail does.
fn in_camel_case(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (first_in_lower_case(&name), in_camel_case(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(in_camel_case).collect(),
        other => other,
    }
}

fn first_in_lower_case(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}
