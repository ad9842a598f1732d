use secret_replicator_core::policy::escape_control;

use super::groups::Groups;
use super::summary::{RegionCounts, Summary};
use crate::prices::Cost;
use crate::report::{Blocker, Reading};
use crate::sample::Sample;
use crate::table;
use crate::terminal::{FAINT, STRONG, SUCCESS, WARNING, count, paint, wrap};

/// The number of groups that fit on a screen beside the table.
const GROUPS: usize = 8;

/// Formats the plan.
pub(super) fn text(
    summary: &Summary,
    groups: &Groups,
    blockers: &[Blocker],
    cost: Cost,
    reading: &Reading,
) -> String {
    let mut parts = vec![totals(summary, reading)];
    if !summary.regions.is_empty() {
        parts.push(regions(summary));
    }
    parts.extend(shown_groups(groups));
    if !blockers.is_empty() {
        parts.push(in_the_way(blockers));
    }
    parts.extend(groups.remedies().text());
    parts.push(costs(cost));
    parts.join("\n")
}

fn totals(summary: &Summary, reading: &Reading) -> String {
    let parts = [
        (summary.in_sync, "in sync"),
        (summary.planned, "to change"),
        (summary.pending, "in progress"),
        (summary.refused, "refused"),
        (summary.failed, "failed"),
    ];
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    let covered = count(
        usize::try_from(summary.covered).unwrap_or(usize::MAX),
        "secret",
    );
    let line = if parts.is_empty() {
        format!("The policy covers {covered}.")
    } else {
        format!("The policy covers {covered}: {}.", parts.join(", "))
    };
    if summary.is_settled() && !reading.is_incomplete() {
        format!("{line}\n{}\n", paint(SUCCESS, "Nothing to do."))
    } else if summary.is_settled() {
        let missing = "Nothing to do in the part of the account that was read.";
        format!("{line}\n{}\n", paint(WARNING, missing))
    } else {
        format!("{}\n", paint(STRONG, line))
    }
}

fn regions(summary: &Summary) -> String {
    let header = [
        "Region",
        "in sync",
        "behind",
        "in progress",
        "create",
        "overwrite",
        "repair",
        "remove",
        "refused",
        "failed",
    ];
    let rows = summary.regions.iter().map(|(region, counts)| {
        let RegionCounts {
            in_sync,
            behind,
            in_progress,
            create,
            name_taken: _,
            overwrite,
            repair,
            remove,
            refused,
            failed,
        } = counts;
        let refused: u64 = refused.values().sum();
        let failed: u64 = failed.values().sum();
        let numbers = [
            in_sync,
            behind,
            in_progress,
            create,
            overwrite,
            repair,
            remove,
            &refused,
            &failed,
        ];
        let mut row = vec![region.clone()];
        row.extend(numbers.map(ToString::to_string));
        row
    });
    table::text(&header, rows)
}

fn shown_groups(groups: &Groups) -> Vec<String> {
    let shown = if groups.has_all() { usize::MAX } else { GROUPS };
    let mut parts: Vec<String> = groups
        .iter()
        .take(shown)
        .map(|(title, group)| shown_group(title, group))
        .collect();
    let hidden = groups.iter().len().saturating_sub(shown);
    if hidden > 0 {
        let hidden = count(hidden, "more group");
        parts.push(format!("{hidden}; `--all` shows every secret\n"));
    }
    parts
}

fn shown_group(title: &str, group: &Sample) -> String {
    let secrets = count(group.count, "secret");
    let title = paint(STRONG, escape_control(title));
    format!("{title} ({secrets})\n{}", wrap("  ", 2, &group.text()))
}

fn in_the_way(blockers: &[Blocker]) -> String {
    let lines = blockers.iter().map(|blocker| {
        let Blocker {
            account,
            problem,
            remediation,
            ..
        } = blocker;
        let remediation = wrap("    ", 4, remediation);
        let problem = format!("{account}: {problem}");
        format!("{}{remediation}", wrap("  ", 2, &escape_control(&problem)))
    });
    format!(
        "{}\n{}",
        paint(STRONG, "In the way"),
        lines.collect::<String>()
    )
}

fn costs(cost: Cost) -> String {
    let Cost {
        replicas_today,
        replicas_after,
        today,
        after,
        difference,
        sweeps,
    } = cost;
    let basis =
        "USD per month in us-east-1, without free tiers; docs/DEPLOY.md has the other costs";
    format!(
        "{}\n  replicas: {today:.2} today ({replicas_today}), {after:.2} after ({replicas_after}), \
         difference {difference:+.2}\n  calls of sweeps, when deployed: {sweeps:.2}\n  {}\n",
        paint(STRONG, "Cost"),
        paint(FAINT, basis)
    )
}
