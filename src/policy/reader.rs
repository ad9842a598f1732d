//! Reads the nodes of a document and notes what is wrong with them, each with its place.
//!
//! It knows nothing of policies, so that other documents are read, and their mistakes reported,
//! likewise: all at once, and with what may have been meant.

use std::collections::BTreeSet;

use super::node::{Field, Position, Value};
use super::paths::{Identity, paths};
use super::problem::{Problem, Severity};

pub use super::node::{Node, parse};

/// A node, and where problems with it are shown. The path to it is looked up only for a problem.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub(super) node: &'a Node<'a>,
    position: Position,
}

/// An entry of a map whose keys are free.
pub struct Entry<'a> {
    /// The key.
    pub key: &'a str,
    /// For problems with the key.
    pub key_place: Place<'a>,
    /// The value.
    pub value: Place<'a>,
}

impl<'a> Place<'a> {
    /// The place of a node.
    #[must_use]
    pub fn of(node: &'a Node<'a>) -> Self {
        Self {
            node,
            position: node.position,
        }
    }

    /// The place of a field's value, shown where the field's name stands.
    fn name_of(field: &'a Field<'a>) -> Self {
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

    /// Whether this text stands here.
    #[must_use]
    pub fn is_text(&self, expected: &str) -> bool {
        matches!(&self.node.value, Value::Text(text) if text == expected)
    }

    /// Whether a map stands here.
    #[must_use]
    pub fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Fields(_))
    }

    /// Whether a list stands here.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }
}

/// Collects problems; a method answers `None` only after it has noted why.
#[derive(Debug, Default)]
pub struct Reader {
    /// The problems, whose paths are still empty, and the nodes that they are about.
    problems: Vec<(Problem, Identity)>,
    /// The gravest severity among the problems beyond [`MOST_PROBLEMS`], and how many they are.
    more: Option<(Severity, usize)>,
}

/// How many fields are compared with one another one by one.
const FEW_FIELDS: usize = 16;

/// How many problems are reported one by one: nobody reads more, and a log line is limited.
const MOST_PROBLEMS: usize = 100;

impl Reader {
    /// The problems, in the order of the document, with their paths from its root.
    #[must_use]
    pub fn into_problems(self, root: &Node<'_>) -> Vec<Problem> {
        let identities = self.problems.iter().map(|(_, identity)| *identity);
        let paths = paths(root, identities);
        let located = self.problems.into_iter().map(|(mut problem, identity)| {
            problem.path = paths.get(&identity).cloned().unwrap_or_default();
            problem
        });
        let mut problems: Vec<_> = located.collect();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        if let Some((severity, count)) = self.more {
            let place = |problem: &Problem| (problem.line, problem.column);
            let (line, column) = problems.last().map_or((1, 1), place);
            problems.push(Problem {
                severity,
                path: String::new(),
                line,
                column,
                code: "too-many-problems",
                message: format!("there are {count} more problems"),
                hint: "correct these first".to_owned(),
            });
        }
        problems
    }

    /// Notes an error.
    pub fn error(
        &mut self,
        place: &Place<'_>,
        code: &'static str,
        message: impl Into<String>,
        hint: &str,
    ) {
        self.note(Severity::Error, place, code, message.into(), hint);
    }

    /// Notes a doubt.
    pub fn warning(
        &mut self,
        place: &Place<'_>,
        code: &'static str,
        message: impl Into<String>,
        hint: &str,
    ) {
        self.note(Severity::Warning, place, code, message.into(), hint);
    }

