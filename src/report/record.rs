use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::{Ending, Outcome, Report};
use crate::reconcile::{
    Action, Conclusion, Mode, NotReady, Progress, Reconciliation, RegionConclusion, RegionState,
};
use crate::secret::{Region, SecretArn, SecretId};

/// The record of one secret: the line in the log, and the function's answer.
///
/// Lambda's JSON log format takes the level of a line from `timestamp` and `level` together
/// (Lambda developer guide, "Log and application log levels").
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    timestamp: String,
    level: &'static str,
    message: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<&'static str>,
    trigger: String,
    event_id: Option<String>,
    request_id: String,
    secret_arn: Option<String>,
    secret_name: Option<String>,
    primary_region: Option<Region>,
    rules: Vec<String>,
    dry_run: bool,
    duration_ms: i64,
    event_age_ms: Option<i64>,
    replicas: Vec<ReplicaRecord>,
}

/// What the record says of one Region.
#[derive(Clone, Debug, Serialize)]
struct ReplicaRecord {
    region: String,
    action: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settle_ms: Option<u64>,
}

/// Why an invocation ended as it did, where that concerns the secret as a whole.
struct Cause {
    reason: &'static str,
    detail: String,
    cure: Option<&'static str>,
}

impl Record {
    /// The record of a report.
    #[must_use]
    pub fn new(report: &Report) -> Self {
        let outcome = report.outcome();
        let cause = cause(report);
        let secret =
            reconciliation(report).and_then(|reconciliation| reconciliation.secret.as_ref());
        let named_arn = match &report.named {
            Some(SecretId::Arn(arn)) => Some(arn),
            _ => None,
        };
        let named_name = match &report.named {
            Some(SecretId::Name(name)) => Some(name),
            _ => None,
        };
        let arn = secret.map(|secret| &secret.arn).or(named_arn);
        let primary_region = secret.and_then(|secret| secret.primary_region.as_ref());
        let replicas: Vec<_> = regions(report).iter().map(ReplicaRecord::new).collect();
        Self {
            timestamp: report.ended.to_rfc3339_opts(SecondsFormat::Millis, true),
            level: outcome.level(),
            message: message(report, outcome, cause.as_ref()),
            outcome: outcome.name(),
            reason: cause.as_ref().map(|cause| cause.reason),
            cure: cause.as_ref().and_then(|cause| cause.cure),
            detail: cause.map(|cause| cause.detail),
            trigger: report.origin.name.clone(),
            event_id: report.origin.event_id.clone(),
            request_id: report.request_id.clone(),
            secret_arn: arn.map(ToString::to_string),
            secret_name: secret.map(|secret| &secret.name).or(named_name).cloned(),
            primary_region: primary_region.or(arn.map(SecretArn::region)).cloned(),
            rules: rules(report),
            dry_run: report.mode == Mode::DryRun,
            duration_ms: milliseconds(report.started, report.ended),
            event_age_ms: report.event_age_ms(),
            replicas,
        }
    }

    /// The record in words: what happened, AWS's own message, and what to do.
    pub(super) fn explanation(&self) -> String {
        let failed = self
            .replicas
            .iter()
            .filter(|replica| replica.status == "failed");
        let mut parts = vec![self.message.clone()];
        parts.extend(self.cure.map(|cure| format!("cure: {cure}")));
        parts.extend(failed.map(|replica| {
            let detail = replica.detail.as_deref().unwrap_or("AWS gives no reason");
            let cure = replica.cure.as_deref().unwrap_or_default();
            format!("{}: {detail}; cure: {cure}", replica.region)
        }));
        parts.join("; ")
    }
}

impl Report {
    /// How long ago the API call was when the invocation began, in milliseconds.
    pub(super) fn event_age_ms(&self) -> Option<i64> {
        self.origin
            .event_time
            .map(|time| milliseconds(time, self.started))
    }
}

/// Clocks of two machines never agree to the millisecond, so a negative time counts as none.
fn milliseconds(from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    (to - from).num_milliseconds().max(0)
}

fn reconciliation(report: &Report) -> Option<&Reconciliation> {
    match &report.ending {
        Ending::Secret(reconciliation) => Some(reconciliation),
        Ending::BadEvent(_) | Ending::Internal(_) => None,
    }
}

/// What the report says of Regions.
pub(super) fn regions(report: &Report) -> &[RegionConclusion] {
    match reconciliation(report).map(|reconciliation| &reconciliation.conclusion) {
        Some(Conclusion::Covered { regions, .. }) => regions,
        _ => &[],
    }
}

fn rules(report: &Report) -> Vec<String> {
    match reconciliation(report).map(|reconciliation| &reconciliation.conclusion) {
        Some(
            Conclusion::Covered { rules, .. } | Conclusion::NotReady(NotReady::NoValueYet(rules)),
        ) => rules.iter().cloned().collect(),
        _ => Vec::new(),
    }
}

