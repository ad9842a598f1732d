use std::fmt;

use serde::Serialize;
use thiserror::Error;

/// How much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The policy is refused.
    Error,
    /// The policy can be used, but may not mean what its author thinks.
    Warning,
}

/// One thing that is wrong or doubtful in a policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How much it weighs.
    pub severity: Severity,
    /// Where in the document, for instance `rules[0].when.tags`; empty for the document itself.
    pub path: String,
    /// The line, counted from 1.
    pub line: u64,
    /// The column, counted from 1.
    pub column: u64,
    /// A stable code, for instance `unknown-field`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            column,
            code,
            message,
            hint,
            ..
        } = self;
        let path = if path.is_empty() { "document" } else { path };
        write!(
            f,
            "line {line}, column {column}: {path}: {message} [{code}]; {hint}"
        )
    }
}

/// A policy that cannot be used. It lists every problem, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct PolicyInvalid {
    /// The problems, in the order of the document, doubts included. At least one is an error.
    pub problems: Vec<Problem>,
}

impl fmt::Display for PolicyInvalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.problems.len() == 1 {
            "problem"
        } else {
            "problems"
        };
        write!(
            f,
            "the replication policy has {} {noun}",
            self.problems.len()
        )?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}