    fn note(
        &mut self,
        severity: Severity,
        place: &Place<'_>,
        code: &'static str,
        message: String,
        hint: &str,
    ) {
        let problem = Problem {
            severity,
            path: String::new(),
            line: place.position.line.into(),
            column: place.position.column.into(),
            code,
            message,
            hint: hint.to_owned(),
        };
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push((problem, Identity::of(place.node)));
            return;
        }
        let (gravest, count) = self.more.get_or_insert((severity, 0));
        *gravest = (*gravest).min(severity);
        *count += 1;
    }

    /// The fields of a map with these names, each at its name's place in the answer. Others are
    /// noted.
    pub fn fields<'a, const N: usize>(
        &mut self,
        place: &Place<'a>,
        names: [&str; N],
    ) -> Option<[Option<Place<'a>>; N]> {
        let Some(fields) = self.map(place) else {
            let hint = format!("the fields are {}", quoted(names));
            self.wrong_type(place, "a map", &hint);
            return None;
        };
        for field in fields
            .iter()
            .filter(|field| !names.contains(&field.key.as_ref()))
        {
            let message = format!("the field `{}` is unknown", field.key);
            let hint = match did_you_mean(&field.key, names) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("the fields are {}", quoted(names)),
            };
            self.error(&Place::name_of(field), "unknown-field", message, &hint);
        }
        let find = |name: &str| fields.iter().find(|field| field.key == name);
        Some(names.map(|name| find(name).map(|field| Place::of(&field.node))))
    }

    /// Whether a map has fields with other names. One of them may be a slip for what is missing.
    #[must_use]
    pub fn has_others<const N: usize>(place: &Place<'_>, names: [&str; N]) -> bool {
        match &place.node.value {
            Value::Fields(fields) => fields
                .iter()
                .any(|field| !names.contains(&field.key.as_ref())),
            _ => false,
        }
    }

    /// The entries of a map of at least one, whose keys are free.
    pub fn entries<'a>(
        &mut self,
        place: &Place<'a>,
        hint: &str,
    ) -> Option<impl ExactSizeIterator<Item = Entry<'a>> + use<'a>> {
        let entries = self.entries_or_none(place, hint)?;
        if entries.len() == 0 {
            self.error(place, "empty-map", "the map is empty", hint);
            return None;
        }
        Some(entries)
    }

    /// The entries of a map that may have none.
    pub fn entries_or_none<'a>(
        &mut self,
        place: &Place<'a>,
        hint: &str,
    ) -> Option<impl ExactSizeIterator<Item = Entry<'a>> + use<'a>> {
        let Some(fields) = self.map(place) else {
            self.wrong_type(place, "a map", hint);
            return None;
        };
        Some(fields.iter().map(|field| Entry {
            key: &field.key,
            key_place: Place::name_of(field),
            value: Place::of(&field.node),
        }))
    }

    /// The fields of a map. Keys that are written twice are noted.
    fn map<'a>(&mut self, place: &Place<'a>) -> Option<&'a [Field<'a>]> {
        let Value::Fields(fields) = &place.node.value else {
            return None;
        };
        let mut seen = BTreeSet::new();
        for (index, field) in fields.iter().enumerate() {
            // Comparing a few keys is quicker than a set, which a long map needs all the same.
            let is_repeated = if fields.len() <= FEW_FIELDS {
                fields[..index].iter().any(|other| other.key == field.key)
            } else {
                !seen.insert(field.key.as_ref())
            };
            if is_repeated {
                let message = format!("`{}` is written twice", field.key);
                let hint = "keep one of them";
                self.error(&Place::name_of(field), "repeated-field", message, hint);
            }
        }
        Some(fields)
    }

    /// A field that must be there; its absence is noted.
    pub fn required<'a>(
        &mut self,
        field: Option<Place<'a>>,
        parent: &Place<'a>,
        name: &str,
        hint: &str,
    ) -> Option<Place<'a>> {
        if field.is_none() {
            let message = format!("the field `{name}` is missing");
            self.error(parent, "missing-field", message, hint);
        }
        field
    }

    /// What stands in a list of at least one, or alone.
    pub fn one_or_more<'a>(
        &mut self,
        place: &Place<'a>,
        hint: &str,
    ) -> Option<impl ExactSizeIterator<Item = Place<'a>> + use<'a>> {
        let items = match place.node.value {
            Value::List(_) => self.items(place, hint)?,
            _ => std::slice::from_ref(place.node),
        };
        Some(items.iter().map(Place::of))
    }

    /// A text that may be empty.
    pub fn text_or_empty<'a>(&mut self, place: &Place<'a>, hint: &str) -> Option<&'a str> {
        match &place.node.value {
            Value::Text(text) if text.is_empty() => Some(""),
            _ => self.text(place, hint),
        }
    }

    /// A text that is not empty.
    pub fn text<'a>(&mut self, place: &Place<'a>, hint: &str) -> Option<&'a str> {
        match &place.node.value {
            Value::Text(text) if !text.is_empty() => return Some(text),
            Value::Text(_) => self.error(place, "empty-text", "the text is empty", hint),
            _ => self.wrong_type(place, "a text", hint),
        }
        None
    }

    /// A boolean as YAML 1.2 spells it. A quoted one is a text.
    pub fn boolean(&mut self, place: &Place<'_>, hint: &str) -> Option<bool> {
        match &place.node.value {
            Value::Text(text) if place.node.is_plain => match text.as_ref() {
                "true" | "True" | "TRUE" => return Some(true),
                "false" | "False" | "FALSE" => return Some(false),
                _ => {}
            },
            _ => {}
        }
        self.error(place, "not-a-boolean", "neither `true` nor `false`", hint);
        None
    }

    /// A list of at least one.
    pub fn list<'a>(
        &mut self,
        place: &Place<'a>,
        hint: &str,
    ) -> Option<impl ExactSizeIterator<Item = Place<'a>> + use<'a>> {
        Some(self.items(place, hint)?.iter().map(Place::of))
    }

    /// A list that may be empty.
    pub fn list_or_empty<'a>(
        &mut self,
        place: &Place<'a>,
        hint: &str,
    ) -> Option<impl ExactSizeIterator<Item = Place<'a>> + use<'a>> {
        let Value::List(items) = &place.node.value else {
            self.wrong_type(place, "a list", hint);
            return None;
        };
        Some(items.iter().map(Place::of))
    }

    fn items<'a>(&mut self, place: &Place<'a>, hint: &str) -> Option<&'a [Node<'a>]> {
        match &place.node.value {
            Value::List(items) if !items.is_empty() => return Some(items),
            Value::List(_) => self.error(place, "empty-list", "the list is empty", hint),
            _ => self.wrong_type(place, "a list", hint),
        }
        None
    }

    /// Whether no more problems are reported one by one.
    pub(super) fn is_full(&self) -> bool {
        self.problems.len() >= MOST_PROBLEMS
    }

    /// Notes that something else is expected.
    pub fn wrong_type(&mut self, place: &Place<'_>, expected: &str, hint: &str) {
        let message = format!("{} where {expected} is expected", place.node.value.kind());
        self.error(place, "wrong-type", message, hint);
    }
}

/// How many words are compared for a hint.
const MOST_WORDS: usize = 100;

/// How long a word may be for a hint, in bytes: a tag's key, for instance, has 128 characters.
const LONGEST_WORD: usize = 64;

/// The word that somebody may have meant.
pub fn did_you_mean<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    let words = words.into_iter().take(MOST_WORDS);
    words
        .filter(|known| known.len().abs_diff(word.len()) <= 1 + known.len() / 5)
        .map(|known| (strsim::osa_distance(&plain(word), &plain(known)), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 5)
        .min()
        .map(|(_, known)| known)
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
