//! What made Lambda call the function: an event of EventBridge, or an action sent by hand.
//!
//! An event is only a hint that a secret deserves a look, so next to nothing is taken from it, and
//! nothing is decided by what it says of tags. Parsing is total: whatever comes in, a [`Trigger`]
//! comes out.

mod action;
mod detail;
mod event;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::reason::SkipReason;
use crate::secret::{Region, Secret, SecretId};
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
    /// CloudTrail's `eventID`, or else EventBridge's `id`.
    pub event_id: Option<String>,
    /// When the API call was made, by CloudTrail's `eventTime`, or else EventBridge's `time`.
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
        /// Why the secret is reconciled.
        cause: Cause,
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
            Self::Reconcile { cause, .. } => cause.wait(),
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

/// Why a secret is reconciled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An action names a secret that should exist.
    Action,
    /// The secret was created or restored, or AWS reports on its replication.
    Event,
    /// Tags changed. A read can still show the old ones.
    TagChange,
    /// Another version is current: the first value, or a rotated one. Every replica must receive it.
    NewVersion,
}

impl Cause {
    /// Whether to wait for a secret that is not ready.
    #[must_use]
    pub fn wait(self) -> Wait {
        match self {
            Self::Action => Wait::Never,
            Self::Event | Self::TagChange | Self::NewVersion => Wait::UntilReady,
        }
    }
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
    /// Whether every covered secret gets every treatment, a retry of failures with an unknown cause
    /// included.
    pub thorough: bool,
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
    /// Its name, likewise. Lambda names the session of the function's role after it, so it tells the
    /// function's own calls from those of others.
    pub name: Option<String>,
}

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
        }) => return event::parse(event, function),
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
