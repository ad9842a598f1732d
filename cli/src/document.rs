//! A file, or standard input, as the commands read it.

use std::io::{self, ErrorKind, Read};

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use thiserror::Error;

/// The name that stands for standard input on the command line.
pub(crate) const STANDARD_INPUT: &str = "-";

/// A text and the name that messages give it.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// The path, as it was given.
    pub(crate) name: String,
    /// The text.
    pub(crate) text: String,
}

/// A file that cannot be read, and what to do about it.
#[derive(Debug, Error)]
#[error("{name} cannot be read ({error}); {cure}")]
pub(crate) struct Unreadable {
    name: String,
    error: io::Error,
    cure: &'static str,
}

impl Document {
    /// Reads a file, or standard input for `-`.
    ///
    /// # Errors
    /// [`Unreadable`] names the file and the cure.
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
            Ok(text) => Ok(Self { name, text }),
            Err(error) => Err(Unreadable {
                name,
                cure: cure(&error),
                error,
            }),
        }
    }
}

fn cure(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "check the path, or give `-` to read standard input",
        ErrorKind::PermissionDenied => "allow reading it, or give `-` and pipe it in",
        ErrorKind::IsADirectory => "name the file in the directory",
        ErrorKind::InvalidData => "save it as text in UTF-8",
        _ => "check the path and the file",
    }
}

/// `miette` counts a column in bytes; the function, and people, count characters.
impl SourceCode for Document {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let contents = self.text.read_span(span, lines_before, lines_after)?;
        let before = self.text.get(..contents.span().offset()).unwrap_or("");
        let column = before.chars().rev().take_while(|c| *c != '\n').count();
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            contents.line(),
            column,
            contents.line_count(),
        )))
    }
}
