use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use secret_replicator_aws::DeletedSecrets;
use secret_replicator_core::failover::Found;
use secret_replicator_core::failover::aftermath::{StackAfter, policy_after};
use secret_replicator_core::failover::drill::{DrillFinding, Drilled, VersionCheck};
use secret_replicator_core::failover::inventory::Entry;
use secret_replicator_core::secret::Region;
use serde::Serialize;

use super::evidence::{self, Judged};
use super::vanished::Vanished;
use super::{Drill, expected};
use crate::coverage::Coverage;
use crate::listing;
use crate::report::{Gap, Reading, Unread, UnreadableSecrets};
use crate::survey::ListTime;

/// The time for a page of the failover Region's list.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The result of a drill, in the form of `--output json`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The failover Region.
    pub(super) region: Region,
    /// The primary Regions.
    primary_regions: Vec<Region>,
    /// The start, in RFC 3339.
    started: String,
    /// The time at which the inventory was saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inventory_saved: Option<DateTime<Utc>>,
    /// The lists that were read.
    pub(super) lists: Vec<ListTime>,
    /// The primary Regions that did not answer.
    pub(super) not_asked: Vec<Unread>,
    /// The primary Regions for which nothing says which secrets are absent.
    absent_unknown: BTreeSet<Region>,
    /// The time of the newest change that the failover Region shows.
    pub(super) newest_change: Option<DateTime<Utc>>,
    /// The age of that change at the start, in seconds.
    pub(super) newest_change_age_s: Option<i64>,
    /// The names in the inventory that the policy no longer covers.
    pub(super) no_longer_expected: BTreeSet<String>,
    /// The names in the inventory that neither Region has any more.
    pub(super) gone_since: BTreeSet<String>,
    /// The names that only the failover Region has.
    pub(super) without_primary: BTreeSet<String>,
    /// The names in the inventory about which the primary Region could not be asked.
    pub(super) not_checked: BTreeSet<String>,
    pub(super) summary: Summary,
    /// What the stack in the failover Region does with the secrets that could be promoted. `None` if its policy is
    /// not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after_promotion: Option<StackAfter>,
    pub(super) secrets: Vec<Row>,
    #[serde(skip)]
    selection: Vec<String>,
}

/// The numbers of a drill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Summary {
    /// The secrets that the Region should have.
    pub(super) expected: usize,
    /// The secrets that could be promoted.
    pub(super) ready: usize,
    /// The numbers of secrets by finding.
    pub(super) findings: BTreeMap<&'static str, usize>,
    /// The numbers of secrets by the comparison of their versions.
    pub(super) versions: BTreeMap<&'static str, usize>,
}

/// One secret.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) account: String,
    pub(super) primary_region: Region,
    pub(super) name: String,
    /// The ARN of the primary secret.
    arn: String,
    ready: bool,
    /// How the version in the Region compares.
    version: &'static str,
    /// The last change that the Region shows.
    last_changed: Option<DateTime<Utc>>,
    pub(super) findings: Vec<Finding>,
    #[serde(skip)]
    entry: Entry,
    #[serde(skip)]
    rules: BTreeSet<String>,
    #[serde(skip)]
    drilled: Drilled,
}

/// One finding.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) remediation: String,
}

/// Reads both sides and judges each secret.
///
/// # Errors
/// The failover Region cannot be read.
pub(super) async fn read(drill: &Drill<'_>) -> anyhow::Result<Report> {
    let started = Utc::now();
    let reader = drill.access.in_region(drill.to).reader();
    let filter = listing::by_prefix(drill.select.name_prefix());
    let there = listing::read(
        &reader,
        drill.to,
        filter.as_ref(),
        DeletedSecrets::Omitted,
        TIMEOUT,
        &drill.progress,
    );
    let (there, time) = there
        .await
        .with_context(|| format!("failed to read the failover Region {}", drill.to))?
        .into_secrets();
    let all = expected::find(drill, &there).await;
    let found = Found::new(&there);
    let mut vanished = Vanished::find(drill, all.not_shown, &found).await;
    let judged = evidence::judge(drill, all.secrets, &found, &mut vanished).await;
    let after_promotion = drill.failover_policy.map(|source| {
        let ready = judged.iter().filter(|judged| judged.drilled.is_ready());
        let replicas = ready.filter_map(|judged| judged.found.as_ref());
        replicas
            .map(|replica| policy_after(replica, &source.policy, &source.limits))
            .collect()
    });
    let mut rows: Vec<Row> = judged
        .into_iter()
        .map(|judged| Row::new(drill.to, judged))
        .collect();
    rows.sort_by(|one, other| (&one.name, &one.arn).cmp(&(&other.name, &other.arn)));
    let newest_change = rows.iter().filter_map(|row| row.last_changed).max();
    Ok(Report {
        region: drill.to.clone(),
        primary_regions: drill.primary_regions.clone(),
        started: started.to_rfc3339_opts(SecondsFormat::Secs, true),
        inventory_saved: drill.inventory.map(|inventory| inventory.saved),
        lists: all.lists.into_iter().chain([time]).collect(),
        not_asked: all.unasked,
        absent_unknown: all.without_basis,
        newest_change,
        newest_change_age_s: newest_change.map(|changed| (started - changed).num_seconds()),
        no_longer_expected: vanished.no_longer_covered,
        gone_since: vanished.gone,
        without_primary: vanished.without_primary,
        not_checked: vanished.unknown,
        summary: Summary::of(&rows),
        after_promotion,
        secrets: rows,
        selection: drill.select.words(),
    })
}

