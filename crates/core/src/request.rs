//! Parses the input of an invocation: an EventBridge event, an action sent by hand, or the request with which
//! CloudFormation checks a deployment.
//!
//! An event is only a hint that a secret may need reconciling, so the parser uses as little of it as
//! possible, and no decision depends on the tags in it. Parsing is total: every input results in a
//! [`Trigger`].

mod action;
mod deployment;
mod detail;
mod event;
mod failover;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::reason::SkipReason;
use crate::secret::{Region, Secret, SecretId, VersionHash};
use crate::spelling::did_you_mean;
use crate::sweep::Token;
pub use deployment::{CheckAnswer, DeploymentCheck, Destination, MAX_ANSWER_SIZE, ResponseUrl};
pub use failover::{FailoverAction, FailoverRequest};

/// The parsed input of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The origin.
    pub origin: Origin,
    /// The request.
    pub request: Request,
}

/// The origin of a trigger, as far as the trigger contains it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The name of the event (`CreateSecret`) or action (`reconcile`), or `unknown`.
    pub name: String,
    /// CloudTrail's `eventID`, or else EventBridge's `id`.
    pub event_id: Option<String>,
    /// The time of the API call, from CloudTrail's `eventTime`, or else EventBridge's `time`.
    pub event_time: Option<DateTime<Utc>>,
}

/// The request of a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Reconcile this secret with the policy.
    Reconcile {
        /// The secret.
        secret: SecretId,
        /// Whether to decide and report only.
        dry_run: bool,
        /// Why the secret is reconciled.
        cause: Cause,
    },
    /// Explain the decision about this secret, rule by rule. Never writes.
    Explain(Explained),
    /// Reconcile every secret of the Region, one slice at a time.
    Sweep(Box<SweepRequest>),
    /// Tell CloudFormation whether the settings and the policy are valid.
    CheckDeployment(Box<DeploymentCheck>),
    /// Drill or promote the replicas of the function's Region.
    Failover(FailoverRequest),
    /// Do nothing, deliberately.
    Skip {
        /// The secret that the event is about, if it names one.
        secret: Option<SecretId>,
        /// Why nothing is done.
        reason: SkipReason,
    },
    /// The input is invalid.
    Bad(BadEvent),
}

impl Request {
    /// Returns the secret that the request names.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretId> {
        match self {
            Self::Reconcile { secret, .. } | Self::Explain(Explained::Existing(secret)) => {
                Some(secret)
            }
            Self::Skip { secret, .. } => secret.as_ref(),
            Self::Explain(Explained::Hypothetical(_))
            | Self::Sweep(_)
            | Self::CheckDeployment(_)
            | Self::Failover(_)
            | Self::Bad(_) => None,
        }
    }

    /// Returns the execution of the state machine that runs a sweep.
    #[must_use]
    pub fn sweep_id(&self) -> Option<&str> {
        match self {
            Self::Sweep(request) => request.sweep_id(),
            Self::Reconcile { .. }
            | Self::Explain(_)
            | Self::CheckDeployment(_)
            | Self::Failover(_)
            | Self::Skip { .. }
            | Self::Bad(_) => None,
        }
    }

    /// Returns whether to wait for a secret that is not ready.
    #[must_use]
    pub fn wait(&self) -> Wait {
        match self {
            Self::Reconcile { cause, .. } => cause.wait(),
            Self::Explain(_)
            | Self::Sweep(_)
            | Self::CheckDeployment(_)
            | Self::Failover(_)
            | Self::Skip { .. }
            | Self::Bad(_) => Wait::Never,
        }
    }
}

/// The secret to explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explained {
    /// A secret in AWS.
    Existing(SecretId),
    /// A secret that the action describes and that need not exist.
    Hypothetical(Box<Secret>),
}

/// Why a secret is reconciled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An action names a secret that should exist.
    Action,
    /// The secret was created or restored, or AWS reports on its replication.
    Event,
    /// Tags changed. A read can still show the old ones.
    TagChange,
    /// Another version is current: the first value, or a rotated one. Every replica must receive it. Contains
    /// the version if the event names one. A read can still show the one before it.
    NewVersion(Option<VersionHash>),
}

impl Cause {
    /// Whether to wait for a secret that is not ready.
    #[must_use]
    pub fn wait(self) -> Wait {
        match self {
            Self::Action => Wait::Never,
            Self::Event | Self::TagChange | Self::NewVersion(_) => Wait::UntilReady,
        }
    }
}

/// Whether to wait for a secret that is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Wait, because an event may arrive before the secret or its first value exists.
    UntilReady,
    /// Do not wait, because the caller names a secret that should exist.
    Never,
}

/// One slice of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepRequest {
    /// Whether to decide and report only.
    pub dry_run: bool,
    /// The maximum number of replicas that the whole sweep may add or remove.
    pub max_changes: u64,
    /// Whether to record also the secrets for which only a promoted former replica is refused.
    pub thorough: bool,
    /// The execution of the state machine that runs this slice, for the records.
    pub sweep_id: Option<String>,
    /// The position at which the previous slice ended. `None` for the first slice.
    pub token: Option<Token>,
}

impl SweepRequest {
    /// Returns the execution of the state machine, from the request or else from the token.
    #[must_use]
    pub fn sweep_id(&self) -> Option<&str> {
        let of_token = || self.token.as_ref()?.sweep_id.as_deref();
        self.sweep_id.as_deref().or_else(of_token)
    }

