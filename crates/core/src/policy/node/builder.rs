//! Builds the tree from the parser's events, without recursion, so no document exhausts the stack.

use std::borrow::Cow;

use granit_parser::{Event, ScalarStyle, Tag};

use super::{Field, Node, Position, Value};
use crate::policy::problem::{Problem, Severity, escape_control};

/// The maximum nesting depth of lists and maps. A policy needs seven levels. The limit allows later
/// walks over the tree to recurse.
const MAX_NESTING: usize = 16;

/// Why a document cannot be read.
pub(super) struct SyntaxError {
    position: Position,
    code: &'static str,
    message: String,
    hint: Cow<'static, str>,
    /// The tag as written, if it is the cause.
    tag: Option<String>,
}

/// The hint for a syntax error by a part of the parser's message. The first match counts.
const HINTS: [(&str, &str); 17] = [
    ("a tab", "indent with spaces: YAML does not allow tabs"),
    ("tabs ", "indent with spaces: YAML does not allow tabs"),
    ("tab cannot", "indent with spaces: YAML does not allow tabs"),
    (
        "unexpected character",
        "quote the value: it begins with a character that YAML reserves",
    ),
    (
        "mapping values",
        "quote the value if it contains `: `; otherwise check the indentation, and the space after the `:` of \
         the line before",
    ),
    (
        "simple key expected",
        "write a space after the `:`, and check the indentation",
    ),
    (
        "placement of ':'",
        "close the bracket or quote before this line",
    ),
    ("unclosed quote", "close the quote"),
    ("multiline quoted scalar", "close the quote"),
    ("unexpected document indicator", "close the quote"),
    ("unclosed bracket", "close the bracket"),
    (
        "quoted scalar, found un",
        "use single quotes, or escape the backslash as `\\\\`",
    ),
    (
        "trailing content after",
        "check for a missing comma, or quote the whole value",
    ),
    ("expected ','", "check for a missing comma or bracket"),
    (
        "did not find expected ','",
        "check for a missing comma or bracket",
    ),
    (
        "unexpected EOF while parsing",
        "the document ends too early: close every bracket and quote",
    ),
    (
        "indent",
        "indent the items of a list or map by the same number of spaces",
    ),
];

const LINE_HINT: &str = "check the indentation and quotes of this line";

impl SyntaxError {
    pub(super) fn not_yaml(position: Position, message: impl Into<String>) -> Self {
        Self {
            position,
            code: "not-yaml",
            message: message.into(),
            hint: LINE_HINT.into(),
            tag: None,
        }
    }

    /// An error of the YAML parser, with a hint for its cause.
    pub(super) fn scan(position: Position, message: &str) -> Self {
        if message.contains("anchor or alias") {
            return Self::unquoted_wildcard(position, "");
        }
        if message.contains("recursion") || message.contains("nest") || message.contains("depth") {
            return Self::too_deep(position);
        }
        let hint = HINTS.iter().find(|(part, _)| message.contains(part));
        Self {
            hint: hint.map_or(LINE_HINT, |(_, hint)| hint).into(),
            ..Self::not_yaml(position, in_plain_words(message))
        }
    }

    /// An alias of an anchor that the document does not have: a text that begins with a wildcard.
    fn unquoted_wildcard(position: Position, rest: &str) -> Self {
        let rest = rest.trim_end_matches(':');
        Self {
            hint: format!("quote it: `\"*{rest}\"`").into(),
            ..Self::not_yaml(position, "an unquoted `*` starts a YAML alias")
        }
    }

    fn too_deep(position: Position) -> Self {
        let message = format!("lists and maps nest more than {MAX_NESTING} deep");
        Self {
            hint: "remove brackets or indentation: a policy needs seven levels".into(),
            ..Self::not_yaml(position, message)
        }
    }

    /// Moves an error about a tag to the tag, which precedes the value at this byte offset.
    pub(super) fn at_tag(self, text: &str, value: Option<usize>) -> Self {
        let before = value.and_then(|value| text.get(..value));
        let found = before.zip(self.tag.as_deref());
        let Some(before) = found.and_then(|(before, tag)| before.get(..before.rfind(tag)?)) else {
            return self;
        };
        // `\r\n` counts as one line end.
        let ends =
            |c: &(usize, char)| c.1 == '\n' || c.1 == '\r' && !before[c.0 + 1..].starts_with('\n');
        let line = 1 + before.char_indices().filter(ends).count();
        let column = 1 + before
            .chars()
            .rev()
            .take_while(|c| !"\r\n".contains(*c))
            .count();
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            position: Position {
                line: number(line),
                column: number(column),
            },
            ..self
        }
    }

    /// A YAML construct that is not supported, so that a policy has no hidden meaning.
    fn unsupported(position: Position, message: impl Into<String>) -> Self {
        Self {
            position,
            code: "unsupported-yaml",
            message: message.into(),
            hint: "write the value itself; use `groups` to reuse lists of Regions".into(),
            tag: None,
        }
    }

    /// Converts the error into a problem of the whole document, at this position.
    pub(super) fn into_problem(self) -> Problem {
        Problem {
            severity: Severity::Error,
            path: String::new(),
            line: self.position.line.into(),
            column: self.position.column.into(),
            code: self.code,
            message: escape_control(&self.message),
            hint: escape_control(&self.hint),
            count: 1,
        }
    }
}

