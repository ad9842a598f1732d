use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::Report;
use super::cause::Cause;
use crate::explain::Explanation;
use crate::reason::RemovalReason;
use crate::reconcile::{Action, Mode, RegionConclusion, RegionState};
use crate::secret::{Region, ReplicaStatus, SecretArn, SecretId};

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
    remediation: Option<&'static str>,
    trigger: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_region: Option<Region>,
    rules: Vec<String>,
    dry_run: bool,
    duration_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_age_ms: Option<i64>,
    replicas: Vec<ReplicaRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
}

/// How it stands in one Region, from the gravest to the lightest, as the message names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Failed,
    InProgress,
    Refused,
    Planned,
    InSync,
    Removed,
}

/// What the record says of one Region.
#[derive(Clone, Debug, Serialize)]
struct ReplicaRecord {
    region: String,
    action: Action,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remediation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replication_ms: Option<u64>,
}

impl Record {
    /// The record of a report.
    #[must_use]
    pub fn new(report: &Report) -> Self {
        let outcome = report.outcome();
        let cause = Cause::of(report);
        let secret = report.secret();
        let (named_arn, named_name) = match &report.named {
            Some(SecretId::Arn(arn)) => (Some(arn), None),
            Some(SecretId::Name(name)) => (None, Some(name)),
            None => (None, None),
        };
        let arn = secret.map(|secret| &secret.arn).or(named_arn);
        let primary_region = secret.and_then(|secret| secret.primary_region.as_ref());
        let replicas: Vec<_> = report.regions().iter().map(ReplicaRecord::new).collect();
        Self {
            timestamp: report.ended.to_rfc3339_opts(SecondsFormat::Millis, true),
            level: outcome.level(),
            message: message(report, cause.as_ref(), &replicas),
            outcome: outcome.name(),
            reason: cause.as_ref().map(|cause| cause.reason),
            remediation: cause.as_ref().and_then(|cause| cause.remediation),
            detail: cause.map(|cause| cause.detail),
            trigger: report.origin.name.clone(),
            event_id: report.origin.event_id.clone(),
            request_id: report.request_id.clone(),
            secret_arn: arn.map(ToString::to_string),
            secret_name: secret.map(|secret| &secret.name).or(named_name).cloned(),
            primary_region: primary_region.or(arn.map(SecretArn::region)).cloned(),
            rules: report.rules(),
            dry_run: report.mode == Mode::DryRun,
            duration_ms: milliseconds(report.started, report.ended),
            event_age_ms: report.event_age_ms(),
            replicas,
            explanation: None,
        }
    }

    pub(super) fn with_explanation(self, explanation: Option<Explanation>) -> Self {
        Self {
            explanation,
            ..self
        }
    }

    /// The record in words: what happened, AWS's own message, and what to do.
    pub(super) fn explanation(&self) -> String {
        let failed = self
            .replicas
            .iter()
            .filter(|replica| replica.status == Status::Failed);
        let mut parts = vec![self.message.clone()];
        parts.extend(
            self.remediation
                .map(|remediation| format!("remediation: {remediation}")),
        );
        parts.extend(failed.map(|replica| {
            let detail = replica.detail.as_deref().unwrap_or("AWS gives no reason");
            let remediation = replica.remediation.as_deref().unwrap_or_default();
            format!("{}: {detail}; remediation: {remediation}", replica.region)
        }));
        parts.join("; ")
    }
}

/// Clocks of two machines never agree to the millisecond, so a negative time counts as none.
pub(super) fn milliseconds(from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    (to - from).num_milliseconds().max(0)
}

impl ReplicaRecord {
    fn new(conclusion: &RegionConclusion) -> Self {
        let region = match &conclusion.region {
            Ok(region) => region.to_string(),
            Err(token) => token.clone(),
        };
        let (status, reason, detail, remediation) = match &conclusion.state {
            RegionState::InSync(_) => (Status::InSync, None, None, None),
            RegionState::Planned => (Status::Planned, None, None, None),
            RegionState::PlannedRemoval(reason) => (
                Status::Planned,
                Some(reason.code()),
                Some(reason.detail()),
                None,
            ),
            RegionState::Removed(reason) => (
                Status::Removed,
                Some(reason.code()),
                Some(reason.detail()),
                None,
            ),
            RegionState::Spared(reason, status) => (
                Status::Refused,
                Some(reason.code()),
                Some(there(status)),
                Some(reason.remediation().to_owned()),
            ),
            RegionState::InProgress(progress) => (
                Status::InProgress,
                Some(progress.code()),
                progress.detail(),
                Some(progress.remediation().to_owned()),
            ),
            RegionState::Failed(reason, detail) => (
                Status::Failed,
                Some(reason.code()),
                detail.clone(),
                Some(reason.remediation().to_owned()),
            ),
            RegionState::Refused(refusal, existing) => {
                let detail = existing.as_ref().map(there);
                (
                    Status::Refused,
                    Some(refusal.code()),
                    detail,
                    refusal.remediation(),
                )
            }
        };
        let remade = conclusion.is_remade.then_some(RemovalReason::FailedReplica);
        let reason = reason.or(remade.as_ref().map(RemovalReason::code));
        let detail = detail.or(remade.as_ref().map(RemovalReason::detail));
        let replication_ms = match conclusion.state {
            RegionState::InSync(after) => {
                after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX))
            }
            _ => None,
        };
        let kms_key = conclusion.kms_key.clone();
        Self {
            region,
            action: conclusion.action,
            status,
            reason,
            detail,
            remediation,
            kms_key,
            replication_ms,
        }
    }
}

fn there(status: &ReplicaStatus) -> String {
    format!("a replica is there: {status}")
}

impl ReplicaRecord {
    fn verb(&self) -> &'static str {
        match (self.status, self.action) {
            (Status::Failed, _) => "failed in",
            (Status::InProgress, _) => "in progress in",
            (Status::Refused, _) => "refused in",
            (Status::Planned, Action::Remove) => "would be removed from",
            (Status::Planned, _) => "would replicate to",
            (Status::InSync, _) => "in sync in",
            (Status::Removed, _) => "removed from",
        }
    }

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

/// One sentence for people who read the log.
fn message(report: &Report, cause: Option<&Cause>, replicas: &[ReplicaRecord]) -> String {
    let who = match (report.secret(), &report.named) {
        (Some(secret), _) => secret.name.as_str(),
        (None, Some(named)) => named.as_str(),
        (None, None) => "event",
    };
    if let Some(Cause { reason, detail, .. }) = cause {
        return format!("{who}: {} ({reason}): {detail}", report.outcome().name());
    }
    let mut by_verb: BTreeMap<(Status, &str), Vec<String>> = BTreeMap::new();
    for replica in replicas {
        let key = (replica.status, replica.verb());
        by_verb.entry(key).or_default().push(replica.in_words());
    }
    let parts: Vec<String> = by_verb
        .iter()
        .map(|((_, verb), regions)| format!("{verb} {}", regions.join(", ")))
        .collect();
    if parts.is_empty() {
        return format!("{who}: wants no replica");
    }
    format!("{who}: {}", parts.join("; "))
}
