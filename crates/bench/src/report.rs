//! Tables, plots and the document.

mod plots;
mod tables;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::results::Results;

/// Prints the tables.
pub(crate) fn print(results: &Results) {
    for section in tables::all(results) {
        println!("\n{}\n\n{}", section.title, section.body);
    }
}

/// Writes `PERFORMANCE.md` and its plots into the directory `docs`.
pub(crate) fn write(results: &Results, docs: &Path) -> anyhow::Result<()> {
    let mut text = include_str!("report/method.md").to_owned();
    for section in tables::all(results) {
        let machine = &section.machine;
        // Writing to a string never fails.
        let _ = write!(
            text,
            "\n## {}\n\n{}\n\n{}\n\n{} cores of {}, Linux {}, {} root certificates, load {:.1}, {}.\n",
            section.title,
            section.body,
            section.note,
            machine.cores,
            machine.processor,
            machine.kernel,
            machine.roots,
            machine.load,
            machine.date
        );
        for plot in plots::of(section.title) {
            let _ = write!(text, "\n![{}](performance/{})\n", plot.title, plot.file);
        }
    }
    plots::draw(results, &docs.join("performance"))?;
    let path = docs.join("PERFORMANCE.md");
    fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))
}
