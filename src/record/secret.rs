use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::SecondsFormat;
use serde::Serialize;

use super::reason::Reason;
use super::{Report, milliseconds, replication_ms};
use crate::reconcile::{Action, Mode, RegionOutcome, RegionState, SecretOutcome};
use secret_replicator_core::explain::Explanation;
use secret_replicator_core::known_regions::{self, UnknownRegion};
use secret_replicator_core::reason::RemovalReason;
use secret_replicator_core::secret::{Region, Replica, ReplicaStatus, SecretArn, SecretId};

/// The record of one secret: the log line and the function's response.
///
/// Lambda's JSON log format requires both `timestamp` and `level` to take a line's level from it
/// (Lambda developer guide, "Log and application log levels").
#[derive(Clone, Debug, Serialize)]
pub struct SecretRecord {
    timestamp: String,
    level: &'static str,
    message: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remediation: Option<Cow<'static, str>>,
    trigger: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sweep_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_region: Option<Region>,
    rules: Vec<String>,
    /// All reasons: the secret's and its Regions'.
    reasons: BTreeSet<&'static str>,
    dry_run: bool,
    duration_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_age_ms: Option<i64>,
    replicas: Vec<ReplicaRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
}

/// The status of one Region, from the most to the least severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Failed,
    InProgress,
    Refused,
    Planned,
    Superseded,
    InSync,
    Removed,
}

/// The record of one Region.
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
    /// Whether the policy intends that the Region has no replica.
    #[serde(skip)]
    is_excluded: bool,
}

