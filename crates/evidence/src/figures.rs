//! What a part has measured, as a file, and the table of all parts.
//!
//! A part writes `target/evidence/PART.json`:
//!
//! ```json
//! {
//!   "command": "make burst",
//!   "date": "2026-01-31 12:00 UTC",
//!   "figures": [{ "name": "events", "value": 10100 }, { "name": "seed", "value": "0x2a" }]
//! }
//! ```

use std::fs;
use std::path::Path;

use anyhow::Context;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::{Deserialize, Serialize};

/// The parts in the order of the table, and the command that measures each.
const PARTS: [(&str, &str); 3] = [
    ("burst", "make burst"),
    ("fuzz", "make fuzz"),
    ("mutants", "make mutants"),
];

/// The figures of one part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// What measures it again.
    command: String,
    date: String,
    figures: Vec<Figure>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Figure {
    name: String,
    value: Value,
}

/// A count, or anything else as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Count(u64),
    Text(String),
}

impl Part {
    pub(crate) fn new(command: &str) -> Part {
        Part {
            command: command.to_owned(),
            date: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
            figures: Vec::new(),
        }
    }

    pub(crate) fn count(&mut self, name: impl Into<String>, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.add(name, Value::Count(count));
    }

    pub(crate) fn text(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.add(name, Value::Text(text.into()));
    }

    fn add(&mut self, name: impl Into<String>, value: Value) {
        self.figures.push(Figure {
            name: name.into(),
            value,
        });
    }

    /// Keeps the figures under the name of the part.
    pub(crate) fn write(&self, directory: &Path, part: &str) -> anyhow::Result<()> {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let path = directory.join(part).with_extension("json");
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The figures as a table of their own.
    pub(crate) fn table(&self) -> Table {
        let mut table = table(["figure", "value"]);
        for figure in &self.figures {
            table.add_row([figure.name.clone(), figure.value.shown()]);
        }
        aligned(table, 1)
    }
}

impl Value {
    fn shown(&self) -> String {
        match self {
            Value::Count(count) => grouped(*count),
            Value::Text(text) => text.clone(),
        }
    }
}

/// The table of every part; a part that nobody has measured says how to.
pub(crate) fn all(directory: &Path) -> anyhow::Result<Table> {
    let mut table = table(["part", "figure", "value", "measured by"]);
    for (name, command) in PARTS {
        let path = directory.join(name).with_extension("json");
        let Ok(text) = fs::read_to_string(&path) else {
            table.add_row([name, "not measured yet", "", command]);
            continue;
        };
        let part: Part =
            serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        for (index, figure) in part.figures.iter().enumerate() {
            let measured = format!("{}, {}", part.command, part.date);
            let (name, measured) = if index == 0 {
                (name, measured)
            } else {
                ("", String::new())
            };
            table.add_row([name, &figure.name, &figure.value.shown(), &measured]);
        }
    }
    Ok(aligned(table, 2))
}

fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(head);
    table
}

fn aligned(mut table: Table, numbers: usize) -> Table {
    if let Some(column) = table.column_mut(numbers) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// `10100` as `10,100`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn the_table_shows_what_was_measured_and_how_to_measure_the_rest() {
        let directory = std::env::temp_dir().join(format!("figures-{}", std::process::id()));
        let mut part = Part::new("make burst");
        part.count("events", 10_100);
        part.text("lost", "none");
        part.write(&directory, "burst").unwrap();

        let text = all(&directory).unwrap().to_string();

        fs::remove_dir_all(&directory).unwrap();
        for shown in [
            "10,100",
            "none",
            "make burst, 2",
            "not measured yet",
            "make fuzz",
        ] {
            assert!(text.contains(shown), "{shown} is not in\n{text}");
        }
    }
}
