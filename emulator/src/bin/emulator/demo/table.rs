//! The table at the end.

use std::collections::BTreeSet;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};

use super::ending::Ending;

/// Secrets by Regions, and what became of each.
pub(crate) fn of(endings: &[Ending]) -> Table {
    let regions: BTreeSet<&str> = endings
        .iter()
        .flat_map(Ending::replicas)
        .filter(|replica| replica.reason != Some(NO_REGION))
        .map(|replica| replica.region)
        .chain(endings.iter().map(|ending| ending.region.as_str()))
        .collect();
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic);
    let tail = ["outcome", "reason", "error"];
    let header = ["secret"].into_iter().chain(regions.iter().copied());
    table.set_header(header.chain(tail));
    for ending in endings {
        table.add_row(row(ending, &regions));
    }
    table
}

/// The reason of a token that names no Region, so it gets no column.
const NO_REGION: &str = "not-a-region";

fn row(ending: &Ending, regions: &BTreeSet<&str>) -> Vec<String> {
    let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
    let cells = regions.iter().map(|region| cell(ending, region));
    let mut row = vec![text(ending.secret.as_deref())];
    row.extend(cells);
    row.extend([
        text(ending.outcome()),
        reasons(ending),
        text(ending.error_type()),
    ]);
    row
}

fn cell(ending: &Ending, region: &str) -> String {
    let mut replicas = ending.replicas();
    match replicas.find(|replica| replica.region == region) {
        Some(replica) => replica.status.to_owned(),
        None if region == ending.region && ending.secret.is_some() => "primary".to_owned(),
        None => String::new(),
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