impl Summary {
    fn of(rows: &[Row]) -> Self {
        let mut summary = Self {
            expected: rows.len(),
            ..Self::default()
        };
        for row in rows {
            summary.ready += usize::from(row.ready);
            *summary.versions.entry(row.version).or_default() += 1;
            for finding in &row.findings {
                *summary.findings.entry(finding.code).or_default() += 1;
            }
        }
        summary
    }
}

impl Row {
    fn new(region: &Region, judged: Judged) -> Self {
        let Judged {
            expected,
            found,
            drilled,
        } = judged;
        let mut entry = expected.entry;
        let key = found
            .as_ref()
            .and_then(|found| found.encryption.customer_key());
        entry.kms_key = key.map(ToString::to_string);
        let finding = |finding: &DrillFinding| Finding {
            code: finding.code(),
            detail: finding.detail(),
            remediation: finding.remediation(&entry, region),
        };
        Self {
            account: entry.arn.account().to_owned(),
            primary_region: entry.arn.region().clone(),
            name: entry.name.clone(),
            arn: entry.arn.to_string(),
            ready: drilled.is_ready(),
            version: drilled.version.name(),
            last_changed: found.and_then(|found| found.last_changed),
            findings: drilled.findings.iter().map(finding).collect(),
            entry,
            rules: expected.rules,
            drilled,
        }
    }
}

/// Says that a drill has nothing to judge.
const NOTHING_EXPECTED: &str =
    "no secret should be in the Region; check the policy, the account, the Regions and the filters";

impl Report {
    /// Returns whether a secret could not be promoted, whether nothing says which secrets are absent, or whether no
    /// secret was judged: the policy, the account or the Region is probably wrong.
    pub(super) fn has_findings(&self) -> bool {
        self.summary.expected == 0
            || !self.not_checked.is_empty()
            || self.summary.ready < self.summary.expected
            || !self.absent_unknown.is_empty()
            || self.lists.iter().any(|list| list.error.is_some())
    }

    /// Returns whether a Region that could not be read is a finding. With an inventory, a drill does not need the
    /// primary Regions.
    pub(super) fn is_finding(&self, gap: &Gap<'_>) -> bool {
        let is_unasked = self
            .not_asked
            .iter()
            .any(|unread| unread.region == *gap.region);
        !is_unasked || self.absent_unknown.contains(gap.region)
    }

