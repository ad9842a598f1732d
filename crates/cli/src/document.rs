//! Reads a file or standard input.

use std::io::{self, ErrorKind, Read};

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use thiserror::Error;

/// The path that means standard input on the command line.
pub(crate) const STANDARD_INPUT: &str = "-";

/// A text with its name in messages.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// The path from the command line, or another name.
    pub(crate) name: String,
    /// The text.
    pub(crate) text: String,
    /// The byte offset of each line, so that showing a problem does not search the whole text.
    lines: Vec<usize>,
}

/// The error for a file that cannot be read, with its remediation.
#[derive(Debug, Error)]
#[error("failed to read {name}: {error}; {remediation}")]
pub(crate) struct Unreadable {
    name: String,
    error: io::Error,
    remediation: &'static str,
}

impl Document {
    /// Creates a document.
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        // The byte-order mark is not part of the text and would shift all columns of the first line.
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        let ends = text.match_indices('\n').map(|(end, _)| end + 1);
        let begins = ends.filter(|begin| *begin < text.len());
        let lines = std::iter::once(0).chain(begins).collect();
        let name = name.into();
        Self { name, text, lines }
    }

    /// Returns the byte offset and the text of a line. The first line has the number 0.
    pub(crate) fn line(&self, number: usize) -> Option<(usize, &str)> {
        let begin = *self.lines.get(number)?;
        let line = self.text.get(begin..self.begin_of(number + 1))?;
        (!self.text.is_empty()).then_some((begin, line))
    }

    /// Returns the byte offset of a line, or the end of the text if there is no such line.
    fn begin_of(&self, number: usize) -> usize {
        self.lines.get(number).copied().unwrap_or(self.text.len())
    }

    /// Returns the number of the line that contains a byte offset.
    fn line_of(&self, offset: usize) -> usize {
        self.lines
            .partition_point(|begin| *begin <= offset)
            .saturating_sub(1)
    }

    /// Reads a file, or standard input for `-`.
    ///
    /// # Errors
    /// [`Unreadable`] if the file cannot be read.
    pub(crate) fn read(path: &str) -> Result<Self, Unreadable> {
        let name = if path == STANDARD_INPUT {
            "standard input"
        } else {
            path
        };
        let text = if path == STANDARD_INPUT {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map(|_| text)
        } else {
            std::fs::read_to_string(path)
        };
        let name = name.to_owned();
        match text {
            Ok(text) => Ok(Self::new(name, text)),
            Err(error) => Err(Unreadable {
                name,
                remediation: remediation(&error),
                error,
            }),
        }
    }
}

fn remediation(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "check the path, or use `-` to read standard input",
        ErrorKind::PermissionDenied => {
            "grant read access, or pipe the file to standard input and use `-`"
        }
        ErrorKind::IsADirectory => "name the file in the directory",
        ErrorKind::InvalidData => "save the file as UTF-8 text",
        _ => "check the path and the file",
    }
}

/// `miette` counts columns in bytes. The policy reader counts characters, as editors do.
impl SourceCode for Document {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        let first = self.line_of(start).saturating_sub(lines_before + 1);
        let last = self.line_of(end) + lines_after + 1;
        let begin = self.begin_of(first);
        let around = self.text.get(begin..self.begin_of(last + 1));
        let around = around.ok_or(MietteError::OutOfBounds)?;
        let start = start.checked_sub(begin).ok_or(MietteError::OutOfBounds)?;
        let within = SourceSpan::new(start.into(), span.len());
        let contents = around.read_span(&within, lines_before, lines_after)?;
        let offset = contents.span().offset();
        let before = around.get(..offset).unwrap_or("");
        let column = before.chars().rev().take_while(|c| *c != '\n').count();
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            SourceSpan::new((begin + offset).into(), contents.span().len()),
            first + contents.line(),
            column,
            first + contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_shown_as_if_the_whole_text_were_searched() {
        let text = "a: 1\nb:\n  - ü\n  - x\n\nlast: y\n";
        let document = Document::new("policy.yaml", text);
        for start in (0..text.len()).filter(|start| text.is_char_boundary(*start)) {
            for around in 0..3 {
                let span = SourceSpan::new(start.into(), 1.min(text.len() - start - 1));
                let whole = text.read_span(&span, around, around).unwrap();
                let part = document.read_span(&span, around, around).unwrap();
                assert_eq!(part.data(), whole.data(), "{start} {around}");
                assert_eq!(part.span(), whole.span(), "{start} {around}");
                assert_eq!(part.line(), whole.line(), "{start} {around}");
                assert_eq!(part.line_count(), whole.line_count(), "{start} {around}");
            }
        }
    }

    #[test]
    fn lines_are_found_by_their_numbers() {
        let document = Document::new("policy.yaml", "a\nb\r\n");
        let lines = [0, 1, 2].map(|number| document.line(number));
        assert_eq!(lines, [Some((0, "a\n")), Some((2, "b\r\n")), None]);
        assert_eq!(Document::new("policy.yaml", "").line(0), None);
    }
}
