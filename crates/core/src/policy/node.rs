//! A YAML or JSON document as a tree in which every node has a position.
//!
//! Deserializing directly into the policy's types would stop at the first problem. With the tree, all
//! problems are reported.

mod builder;

use std::borrow::Cow;

use granit_parser::{Marker, Parser};

use super::problem::{Problem, Severity};
use builder::{Builder, SyntaxError};

/// The maximum size of a document, in bytes.
const LARGEST_DOCUMENT: usize = 1024 * 1024;

/// A position in a document, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Position {
    const FIRST: Self = Self { line: 1, column: 1 };
}

impl From<&Marker> for Position {
    fn from(marker: &Marker) -> Self {
        // A document of `LARGEST_DOCUMENT` bytes never reaches the limit.
        let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        Self {
            line: number(marker.line()),
            column: number(marker.col() + 1),
        }
    }
}

/// A node and its position.
#[derive(Debug)]
pub struct Node<'t> {
    pub(super) position: Position,
    /// Whether the node is a scalar without quotes, so that `true` may be a boolean.
    pub(super) is_plain: bool,
    pub(super) value: Value<'t>,
}

/// The value of a node. A scalar is the text as written in the document: an unquoted `0`, `1.10` or
/// `yes` is the text `0`, `1.10` or `yes`.
#[derive(Debug)]
pub(super) enum Value<'t> {
    /// The null value, as written in the document: a key `~` is a text.
    Nothing(Cow<'t, str>),
    Text(Cow<'t, str>),
    List(Vec<Node<'t>>),
    Fields(Vec<Field<'t>>),
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Field<'t> {
    pub(super) key: Cow<'t, str>,
    /// The position of the key.
    pub(super) position: Position,
    pub(super) node: Node<'t>,
}

impl Value<'_> {
    /// The kind of the value, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing(_) => "nothing",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Fields(_) => "a map",
        }
    }
}

/// Parses a document.
///
/// # Errors
/// A problem if the document is too large, or at the first position at which it is not plain YAML or
/// JSON.
pub fn parse(text: &str) -> Result<Node<'_>, Problem> {
    if text.len() > LARGEST_DOCUMENT {
        return Err(Problem {
            severity: Severity::Error,
            path: String::new(),
            line: 1,
            column: 1,
            code: "document-too-large",
            message: format!("the document has {} bytes", text.len()),
            hint: format!(
                "a policy may have {LARGEST_DOCUMENT} bytes; combine rules of the same effect"
            ),
            count: 1,
        });
    }
    tree(text).map_err(SyntaxError::into_problem)
}

fn tree(text: &str) -> Result<Node<'_>, SyntaxError> {
    let mut options = granit_parser::options! {
        // The builder rejects all anchors and aliases, each at its own position.
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
    };
    options.set_emit_comments(false);
    let mut builder = Builder::default();
    for result in Parser::new_from_str_with_options(text, options) {
        let (event, span) =
            result.map_err(|error| SyntaxError::scan(error.marker().into(), &error.info()))?;
        let position = Position::from(&span.start);
        let taken = builder.take(event, position);
        taken.map_err(|error| error.at_tag(text, span.start.byte_offset()))?;
    }
    Ok(builder.finish())
}

#[cfg(test)]
mod tests;
