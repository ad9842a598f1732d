//! Tables of text and CSV.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use secret_replicator_core::policy::escape_control;
use serde::Serialize;

use crate::coverage::{Cell, Change, Coverage};
use crate::output::Stdout;

/// Formats a table for a terminal. The first column is text, the others are numbers.
pub(crate) fn text(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = table(header, rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    lines(&table)
}

/// Formats a table for a terminal. All columns are text.
pub(crate) fn left(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    lines(&table(header, rows))
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row.iter().map(|cell| escape_control(cell)));
    }
    table
}

fn lines(table: &Table) -> String {
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

/// Sorts secrets by account, primary Region and name.
pub(crate) fn sort(secrets: &mut [Coverage]) {
    secrets.sort_by(|one, other| {
        let home = one.account().cmp(other.account());
        home.then_with(|| one.primary_region().cmp(other.primary_region()))
            .then_with(|| one.name.cmp(&other.name))
            .then_with(|| one.arn.as_str().cmp(other.arn.as_str()))
    });
}

/// A row of `--output csv`.
#[derive(Serialize)]
struct Row<'a> {
    account: &'a str,
    primary_region: &'a str,
    secret: &'a str,
    region: &'a str,
    state: String,
    verified: bool,
    change: &'static str,
    reason: &'static str,
    detail: &'a str,
    remediation: &'a str,
}

impl<'a> Row<'a> {
    fn new(secret: &'a Coverage, cell: &'a Cell) -> Self {
        Self {
            account: secret.account(),
            primary_region: secret.primary_region().as_str(),
            secret: &secret.name,
            region: cell.region.as_deref().unwrap_or_default(),
            state: cell.state.name(),
            verified: cell.verified,
            change: cell.dry_run.change().map_or("", Change::name),
            reason: cell.reason.unwrap_or_default(),
            detail: cell.detail().unwrap_or_default(),
            remediation: cell.remediation().unwrap_or_default(),
        }
    }
}

/// Formats one row per secret and Region.
pub(crate) fn csv(secrets: Vec<Coverage>) -> Stdout {
    Stdout::Report(Box::new(move |to| write_csv(&secrets, to)))
}

fn write_csv(secrets: &[Coverage], to: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    for secret in secrets {
        for cell in &secret.regions {
            writer.serialize(Row::new(secret, cell))?;
        }
    }
    writer.flush()
}