fn cause(report: &Report) -> Option<Cause> {
    let conclusion = match &report.ending {
        Ending::BadEvent(bad) => {
            return Some(Cause {
                reason: "bad-event",
                detail: bad.message.clone(),
                cure: Some(bad.cure),
            });
        }
        Ending::Internal(message) => {
            return Some(Cause {
                reason: "internal",
                detail: message.clone(),
                cure: Some("this is a bug of the function: report it with this record"),
            });
        }
        Ending::Secret(reconciliation) => &reconciliation.conclusion,
    };
    match conclusion {
        Conclusion::Skipped(reason) => Some(Cause {
            reason: reason.code(),
            detail: reason.detail(),
            cure: None,
        }),
        Conclusion::NotReady(NotReady::NotFound(error)) => Some(Cause {
            reason: "secret-not-found",
            detail: error.to_string(),
            cure: Some("nothing, if the secret was deleted meanwhile; the event is retried"),
        }),
        Conclusion::NotReady(NotReady::NoValueYet(_)) => Some(Cause {
            reason: "no-value-yet",
            detail: "the secret has no value, so there is nothing to replicate yet".to_owned(),
            cure: Some("put a value into the secret; the event is retried"),
        }),
        Conclusion::Unreadable(error) => Some(Cause {
            reason: error.reason().code(),
            detail: error.to_string(),
            cure: Some(error.reason().cure()),
        }),
        Conclusion::Covered { .. } => None,
    }
}

impl ReplicaRecord {
    fn new(conclusion: &RegionConclusion) -> Self {
        let region = match &conclusion.region {
            Ok(region) => region.to_string(),
            Err(token) => token.clone(),
        };
        let action = match conclusion.action {
            Action::Replicate => "replicate",
            Action::Retry => "retry",
            Action::Keep => "keep",
            Action::Refuse => "refuse",
        };
        let (status, reason, detail, cure) = match &conclusion.state {
            RegionState::InSync(_) => ("in-sync", None, None, None),
            RegionState::Planned => ("planned", None, None, None),
            RegionState::InProgress(progress) => {
                let (reason, detail) = progress_in_words(progress);
                let cure = "nothing yet: the event is retried, which looks again".to_owned();
                ("in-progress", Some(reason), detail, Some(cure))
            }
            RegionState::Failed(reason, detail) => (
                "failed",
                Some(reason.code()),
                detail.clone(),
                Some(reason.cure().to_owned()),
            ),
            RegionState::Refused(refusal) => {
                ("refused", Some(refusal.code()), None, refusal.cure())
            }
        };
        let settle_ms = match conclusion.state {
            RegionState::InSync(after) => {
                after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX))
            }
            _ => None,
        };
        let kms_key = conclusion.kms_key.clone();
        Self {
            region,
            action,
            status,
            reason,
            detail,
            cure,
            kms_key,
            settle_ms,
        }
    }
}

fn progress_in_words(progress: &Progress) -> (&'static str, Option<String>) {
    match progress {
        Progress::StillInProgress => ("still-in-progress", None),
        Progress::NotListed => (
            "not-listed",
            Some("AWS accepted the request but does not list the Region".to_owned()),
        ),
        Progress::UnknownStatus(status) => (
            "unknown-status",
            Some(format!("AWS reports the status {status}")),
        ),
    }
}

/// One sentence for people who read the log.
fn message(report: &Report, outcome: Outcome, cause: Option<&Cause>) -> String {
    let secret = reconciliation(report).and_then(|reconciliation| reconciliation.secret.as_ref());
    let who = match (secret, &report.named) {
        (Some(secret), _) => secret.name.as_str(),
        (None, Some(named)) => named.as_str(),
        (None, None) => "event",
    };
    if let Some(cause) = cause {
        return format!(
            "{who}: {} ({}): {}",
            outcome.name(),
            cause.reason,
            cause.detail
        );
    }
    let groups = [
        ("failed", "failed in"),
        ("in-progress", "in progress in"),
        ("refused", "refused in"),
        ("planned", "would replicate to"),
        ("in-sync", "in sync in"),
    ];
    let replicas: Vec<_> = regions(report).iter().map(ReplicaRecord::new).collect();
    let parts: Vec<String> = groups
        .iter()
        .filter_map(|(status, words)| {
            let named: Vec<String> = replicas
                .iter()
                .filter(|replica| replica.status == *status)
                .map(ReplicaRecord::in_words)
                .collect();
            (!named.is_empty()).then(|| format!("{words} {}", named.join(", ")))
        })
        .collect();
    let rest = if parts.is_empty() {
        "wants no replica".to_owned()
    } else {
        parts.join("; ")
    };
    format!("{who}: {rest}")
}

impl ReplicaRecord {
    fn in_words(&self) -> String {
        let region = if self.region.is_empty() {
            "no Region"
        } else {
            &self.region
        };
        match self.reason {
            Some(reason) => format!("{region} ({reason})"),
            None => region.to_owned(),
        }
    }
}
