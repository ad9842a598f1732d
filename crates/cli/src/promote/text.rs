use std::collections::{BTreeMap, BTreeSet};

use chrono::SecondsFormat;
use secret_replicator_core::failover::aftermath::{RotationAfter, StackAfter, sentences};
use secret_replicator_core::secret::Region;

use super::report::{LeftRow, Report, Row};
use crate::table;
use crate::terminal::{STRONG, SUCCESS, WARNING, count, paint, wrap};

/// The number of names that a list shows.
const NAMES: usize = 12;

/// Formats the plan, before the confirmation.
pub(super) fn plan(report: &Report) -> String {
    let from: BTreeSet<&Region> = report
        .secrets
        .iter()
        .map(|row| &row.primary_region)
        .collect();
    let from: Vec<&str> = from.into_iter().map(Region::as_str).collect();
    let of_primaries = if from.is_empty() {
        String::new()
    } else {
        format!(", replicas of {}", from.join(", "))
    };
    let line = format!(
        "{} to promote in {}{of_primaries}.",
        count(report.secrets.len(), "secret"),
        report.region,
    );
    let names = report.secrets.iter().map(|row| row.name.as_str());
    let mut parts = vec![format!("{}\n{}", paint(STRONG, line), listed(names))];
    parts.extend(left(report));
    parts.push(inventory(report));
    parts.extend(changes(report));
    parts.join("\n")
}

/// Formats the result, or the plan of a dry run.
pub(super) fn text(report: &Report) -> String {
    if report.dry_run {
        return plan(report);
    }
    let promoted = report.number("promoted");
    let style = if report.has_findings() {
        WARNING
    } else {
        SUCCESS
    };
    let line = format!(
        "{} promoted in {}.",
        count(promoted, "secret"),
        report.region
    );
    let mut parts = vec![format!("{}\n", paint(style, line))];
    parts.extend(problems(report));
    parts.extend(left(report));
    parts.push(inventory(report));
    if promoted > 0 {
        parts.extend(changes(report));
        parts.extend(report.state_file.iter().map(|file| {
            let text = format!(
                "`{file}` records what was done. Keep it for `secret-replicator failback`."
            );
            wrap("", 0, &text)
        }));
    }
    parts.join("\n")
}

/// Formats the secrets of the plan that are not promoted.
fn problems(report: &Report) -> Option<String> {
    let rows = report
        .secrets
        .iter()
        .filter(|row| row.outcome != "promoted");
    let rows: Vec<Vec<String>> = rows
        .map(|row| {
            let detail = row.detail.clone().unwrap_or_default();
            vec![row.name.clone(), row.outcome.to_owned(), detail]
        })
        .collect();
    let header = ["secret", "outcome", "detail"];
    (!rows.is_empty()).then(|| table::left(&header, rows.into_iter()))
}

/// Formats the secrets outside the plan by reason. Faults come first, each with its name.
fn left(report: &Report) -> Option<String> {
    let mut by_reason: BTreeMap<(bool, &str), Vec<&LeftRow>> = BTreeMap::new();
    for row in &report.left {
        by_reason
            .entry((!row.fault, row.reason))
            .or_default()
            .push(row);
    }
    let reasons = by_reason.iter().map(|((is_expected, reason), rows)| {
        let style = if *is_expected { STRONG } else { WARNING };
        let title = format!("Not promoted, {reason}: {}", count(rows.len(), "secret"));
        let detail = rows.first().map_or("", |row| row.detail.as_str());
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        // Each secret that should have been promoted has its name on the screen.
        let names = if *is_expected {
            listed(names.into_iter())
        } else {
            format!("  {}\n", names.join("\n  "))
        };
        format!("{}\n{names}{}", paint(style, title), wrap("  ", 2, detail))
    });
    let reasons: Vec<String> = reasons.collect();
    (!reasons.is_empty()).then(|| reasons.join("\n"))
}

fn inventory(report: &Report) -> String {
    let text = match report.inventory_saved {
        Some(saved) => {
            let saved = saved.to_rfc3339_opts(SecondsFormat::Secs, true);
            let selection = report.inventory_selection.join(" ");
            let partly = match selection.as_str() {
                "" => String::new(),
                selection => {
                    format!(" It has only the secrets of `{selection}`; others are unknown.")
                }
            };
            format!(
                "The inventory was saved at {saved}. Secrets that were created later are not in it.{partly}"
            )
        }
        None => format!(
            "Absent secrets are unknown: without an inventory (`--inventory FILE`), a secret that never reached {} \
             is invisible there.",
            report.region
        ),
    };
    wrap("", 0, &text)
}

/// Formats what changes for the promoted secrets.
fn changes(report: &Report) -> Option<String> {
    let rows = report.secrets.iter();
    let rows: Vec<&Row> = rows
        .filter(|row| ["planned", "promoted"].contains(&row.outcome))
        .collect();
    let first = rows.first()?;
    let mut lines = rotation(&rows);
    lines.push(format!(
        "Readers: those that name an ARN or the Region {} must change to {}; the name and the suffix stay the same, \
         for example {} (docs/FAILOVER.md has each kind of reader).",
        first.primary_region, report.region, first.aftermath.arn
    ));
    lines.push(format!(
        "Resource policies: each secret keeps the policy that was replicated; a change in {} no longer arrives.",
        first.primary_region
    ));
    lines.extend(policy(report, &rows));
    let lines: String = lines.iter().map(|line| wrap("  * ", 4, line)).collect();
    Some(format!("{}\n{lines}", paint(STRONG, "What changes")))
}

fn rotation(rows: &[&Row]) -> Vec<String> {
    let rotates = rows.iter().filter_map(|row| match &row.aftermath.rotation {
        RotationAfter::OnlyInOldPrimary { rules } => Some((row, rules)),
        RotationAfter::None | RotationAfter::Unknown => None,
    });
    let mut lines: Vec<String> = rotates
        .map(|(row, rules)| {
            format!(
                "Rotation of {} is configured only in {}: {}. It stops until you configure it here.",
                row.name,
                row.primary_region,
                rules.rules()
            )
        })
        .collect();
    let hidden = lines.len().saturating_sub(NAMES);
    lines.truncate(NAMES);
    if hidden > 0 {
        lines.push(format!(
            "{} rotate, too; `--output json` has each.",
            count(hidden, "more secret")
        ));
    }
    let unknown = rows
        .iter()
        .filter(|row| row.aftermath.rotation == RotationAfter::Unknown);
    let unknown = unknown.count();
    if unknown > 0 {
        lines.push(format!(
            "Rotation of {} is unknown without an inventory. It is configured only in the old primary Region, and \
             stops until you configure it here.",
            count(unknown, "secret")
        ));
    }
    lines
}

/// Says what a stack in the failover Region does with the promoted secrets.
fn policy(report: &Report, rows: &[&Row]) -> Vec<String> {
    let known = rows.iter().filter_map(|row| row.aftermath.policy.as_ref());
    let stack: StackAfter = known.cloned().collect();
    let options = "`--policy FILE` or `--from-stack STACK`";
    sentences(
        (stack.secrets > 0).then_some(&stack),
        &report.region,
        options,
    )
}

/// Formats names in lines, the first ones only.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let hidden = names.len().saturating_sub(NAMES);
    let shown: Vec<&str> = names.take(NAMES).collect();
    let more = if hidden > 0 {
        format!(" and {hidden} more")
    } else {
        String::new()
    };
    wrap("  ", 2, &format!("{}{more}", shown.join(", ")))
}
