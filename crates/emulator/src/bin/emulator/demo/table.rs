//! The table at the end.

use std::collections::BTreeSet;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};

use super::ending::Ending;

/// The secrets of one Region by the Regions of their replicas, and what became of each. A column
/// that would be empty is left out.
pub(crate) fn of(endings: &[Ending]) -> Table {
    let regions: BTreeSet<&str> = endings
        .iter()
        .flat_map(Ending::replicas)
        .filter(|replica| replica.reason != Some(NO_REGION))
        .map(|replica| replica.region)
        .collect();
    let home = endings.first().map_or("?", |ending| ending.region.as_str());
    let has_reasons = endings.iter().any(|ending| !reasons(ending).is_empty());
    let has_errors = endings.iter().any(|ending| ending.error_type().is_some());
    let mut columns = vec![Column::Secret];
    columns.extend(regions.into_iter().map(Column::Region));
    columns.push(Column::Outcome);
    columns.extend(has_reasons.then_some(Column::Reason));
    columns.extend(has_errors.then_some(Column::Error));
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic);
    let terminal = table.width().unwrap_or(WIDEST);
    table.set_width(terminal.min(WIDEST));
    table.set_header(columns.iter().map(|column| column.header(home)));
    for ending in endings {
        table.add_row(columns.iter().map(|column| column.cell(ending)));
    }
    table
}

/// Wider tables are hard to read in terminals and in Markdown. This one just fits the demo's own.
const WIDEST: u16 = 121;

/// The reason of a token that names no Region, so it gets no column.
const NO_REGION: &str = "invalid-region";

enum Column<'a> {
    Secret,
    Region(&'a str),
    Outcome,
    Reason,
    Error,
}

impl Column<'_> {
    fn header(&self, home: &str) -> String {
        match self {
            Column::Secret => format!("secret in {home}"),
            Column::Region(region) => (*region).to_owned(),
            Column::Outcome => "outcome".to_owned(),
            Column::Reason => "reason".to_owned(),
            Column::Error => "error".to_owned(),
        }
    }

    fn cell(&self, ending: &Ending) -> String {
        let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
        match self {
            Column::Secret => text(ending.secret.as_deref()),
            Column::Region(region) => {
                let mut replicas = ending.replicas();
                let replica = replicas.find(|replica| replica.region == *region);
                replica.map_or_else(String::new, |replica| replica.status.to_owned())
            }
            Column::Outcome => text(ending.outcome()),
            Column::Reason => reasons(ending),
            Column::Error => text(ending.error_type()),
        }
    }
}

fn reasons(ending: &Ending) -> String {
    let of_secret = ending.reason().map(str::to_owned);
    let of_regions = ending.replicas().filter_map(|replica| {
        let reason = replica.reason?;
        Some(format!("{}: {reason}", replica.region))
    });
    of_secret
        .into_iter()
        .chain(of_regions)
        .collect::<Vec<_>>()
        .join("\n")
}
