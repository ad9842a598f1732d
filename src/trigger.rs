//! What made Lambda call the function: an event of EventBridge, or an action sent by hand.
//!
//! An event is only a hint that a secret deserves a look, so next to nothing is taken from it, and
//! nothing is decided by what it says of tags. Parsing is total: whatever comes in, a [`Trigger`]
//! comes out.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reason::SkipReason;
use crate::secret::{Region, SecretArn, SecretId};

/// A trigger, understood as far as it could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Where it came from.
    pub origin: Origin,
    /// What it asks for.
    pub request: Request,
}

/// Where a trigger came from, as far as it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The event's name (`CreateSecret`), the action's (`reconcile`), or `unknown`.
    pub name: String,
    /// CloudTrail's `eventID`.
    pub event_id: Option<String>,
    /// When the API call was made, by CloudTrail's `eventTime`.
    pub event_time: Option<DateTime<Utc>>,
}

/// What a trigger asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Look at this secret, and do what the policy wants.
    Reconcile {
        /// The secret to look at.
        secret: SecretId,
        /// Decide and report only.
        dry_run: bool,
    },
    /// Nothing, deliberately.
    Skip {
        /// The secret that the event is about, if it names one.
        secret: Option<SecretId>,
        /// Why nothing is asked for.
        reason: SkipReason,
    },
    /// The event cannot be understood: where it is wrong, and what to do.
    Bad(BadEvent),
}

/// What is wrong with an event, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEvent {
    /// What is wrong, and where.
    pub message: String,
    /// What to do.
    pub cure: &'static str,
}

/// Where the function itself runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Its Region: the Region of every primary secret that it may look at.
    pub region: Region,
    /// Its account, if Lambda named one in the function's ARN.
    pub account: Option<String>,
}

/// The events that make a secret worth a look.
const HANDLED_EVENTS: [&str; 4] = [
    "CreateSecret",
    "TagResource",
    "UntagResource",
    "RestoreSecret",
];

/// Reads the event of an invocation, as the JSON text that Lambda delivered.
#[must_use]
pub fn parse(event: &str, home: &Home) -> Trigger {
    match serde_json::from_str::<Shape>(event) {
        Ok(shape) if shape.action.is_some() => parse_action(event),
        Ok(shape) if shape.detail_type.is_some() => parse_event(event, home),
        Ok(_) => bad(
            Origin::unknown(),
            "the event has neither `detail-type` (an EventBridge event) nor `action`",
            "send an EventBridge event (a bare CloudTrail record belongs into its `detail`), or an \
             action such as {\"action\": \"reconcile\", \"secretId\": \"...\"}",
        ),
        Err(error) => bad(
            Origin::unknown(),
            &format!("the event is no JSON object of the expected form: {error}"),
            "send a JSON object: an EventBridge event, or an action",
        ),
    }
}

/// Tells an EventBridge event from an action.
#[derive(Deserialize)]
#[serde(expecting = "a JSON object")]
struct Shape {
    action: Option<serde::de::IgnoredAny>,
    #[serde(rename = "detail-type")]
    detail_type: Option<serde::de::IgnoredAny>,
}

/// The actions that can be sent by hand. Unknown fields are errors, so that a typo never turns a
/// dry run into a real one.
#[derive(Deserialize)]
#[serde(
    tag = "action",
    rename_all = "kebab-case",
    deny_unknown_fields,
    expecting = "the name of an action"
)]
enum Action {
    #[serde(rename_all = "camelCase")]
    Reconcile {
        secret_id: String,
        #[serde(default)]
        dry_run: bool,
    },
}

fn parse_action(event: &str) -> Trigger {
    match serde_json::from_str(event) {
        Ok(Action::Reconcile { secret_id, .. }) if !is_secret_id(&secret_id) => bad(
            Origin::named("reconcile"),
            &format!("`secretId` has {} characters", secret_id.chars().count()),
            "name the secret by its ARN or its name, with 1 to 2048 characters",
        ),
        Ok(Action::Reconcile { secret_id, dry_run }) => Trigger {
            origin: Origin::named("reconcile"),
            request: Request::Reconcile {
                secret: SecretId::new(&secret_id),
                dry_run,
            },
        },
        Err(error) => bad(
            Origin::unknown(),
            &format!("the action is wrong: {error}"),
            "send {\"action\": \"reconcile\", \"secretId\": \"...\", \"dryRun\": false}",
        ),
    }
}

/// CloudTrail's record of a call: only what is used, and nothing of it required. Recorded events
/// show that any part can be null, absent, or of another shape.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", expecting = "a JSON object")]
struct Detail {
    #[serde(default)]
    event_source: Value,
    #[serde(default)]
    event_name: Value,
    #[serde(default, rename = "eventID")]
    event_id: Value,
    #[serde(default)]
    event_time: Value,
    #[serde(default)]
    error_code: Value,
    #[serde(default)]
    aws_region: Value,
    #[serde(default)]
    recipient_account_id: Value,
    #[serde(default)]
    request_parameters: Value,
    #[serde(default)]
    response_elements: Value,
}

const API_CALL: &str = "AWS API Call via CloudTrail";

