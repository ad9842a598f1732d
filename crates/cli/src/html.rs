//! `--html`: the report as one self-contained page.
//!
//! | module | content |
//! |---|---|
//! | `format` | numbers, times and names for people |
//! | `mark` | what a cell of the matrix shows |
//! | `totals` | the numbers, and what stands in the way |
//! | `matrix` | the rows as compact JSON |
//! | `document` | the template and its values |

mod document;
mod format;
mod mark;
mod matrix;
mod totals;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use secret_replicator_core::limits::Limits;

use crate::coverage::Coverage;
use crate::output_file::OutputFile;
use crate::prices::Cost;
use crate::report::{Blocker, Reading};
use matrix::Matrix;
use totals::Totals;

/// The option of the commands that write a page.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct HtmlOptions {
    /// Also write the report to this file, as one self-contained page
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    html: Option<PathBuf>,
}

impl HtmlOptions {
    /// Starts the page. `None` without the option.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn start(&self, kind: Kind) -> anyhow::Result<Option<HtmlReport>> {
        let start = |path: &PathBuf| {
            Ok(HtmlReport {
                kind,
                file: OutputFile::check("--html", "report.html", path, document::is_page)?,
                totals: Totals::default(),
                matrix: Matrix::default(),
            })
        };
        self.html.as_ref().map(start).transpose()
    }
}

/// The command of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The cells show changes.
    Plan,
    /// The cells show states.
    Status,
    /// The cells show what a drill finds.
    Drill,
}

/// The facts of a page that are not those of one secret.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// What was read.
    pub(crate) reading: &'a Reading,
    /// The origin of the policy.
    pub(crate) policy: &'a str,
    /// The limits, with the allowed Regions.
    pub(crate) limits: &'a Limits,
    /// The options that select rows, if there are any.
    pub(crate) selection: Option<String>,
    /// The cost of a plan.
    pub(crate) cost: Option<Cost>,
    /// What stands in the way of planned replicas.
    pub(crate) blockers: &'a [Blocker],
    /// What could not be checked, with the error.
    pub(crate) unchecked: &'a BTreeSet<String>,
}

impl Facts<'_> {
    /// Returns whether something could not be read or checked.
    fn is_incomplete(&self) -> bool {
        self.reading.is_incomplete() || !self.unchecked.is_empty()
    }
}

/// A page under construction.
#[derive(Debug)]
pub(crate) struct HtmlReport {
    kind: Kind,
    file: OutputFile,
    totals: Totals,
    matrix: Matrix,
}

impl HtmlReport {
    /// Returns whether the page is written to this file.
    pub(crate) fn is_written_to(&self, file: &OutputFile) -> bool {
        self.file.is_same(file)
    }

    /// Adds a secret.
    pub(crate) fn add(&mut self, coverage: &Coverage) {
        self.totals.add(self.kind, coverage);
        self.matrix.add(self.kind, coverage);
    }

    /// Writes the page. Returns a note for standard error.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(self, facts: &Facts<'_>) -> anyhow::Result<String> {
        let Self {
            kind,
            file,
            totals,
            matrix,
        } = self;
        let document = document::Document::new(kind, facts, &totals, matrix.finish());
        file.write(|to| document.write(to))?;
        Ok(format!("wrote the page to `{}`\n", file.name()))
    }
}

#[cfg(test)]
mod tests;