/// Translates the parser's message, if it uses the terms of the YAML specification.
fn in_plain_words(message: &str) -> String {
    if message.contains("mapping values are not allowed") {
        return "a second `: ` in one value".to_owned();
    }
    if message.contains("a tab") || message.contains("tabs ") || message.contains("tab cannot") {
        return "a tab in the indentation".to_owned();
    }
    let reserved = message.strip_prefix("unexpected character: `");
    match reserved.and_then(|rest| rest.strip_suffix('\'')) {
        Some(character) => format!("a value begins with `{character}`"),
        None => message.to_owned(),
    }
}

/// Builds the tree event by event.
#[derive(Default)]
pub(super) struct Builder<'t> {
    /// The lists and maps that have not ended yet, the outermost first.
    open: Vec<Open<'t>>,
    documents: usize,
    root: Option<Node<'t>>,
}

/// A list or map that has not ended yet.
struct Open<'t> {
    position: Position,
    content: Content<'t>,
}

enum Content<'t> {
    List(Vec<Node<'t>>),
    /// The fields, and the key whose value comes next.
    Map(Vec<Field<'t>>, Option<Key<'t>>),
}

struct Key<'t> {
    position: Position,
    text: Cow<'t, str>,
}

impl<'t> Builder<'t> {
    /// Takes the next event, which begins at the position.
    pub(super) fn take(&mut self, event: Event<'t>, position: Position) -> Result<(), SyntaxError> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "there is more than one document";
                    return Err(SyntaxError {
                        hint: "keep one document, remove `---`".into(),
                        ..SyntaxError::not_yaml(position, message)
                    });
                }
            }
            Event::Scalar(text, style, _, tag) => {
                self.complete(scalar(text, style, tag.as_deref(), position)?)?;
            }
            Event::SequenceStart(_, _, tag) => {
                check_tag(tag.as_deref(), "seq", position)?;
                self.begin(Content::List(Vec::new()), position)?;
            }
            Event::MappingStart(_, _, tag) => {
                check_tag(tag.as_deref(), "map", position)?;
                self.begin(Content::Map(Vec::new(), None), position)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            Event::UnresolvedAlias(name) => {
                return Err(SyntaxError {
                    code: "unsupported-yaml",
                    ..SyntaxError::unquoted_wildcard(position, &name)
                });
            }
            Event::Anchor(..) | Event::Alias(_) => {
                let message = "anchors and aliases are not supported";
                return Err(SyntaxError::unsupported(position, message));
            }
            // Marks of the stream, which have no content.
            _ => {}
        }
        Ok(())
    }

    /// Returns the tree. An empty document is the null value.
    pub(super) fn finish(self) -> Node<'t> {
        self.root.unwrap_or(Node {
            position: Position::FIRST,
            is_plain: true,
            value: Value::Nothing(Cow::Borrowed("")),
        })
    }

    fn begin(&mut self, content: Content<'t>, position: Position) -> Result<(), SyntaxError> {
        if self.open.len() == MAX_NESTING {
            return Err(SyntaxError::too_deep(position));
        }
        self.open.push(Open { position, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), SyntaxError> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        self.complete(Node {
            position: open.position,
            is_plain: false,
            value: match open.content {
                Content::List(items) => Value::List(items),
                Content::Map(fields, _) => Value::Fields(fields),
            },
        })
    }

    /// Adds a node to the innermost list or map.
    fn complete(&mut self, node: Node<'t>) -> Result<(), SyntaxError> {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(fields, next)) => match next.take() {
                None => *next = Some(Key::new(node)?),
                Some(Key { position, text }) => fields.push(Field {
                    key: text,
                    position,
                    node,
                }),
            },
        }
        Ok(())
    }
}

impl<'t> Key<'t> {
    fn new(node: Node<'t>) -> Result<Self, SyntaxError> {
        let position = node.position;
        let text = match node.value {
            Value::Text(text) | Value::Nothing(text) => text,
            other => {
                let message = format!("expected a key, found {}", other.kind());
                return Err(SyntaxError::not_yaml(position, message));
            }
        };
        if node.is_plain && text == "<<" {
            let message = "the merge key `<<` is not supported";
            return Err(SyntaxError::unsupported(position, message));
        }
        Ok(Self { position, text })
    }
}

fn scalar<'t>(
    text: Cow<'t, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
    position: Position,
) -> Result<Node<'t>, SyntaxError> {
    let is_plain = style == ScalarStyle::Plain;
    // YAML's core schema.
    let is_null = matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
    let (is_plain, is_nothing) = match tag.map(|tag| (tag, tag.core_suffix())) {
        None => (is_plain, is_plain && is_null),
        Some((_, Some("str"))) => (false, false),
        Some((_, Some("bool" | "int" | "float"))) => (true, false),
        Some((_, Some("null"))) if is_null => (true, true),
        Some((tag, _)) => return Err(wrong_tag(tag, position)),
    };
    Ok(Node {
        position,
        is_plain,
        value: if is_nothing {
            Value::Nothing(text)
        } else {
            Value::Text(text)
        },
    })
}

fn check_tag(tag: Option<&Tag>, expected: &str, position: Position) -> Result<(), SyntaxError> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(expected) => Err(wrong_tag(tag, position)),
        _ => Ok(()),
    }
}

fn wrong_tag(tag: &Tag, position: Position) -> SyntaxError {
    let name = tag.original();
    let error = if tag.core_suffix().is_some() {
        SyntaxError {
            hint: "remove the tag".into(),
            ..SyntaxError::not_yaml(position, format!("the tag `{name}` does not fit its value"))
        }
    } else {
        SyntaxError {
            hint: "a value that begins with `!` is a YAML type tag; quote it, or use `not:` for a \
                   negation"
                .into(),
            ..SyntaxError::unsupported(position, format!("the tag `{name}` is not supported"))
        }
    };
    SyntaxError {
        tag: Some(name.clone()),
        ..error
    }
}