    /// Checks that a dry run continues as a dry run, a real run as a real run, and a thorough sweep as a
    /// thorough one.
    ///
    /// # Errors
    /// [`BadEvent`] if this slice's effective `dry_run`, or its `thorough`, differs from the token's.
    pub fn require_same_mode(&self, dry_run: bool) -> Result<(), BadEvent> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let differs = |field: &str, before: bool, now: bool| {
            Err(BadEvent {
                message: format!(
                    "the previous slices had `{field}` {before}, this slice has {now}"
                ),
                remediation: "continue with the same `dryRun` and `thorough`, or start another sweep \
                              without `nextToken`",
            })
        };
        if token.dry_run != dry_run {
            differs("dryRun", token.dry_run, dry_run)
        } else if token.thorough != self.thorough {
            differs("thorough", token.thorough, self.thorough)
        } else {
            Ok(())
        }
    }
}

/// An input that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEvent {
    /// What is wrong, and where.
    pub message: String,
    /// The remediation.
    pub remediation: &'static str,
}

/// The function's own account and Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionIdentity {
    /// The Region, which is also the Region of every primary secret that the function handles.
    pub region: Region,
    /// The account, if the function's ARN contains one.
    pub account: Option<String>,
    /// Its name, likewise. Lambda names the session of the function's role after it, so it tells the
    /// function's own calls from those of others.
    pub name: Option<String>,
}

/// The remediation for an invalid secret identifier.
pub const SECRET_ID_REMEDIATION: &str =
    "identify the secret by its ARN or name, with 1 to 2048 characters";

/// Parses the input of an invocation: the JSON text that Lambda delivered.
#[must_use]
pub fn parse(event: &str, function: &FunctionIdentity) -> Trigger {
    if !event.trim_start().starts_with('{') {
        return bad(
            Origin::unknown(),
            "the event is not a JSON object",
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
        }) => return event::parse(event, function),
        Ok(Shape {
            response_url: Some(_),
            ..
        }) => return deployment::parse(event),
        Ok(_) => return of_unknown_form(event),
        Err(error) => error,
    };
    let place = format!("line {}, column {}", error.line(), error.column());
    let (problem, remediation) = match error.classify() {
        // `Shape` takes any value of its fields.
        Category::Data => (
            "`action`, `detail-type` or `ResponseURL` occurs twice",
            action::ONCE_REMEDIATION,
        ),
        _ => ("the event is not a JSON object", OBJECT_REMEDIATION),
    };
    bad(
        Origin::unknown(),
        &format!("{problem} ({place})"),
        remediation,
    )
}

/// Reports an object that is neither an event nor an action, or the field that makes it one, if it is misspelled.
fn of_unknown_form(event: &str) -> Trigger {
    let fields: Map<String, Value> = serde_json::from_str(event).unwrap_or_default();
    let known = ["action", "detail-type"];
    let mut unknown = fields
        .keys()
        .filter(|field| !known.contains(&field.as_str()));
    let misspelled = unknown.find_map(|field| {
        let known = did_you_mean(field, known)?;
        Some(format!("unknown field `{field}`; did you mean `{known}`?"))
    });
    let message = misspelled.unwrap_or_else(|| {
        "the event has neither `detail-type` (an EventBridge event) nor `action`".to_owned()
    });
    bad(
        Origin::unknown(),
        &message,
        "send an EventBridge event (a bare CloudTrail record belongs in its `detail`), or an action \
         such as {\"action\": \"reconcile\", \"secretId\": \"...\", \"dryRun\": true}",
    )
}

const OBJECT_REMEDIATION: &str = "send a JSON object: an EventBridge event, or an action";

/// Distinguishes EventBridge events, actions and requests of CloudFormation.
#[derive(Deserialize)]
struct Shape {
    action: Option<IgnoredAny>,
    #[serde(rename = "detail-type")]
    detail_type: Option<IgnoredAny>,
    #[serde(rename = "ResponseURL")]
    response_url: Option<IgnoredAny>,
}

/// Checks the length of a `SecretId` (Secrets Manager API reference, `DescribeSecret`).
fn is_secret_id(text: &str) -> bool {
    (1..=2048).contains(&text.chars().count())
}

impl Origin {
    /// Returns an origin of which only the name is known.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Returns whether a person or a program sent an action, rather than AWS an event.
    #[must_use]
    pub fn is_action(&self) -> bool {
        action::NAMES.contains(&self.name.as_str())
    }

    /// Returns the origin of an input that cannot be parsed.
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

/// Truncates a text from an event, because Lambda splits long log lines, and a split line is not
/// valid JSON.
fn cut(text: &str) -> String {
    text.chars().take(256).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad_event(text: &str) -> BadEvent {
        let function = FunctionIdentity {
            region: Region::parse("us-east-1").unwrap(),
            account: None,
            name: None,
        };
        match parse(text, &function).request {
            Request::Bad(bad) => bad,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_field_that_occurs_twice_is_to_be_written_once() {
        for text in [
            r#"{"action": "sweep", "dryRun": true, "dryRun": true}"#,
            r#"{"action": "sweep", "action": "sweep"}"#,
            r#"{"detail-type": "a", "detail-type": "b"}"#,
        ] {
            assert_eq!(
                bad_event(text).remediation,
                "write each field once",
                "{text}"
            );
        }
        for text in [
            r#"{"action": "sweep", "maxChanges": 1e999}"#,
            r#"{"action": "sweep", "nextToken": "\ud800"}"#,
            r#"{"action": "sweep""#,
        ] {
            assert_eq!(bad_event(text).remediation, OBJECT_REMEDIATION, "{text}");
        }
    }
}