fn parse_event(event: &str, home: &Home) -> Trigger {
    let envelope: EventBridgeEvent<Detail> = match serde_json::from_str(event) {
        Ok(envelope) => envelope,
        Err(error) => {
            return bad(
                Origin::unknown(),
                &format!("the EventBridge event is wrong: {error}"),
                "send the event as EventBridge delivers it, with `detail-type`, `source` and \
                 `detail`",
            );
        }
    };
    let detail = &envelope.detail;
    let origin = Origin {
        name: cut(text(&detail.event_name).unwrap_or(&envelope.detail_type)),
        event_id: text(&detail.event_id).map(cut),
        event_time: text(&detail.event_time)
            .and_then(|time| DateTime::parse_from_rfc3339(time).ok())
            .map(|time| time.to_utc()),
    };
    let request = request(&envelope, home).unwrap_or_else(Request::Bad);
    Trigger { origin, request }
}

fn request(envelope: &EventBridgeEvent<Detail>, home: &Home) -> Result<Request, BadEvent> {
    let detail = &envelope.detail;
    require_secrets_manager(envelope)?;
    let secret = secret_of(detail);
    if envelope.detail_type != API_CALL {
        return Ok(Request::Skip {
            secret,
            reason: SkipReason::EventNotHandled,
        });
    }
    let event_name = text(&detail.event_name).ok_or_else(|| BadEvent {
        message: "`detail.eventName` is missing".to_owned(),
        cure: "send the event as CloudTrail writes it",
    })?;
    if !HANDLED_EVENTS.contains(&event_name) {
        return Ok(Request::Skip {
            secret,
            reason: SkipReason::EventNotHandled,
        });
    }
    if !detail.error_code.is_null() {
        let code =
            text(&detail.error_code).map_or_else(|| "an unreadable error code".to_owned(), cut);
        return Ok(Request::Skip {
            secret,
            reason: SkipReason::CallFailed(code),
        });
    }
    let secret = secret.ok_or_else(|| BadEvent {
        message: format!(
            "the {event_name} event names no secret: neither `detail.responseElements.arn` nor \
             `detail.requestParameters.name` or `.secretId` is there"
        ),
        cure: "send the event as CloudTrail writes it",
    })?;
    Ok(match elsewhere(envelope, &secret, home) {
        Some(reason) => Request::Skip {
            secret: Some(secret),
            reason,
        },
        None => Request::Reconcile {
            secret,
            dry_run: false,
        },
    })
}

/// A test bus or a forwarding rule may give an event a source of its own, so CloudTrail's own
/// `eventSource` comes first.
fn require_secrets_manager(envelope: &EventBridgeEvent<Detail>) -> Result<(), BadEvent> {
    let (place, source, expected) = match text(&envelope.detail.event_source) {
        Some(source) => ("detail.eventSource", source, "secretsmanager.amazonaws.com"),
        None => ("source", envelope.source.as_str(), "aws.secretsmanager"),
    };
    if source == expected {
        return Ok(());
    }
    Err(BadEvent {
        message: format!("`{place}` is `{}`, not `{expected}`", cut(source)),
        cure: "let the EventBridge rule match events of Secrets Manager only",
    })
}

/// The secret that the event is about: the answer's ARN, whose spelling varies (`arn`, `aRN`,
/// `ARN`, by year and by call), else what the caller named.
fn secret_of(detail: &Detail) -> Option<SecretId> {
    let arn = detail.response_elements.as_object().and_then(|elements| {
        elements
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case("arn"))
            .find_map(|(_, value)| SecretArn::parse(text(value)?).ok())
    });
    let named = || {
        ["secretId", "name"]
            .into_iter()
            .filter_map(|key| text(detail.request_parameters.get(key)?))
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
    home: &Home,
) -> Option<SkipReason> {
    let detail = &envelope.detail;
    let (account, region) = match secret {
        SecretId::Arn(arn) => (Some(arn.account()), Some(arn.region().as_str())),
        SecretId::Name(_) => (
            text(&detail.recipient_account_id).or(envelope.account.as_deref()),
            text(&detail.aws_region).or(envelope.region.as_deref()),
        ),
    };
    if let (Some(account), Some(own)) = (account, home.account.as_deref())
        && account != own
    {
        return Some(SkipReason::AnotherAccount(account.to_owned()));
    }
    region
        .filter(|region| *region != home.region.as_str())
        .map(|region| SkipReason::AnotherRegion(region.to_owned()))
}

/// The length that the Secrets Manager API reference gives for `SecretId`.
fn is_secret_id(text: &str) -> bool {
    (1..=2048).contains(&text.chars().count())
}

impl Origin {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    fn unknown() -> Self {
        Self::named("unknown")
    }
}

fn bad(origin: Origin, message: &str, cure: &'static str) -> Trigger {
    let message = cut(message);
    Trigger {
        origin,
        request: Request::Bad(BadEvent { message, cure }),
    }
}

/// What comes from an event is kept short: a log line that is split is no JSON any more.
fn cut(text: &str) -> String {
    text.chars().take(256).collect()
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}
