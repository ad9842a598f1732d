//! EventBridge events that contain CloudTrail's record of an API call.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BadEvent, FunctionIdentity, Origin, Request, Trigger, Wait, bad, cut, is_secret_id};
use crate::reason::SkipReason;
use crate::secret::{SecretArn, SecretId};

const API_CALL: &str = "AWS API Call via CloudTrail";

const CLOUDTRAIL_REMEDIATION: &str = "send the event as CloudTrail writes it";

/// The API calls after which a secret is reconciled.
const RECONCILED_EVENTS: [&str; 4] = [
    "CreateSecret",
    "TagResource",
    "UntagResource",
    "RestoreSecret",
];

/// CloudTrail's record of a call. All of its fields are optional: in recorded events, any of them can
/// be null, absent, or of another type.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
struct Detail(Map<String, Value>);

impl Detail {
    fn get(&self, field: &str) -> &Value {
        self.0.get(field).unwrap_or(&Value::Null)
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.get(field).as_str()
    }
}

/// Parses an EventBridge event.
pub(super) fn parse(event: &str, function: &FunctionIdentity) -> Trigger {
    let envelope: EventBridgeEvent<Detail> = match serde_json::from_str(event) {
        Ok(envelope) => envelope,
        Err(error) => return malformed(event, &error),
    };
    let detail = &envelope.detail;
    let origin = Origin {
        name: cut(detail.text("eventName").unwrap_or(&envelope.detail_type)),
        event_id: detail.text("eventID").map(cut),
        event_time: detail
            .text("eventTime")
            .and_then(|time| DateTime::parse_from_rfc3339(time).ok())
            .map(|time| time.to_utc()),
    };
    let request = request(&envelope, function).unwrap_or_else(Request::Bad);
    Trigger { origin, request }
}

/// Handles an event that does not have the form that EventBridge documents. Skips it if a well-formed
/// event of its name would be skipped too. The message contains no content of the event, which can be
/// anything.
fn malformed(event: &str, error: &serde_json::Error) -> Trigger {
    let event: Value = serde_json::from_str(event).unwrap_or_default();
    let name = text(&event["detail"]["eventName"]);
    let is_handled = event["detail-type"] == API_CALL && name.is_none_or(is_handled_event);
    if event["source"] == "aws.secretsmanager" && event["detail-type"].is_string() && !is_handled {
        let origin = Origin::named(&cut(name.unwrap_or("unknown")));
        let reason = SkipReason::UnsupportedEvent;
        return Trigger {
            origin,
            request: Request::Skip {
                secret: None,
                reason,
            },
        };
    }
    let wrong = [
        ("detail-type", event["detail-type"].is_string()),
        ("source", event["source"].is_string()),
        ("detail", event["detail"].is_object()),
    ];
    let place = match wrong.iter().find(|(_, is_right)| !is_right) {
        Some((field, _)) => format!("`{field}`"),
        None => format!("line {}, column {}", error.line(), error.column()),
    };
    bad(
        Origin::unknown(),
        &format!("the EventBridge event does not have the documented form at {place}"),
        "send the event as EventBridge delivers it, with `detail-type`, `source` and `detail`",
    )
}

fn is_handled_event(name: &str) -> bool {
    RECONCILED_EVENTS.contains(&name)
}

fn request(
    envelope: &EventBridgeEvent<Detail>,
    function: &FunctionIdentity,
) -> Result<Request, BadEvent> {
    require_secrets_manager(envelope)?;
    let secret = secret_of(&envelope.detail);
    if let Some(reason) = skip_reason(envelope)? {
        return Ok(Request::Skip { secret, reason });
    }
    let secret = secret.ok_or_else(|| BadEvent {
        message: format!(
            "the {} event names no secret: it has neither `detail.responseElements.arn` nor \
             `detail.requestParameters.name` or `.secretId`",
            envelope.detail.text("eventName").unwrap_or_default()
        ),
        remediation: CLOUDTRAIL_REMEDIATION,
    })?;
    Ok(match another_stack(envelope, &secret, function) {
        Some(reason) => Request::Skip {
            secret: Some(secret),
            reason,
        },
        None => Request::Reconcile {
            secret,
            dry_run: false,
            wait: Wait::UntilReady,
        },
    })
}

