//! Formats the results of a test file.

use std::fmt::Write;

use serde::Serialize;

use super::case::{CaseResult, Difference};
use crate::explain::text;
use crate::terminal::{ERROR, STRONG, SUCCESS, paint};

/// The results of a test file, in the form of `--output json`.
#[derive(Debug, Serialize)]
pub(super) struct TestReport<'a> {
    /// The test file's name.
    pub(super) file: &'a str,
    /// The policy's name.
    pub(super) policy: &'a str,
    /// The number of passed cases.
    pub(super) passed: usize,
    /// The number of failed cases.
    pub(super) failed: usize,
    /// The results of the cases, in the order of the file.
    pub(super) cases: Vec<CaseResult>,
}

impl<'a> TestReport<'a> {
    /// Creates the report on the results of the cases.
    pub(super) fn new(file: &'a str, policy: &'a str, cases: Vec<CaseResult>) -> Self {
        let passed = cases.iter().filter(|case| case.passed).count();
        Self {
            file,
            policy,
            passed,
            failed: cases.len() - passed,
            cases,
        }
    }

    /// Formats the report as text: one line for each case, followed by the differences and the
    /// explanation of a failed case.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for case in &self.cases {
            self.case(&mut text, case);
        }
        let passed = format!("{} passed", self.passed);
        let failed = format!("{} failed", self.failed);
        let (passed, failed) = if self.failed == 0 {
            (paint(SUCCESS, passed), failed)
        } else {
            (passed, paint(ERROR, failed))
        };
        format!("{}\n\n{passed}, {failed}\n", text.trim_end())
    }

    fn case(&self, text: &mut String, case: &CaseResult) {
        if case.passed {
            let _ = writeln!(text, "{}      {}", paint(SUCCESS, "ok"), case.name);
            return;
        }
        let name = paint(STRONG, &case.name);
        let (file, line) = (self.file, case.line);
        let _ = writeln!(text, "{}  {name} ({file}:{line})", paint(ERROR, "FAILED"));
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
            let _ = writeln!(text, "        {about}: expected {expected}, found {actual}");
        }
        if let Some(intended) = &case.intended {
            let _ = writeln!(
                text,
                "        If this decision is intended, write: expect: {intended}"
            );
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
