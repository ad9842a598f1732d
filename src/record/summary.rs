use chrono::{DateTime, SecondsFormat, Utc};
use secret_replicator_core::outcome::Outcome;
use secret_replicator_core::request::Origin;
use serde::Serialize;

use super::milliseconds;
use crate::reconcile::Mode;

/// The complete result of an action on many secrets: a slice of a sweep, a drill or a promotion.
#[derive(Clone, Debug)]
pub struct SummaryReport<T> {
    /// The origin of the request.
    pub origin: Origin,
    /// Lambda's request ID.
    pub request_id: String,
    /// The function's account, if it is known.
    pub account: Option<String>,
    /// The start of the invocation.
    pub started: DateTime<Utc>,
    /// The end of the invocation.
    pub ended: DateTime<Utc>,
    /// Whether the function could write.
    pub mode: Mode,
    /// The state of the action at the end of the invocation.
    pub state: T,
}

/// The first fields of every summary.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Head {
    timestamp: String,
    level: &'static str,
    pub(super) message: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remediation: Option<&'static str>,
    trigger: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    dry_run: bool,
    duration_ms: i64,
}

/// What a summary says about the state of the action.
pub(super) struct Conclusion {
    pub(super) level: &'static str,
    pub(super) message: String,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<&'static str>,
    pub(super) detail: Option<String>,
    pub(super) remediation: Option<&'static str>,
}

impl Head {
    pub(super) fn new<T>(report: &SummaryReport<T>, conclusion: Conclusion) -> Self {
        let Conclusion {
            level,
            message,
            outcome,
            reason,
            detail,
            remediation,
        } = conclusion;
        Self {
            timestamp: report.ended.to_rfc3339_opts(SecondsFormat::Millis, true),
            level,
            message,
            outcome: outcome.name(),
            reason,
            detail,
            remediation,
            trigger: report.origin.name.clone(),
            event_id: report.origin.event_id.clone(),
            request_id: report.request_id.clone(),
            account: report.account.clone(),
            dry_run: report.mode == Mode::DryRun,
            duration_ms: milliseconds(report.started, report.ended),
        }
    }
}