/// Returns why the event does not require reconciling a secret. `None` if it does.
fn skip_reason(envelope: &EventBridgeEvent<Detail>) -> Result<Option<SkipReason>, BadEvent> {
    let detail = &envelope.detail;
    if envelope.detail_type != API_CALL {
        return Ok(Some(SkipReason::UnsupportedEvent));
    }
    let name = detail.text("eventName").ok_or_else(|| BadEvent {
        message: "`detail.eventName` is missing".to_owned(),
        remediation: CLOUDTRAIL_REMEDIATION,
    })?;
    if !is_handled_event(name) {
        return Ok(Some(SkipReason::UnsupportedEvent));
    }
    if detail.get("errorCode").is_null() {
        return Ok(None);
    }
    let code = detail.text("errorCode");
    let code = code.map_or_else(|| "an unreadable error code".to_owned(), cut);
    Ok(Some(SkipReason::ApiCallFailed(code)))
}

/// Checks the source of the event. CloudTrail's `eventSource` takes precedence, because a test bus or
/// a forwarding rule may change the event's `source`.
fn require_secrets_manager(envelope: &EventBridgeEvent<Detail>) -> Result<(), BadEvent> {
    let (place, source, expected) = match envelope.detail.text("eventSource") {
        Some(source) => ("detail.eventSource", source, "secretsmanager.amazonaws.com"),
        None => ("source", envelope.source.as_str(), "aws.secretsmanager"),
    };
    if source == expected {
        return Ok(());
    }
    Err(BadEvent {
        message: format!("`{place}` is `{}`, expected `{expected}`", cut(source)),
        remediation: "restrict the EventBridge rule to events of Secrets Manager",
    })
}

/// Returns the secret that the event is about: the ARN in the response, or else the identifier in the
/// request. The spelling of the ARN's field varies by year and by call (`arn`, `aRN`, `ARN`).
fn secret_of(detail: &Detail) -> Option<SecretId> {
    let arn = detail
        .get("responseElements")
        .as_object()
        .and_then(|elements| {
            elements
                .iter()
                .filter(|(key, _)| key.eq_ignore_ascii_case("arn"))
                .find_map(|(_, value)| SecretArn::parse(text(value)?).ok())
        });
    let named = || {
        ["secretId", "name"]
            .into_iter()
            .filter_map(|key| text(detail.get("requestParameters").get(key)?))
            .find(|id| is_secret_id(id))
    };
    arn.map(SecretId::Arn)
        .or_else(|| named().map(SecretId::new))
}

/// Returns why another stack handles the event. `None` if this one does.
///
/// Without an ARN, the account and Region come from the event, because this Region may have another
/// secret of the same name.
fn another_stack(
    envelope: &EventBridgeEvent<Detail>,
    secret: &SecretId,
    function: &FunctionIdentity,
) -> Option<SkipReason> {
    let detail = &envelope.detail;
    let (account, region) = match secret {
        SecretId::Arn(arn) => (Some(arn.account()), Some(arn.region().as_str())),
        SecretId::Name(_) => (
            detail
                .text("recipientAccountId")
                .or(envelope.account.as_deref()),
            detail.text("awsRegion").or(envelope.region.as_deref()),
        ),
    };
    if let (Some(account), Some(own)) = (account, function.account.as_deref())
        && account != own
    {
        return Some(SkipReason::AnotherAccount(cut(account)));
    }
    region
        .filter(|region| *region != function.region.as_str())
        .map(|region| SkipReason::AnotherRegion(cut(region)))
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}
