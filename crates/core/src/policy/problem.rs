use std::fmt;

use serde::Serialize;
use thiserror::Error;

/// The severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The policy is rejected.
    Error,
    /// The policy is valid, but a part of it may not mean what the author intended.
    Warning,
}

/// An error or a warning about a policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The severity.
    pub severity: Severity,
    /// The path in the document, for instance `rules[0].when.tags`. Empty for the document itself.
    pub path: String,
    /// The line, counted from 1.
    pub line: u64,
    /// The column, counted from 1.
    pub column: u64,
    /// A stable code, for instance `unknown-field`.
    pub code: &'static str,
    /// The message: what is wrong.
    pub message: String,
    /// The hint: how to fix it.
    pub hint: String,
    /// The number of problems that this entry stands for. More than 1 only for `too-many-problems`.
    #[serde(skip)]
    pub count: usize,
}

/// Escapes control characters and those that change the direction of a text, so that a text from a document can neither
/// control a terminal or a log nor look like another one.
#[must_use]
pub fn escape_control(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() {
            c.escape_debug().collect()
        } else if is_direction(c) {
            c.escape_unicode().collect()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escape).collect()
}

/// Returns whether a character changes the direction of a text (Unicode Standard Annex 9).
#[must_use]
pub fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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

/// The error for an invalid policy. Contains all problems, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct PolicyInvalid {
    /// The problems, in the order of the document, warnings included. At least one is an error.
    pub problems: Vec<Problem>,
}

impl fmt::Display for PolicyInvalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count: usize = self.problems.iter().map(|problem| problem.count).sum();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "the replication policy has {count} {noun}")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_others_controls_neither_a_terminal_nor_its_direction() {
        let escaped = escape_control("a\u{1b}[31m\u{202e}\u{61c}ü");
        assert_eq!(escaped, "a\\u{1b}[31m\\u{202e}\\u{61c}ü");
    }
}
