//! What made Lambda call the function: an event of EventBridge, or an action sent by hand.
//!
//! An event is only a hint that a secret deserves a look, so next to nothing is taken from it, and
//! nothing is decided by what it says of tags. Parsing is total: whatever comes in, a [`Trigger`]
//! comes out.

mod action;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::reason::SkipReason;
use crate::secret::{Region, Secret, SecretArn, SecretId};
use crate::sweep::Token;

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
        /// Whether to wait for a secret that is not ready.
        wait: Wait,
    },
    /// Say what is decided about this secret, rule by rule. Never writes.
    Explain(Explained),
    /// Look at every secret of the Region, a slice at a time.
    Sweep(SweepRequest),
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

impl Request {
    /// Whether to wait for a secret that is not ready.
    #[must_use]
    pub fn wait(&self) -> Wait {
        match self {
            Self::Reconcile { wait, .. } => *wait,
            Self::Explain(_) | Self::Sweep(_) | Self::Skip { .. } | Self::Bad(_) => Wait::Never,
        }
    }
}

/// The secret that an explanation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explained {
    /// One that exists.
    Existing(SecretId),
    /// One that need not exist.
    Hypothetical(Box<Secret>),
}

/// Whether to wait for a secret that is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Wait: an event may arrive before the secret or its first value exists.
    UntilReady,
    /// Do not wait: the caller names a secret that should exist.
    Never,
}

/// One slice of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepRequest {
    /// Decide and report only.
    pub dry_run: bool,
    /// How many replicas the whole sweep may add or remove.
    pub max_changes: u64,
    /// Where the previous slice ended. `None` for the first slice.
    pub token: Option<Token>,
}

impl SweepRequest {
    /// Checks that a sweep that began as a dry run continues as one, and vice versa.
    ///
    /// # Errors
    /// [`BadEvent`] if `dry_run`, as it applies to this slice, differs from the token's.
    pub fn require_same_mode(&self, dry_run: bool) -> Result<(), BadEvent> {
        match &self.token {
            Some(token) if token.dry_run != dry_run => Err(BadEvent {
                message: format!(
                    "the slices before had `dryRun` {}, this one has {dry_run}",
                    token.dry_run
                ),
                remediation: "go on as the sweep began, or start another one without `nextToken`",
            }),
            _ => Ok(()),
        }
    }
}

/// What is wrong with an event, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEvent {
    /// What is wrong, and where.
    pub message: String,
    /// What to do.
    pub remediation: &'static str,
}

/// The function's own account and Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionIdentity {
    /// Its Region: the Region of every primary secret that it may look at.
    pub region: Region,
    /// Its account, if Lambda named one in the function's ARN.
    pub account: Option<String>,
}

/// The events that make a secret worth a look.
const RECONCILED_EVENTS: [&str; 4] = [
    "CreateSecret",
    "TagResource",
    "UntagResource",
    "RestoreSecret",
];

/// What to do about an identifier that is none.
pub const SECRET_ID_REMEDIATION: &str =
    "name the secret by its ARN or its name, with 1 to 2048 characters";

/// Reads the event of an invocation, as the JSON text that Lambda delivered.
#[must_use]
pub fn parse(event: &str, function: &FunctionIdentity) -> Trigger {
    if !event.trim_start().starts_with('{') {
        return bad(
            Origin::unknown(),
            "the event is no JSON object",
            OBJECT_REMEDIATION,
        );
    }
    let error = match serde_json::from_str::<Shape>(event) {
        Ok(Shape {
            action: Some(_), ..
        }) => return action::parse(event, function),
        Ok(Shape {
            detail_type: Some(_),
            ..
        }) => return parse_event(event, function),
        Ok(_) => {
            return bad(
                Origin::unknown(),
                "the event has neither `detail-type` (an EventBridge event) nor `action`",
                "send an EventBridge event (a bare CloudTrail record belongs into its `detail`), \
                 or an action such as {\"action\": \"reconcile\", \"secretId\": \"...\"}",
            );
        }
        Err(error) => error,
    };
    let place = format!("line {}, column {}", error.line(), error.column());
    bad(
        Origin::unknown(),
        &format!("the event is no JSON object ({place})"),
        OBJECT_REMEDIATION,
    )
}

const OBJECT_REMEDIATION: &str = "send a JSON object: an EventBridge event, or an action";

/// Tells an EventBridge event from an action.
#[derive(Deserialize)]
struct Shape {
    action: Option<IgnoredAny>,
    #[serde(rename = "detail-type")]
    detail_type: Option<IgnoredAny>,
}

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

const API_CALL: &str = "AWS API Call via CloudTrail";

fn parse_event(event: &str, function: &FunctionIdentity) -> Trigger {
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

/// The length that the Secrets Manager API reference gives for `SecretId`.
fn is_secret_id(text: &str) -> bool {
    (1..=2048).contains(&text.chars().count())
}

impl Origin {
    /// A trigger with this name, of which nothing else is known.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// A trigger that could not be understood.
    #[must_use]
    pub fn unknown() -> Self {
        Self::named("unknown")
    }
}

fn bad(origin: Origin, message: &str, remediation: &'static str) -> Trigger {
    let message = cut(message);
    Trigger {
        origin,
        request: Request::Bad(BadEvent {
            message,
            remediation,
        }),
    }
}

/// What comes from an event is kept short: a log line that is split is no JSON any more.
fn cut(text: &str) -> String {
    text.chars().take(256).collect()
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}
