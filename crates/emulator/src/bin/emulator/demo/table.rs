//! The table at the end of the demo.

use std::collections::BTreeSet;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};

use super::EventResult;

/// The maximum width. Wider tables are hard to read in terminals and in Markdown.
const MAX_WIDTH: u16 = 121;

/// Formats one row for each event, with a column for each Region. Hides empty columns.
pub(crate) fn of(home: &str, results: &[EventResult]) -> Table {
    let regions: BTreeSet<&str> = results
        .iter()
        .flat_map(EventResult::regions)
        // A token of a tag that is not a Region gets no column.
        .filter(|replica| replica["reason"] != "invalid-region")
        .filter_map(|replica| replica["region"].as_str())
        .collect();
    let mut header = vec![format!("secret in {home}")];
    header.extend(regions.iter().map(|region| (*region).to_owned()));
    header.extend(["outcome", "reason", "error"].map(str::to_owned));
    let rows: Vec<Vec<String>> = results.iter().map(|result| row(result, &regions)).collect();
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic);
    let terminal = table.width().unwrap_or(MAX_WIDTH);
    table.set_width(terminal.min(MAX_WIDTH));
    table.set_header(header);
    table.add_rows(&rows);
    for (index, column) in table.column_iter_mut().enumerate().skip(1) {
        if rows
            .iter()
            .all(|row| ["", "-"].contains(&row[index].as_str()))
        {
            column.set_constraint(ColumnConstraint::Hidden);
        }
    }
    table
}

fn row(result: &EventResult, regions: &BTreeSet<&str>) -> Vec<String> {
    let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
    let status = |region: &&str| {
        let replica = result.regions().find(|row| row["region"] == *region);
        let status = replica.and_then(|replica| replica["status"].as_str());
        status.unwrap_or_default().to_owned()
    };
    let mut row = vec![text(result.secret.as_deref())];
    row.extend(regions.iter().map(status));
    row.push(text(result.record["outcome"].as_str()));
    row.push(reasons(result));
    row.push(text(result.error_type.as_deref()));
    row
}

fn reasons(result: &EventResult) -> String {
    let reason = result.record["reason"].as_str().map(str::to_owned);
    let of_regions = result.regions().filter_map(|replica| {
        let (region, reason) = (replica["region"].as_str()?, replica["reason"].as_str()?);
        Some(format!("{region}: {reason}"))
    });
    let all: Vec<String> = reason.into_iter().chain(of_regions).collect();
    all.join("\n")
}
