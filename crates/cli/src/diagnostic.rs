//! Renders problems with the lines of their documents.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, ThemeCharacters,
    ThemeStyles,
};
use secret_replicator_core::policy::{Problem, Severity};
use textwrap::{WordSeparator, WordSplitter};
use thiserror::Error;

use crate::document::Document;
use crate::excerpt::Excerpt;
use crate::terminal::{ERROR, WARNING, WIDTH, count, paint};

/// Renders every problem of a document, with the affected lines.
pub(crate) fn render(document: &Document, problems: &[Problem]) -> String {
    let theme = GraphicalTheme {
        characters: ThemeCharacters::unicode(),
        styles: ThemeStyles::ansi(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        // Do not break ARNs, codes and the names of fields at their hyphens.
        .with_word_separator(WordSeparator::AsciiSpace)
        .with_word_splitter(WordSplitter::NoHyphenation)
        .with_break_words(false)
        .with_width(WIDTH);
    let mut text = String::new();
    for problem in problems {
        let located = LocatedProblem {
            problem,
            document,
            excerpt: Excerpt::new(document, problem.line, problem.column),
        };
        if located.labels().is_none() {
            text.push_str(&located.location());
        }
        if handler.render_report(&mut text, &located).is_err() {
            // Without the lines, show at least the problem itself.
            text.push_str(&problem.to_string());
        }
        text.push('\n');
    }
    text
}

/// Counts the problems by severity: `2 errors, 1 warning`.
pub(crate) fn summary(problems: &[Problem]) -> String {
    let of = |severity| {
        problems
            .iter()
            .filter(|problem| problem.severity == severity)
            .map(|problem| problem.count)
            .sum::<usize>()
    };
    let parts = [
        (of(Severity::Error), "error", ERROR),
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

/// A problem with its document, for `miette`.
#[derive(Debug, Error)]
#[error("{}", problem.message)]
struct LocatedProblem<'a> {
    problem: &'a Problem,
    document: &'a Document,
    /// The lines. `None` for a location beyond the document.
    excerpt: Option<Excerpt>,
}

impl Diagnostic for LocatedProblem<'_> {
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
        self.excerpt
            .as_ref()
            .map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (start, length) = self.excerpt.as_ref()?.marked;
        let path = Some(self.problem.path.clone()).filter(|path| !path.is_empty());
        let label = LabeledSpan::new(path, start, length);
        Some(Box::new(std::iter::once(label)))
    }
}

impl LocatedProblem<'_> {
    /// Formats the location of a problem whose line is not shown.
    fn location(&self) -> String {
        let Problem { line, column, .. } = self.problem;
        format!("{}:{line}:{column}\n", self.document.name)
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::plain;

    fn problem(severity: Severity, line: u64, column: u64) -> Problem {
        Problem {
            severity,
            path: "rules[0]".to_owned(),
            line,
            column,
            code: "some-code",
            message: "something is wrong".to_owned(),
            hint: "put it right".to_owned(),
            count: 1,
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
    fn an_empty_document_and_a_location_beyond_the_end_are_shown_too() {
        for (text, line) in [("", 1), ("a: 1", 7), ("a: 1\n", 2)] {
            let document = Document::new("policy.yaml", text);
            let shown = plain(&render(&document, &[problem(Severity::Error, line, 1)]));
            assert!(shown.contains("something is wrong"), "{shown}");
            assert!(!shown.contains("Failed to read"), "{shown}");
        }
    }

    #[test]
    fn a_problem_far_to_the_right_is_shown_with_its_column() {
        let text = format!("a: [{}]", "x, ".repeat(30_000));
        let document = Document::new("policy.yaml", text);
        let shown = plain(&render(&document, &[problem(Severity::Error, 1, 80_000)]));
        assert!(shown.contains("policy.yaml:1:80000"), "{shown}");
        assert!(shown.len() < 2000, "{shown}");
    }

    #[test]
    fn an_arn_in_a_message_is_not_broken() {
        let arn = "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab";
        let mut problem = problem(Severity::Error, 1, 1);
        problem.hint = format!("{} {arn}", "word ".repeat(9));
        let shown = plain(&render(&Document::new("policy.yaml", "a: 1"), &[problem]));
        assert!(shown.contains(arn), "{shown}");
    }

    #[test]
    fn an_entry_counts_for_the_problems_that_it_stands_for() {
        let mut hidden = problem(Severity::Error, 1, 1);
        hidden.count = 799;
        let problems = [problem(Severity::Error, 1, 1), hidden];
        assert_eq!(plain(&summary(&problems)), "800 errors");
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