    /// Returns why the report does not have every secret that the Region should have. `None` if it has.
    pub(super) fn incomplete(&self) -> Option<&'static str> {
        if !self.not_asked.is_empty() {
            Some("a primary Region did not answer")
        } else if self.lists.iter().any(|list| list.error.is_some()) {
            Some("a list is incomplete")
        } else if self.summary.expected == 0 {
            Some(NOTHING_EXPECTED)
        } else {
            None
        }
    }

    /// Formats that no secret is expected, for standard error.
    pub(super) fn nothing_expected(&self) -> String {
        if self.incomplete() == Some(NOTHING_EXPECTED) {
            format!("note: {NOTHING_EXPECTED}\n")
        } else {
            String::new()
        }
    }

    /// Returns the entries for an inventory.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.secrets.iter().map(|row| row.entry.clone()).collect()
    }

    /// Returns the options that select secrets, if there are any.
    pub(super) fn selection(&self) -> Option<String> {
        (!self.selection.is_empty()).then(|| self.selection.join(" "))
    }

    /// Formats what could not be read, for standard error.
    pub(super) fn note(&self) -> String {
        let unasked = self.not_asked.iter().map(|Unread { region, error, .. }| {
            let rests = if self.absent_unknown.contains(region) {
                "the report rests on the replicas alone, so absent secrets are unknown; add `--inventory FILE`"
            } else {
                "the report rests on the inventory, and versions are not compared with the primary secrets"
            };
            format!("warning: {region} was not asked: {error}; {rests}\n")
        });
        let incomplete = self.lists.iter().filter_map(|list| {
            let error = list.error.as_ref()?;
            let region = &list.region;
            Some(format!(
                "warning: the list of {region} is incomplete: {error}\n"
            ))
        });
        unasked.chain(incomplete).collect()
    }

    /// Returns the secrets as rows of the page and of the test cases.
    pub(super) fn coverages(&self) -> Vec<Coverage> {
        let coverage = |row: &Row| {
            Coverage::drilled(&row.entry, row.rules.clone(), &self.region, &row.drilled)
        };
        self.secrets.iter().map(coverage).collect()
    }

    /// Returns what was read, for the page.
    pub(super) fn reading(&self) -> Reading {
        Reading {
            primary_regions: self.primary_regions.clone(),
            started: self.started.clone(),
            lists: self.lists.clone(),
            unread: self.not_asked.clone(),
            unknown_regions: BTreeSet::new(),
            swept: Vec::new(),
            unreadable: UnreadableSecrets::default(),
        }
    }

    /// Formats one row per secret and finding.
    ///
    /// # Errors
    /// The writer fails.
    pub(super) fn csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in &self.secrets {
            let csv_row = |finding| CsvRow::new(self, row, finding);
            let findings = row.findings.iter().map(|finding| csv_row(Some(finding)));
            let ready = row.ready.then(|| csv_row(None));
            for csv_row in findings.chain(ready) {
                writer.serialize(csv_row).context("failed to write CSV")?;
            }
        }
        let bytes = writer.into_inner().context("failed to write CSV")?;
        String::from_utf8(bytes).context("failed to write CSV")
    }

    /// Returns the time at which the list of the failover Region was read.
    fn read(&self) -> String {
        let list = self.lists.iter().rfind(|list| list.region == self.region);
        list.map_or_else(|| self.started.clone(), |list| seconds(list.ended))
    }

    /// Returns the age of the evidence, for the test cases.
    pub(super) fn properties(&self) -> Vec<(&'static str, String)> {
        let newest = self.newest_change.map(seconds);
        let age = self.newest_change_age_s.map(|age| age.to_string());
        let inventory = self.inventory_saved.map(seconds);
        let optional = [
            ("newest_change", newest),
            ("newest_change_age_s", age),
            ("inventory_saved", inventory),
        ];
        let optional = optional.into_iter();
        let optional = optional.filter_map(|(name, value)| Some((name, value?)));
        [("read", self.read())]
            .into_iter()
            .chain(optional)
            .collect()
    }

    /// Returns whether the current versions of all secrets are known to be there.
    pub(super) fn all_current(&self) -> bool {
        let current = self.summary.versions.get(VersionCheck::Current.name());
        current.copied().unwrap_or_default() == self.summary.expected
    }
}

fn seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A row of `--output csv`.
#[derive(Serialize)]
struct CsvRow<'a> {
    account: &'a str,
    primary_region: &'a str,
    secret: &'a str,
    region: &'a str,
    ready: bool,
    version: &'a str,
    finding: &'a str,
    detail: &'a str,
    remediation: &'a str,
    /// The time at which the list of the Region was read.
    read: String,
    /// The last change of the secret that the Region shows.
    last_changed: Option<String>,
    /// The age of the newest change in the Region at the start, in seconds. The same in all rows.
    newest_change_age_s: Option<i64>,
}

impl<'a> CsvRow<'a> {
    fn new(report: &'a Report, row: &'a Row, finding: Option<&'a Finding>) -> Self {
        Self {
            account: &row.account,
            primary_region: row.primary_region.as_str(),
            secret: &row.name,
            region: report.region.as_str(),
            ready: row.ready,
            version: row.version,
            finding: finding.map_or("", |finding| finding.code),
            detail: finding.map_or("", |finding| &finding.detail),
            remediation: finding.map_or("", |finding| &finding.remediation),
            read: report.read(),
            last_changed: row.last_changed.map(seconds),
            newest_change_age_s: report.newest_change_age_s,
        }
    }
}
