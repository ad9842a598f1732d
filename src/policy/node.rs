//! A YAML or JSON document as a tree in which every node knows its place.
//!
//! Reading straight into the policy's types would stop at the first problem; the tree lets
//! [`super::document`] report all of them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{
    DuplicateKeyPolicy, MessageFormatter as _, NonFiniteFloatPolicy, Spanned, UserMessageFormatter,
};

use super::problem::{Problem, Severity};

/// The largest document read, in bytes.
const LARGEST_DOCUMENT: usize = 1024 * 1024;

/// How many nodes aliases may repeat: enough for real policies, quick to refuse for a bomb.
const ALIASED_NODES: usize = 10_000;

/// How deep lists and maps may nest. A policy needs seven levels; the reader recurses, so the
/// stack sets the limit.
const DEEPEST_NESTING: usize = 16;

/// A node and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) value: Value,
    /// Whether it is a number or a boolean, written without quotes.
    pub(super) is_plain: bool,
}

/// What a node holds. A scalar is the text as it is written in the document: an unquoted `0`,
/// `1.10` or `yes` is the text `0`, `1.10` or `yes`.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Nothing,
    Text(String),
    List(Vec<Node>),
    Fields(Vec<Field>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) node: Node,
}

impl Value {
    /// The kind of the value, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Fields(_) => "a map",
        }
    }
}

/// Reads a document.
pub(super) fn parse(text: &str) -> Result<Node, Problem> {
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
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        reject_unsupported_tags: true,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIASED_NODES },
        budget: serde_saphyr::budget! { max_depth: DEEPEST_NESTING },
    };
    serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options)
        .map(|raw| locate(raw, text))
        .map_err(|error| not_yaml(&error))
}

fn not_yaml(error: &serde_saphyr::Error) -> Problem {
    let location = error.location();
    Problem {
        severity: Severity::Error,
        path: String::new(),
        line: location.map_or(1, |location| location.line()),
        column: location.map_or(1, |location| location.column()),
        code: "not-yaml",
        message: in_words(error.without_snippet()),
        hint: "the policy is one YAML or JSON document; see policy.yaml for an example".to_owned(),
    }
}

fn in_words(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    match error {
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "the document nests too deeply, or repeats too much by aliases".to_owned()
        }
        _ => UserMessageFormatter.format_message(error).into_owned(),
    }
}

