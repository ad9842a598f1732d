//! A YAML or JSON document as a tree in which every node knows its place.
//!
//! Reading straight into the policy's types would stop at the first problem; the tree lets
//! [`super::document`] report all of them.

mod builder;

use std::borrow::Cow;
use std::rc::Rc;

use granit_parser::{ErrorKind, Marker, Parser};

use super::problem::{Problem, Severity};
use builder::{Builder, Fault};

/// The largest document read, in bytes.
const LARGEST_DOCUMENT: usize = 1024 * 1024;

/// Where something stands in a document, counted from 1. A document of [`LARGEST_DOCUMENT`] fits.
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
        let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        Self {
            line: number(marker.line()),
            column: number(marker.col() + 1),
        }
    }
}

/// A node and its place. A node that came by an alias or a merge has the place of its definition,
/// and shares what is below it, so that it costs nothing and its problems are found only once.
#[derive(Clone, Debug)]
pub struct Node<'t> {
    pub(super) position: Position,
    /// Whether it is a scalar without quotes, so that `true` may be a boolean.
    pub(super) is_plain: bool,
    pub(super) value: Value<'t>,
}

/// What a node holds. A scalar is the text as it is written in the document: an unquoted `0`,
/// `1.10` or `yes` is the text `0`, `1.10` or `yes`.
#[derive(Clone, Debug)]
pub(super) enum Value<'t> {
    /// How nothing is written, because as a key `~` is a text.
    Nothing(&'static str),
    Text(Cow<'t, str>),
    List(Rc<[Node<'t>]>),
    Fields(Rc<[Field<'t>]>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Field<'t> {
    pub(super) key: Cow<'t, str>,
    /// Where the key stands.
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

/// Reads a document.
///
/// # Errors
/// Why it is neither YAML nor JSON, or too large.
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
                "a policy may have {LARGEST_DOCUMENT} bytes; group rules that say the same"
            ),
        });
    }
    tree(text).map_err(|fault| Problem {
        severity: Severity::Error,
        path: String::new(),
        line: fault.position.line.into(),
        column: fault.position.column.into(),
        code: "not-yaml",
        message: fault.message,
        hint: "the policy is one YAML or JSON document, with `version: 1` and a list of `rules`"
            .to_owned(),
    })
}

fn tree(text: &str) -> Result<Node<'_>, Fault> {
    let mut options = granit_parser::options! {};
    options.set_emit_comments(false);
    let mut builder = Builder::default();
    for result in Parser::new_from_str_with_options(text, options) {
        match result {
            Ok((event, span)) => builder.take(event, (&span.start).into())?,
            Err(error) => {
                let message = match error.kind() {
                    ErrorKind::UnknownAnchor => "the alias names no anchor before it".to_owned(),
                    _ => error.info(),
                };
                return Err(Fault {
                    position: error.marker().into(),
                    message,
                });
            }
        }
    }
    Ok(builder.finish())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod twin;
