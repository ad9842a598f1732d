//! Reads the nodes of a document and reports problems with their positions.
//!
//! This module is independent of policies, so that other documents are read in the same way, with all
//! problems reported at once and with corrections of misspelled words.

mod fields;

use super::node::{Field, Position, Value};
use super::paths::Identity;
use super::problem::{Problem, Severity, escape_control};
use super::problems::Problems;
use crate::spelling::quotes_hint;

pub use super::node::{Node, parse};

/// Proves that a problem has been reported, so the caller has no value and need not report it again.
///
/// A caller that needs several values reads all of them before it returns with `?`, so that all
/// problems are reported.
#[derive(Clone, Copy, Debug)]
pub struct Reported(());

/// Collects the values after reading all of them.
///
/// # Errors
/// [`Reported`] if one of the values is missing.
pub fn collect_all<T, C: FromIterator<T>>(
    results: impl IntoIterator<Item = Result<T, Reported>>,
) -> Result<C, Reported> {
    let mut outcome = Ok(());
    let values = results.into_iter().filter_map(|result| match result {
        Ok(value) => Some(value),
        Err(reported) => {
            outcome = Err(reported);
            None
        }
    });
    let values = values.collect();
    outcome.map(|()| values)
}

/// A node, and the position at which its problems are reported.
#[derive(Clone, Copy, Debug)]
pub struct NodeRef<'a> {
    pub(super) node: &'a Node<'a>,
    position: Position,
}

/// An entry of a map with arbitrary keys.
pub struct Entry<'a> {
    /// The key.
    pub key: &'a str,
    /// The value, with its problems reported at the key.
    pub at_key: NodeRef<'a>,
    /// The value.
    pub value: NodeRef<'a>,
}

impl<'a> NodeRef<'a> {
    /// Refers to a node, with problems reported at its start.
    #[must_use]
    pub fn of(node: &'a Node<'a>) -> Self {
        Self {
            node,
            position: node.position,
        }
    }

    /// Refers to the value of a field, with problems reported at the key.
    fn at_key(field: &'a Field<'a>) -> Self {
        Self {
            node: &field.node,
            position: field.position,
        }
    }

    /// The line, counted from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.position.line.into()
    }

    /// Returns whether the node is this text.
    #[must_use]
    pub fn is_text(&self, expected: &str) -> bool {
        self.as_text() == Some(expected)
    }

    /// Returns the text of the node, if it is one.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns whether the node is a map.
    #[must_use]
    pub fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Fields(_))
    }

    /// Returns whether the node is the null value, as the root of an empty document is.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self.node.value, Value::Nothing(_))
    }

    /// Returns whether the node is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }
}

/// Reads nodes and collects the problems.
#[derive(Debug, Default)]
pub struct NodeReader {
    problems: Problems,
}

#[expect(
    clippy::missing_errors_doc,
    reason = "`Reported` has one meaning, and its type documents it"
)]
impl NodeReader {
    /// Returns the problems in the order of the document, with their paths from its root.
    #[must_use]
    pub fn into_problems(self, root: &Node<'_>) -> Vec<Problem> {
        self.problems.into_sorted(root)
    }

    /// Reports an error.
    pub fn error(
        &mut self,
        node: &NodeRef<'_>,
        code: &'static str,
        message: impl Into<String>,
        hint: &str,
    ) -> Reported {
        self.report(Severity::Error, node, code, &message.into(), hint)
    }

    /// Reports a warning.
    pub fn warning(
        &mut self,
        node: &NodeRef<'_>,
        code: &'static str,
        message: impl Into<String>,
        hint: &str,
    ) {
        self.report(Severity::Warning, node, code, &message.into(), hint);
    }

    fn report(
        &mut self,
        severity: Severity,
        node: &NodeRef<'_>,
        code: &'static str,
        message: &str,
        hint: &str,
    ) -> Reported {
        let (line, column) = (node.position.line.into(), node.position.column.into());
        let problem = Problem {
            severity,
            path: String::new(),
            line,
            column,
            code,
            message: escape_control(message),
            hint: escape_control(hint),
            count: 1,
        };
        self.problems.push(problem, Identity::of(node.node));
        Reported(())
    }

    /// Returns a hint. Empty if further problems are only counted, so that no words are compared for them.
    pub(super) fn hint(&self, hint: impl FnOnce() -> String) -> String {
        if self.is_full() {
            String::new()
        } else {
            hint()
        }
    }

    /// Reports an error in a text, with the hint to remove quotes that are part of it, or else this hint.
    pub(super) fn error_in_text(
        &mut self,
        node: &NodeRef<'_>,
        code: &'static str,
        message: impl Into<String>,
        hint: &str,
    ) -> Reported {
        let quotes = node.as_text().and_then(quotes_hint);
        self.error(node, code, message, quotes.as_deref().unwrap_or(hint))
    }

