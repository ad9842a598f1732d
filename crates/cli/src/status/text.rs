use std::collections::BTreeSet;

use super::summary::Summary;
use crate::coverage::{Cell, Coverage};
use crate::remedies::Remedies;
use crate::table;
use crate::terminal::{STRONG, SUCCESS, WARNING, count, paint};

/// The number of rows that fit on a screen beside the table of Regions.
const ROWS: usize = 12;

/// Formats the coverage. Without every row, only problems have one. A report is not complete if a part could not be
/// read, or if it hides a problem.
pub(super) fn text(
    summary: &Summary,
    secrets: &[Coverage],
    every_row: bool,
    is_complete: bool,
) -> String {
    let cells: Vec<(&Coverage, &Cell)> = secrets
        .iter()
        .flat_map(|secret| secret.regions.iter().map(move |cell| (secret, cell)))
        .filter(|(_, cell)| every_row || cell.state.is_problem())
        .collect();
    let shown = if every_row { cells.len() } else { ROWS };
    let mut parts = vec![totals(summary)];
    if !summary.regions.is_empty() {
        parts.push(regions(summary));
    }
    if cells.is_empty() {
        let line = if is_complete {
            paint(SUCCESS, "No problems.")
        } else {
            paint(WARNING, "No problems in the secrets of this report.")
        };
        parts.push(format!("{line}\n"));
    } else {
        parts.push(rows(&cells, shown));
        parts.extend(remediations(&cells));
    }
    parts.join("\n")
}

fn totals(summary: &Summary) -> String {
    let number = |number| count(usize::try_from(number).unwrap_or(usize::MAX), "secret");
    let line = format!(
        "{}, of which the policy covers {}.",
        number(summary.secrets),
        summary.covered
    );
    format!("{}\n", paint(STRONG, line))
}

fn regions(summary: &Summary) -> String {
    let states = summary.states();
    let names: Vec<String> = states.iter().map(|state| state.name()).collect();
    let mut header = vec!["Region"];
    header.extend(names.iter().map(String::as_str));
    let rows = summary.regions.iter().map(|(region, counts)| {
        let region = if region.is_empty() { "(none)" } else { region };
        let mut row = vec![region.to_owned()];
        let number = |state| counts.get(state).copied().unwrap_or_default();
        row.extend(states.iter().map(|state| number(state).to_string()));
        row
    });
    table::text(&header, rows)
}

fn rows(cells: &[(&Coverage, &Cell)], shown: usize) -> String {
    let accounts: BTreeSet<&str> = cells.iter().map(|(secret, _)| secret.account()).collect();
    // Almost all reports have one account.
    let account = (accounts.len() > 1).then_some("account");
    let header: Vec<&str> = account
        .into_iter()
        .chain(["secret", "primary Region", "Region", "state", "reason"])
        .collect();
    let rows = cells.iter().take(shown).map(|(secret, cell)| {
        let account = account.map(|_| secret.account().to_owned());
        let fields = [
            secret.name.clone(),
            secret.primary_region().to_string(),
            cell.region.clone().unwrap_or_default(),
            cell.state.name(),
            cell.reason.unwrap_or_default().to_owned(),
        ];
        account.into_iter().chain(fields).collect()
    });
    let text = table::left(&header, rows);
    match cells.len().saturating_sub(shown) {
        0 => text,
        hidden => {
            let hidden = count(hidden, "more row");
            format!("{text}{hidden}; `--all` shows every row\n")
        }
    }
}

fn remediations(cells: &[(&Coverage, &Cell)]) -> Option<String> {
    let mut remedies = Remedies::default();
    for (secret, cell) in cells {
        if let Some(remediation) = cell.advice() {
            let reason = cell.reason.map_or_else(|| cell.state.name(), str::to_owned);
            remedies.add(&reason, &secret.name, remediation);
        }
    }
    remedies.text()
}
