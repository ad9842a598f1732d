use chrono::{DateTime, SecondsFormat, Utc};
use secret_replicator_core::failover::aftermath::sentences;

use super::report::{Finding, Report, Row};
use crate::remedies::Remedies;
use crate::table;
use crate::terminal::{STRONG, SUCCESS, WARNING, count, paint, wrap};

/// The number of rows that fit on a screen.
const ROWS: usize = 20;

/// Formats the report. Without every row, only findings have one.
pub(super) fn text(report: &Report, every_row: bool) -> String {
    let mut parts = vec![totals(report), evidence(report)];
    parts.extend(findings(report, every_row));
    parts.extend(remediations(report));
    parts.extend(after_promotion(report));
    parts.extend(vanished(report));
    parts.join("\n")
}

/// Formats the names that no longer count, each with the reason.
fn vanished(report: &Report) -> Vec<String> {
    let groups = [
        (
            "no longer expected",
            &report.no_longer_expected,
            "the policy no longer covers these secrets; save the inventory again",
        ),
        (
            "gone since",
            &report.gone_since,
            "neither Region has these secrets any more; if they were deleted on purpose, save the inventory again",
        ),
        (
            "without a primary secret",
            &report.without_primary,
            "only the failover Region has these secrets; delete them there if they are not needed",
        ),
        (
            "not checked",
            &report.not_checked,
            "the primary Region did not answer for these secrets of the inventory; drill again",
        ),
    ];
    let groups = groups.iter().filter(|(_, names, _)| !names.is_empty());
    let lines = groups.map(|(title, names, reason)| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        wrap("", 0, &format!("{title}: {}; {reason}", names.join(", ")))
    });
    lines.collect()
}

fn totals(report: &Report) -> String {
    let summary = &report.summary;
    let style = if report.has_findings() {
        WARNING
    } else {
        SUCCESS
    };
    let line = format!(
        "{} of {} could be promoted in {}.",
        summary.ready,
        count(summary.expected, "secret"),
        report.region
    );
    format!("{}\n", paint(style, line))
}

/// Says on which reads the report rests, and how old they are.
fn evidence(report: &Report) -> String {
    let lists = report.lists.iter().map(|list| {
        let time = time(list.ended);
        format!(
            "list of {}: {time}; a list can be five minutes old",
            list.region
        )
    });
    let inventory = report.inventory_saved.map(|saved| {
        let days = (Utc::now() - saved).num_days();
        let age = count(usize::try_from(days).unwrap_or_default(), "day");
        format!("inventory: {}, {age} old", time(saved))
    });
    let changed = report.newest_change;
    let changed =
        changed.map(|changed| format!("newest change in {}: {}", report.region, time(changed)));
    let unasked = report.not_asked.iter();
    let unasked = unasked.map(|unread| format!("not asked: {}", unread.region));
    let versions = (!report.all_current()).then(|| {
        let versions = report.summary.versions.iter();
        let versions = versions.map(|(name, number)| format!("{number} {name}"));
        format!("versions: {}", versions.collect::<Vec<_>>().join(", "))
    });
    let lines = lists.chain(inventory).chain(changed);
    let lines: Vec<String> = lines.chain(unasked).chain(versions).collect();
    lines.join("\n") + "\n"
}

/// Says what a stack in the failover Region does with promoted secrets.
fn after_promotion(report: &Report) -> Option<String> {
    if report.summary.ready == 0 {
        return None;
    }
    let options = "`--failover-stack STACK` or `--failover-policy FILE`";
    let sentences = sentences(report.after_promotion.as_ref(), &report.region, options);
    let lines = sentences.iter().map(|line| wrap("  * ", 4, line));
    let lines: String = lines.collect();
    Some(format!("{}\n{lines}", paint(STRONG, "After a promotion")))
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn findings(report: &Report, every_row: bool) -> Option<String> {
    let rows = report.secrets.iter().flat_map(|row| cells(row, every_row));
    let rows: Vec<Vec<String>> = rows.collect();
    let shown = if every_row { rows.len() } else { ROWS };
    let hidden = rows.len().saturating_sub(shown);
    if rows.is_empty() {
        return None;
    }
    let header = ["secret", "primary Region", "finding", "detail"];
    let table = table::left(&header, rows.into_iter().take(shown));
    Some(match hidden {
        0 => table,
        hidden => format!(
            "{table}{}; `--all` shows every row\n",
            count(hidden, "more row")
        ),
    })
}

fn cells(row: &Row, every_row: bool) -> Vec<Vec<String>> {
    let cell = |code: &str, detail: &str| {
        vec![
            row.name.clone(),
            row.primary_region.to_string(),
            code.to_owned(),
            detail.to_owned(),
        ]
    };
    if row.findings.is_empty() && every_row {
        return vec![cell("ready", "")];
    }
    let findings = row.findings.iter();
    findings
        .map(|Finding { code, detail, .. }| cell(code, detail))
        .collect()
}

fn remediations(report: &Report) -> Option<String> {
    let mut remedies = Remedies::default();
    for row in &report.secrets {
        for finding in &row.findings {
            remedies.add(finding.code, &row.name, &finding.remediation);
        }
    }
    remedies.text()
}
