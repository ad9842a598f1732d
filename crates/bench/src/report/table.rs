//! A table, for the terminal and for Markdown.

use std::fmt::Write as _;

use crate::machine::Machine;

/// A table of texts; all columns but the first are numbers.
pub(super) struct Table {
    pub(super) title: &'static str,
    /// The machine and the date of the measurement.
    pub(super) machine: Machine,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// The explanation of the columns.
    pub(super) note: &'static str,
}

impl Table {
    pub(super) fn new(
        title: &'static str,
        machine: &Machine,
        head: &[&'static str],
        note: &'static str,
    ) -> Table {
        Table {
            title,
            machine: machine.clone(),
            head: head.to_vec(),
            rows: Vec::new(),
            note,
        }
    }

    pub(super) fn add(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }

    pub(super) fn for_terminal(&self) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
        table.set_header(&self.head);
        for row in &self.rows {
            table.add_row(row);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
        table
    }

    pub(super) fn for_markdown(&self) -> String {
        let mut text = format!("| {} |\n|---|", self.head.join(" | "));
        text += &"---:|".repeat(self.head.len() - 1);
        text.push('\n');
        for row in &self.rows {
            // Writing to a string never fails.
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }
}
