//! The reader, compared with a second one: serde-saphyr reads the same values.

use std::collections::BTreeMap;
use std::fmt;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::NonFiniteFloatPolicy;

use super::{Node, Value, parse};

/// What both readers say of a node. Of a number or a boolean, the second one knows no text.
#[derive(Clone, Debug, PartialEq)]
enum Twin {
    Nothing,
    Text(String),
    NumberOrBoolean,
    List(Vec<Twin>),
    Map(Vec<(String, Twin)>),
}

impl Twin {
    fn is_of(&self, node: &Node<'_>) -> bool {
        match (self, &node.value) {
            (Self::Nothing, Value::Nothing(_)) => true,
            (Self::Text(text), Value::Text(own)) => text == own,
            (Self::NumberOrBoolean, Value::Text(_)) => node.is_plain,
            (Self::List(items), Value::List(own)) => {
                items.len() == own.len() && items.iter().zip(own.iter()).all(|(a, b)| a.is_of(b))
            }
            (Self::Map(entries), Value::Fields(own)) => {
                let find = |key: &str| own.iter().find(|field| field.key == key);
                let same = |(key, value): &(String, Self)| {
                    find(key).is_some_and(|field| value.is_of(&field.node))
                };
                entries.len() == own.len() && entries.iter().all(same)
            }
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Twin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TwinVisitor)
    }
}

struct TwinVisitor;

impl<'de> Visitor<'de> for TwinVisitor {
    type Value = Twin;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Twin, E> {
        Ok(Twin::Nothing)
    }

    fn visit_none<E>(self) -> Result<Twin, E> {
        Ok(Twin::Nothing)
    }

    fn visit_str<E>(self, text: &str) -> Result<Twin, E> {
        Ok(Twin::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Twin, E> {
        Ok(Twin::NumberOrBoolean)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Twin, E> {
        Ok(Twin::NumberOrBoolean)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Twin, E> {
        Ok(Twin::NumberOrBoolean)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Twin, E> {
        Ok(Twin::NumberOrBoolean)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Twin, E> {
        Ok(Twin::NumberOrBoolean)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Twin, E> {
        Ok(Twin::NumberOrBoolean)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Twin, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Twin::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Twin, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            fields.push(entry);
        }
        Ok(Twin::Map(fields))
    }
}

/// A document to be written.
#[derive(Clone, Debug)]
enum Written {
    Scalar(String),
    List(Vec<Written>),
    Map(BTreeMap<String, Written>),
    Anchored(Box<Written>),
    /// What the last anchor names, if there is one.
    Again,
    /// A map that merges the last map with an anchor, if there is one.
    Merging(BTreeMap<String, Written>),
}

fn written() -> impl Strategy<Value = Written> {
    let plain =
        "[a-z][a-zA-Z0-9 _/.-]{0,8}[a-z]|[0-9]{1,4}|-?[0-9]\\.[0-9]{2}|true|no|~|null|NULL|0x1F";
    let scalar = prop_oneof![
        4 => plain,
        1 => "\"([a-zü *&!%@:,#{}]|\\\\n|\\\\u00e9){0,8}\"",
        1 => "'([a-zü *&!%@:,#{}\"]|''){0,8}'",
        1 => "!!str [0-9]{1,3}|!!int [1-9][0-9]{0,2}|!!str ~|!!bool true",
    ];
    let leaf = prop_oneof![8 => scalar.prop_map(Written::Scalar), 1 => Just(Written::Again)];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let key = "[a-z]{1,3}|\"[A-Zü: ]{1,4}\"|[0-9]{1,2}|true";
        let map = btree_map(key, inner.clone(), 0..5);
        prop_oneof![
            2 => vec(inner.clone(), 0..5).prop_map(Written::List),
            3 => map.clone().prop_map(Written::Map),
            1 => inner.prop_map(|node| Written::Anchored(Box::new(node))),
            1 => map.prop_map(Written::Merging),
        ]
    })
}

#[derive(Default)]
struct Writer {
    anchors: usize,
    last: Option<usize>,
    last_map: Option<usize>,
}

impl Writer {
    fn flow(&mut self, node: &Written) -> String {
        match node {
            Written::Scalar(text) => text.clone(),
            Written::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Written::Map(entries) => format!("{{{}}}", self.entries(entries).join(", ")),
            Written::Merging(entries) => {
                let merged = self.last_map.map(|anchor| format!("<<: *a{anchor}"));
                let mut fields = self.entries(entries);
                fields.extend(merged);
                format!("{{{}}}", fields.join(", "))
            }
            Written::Anchored(node) if matches!(**node, Written::Anchored(_) | Written::Again) => {
                self.flow(node)
            }
            Written::Anchored(node) => {
                self.anchors += 1;
                let anchor = self.anchors;
                let text = format!("&a{anchor} {}", self.flow(node));
                self.last = Some(anchor);
                if matches!(**node, Written::Map(_) | Written::Merging(_)) {
                    self.last_map = Some(anchor);
                }
                text
            }
            Written::Again => self
                .last
                .map_or("~".to_owned(), |anchor| format!("*a{anchor} ")),
        }
    }

    fn entries(&mut self, entries: &BTreeMap<String, Written>) -> Vec<String> {
        let entries = entries
            .iter()
            .map(|(key, value)| format!("{key}: {}", self.flow(value)));
        entries.collect()
    }

    /// The outermost list or map in lines of its own.
    fn document(&mut self, node: &Written) -> String {
        let lines: Vec<_> = match node {
            Written::List(items) if !items.is_empty() => {
                let items = items.iter().map(|item| format!("- {}\n", self.flow(item)));
                items.collect()
            }
            Written::Map(entries) if !entries.is_empty() => {
                let lines = self.entries(entries).into_iter();
                lines.map(|line| line + " # why\n").collect()
            }
            node => vec![self.flow(node)],
        };
        lines.concat()
    }
}

fn twin(text: &str) -> Result<Twin, String> {
    let options = serde_saphyr::options! {
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        reject_unsupported_tags: true,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn both_readers_read_the_same(node in written()) {
        let text = Writer::default().document(&node);
        let twin = twin(&text);
        match parse(&text) {
            Ok(own) => {
                let twin = twin.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
                prop_assert!(twin.is_of(&own), "{text}\n{own:#?}\n{twin:#?}");
            }
            Err(problem) => prop_assert!(twin.is_err(), "{problem}\n{text}"),
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-?:,\\[\\]{}&*!|>'\"%@`#a<~ \n\t\u{feff}]{0,40}") {
        let _ = parse(&text);
    }
}