impl SecretRecord {
    /// Creates the record of a report.
    #[must_use]
    pub fn new(report: &Report) -> Self {
        let outcome = report.outcome.outcome();
        let reason = Reason::of(report);
        let secret = report.outcome.secret();
        let (named_arn, named_name) = match &report.named {
            Some(SecretId::Arn(arn)) => (Some(arn), None),
            Some(SecretId::Name(name)) => (None, Some(name)),
            None => (None, None),
        };
        let arn = secret.map(|secret| &secret.arn).or(named_arn);
        let primary_region = secret.and_then(|secret| secret.primary_region.as_ref());
        let replicas: Vec<_> = report
            .outcome
            .regions()
            .iter()
            .map(ReplicaRecord::new)
            .collect();
        Self {
            timestamp: report.ended.to_rfc3339_opts(SecondsFormat::Millis, true),
            level: level(&report.outcome),
            message: message(report, reason.as_ref(), &replicas),
            outcome: outcome.name(),
            reason: reason.as_ref().map(|reason| reason.code),
            remediation: reason
                .as_ref()
                .and_then(|reason| reason.remediation.clone()),
            reasons: reasons(reason.as_ref(), &report.outcome, &replicas),
            detail: reason.map(|reason| reason.detail),
            trigger: report.origin.name.clone(),
            event_id: report.origin.event_id.clone(),
            request_id: report.request_id.clone(),
            sweep_id: report.sweep_id.clone(),
            principal: principal(&report.outcome),
            account: arn
                .map(|arn| arn.account().to_owned())
                .or_else(|| report.account.clone()),
            secret_arn: arn.map(ToString::to_string),
            secret_name: secret.map(|secret| &secret.name).or(named_name).cloned(),
            primary_region: primary_region.or(arn.map(SecretArn::region)).cloned(),
            rules: report.outcome.rules().cloned().collect(),
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

    /// Returns the message of the record, with AWS's messages and the remediations: of the failed Regions or, if none
    /// failed, of those in progress.
    pub(super) fn summary(&self) -> String {
        let stopped = |text: &str| text.trim_end_matches('.').to_owned();
        let worst = self.replicas.iter().map(|replica| replica.status).min();
        let is_open = |status| matches!(status, Status::Failed | Status::InProgress);
        let is_worst =
            |replica: &&ReplicaRecord| Some(replica.status) == worst && is_open(replica.status);
        // Regions with the same remediation share it.
        let mut failed: Vec<(&str, Vec<String>)> = Vec::new();
        for replica in self.replicas.iter().filter(is_worst) {
            let unknown = match replica.status {
                Status::Failed => "AWS gives no reason",
                _ => "not in sync at the deadline",
            };
            let detail = replica.detail.as_deref().unwrap_or(unknown);
            let detail = format!("{}: {}", replica.region, stopped(detail));
            let remediation = replica.remediation.as_deref().unwrap_or_default();
            match failed.iter_mut().find(|(shared, _)| *shared == remediation) {
                Some((_, details)) => details.push(detail),
                None => failed.push((remediation, vec![detail])),
            }
        }
        let mut parts = vec![self.message.clone()];
        parts.extend(
            self.remediation
                .as_ref()
                .map(|remediation| format!("remediation: {remediation}")),
        );
        parts.extend(failed.into_iter().map(|(remediation, details)| {
            format!("{}; remediation: {remediation}", details.join("; "))
        }));
        parts.join("; ")
    }
}

impl ReplicaRecord {
    fn new(outcome: &RegionOutcome) -> Self {
        let RegionFields {
            status,
            reason,
            detail,
            remediation,
        } = RegionFields::of(&outcome.state);
        let recreated = outcome.is_recreated.then_some(RemovalReason::FailedReplica);
        let region = match &outcome.region {
            Ok(region) => region.to_string(),
            Err(token) => token.clone(),
        };
        let unknown = || UnknownRegion::check(outcome.region.as_ref().ok()?);
        let unknown = matches!(status, Status::Failed | Status::Refused).then(unknown);
        let details = detail
            .into_iter()
            .chain(unknown.flatten().map(|unknown| unknown.to_string()));
        let detail = joined(details);
        let remediation =
            remediation.map(|remediation| known_regions::with_hint(&region, &remediation));
        Self {
            region,
            action: outcome.action,
            status,
            reason: reason.or(recreated.as_ref().map(RemovalReason::code)),
            detail: detail.or(recreated.as_ref().map(RemovalReason::detail)),
            remediation,
            kms_key: outcome.kms_key.clone(),
            replication_ms: replication_ms(&outcome.state),
            is_excluded: outcome.state.is_excluded(),
        }
    }
}

/// The fields of the record that describe the state of a Region.
struct RegionFields {
    status: Status,
    reason: Option<&'static str>,
    detail: Option<String>,
    remediation: Option<String>,
}

impl RegionFields {
    fn of(state: &RegionState) -> Self {
        let described = |status, reason, detail, remediation| Self {
            status,
            reason,
            detail,
            remediation,
        };
        let removal = |status, reason: &RemovalReason| {
            described(status, Some(reason.code()), Some(reason.detail()), None)
        };
        match state {
            RegionState::InSync(_) => described(Status::InSync, None, None, None),
            RegionState::Planned => described(Status::Planned, None, None, None),
            RegionState::PlannedRemoval(reason) => removal(Status::Planned, reason),
            RegionState::Removed(reason, None) => removal(Status::Removed, reason),
            RegionState::Removed(reason, Some(error)) => {
                let detail = format!(
                    "{}; not verified, because the Region could not be read: {error}",
                    reason.detail()
                );
                described(Status::Removed, Some(reason.code()), Some(detail), None)
            }
            RegionState::Retained(reason, status) => {
                let existing = status.as_ref().map(existing_replica);
                let detail = existing.or(reason.detail().map(str::to_owned));
                let remediation = Some(reason.remediation().to_owned());
                described(Status::Refused, Some(reason.code()), detail, remediation)
            }
            RegionState::Superseded(superseded) => described(
                Status::Superseded,
                Some(superseded.code()),
                Some(superseded.detail().to_owned()),
                Some(superseded.remediation().to_owned()),
            ),
            RegionState::InProgress(progress) => {
                let (code, detail) = (Some(progress.code()), progress.detail());
                let remediation = Some(progress.remediation().to_owned());
                described(Status::InProgress, code, detail, remediation)
            }
            RegionState::Failed(reason, detail) => {
                let remediation = Some(reason.remediation().to_owned());
                described(
                    Status::Failed,
                    Some(reason.code()),
                    detail.clone(),
                    remediation,
                )
            }
            RegionState::Refused(refusal, existing) => {
                let remediation = refusal.remediation(existing.as_ref());
                let existing = existing.as_ref().map(refused_replica);
                let detail = joined(refusal.detail().into_iter().chain(existing));
                described(Status::Refused, Some(refusal.code()), detail, remediation)
            }
        }
    }
}

/// Joins details to one text. `None` if there is none.
fn joined(details: impl Iterator<Item = String>) -> Option<String> {
    let details: Vec<String> = details.collect();
    (!details.is_empty()).then(|| details.join("; "))
}

fn existing_replica(status: &ReplicaStatus) -> String {
    format!("a replica is there: {status}")
}

/// Describes the existing replica of a refused Region, with AWS's message if it failed.
fn refused_replica(replica: &Replica) -> String {
    let existing = existing_replica(&replica.status);
    match &replica.message {
        Some(message) if replica.status == ReplicaStatus::Failed => {
            format!("{existing}: {message}")
        }
        _ => existing,
    }
}

impl ReplicaRecord {
    fn verb(&self) -> &'static str {
        match (self.status, self.action) {
            (Status::Refused, _) if self.is_excluded => "no replica in",
            (Status::Refused, _) if self.region.is_empty() => "refused",
            (Status::Failed, _) => "failed in",
            (Status::InProgress, _) => "in progress in",
            (Status::Refused, _) => "refused in",
            (Status::Planned, Action::Remove) => "would be removed from",
            (Status::Planned, Action::Overwrite) => "would overwrite a secret in",
            (Status::Planned, _) => "would replicate to",
            (Status::Superseded, _) => "superseded in",
            (Status::InSync, Action::Overwrite) => "overwritten and in sync in",
            (Status::InSync, _) => "in sync in",
            (Status::Removed, _) => "removed from",
        }
    }

    fn in_text(&self) -> String {
        let region = if self.region.is_empty() {
            "a tag that names no Region"
        } else {
            &self.region
        };
        match self.reason {
            Some(reason) => format!("{region} ({reason})"),
            None => region.to_owned(),
        }
    }
}

/// Returns the log level: that of the outcome, but WARN for an action of another principal that a person
/// should know of.
fn level(outcome: &SecretOutcome) -> &'static str {
    match outcome {
        SecretOutcome::Skipped(_, reason) if reason.is_warning() => "WARN",
        outcome => outcome.outcome().level(),
    }
}

