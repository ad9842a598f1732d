use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use secret_replicator_core::failover::aftermath::{Aftermath, aftermath};
use secret_replicator_core::failover::inventory::Entry;
use secret_replicator_core::failover::promotion::{Candidate, Left};
use secret_replicator_core::secret::{Region, Secret};
use serde::Serialize;

use super::work::Outcome;
use super::{Planned, Promotion};

/// The result of `promote`, in the form of `--output json`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The failover Region.
    pub(super) region: Region,
    /// The start, in RFC 3339.
    started: String,
    pub(super) dry_run: bool,
    /// Whether the user interrupted the command.
    pub(super) interrupted: bool,
    /// The time at which the inventory was saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inventory_saved: Option<DateTime<Utc>>,
    /// The options that selected the secrets of the inventory. Empty if it has all secrets of the policy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) inventory_selection: Vec<String>,
    /// Whether secrets that never reached the Region are unknown, because there is no inventory.
    pub(super) absent_unknown: bool,
    /// Why the list of the Region is incomplete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) incomplete: Option<String>,
    /// The file that records what was done. `None` if nothing was found that it could record.
    pub(super) state_file: Option<String>,
    /// The secrets to promote.
    pub(super) secrets: Vec<Row>,
    /// The other secrets.
    pub(super) left: Vec<LeftRow>,
    /// The positions of the secrets by ARN.
    #[serde(skip)]
    positions: BTreeMap<String, usize>,
}

/// A secret to promote.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) primary_region: Region,
    /// What happened: `planned` before the promotion.
    pub(super) outcome: &'static str,
    /// The time at which a read showed the promotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    promoted: Option<DateTime<Utc>>,
    /// Why it is not promoted or not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    /// What changes with the promotion.
    #[serde(flatten)]
    pub(super) aftermath: Aftermath,
}

/// A secret that is not promoted.
#[derive(Debug, Serialize)]
pub(super) struct LeftRow {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    pub(super) reason: &'static str,
    pub(super) detail: String,
    /// Whether the secret should have been promoted.
    pub(super) fault: bool,
}

impl Report {
    pub(super) fn new(promotion: &Promotion<'_>, planned: &Planned) -> Self {
        let found = planned.found.iter();
        let found: BTreeMap<&str, &Secret> = found
            .map(|secret| (secret.arn.resource(), secret))
            .collect();
        let entries = promotion.inventory.map(|inventory| inventory.by_resource());
        let entries = entries.unwrap_or_default();
        let candidates = planned.plan.promote.iter();
        let rows = candidates.filter_map(|candidate| {
            let resource = candidate.arn.resource();
            let replica = found.get(resource)?;
            Some(Row::new(
                promotion,
                candidate,
                replica,
                entries.get(resource).copied(),
            ))
        });
        let secrets: Vec<Row> = rows.collect();
        let arns = secrets.iter().map(|row| row.aftermath.arn.to_string());
        Self {
            region: promotion.to.clone(),
            started: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
            dry_run: false,
            interrupted: false,
            inventory_saved: promotion.inventory.map(|inventory| inventory.saved),
            inventory_selection: promotion
                .inventory
                .map_or_else(Vec::new, |inventory| inventory.selection.clone()),
            absent_unknown: promotion.inventory.is_none(),
            incomplete: planned.incomplete.clone(),
            state_file: planned.path.as_ref().map(|path| path.display().to_string()),
            positions: arns.enumerate().map(|(at, arn)| (arn, at)).collect(),
            left: planned.plan.left.iter().map(LeftRow::from).collect(),
            secrets,
        }
    }

    /// Adds what happened to a secret.
    pub(super) fn add(&mut self, candidate: &Candidate, outcome: &Outcome) {
        let position = self.positions.get(candidate.arn.as_str());
        let Some(row) = position.and_then(|at| self.secrets.get_mut(*at)) else {
            return;
        };
        row.outcome = outcome.name();
        row.detail = outcome.detail();
        row.promoted = match outcome {
            Outcome::Promoted { at, .. } => Some(*at),
            _ => None,
        };
    }

    /// Returns whether the report is about no secret: none is promoted, and none of the others should be promoted or was
    /// promoted before.
    pub(super) fn selects_nothing(&self) -> bool {
        let is_about = |left: &LeftRow| {
            left.fault || ["already-standalone", "limit-reached"].contains(&left.reason)
        };
        self.secrets.is_empty() && !self.left.iter().any(is_about)
    }

    /// Returns whether a secret should be promoted and is not, or whether nothing is selected.
    pub(super) fn has_findings(&self) -> bool {
        let mut outcomes = self.secrets.iter();
        let is_done =
            |row: &Row| ["planned", "promoted", "already-standalone"].contains(&row.outcome);
        self.selects_nothing()
            || self.left.iter().any(|left| left.fault)
            || self.incomplete.is_some()
            || !outcomes.all(is_done)
    }

    /// Returns the number of secrets with an outcome.
    pub(super) fn number(&self, outcome: &str) -> usize {
        let rows = self.secrets.iter();
        rows.filter(|row| row.outcome == outcome).count()
    }
}

impl Row {
    fn new(
        promotion: &Promotion<'_>,
        candidate: &Candidate,
        replica: &Secret,
        entry: Option<&Entry>,
    ) -> Self {
        let policy = promotion.policy;
        let policy = policy.map(|source| (&source.policy, &source.limits));
        Self {
            name: candidate.name.clone(),
            primary_region: candidate.primary_region.clone(),
            outcome: "planned",
            promoted: None,
            detail: None,
            aftermath: aftermath(replica, entry, policy),
        }
    }
}

impl From<&Left> for LeftRow {
    fn from(left: &Left) -> Self {
        Self {
            name: left.name.clone(),
            arn: left.arn.as_ref().map(ToString::to_string),
            reason: left.reason.code(),
            detail: left.reason.detail(),
            fault: left.reason.is_fault(),
        }
    }
}

impl Outcome {
    fn name(&self) -> &'static str {
        match self {
            Self::Promoted { .. } => "promoted",
            Self::AlreadyStandalone => "already-standalone",
            Self::Not(reason) => reason.code(),
            Self::Unverified => "unverified",
            Self::Failed(_) => "failed",
            Self::NotStarted => "not-started",
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Promoted { .. } | Self::AlreadyStandalone => None,
            Self::Not(reason) => Some(reason.detail()),
            Self::Unverified => Some(
                "AWS accepted the call, but no read shows the promotion yet: run the command again"
                    .to_owned(),
            ),
            Self::Failed(error) => Some(error.clone()),
            Self::NotStarted => Some("interrupted: run the command again".to_owned()),
        }
    }
}