/// A node as the deserializer sees it. It says of a number or a boolean only what it means, so its
/// text is taken from the document afterwards.
enum Raw {
    Nothing,
    Text(String),
    Plain,
    List(Vec<Spanned<Raw>>),
    Fields(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn locate(raw: Spanned<Raw>, document: &str) -> Node {
    let is_plain = matches!(raw.value, Raw::Plain);
    let value = match raw.value {
        Raw::Nothing => Value::Nothing,
        Raw::Text(text) => Value::Text(text),
        Raw::Plain => {
            let span = raw.defined.span();
            let place = span
                .byte_offset()
                .zip(span.byte_len())
                .and_then(|(start, length)| {
                    Some(usize::try_from(start).ok()?..usize::try_from(start + length).ok()?)
                });
            let text = place
                .and_then(|place| document.get(place))
                .unwrap_or_default();
            // Quotes stand here only beside a tag: `!!int "1"`.
            Value::Text(text.trim().trim_matches(['"', '\'']).to_owned())
        }
        Raw::List(items) => Value::List(
            items
                .into_iter()
                .map(|item| locate(item, document))
                .collect(),
        ),
        Raw::Fields(fields) => Value::Fields(
            fields
                .into_iter()
                .map(|(key, value)| Field {
                    line: key.referenced.line(),
                    column: key.referenced.column(),
                    key: key.value,
                    node: locate(value, document),
                })
                .collect(),
        ),
    };
    Node {
        line: raw.referenced.line(),
        column: raw.referenced.column(),
        value,
        is_plain,
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            fields.push(entry);
        }
        Ok(Raw::Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<'a>(node: &'a Node, name: &str) -> &'a Field {
        let Value::Fields(fields) = &node.value else {
            panic!("not a map")
        };
        fields.iter().find(|field| field.key == name).unwrap()
    }

    fn text<'a>(node: &'a Node, name: &str) -> &'a str {
        let Value::Text(text) = &field(node, name).node.value else {
            panic!("not text")
        };
        text
    }

    #[test]
    fn unquoted_numbers_and_booleans_are_taken_as_they_are_written() {
        let document = "a: 0\nb: 1.10\nc: true\nd: 007\ne: yes\nf: 0x1F\ng: \"1\"\nh: 1_000 # c\n\
                        i: -5\nj: .inf\nk: 123456789012345678901234567890\nl: {m: 0.50}\n";
        let node = parse(document).unwrap();
        let expected = [
            ("a", "0"),
            ("b", "1.10"),
            ("c", "true"),
            ("d", "007"),
            ("e", "yes"),
            ("f", "0x1F"),
            ("g", "1"),
            ("h", "1_000"),
            ("i", "-5"),
            ("j", ".inf"),
            ("k", "123456789012345678901234567890"),
        ];
        for (key, value) in expected {
            assert_eq!(text(&node, key), value, "{key}");
        }
        assert_eq!(text(&field(&node, "l").node, "m"), "0.50");
    }

    #[test]
    fn every_node_knows_its_line_and_column() {
        let node = parse("a:\n  - b\n  - {c: 1}\n").unwrap();
        let a = field(&node, "a");
        assert_eq!((a.line, a.column), (1, 1));
        let Value::List(items) = &a.node.value else {
            panic!("not a list")
        };
        assert_eq!((items[0].line, items[0].column), (2, 5));
        let c = field(&items[1], "c");
        assert_eq!((c.line, c.column, c.node.column), (3, 6, 9));
    }

    #[test]
    fn json_is_yaml_too() {
        let node = parse("{\"a\": 1,\n\t\"b\": [\"x\"]}").unwrap();
        assert_eq!(text(&node, "a"), "1");
    }

    #[test]
    fn repeated_keys_stay_visible() {
        let Value::Fields(fields) = parse("a: 1\na: 2\n").unwrap().value else {
            panic!("no map")
        };
        assert_eq!(fields.len(), 2);
    }

    #[test]
    fn what_is_no_yaml_is_one_problem_with_its_place() {
        let problem = parse("version: 1\nrules: [\n").unwrap_err();
        assert_eq!(problem.code, "not-yaml");
        assert!(problem.line >= 2, "{problem}");
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut lines = vec!["a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned()];
        lines.extend((1..12).map(|level| {
            let below = format!("*a{}, ", level - 1).repeat(10);
            format!("a{level}: &a{level} [{below}]")
        }));
        assert_eq!(parse(&lines.join("\n")).unwrap_err().code, "not-yaml");
    }

    #[test]
    fn a_tag_that_yaml_does_not_define_is_refused_rather_than_ignored() {
        let problem = parse("a: !secret b\n").unwrap_err();
        assert_eq!((problem.code, problem.column), ("not-yaml", 12));
        assert_eq!(text(&parse("a: !!int \"1\"\n").unwrap(), "a"), "1");
    }

    #[test]
    fn deep_nesting_is_refused_before_it_exhausts_the_stack() {
        for text in [
            "- ".repeat(100_000),
            "? ".repeat(100_000),
            "[".repeat(100_000),
        ] {
            assert_eq!(parse(&text).unwrap_err().code, "not-yaml");
        }
    }

    #[test]
    fn a_document_of_many_megabytes_is_refused_unread() {
        assert_eq!(
            parse(&"a".repeat(LARGEST_DOCUMENT + 1)).unwrap_err().code,
            "document-too-large"
        );
    }
}