/// Returns the caller, in the records about what others did.
fn principal(outcome: &SecretOutcome) -> Option<String> {
    match outcome {
        SecretOutcome::Skipped(_, reason) => reason.principal().map(str::to_owned),
        _ => None,
    }
}

/// Returns all reasons in a record.
fn reasons(
    of_secret: Option<&Reason>,
    outcome: &SecretOutcome,
    replicas: &[ReplicaRecord],
) -> BTreeSet<&'static str> {
    let of_regions = replicas.iter().filter_map(|replica| replica.reason);
    let of_drill = match outcome {
        SecretOutcome::Failover(outcome) => outcome.state.findings(),
        _ => &[],
    };
    of_regions
        .chain(of_secret.map(|reason| reason.code))
        .chain(of_drill.iter().map(|finding| finding.code))
        .collect()
}

/// Returns the record's `message`, for readers of the log.
fn message(report: &Report, reason: Option<&Reason>, replicas: &[ReplicaRecord]) -> String {
    let subject = match (report.outcome.secret(), &report.named) {
        (Some(secret), _) => secret.name.as_str(),
        (None, Some(named)) => named.as_str(),
        (None, None) => "event",
    };
    if let Some(Reason { code, detail, .. }) = reason {
        let outcome = report.outcome.outcome().name();
        return format!("{subject}: {outcome} ({code}): {detail}");
    }
    if let SecretOutcome::Failover(outcome) = &report.outcome {
        return format!("{subject}: {}", outcome.state.message());
    }
    // From the most to the least severe, and last the Regions that the policy excludes.
    let mut by_verb: BTreeMap<(bool, Status, &str), Vec<String>> = BTreeMap::new();
    for replica in replicas {
        let key = (replica.is_excluded, replica.status, replica.verb());
        by_verb.entry(key).or_default().push(replica.in_text());
    }
    let parts: Vec<String> = by_verb
        .iter()
        .map(|((_, _, verb), regions)| format!("{verb} {}", regions.join(", ")))
        .collect();
    if parts.is_empty() {
        return format!("{subject}: wants no replica");
    }
    format!("{subject}: {}", parts.join("; "))
}
