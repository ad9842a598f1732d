//! Tables, plots and the document.

mod document;
mod plots;
mod table;
mod tables;

pub(crate) use document::write;
use table::Table;

use crate::results::Results;

/// Prints the tables.
pub(crate) fn print(results: &Results) {
    for table in tables::all(results) {
        println!("\n{}\n{}", table.title, table.for_terminal());
    }
}
