//! A problem together with the line that it is about.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, ThemeCharacters,
    ThemeStyles,
};
use secret_replicator_core::policy::{Problem, Severity};
use thiserror::Error;

use crate::document::Document;
use crate::words::{BAD, WARNING, WIDTH, count, paint};

/// Every problem of a document, each with its lines.
pub(crate) fn render(document: &Document, problems: &[Problem]) -> String {
    let theme = GraphicalTheme {
        characters: ThemeCharacters::unicode(),
        styles: ThemeStyles::ansi(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_width(WIDTH);
    let mut text = String::new();
    for problem in problems {
        let placed = Placed { problem, document };
        if placed.labels().is_none() {
            text.push_str(&placed.place());
        }
        if handler.render_report(&mut text, &placed).is_err() {
            // The lines cannot be shown; what is wrong still can.
            text.push_str(&problem.to_string());
        }
        text.push('\n');
    }
    text
}

/// How many problems there are: `2 errors, 1 warning`.
pub(crate) fn summary(problems: &[Problem]) -> String {
    let of = |severity| {
        problems
            .iter()
            .filter(|problem| problem.severity == severity)
            .count()
    };
    let parts = [
        (of(Severity::Error), "error", BAD),
        (of(Severity::Warning), "warning", WARNING),
    ];
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, noun, style)| paint(style, count(number, noun)))
        .collect();
    if parts.is_empty() {
        "no problems".to_owned()
    } else {
        parts.join(", ")
    }
}

/// A problem in its document, as `miette` asks for it.
#[derive(Debug, Error)]
#[error("{}", problem.message)]
struct Placed<'a> {
    problem: &'a Problem,
    document: &'a Document,
}

impl Diagnostic for Placed<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.problem.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.problem.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.problem.hint))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.is_shown().then_some(self.document as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if !self.is_shown() {
            return None;
        }
        let (start, length) = span(self.document, self.problem.line, self.problem.column)?;
        let path = Some(self.problem.path.clone()).filter(|path| !path.is_empty());
        let label = LabeledSpan::new(path, start, length);
        Some(Box::new(std::iter::once(label)))
    }
}

impl Placed<'_> {
    /// The place, for a problem whose line cannot be shown.
    fn place(&self) -> String {
        let Problem { line, column, .. } = self.problem;
        format!("{}:{line}:{column}\n", self.document.name)
    }

    /// Lines are shown of documents that a person may have written.
    fn is_shown(&self) -> bool {
        self.document.text.len() <= 1024 * 1024
    }
}

/// Where a place begins, in bytes, and how long the word there is. `None` beyond the document.
fn span(document: &Document, line: u64, column: u64) -> Option<(usize, usize)> {
    let index = |number: u64| usize::try_from(number).ok()?.checked_sub(1);
    let (begin, line) = document.line(index(line)?)?;
    let content = line.trim_end_matches(['\n', '\r']);
    let within = content
        .char_indices()
        .nth(index(column)?)
        .map_or(content.len(), |(offset, _)| offset);
    Some((begin + within, word(&content[within..])))
}

/// How long the key, value, list or map at the beginning of a line's rest is.
fn word(rest: &str) -> usize {
    let until = |found: Option<usize>, closing: usize| found.map_or(rest.len(), |at| at + closing);
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => until(rest[1..].find(quote).map(|at| at + 1), 1),
        Some('{') => rest.rfind('}').map_or(1, |at| at + 1),
        Some('[') => rest.rfind(']').map_or(1, |at| at + 1),
        _ => {
            let ends = [": ", ", ", " #", "]", "}"];
            let end = ends.iter().filter_map(|end| rest.find(end)).min();
            until(end, 0) - usize::from(end.is_none() && rest.ends_with([':', ',']))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::plain;

    fn marked(text: &str, line: u64, column: u64) -> Option<&str> {
        let (start, length) = span(&Document::new("", text), line, column)?;
        Some(&text[start..start + length])
    }

    #[test]
    fn the_word_at_a_place_is_marked() {
        let text = "a: 1\r\n  key: {b: \"ü, x\", c: [d, e] }\n- arn:aws:kms # why\nlast:";
        let cases = [
            (1, 1, Some("a")),
            (1, 4, Some("1")),
            (2, 3, Some("key")),
            (2, 8, Some("{b: \"ü, x\", c: [d, e] }")),
            (2, 12, Some("\"ü, x\"")),
            (2, 23, Some("[d, e]")),
            (2, 27, Some("e")),
            (3, 3, Some("arn:aws:kms")),
            (4, 1, Some("last")),
            (4, 99, Some("")),
            (5, 1, None),
            (0, 0, None),
        ];
        for (line, column, word) in cases {
            assert_eq!(marked(text, line, column), word, "{line}:{column}");
        }
    }

    fn problem(severity: Severity, line: u64, column: u64) -> Problem {
        Problem {
            severity,
            path: "rules[0]".to_owned(),
            line,
            column,
            code: "some-code",
            message: "something is wrong".to_owned(),
            hint: "put it right".to_owned(),
        }
    }

    #[test]
    fn columns_count_characters() {
        let document = Document::new("policy.yaml", "version: 1\nrules: { \"größe\": x }\n");
        let problems = [
            problem(Severity::Error, 2, 19),
            problem(Severity::Warning, 1, 1),
        ];
        let text = plain(&render(&document, &problems));
        assert!(text.contains("policy.yaml:2:19"), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn an_empty_document_and_a_place_beyond_the_end_are_shown_too() {
        for (text, line) in [("", 1), ("a: 1", 7), ("a: 1\n", 2)] {
            let document = Document::new("policy.yaml", text);
            let shown = plain(&render(&document, &[problem(Severity::Error, line, 1)]));
            assert!(shown.contains("something is wrong"), "{shown}");
            assert!(!shown.contains("Failed to read"), "{shown}");
        }
    }

    #[test]
    fn problems_are_counted_by_severity() {
        let [error, warning] = [Severity::Error, Severity::Warning].map(|s| problem(s, 1, 1));
        assert_eq!(plain(&summary(&[])), "no problems");
        assert_eq!(
            plain(&summary(&[error.clone(), warning, error])),
            "2 errors, 1 warning"
        );
    }
}