    /// Returns whether further errors are only counted.
    fn is_full(&self) -> bool {
        self.problems.is_full()
    }

    /// Reports a node of another type than expected.
    pub fn wrong_type(&mut self, node: &NodeRef<'_>, expected: &str, hint: &str) -> Reported {
        let message = format!("expected {expected}, found {}", node.node.value.kind());
        self.error(node, "wrong-type", message, hint)
    }

    /// Returns the entries of a map that must not be empty.
    pub fn entries<'a>(
        &mut self,
        node: &NodeRef<'a>,
        hint: &str,
    ) -> Result<impl ExactSizeIterator<Item = Entry<'a>> + use<'a>, Reported> {
        let entries = self.entries_or_none(node, hint)?;
        if entries.len() == 0 {
            return Err(self.error(node, "empty-map", "the map is empty", hint));
        }
        Ok(entries)
    }

    /// Returns the entries of a map that may be empty.
    pub fn entries_or_none<'a>(
        &mut self,
        node: &NodeRef<'a>,
        hint: &str,
    ) -> Result<impl ExactSizeIterator<Item = Entry<'a>> + use<'a>, Reported> {
        let Value::Fields(fields) = &node.node.value else {
            return Err(self.wrong_type(node, "a map", hint));
        };
        self.check_duplicates(fields);
        Ok(fields.iter().map(|field| Entry {
            key: &field.key,
            at_key: NodeRef::at_key(field),
            value: NodeRef::of(&field.node),
        }))
    }

    /// Returns the items of a list that must not be empty, or the node itself if it is not a list.
    pub fn one_or_more<'a>(
        &mut self,
        node: &NodeRef<'a>,
        hint: &str,
    ) -> Result<impl ExactSizeIterator<Item = NodeRef<'a>> + use<'a>, Reported> {
        let items = match node.node.value {
            Value::List(_) => self.items(node, hint)?,
            _ => std::slice::from_ref(node.node),
        };
        Ok(items.iter().map(NodeRef::of))
    }

    /// Returns the items of a list that must not be empty.
    pub fn list<'a>(
        &mut self,
        node: &NodeRef<'a>,
        hint: &str,
    ) -> Result<impl ExactSizeIterator<Item = NodeRef<'a>> + use<'a>, Reported> {
        Ok(self.items(node, hint)?.iter().map(NodeRef::of))
    }

    /// Returns the items of a list that may be empty.
    pub fn list_or_empty<'a>(
        &mut self,
        node: &NodeRef<'a>,
        hint: &str,
    ) -> Result<impl ExactSizeIterator<Item = NodeRef<'a>> + use<'a>, Reported> {
        match &node.node.value {
            Value::List(items) => Ok(items.iter().map(NodeRef::of)),
            _ => Err(self.wrong_type(node, "a list", hint)),
        }
    }

    fn items<'a>(&mut self, node: &NodeRef<'a>, hint: &str) -> Result<&'a [Node<'a>], Reported> {
        match &node.node.value {
            Value::List(items) if !items.is_empty() => Ok(items),
            Value::List(_) => Err(self.error(node, "empty-list", "the list is empty", hint)),
            _ => Err(self.wrong_type(node, "a list", hint)),
        }
    }

    /// Returns a text that may be empty.
    pub fn text_or_empty<'a>(
        &mut self,
        node: &NodeRef<'a>,
        hint: &str,
    ) -> Result<&'a str, Reported> {
        match &node.node.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.wrong_type(node, "a text", hint)),
        }
    }

    /// Returns a text that must not be empty.
    pub fn text<'a>(&mut self, node: &NodeRef<'a>, hint: &str) -> Result<&'a str, Reported> {
        let text = self.text_or_empty(node, hint)?;
        if text.is_empty() {
            return Err(self.error(node, "empty-text", "the text is empty", hint));
        }
        Ok(text)
    }

    /// Reports control characters in a name, which would reach terminals and logs.
    pub fn check_name(&mut self, node: &NodeRef<'_>, name: &str) {
        if let Some(control) = name.chars().find(|c| c.is_control()) {
            let message = format!(
                "the name contains the control character `{}`",
                control.escape_debug()
            );
            let hint = "remove the control character";
            self.error(node, "control-character", message, hint);
        }
    }

    /// Returns a boolean of YAML 1.2. A quoted `true` is a text.
    pub fn boolean(&mut self, node: &NodeRef<'_>, hint: &str) -> Result<bool, Reported> {
        match &node.node.value {
            Value::Text(text) if node.node.is_plain => match text.as_ref() {
                "true" | "True" | "TRUE" => return Ok(true),
                "false" | "False" | "FALSE" => return Ok(false),
                _ => {}
            },
            _ => {}
        }
        Err(self.error_in_text(node, "not-a-boolean", "must be `true` or `false`", hint))
    }
}

#[cfg(test)]
mod tests;
