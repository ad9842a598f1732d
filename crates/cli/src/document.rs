//! Reads a file or standard input.

use std::io::{self, ErrorKind, Read};

use thiserror::Error;

/// The path that means standard input on the command line.
pub(crate) const STANDARD_INPUT: &str = "-";

/// The maximum size of a file, in bytes. A policy may have one MiB, a test file may be longer.
const MAX_SIZE: u64 = 16 * 1024 * 1024;

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
        // YAML 1.2 ends a line with `\n`, `\r\n` or a lone `\r` (section 5.4).
        let is_end = |(at, end): &(usize, &str)| {
            *end == "\n"
                || !text
                    .get(at + 1..)
                    .is_some_and(|rest| rest.starts_with('\n'))
        };
        let ends = text.match_indices(['\n', '\r']).filter(is_end);
        let begins = ends.map(|(end, _)| end + 1);
        let begins = begins.filter(|begin| *begin < text.len());
        let lines = std::iter::once(0).chain(begins).collect();
        let name = name.into();
        Self { name, text, lines }
    }

    /// Returns the text of a line without its end. The first line has the number 0.
    pub(crate) fn line(&self, number: usize) -> Option<&str> {
        let begin = *self.lines.get(number)?;
        let end = self.lines.get(number + 1).copied();
        let line = self.text.get(begin..end.unwrap_or(self.text.len()))?;
        (!self.text.is_empty()).then_some(line.trim_end_matches(['\n', '\r']))
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
            read_text(io::stdin())
        } else {
            std::fs::File::open(path).and_then(read_text)
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

/// Reads a text of limited size, because devices and pipes may never end.
fn read_text(source: impl Read) -> io::Result<String> {
    let mut text = String::new();
    source.take(MAX_SIZE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_SIZE {
        let message = format!("the file has more than {MAX_SIZE} bytes");
        return Err(io::Error::new(ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

fn remediation(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "check the path, or use `-` to read standard input",
        ErrorKind::PermissionDenied => {
            "grant read access, or pipe the file to standard input and use `-`"
        }
        ErrorKind::IsADirectory => "name the file in the directory",
        ErrorKind::FileTooLarge => "name a smaller file; a policy has at most one MiB",
        ErrorKind::InvalidData => "save the file as UTF-8 text",
        _ => "check the path and the file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_source_is_an_error() {
        let error = read_text(io::repeat(b'y')).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    }

    #[test]
    fn lines_are_found_by_their_numbers() {
        for text in ["a\n\nb\n", "a\r\n\r\nb\r\n", "a\r\rb\r", "a\n\rb"] {
            let document = Document::new("policy.yaml", text);
            let lines = [0, 1, 2, 3].map(|number| document.line(number));
            assert_eq!(lines, [Some("a"), Some(""), Some("b"), None], "{text:?}");
        }
        assert_eq!(Document::new("policy.yaml", "").line(0), None);
    }
}
