//! The report on a file of tests.

use std::fmt::Write;

use serde::Serialize;

use super::case::{Difference, Outcome};
use crate::explain::text;
use crate::words::{BAD, GOOD, STRONG, paint};

/// The report on a file of tests, as `--output json` shows it.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    /// The file of tests.
    pub(super) file: &'a str,
    /// The policy.
    pub(super) policy: &'a str,
    /// How many cases passed.
    pub(super) passed: usize,
    /// How many cases failed.
    pub(super) failed: usize,
    /// The cases, in the order of the file.
    pub(super) cases: Vec<Outcome>,
}

impl<'a> Report<'a> {
    /// The report on what became of the cases.
    pub(super) fn new(file: &'a str, policy: &'a str, cases: Vec<Outcome>) -> Self {
        let passed = cases.iter().filter(|case| case.passed).count();
        Self {
            file,
            policy,
            passed,
            failed: cases.len() - passed,
            cases,
        }
    }

    /// The report for people: a line for each case, and for a failed one what differs and why.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for case in &self.cases {
            self.case(&mut text, case);
        }
        let passed = format!("{} passed", self.passed);
        let failed = format!("{} failed", self.failed);
        let (passed, failed) = if self.failed == 0 {
            (paint(GOOD, passed), failed)
        } else {
            (passed, paint(BAD, failed))
        };
        format!("{}\n\n{passed}, {failed}\n", text.trim_end())
    }

    fn case(&self, text: &mut String, case: &Outcome) {
        if case.passed {
            let _ = writeln!(text, "{}      {}", paint(GOOD, "ok"), case.name);
            return;
        }
        let name = paint(STRONG, &case.name);
        let (file, line) = (self.file, case.line);
        let _ = writeln!(text, "{}  {name} ({file}:{line})", paint(BAD, "FAILED"));
        for difference in &case.differences {
            let Difference {
                about,
                expected,
                actual,
            } = difference;
            let about = if about.is_empty() {
                "(an empty tag)"
            } else {
                about
            };
            let _ = writeln!(text, "        {about}: expected {expected}, got {actual}");
        }
        if let Some(explanation) = &case.explanation {
            let shown = text::render(explanation);
            text.push('\n');
            for line in shown.lines() {
                let _ = writeln!(text, "{}", format!("          {line}").trim_end());
            }
            text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests;
