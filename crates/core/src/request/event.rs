//! The events of EventBridge that carry CloudTrail's record of an API call.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BadEvent, FunctionIdentity, Origin, Request, Trigger, Wait, bad, cut, is_secret_id};
use crate::reason::SkipReason;
use crate::secret::{SecretArn, SecretId};

const API_CALL: &str = "AWS API Call via CloudTrail";

/// The events that make a secret worth a look.
const RECONCILED_EVENTS: [&str; 4] = [
    "CreateSecret",
    "TagResource",
    "UntagResource",
    "RestoreSecret",
];

/// CloudTrail's record of a call. Nothing of it is required: recorded events show that any part can
/// be null, absent, or of another shape.
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

/// Reads an EventBridge event.
pub(super) fn parse(event: &str, function: &FunctionIdentity) -> Trigger {
    let envelope: EventBridgeEvent<Detail> = match serde_json::from_str(event) {
        Ok(envelope) => envelope,
        Err(error) => return misshapen(event, &error),
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

/// An event of another shape than EventBridge documents. One that would be skipped anyway is
/// skipped. What the event holds stays out of the message: it may be anything.
fn misshapen(event: &str, error: &serde_json::Error) -> Trigger {
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
        &format!("the EventBridge event is not of the documented form, at {place}"),
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
    let detail = &envelope.detail;
    require_secrets_manager(envelope)?;
    let secret = secret_of(detail);
    if envelope.detail_type != API_CALL {
        return Ok(Request::Skip {
            secret,
            reason: SkipReason::UnsupportedEvent,
        });
    }
    let event_name = detail.text("eventName").ok_or_else(|| BadEvent {
        message: "`detail.eventName` is missing".to_owned(),
        remediation: "send the event as CloudTrail writes it",
    })?;
    if !is_handled_event(event_name) {
        return Ok(Request::Skip {
            secret,
            reason: SkipReason::UnsupportedEvent,
        });
    }
    if !detail.get("errorCode").is_null() {
        let code = detail
            .text("errorCode")
            .map_or_else(|| "an unreadable error code".to_owned(), cut);
        return Ok(Request::Skip {
            secret,
            reason: SkipReason::ApiCallFailed(code),
        });
    }
    let secret = secret.ok_or_else(|| BadEvent {
        message: format!(
            "the {event_name} event names no secret: neither `detail.responseElements.arn` nor \
             `detail.requestParameters.name` or `.secretId` is there"
        ),
        remediation: "send the event as CloudTrail writes it",
    })?;
    Ok(match elsewhere(envelope, &secret, function) {
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

/// A test bus or a forwarding rule may give an event a source of its own, so CloudTrail's own
/// `eventSource` comes first.
fn require_secrets_manager(envelope: &EventBridgeEvent<Detail>) -> Result<(), BadEvent> {
    let (place, source, expected) = match envelope.detail.text("eventSource") {
        Some(source) => ("detail.eventSource", source, "secretsmanager.amazonaws.com"),
        None => ("source", envelope.source.as_str(), "aws.secretsmanager"),
    };
    if source == expected {
        return Ok(());
    }
    Err(BadEvent {
        message: format!("`{place}` is `{}`, not `{expected}`", cut(source)),
        remediation: "let the EventBridge rule match events of Secrets Manager only",
    })
}

/// The secret that the event is about: the answer's ARN, whose spelling varies (`arn`, `aRN`,
/// `ARN`, by year and by call), else what the caller named.
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

/// Why the event is another stack's to handle. Without an ARN the event itself must tell, because
/// the same name may stand for another secret here.
fn elsewhere(
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
