//! Compares the reader of documents with serde-saphyr: both read the same values.

use std::collections::BTreeMap;
use std::fmt;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use secret_replicator_core::policy::reader::{NodeReader, NodeRef, parse};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::NonFiniteFloatPolicy;

/// A document read by serde-saphyr, which does not keep the text of a number.
#[derive(Clone, Debug, PartialEq)]
enum Reference {
    Nothing,
    Text(String),
    Boolean(bool),
    Number,
    List(Vec<Reference>),
    Map(Vec<(String, Reference)>),
}

impl Reference {
    fn read(text: &str) -> Result<Self, String> {
        let options = serde_saphyr::options! {
            non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
            reject_unsupported_tags: true,
            strict_booleans: true,
        };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
    }

    /// Returns whether the node has the same value.
    fn is(&self, node: &NodeRef<'_>) -> bool {
        let mut reader = NodeReader::default();
        let text = reader.text_or_empty(node, "");
        let boolean = reader.boolean(node, "");
        match self {
            Self::Nothing => text.is_err() && !node.is_list() && !node.is_map(),
            Self::Text(expected) => text.is_ok_and(|text| text == expected) && boolean.is_err(),
            Self::Boolean(expected) => boolean.is_ok_and(|boolean| boolean == *expected),
            Self::Number => text.is_ok() && boolean.is_err(),
            Self::List(expected) => reader.list_or_empty(node, "").is_ok_and(|items| {
                items.len() == expected.len()
                    && items.zip(expected).all(|(item, own)| own.is(&item))
            }),
            Self::Map(expected) => reader.entries_or_none(node, "").is_ok_and(|entries| {
                let entries: Vec<_> = entries.collect();
                let find = |key: &str| entries.iter().find(|entry| entry.key == key);
                let same = |(key, value): &(String, Self)| {
                    find(key).is_some_and(|entry| value.is(&entry.value))
                };
                entries.len() == expected.len() && expected.iter().all(same)
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReferenceVisitor)
    }
}

struct ReferenceVisitor;

impl<'de> Visitor<'de> for ReferenceVisitor {
    type Value = Reference;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Reference, E> {
        Ok(Reference::Nothing)
    }

    fn visit_none<E>(self) -> Result<Reference, E> {
        Ok(Reference::Nothing)
    }

    fn visit_str<E>(self, text: &str) -> Result<Reference, E> {
        Ok(Reference::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Reference, E> {
        Ok(Reference::Boolean(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Reference, E> {
        Ok(Reference::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Reference, E> {
        Ok(Reference::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Reference, E> {
        Ok(Reference::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Reference, E> {
        Ok(Reference::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Reference, E> {
        Ok(Reference::Number)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Reference, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Reference::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Reference, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            fields.push(entry);
        }
        Ok(Reference::Map(fields))
    }
}

/// A generated document.
#[derive(Clone, Debug)]
enum Written {
    Scalar(String),
    List(Vec<Written>),
    Map(BTreeMap<String, Written>),
}

fn written() -> impl Strategy<Value = Written> {
    let plain =
        "[a-z][a-zA-Z0-9 _/.-]{0,8}[a-z]|[0-9]{1,4}|-?[0-9]\\.[0-9]{2}|true|no|~|null|NULL|0x1F";
    let scalar = prop_oneof![
        4 => plain,
        1 => "\"([a-zü *&!%@:,#{}]|\\\\n|\\\\u00e9){0,8}\"",
        1 => "'([a-zü *&!%@:,#{}\"]|''){0,8}'",
        1 => "!!str [0-9]{1,3}|!!int [1-9][0-9]{0,2}|!!str ~|!!str true|!!bool true",
    ];
    let leaf = scalar.prop_map(Written::Scalar);
    leaf.prop_recursive(4, 40, 5, |inner| {
        let key = "[a-z]{1,3}|\"[A-Zü: ]{1,4}\"|[0-9]{1,2}|true";
        prop_oneof![
            2 => vec(inner.clone(), 0..5).prop_map(Written::List),
            3 => btree_map(key, inner, 0..5).prop_map(Written::Map),
        ]
    })
}

impl Written {
    fn flow(&self) -> String {
        match self {
            Self::Scalar(text) => text.clone(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::flow).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(entries) => format!("{{{}}}", Self::entries(entries).join(", ")),
        }
    }

    fn entries(entries: &BTreeMap<String, Self>) -> Vec<String> {
        let entries = entries
            .iter()
            .map(|(key, value)| format!("{key}: {}", value.flow()));
        entries.collect()
    }

    /// Formats the document, with one line per item of the outermost list or map.
    fn document(&self) -> String {
        match self {
            Self::List(items) if !items.is_empty() => {
                let items = items.iter().map(|item| format!("- {}\n", item.flow()));
                items.collect()
            }
            Self::Map(entries) if !entries.is_empty() => {
                let lines = Self::entries(entries).into_iter();
                lines.map(|line| line + " # why\n").collect()
            }
            other => other.flow(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn both_readers_read_the_same(node in written()) {
        let text = node.document();
        let reference = Reference::read(&text);
        match parse(&text) {
            Ok(own) => {
                let reference =
                    reference.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
                prop_assert!(reference.is(&NodeRef::of(&own)), "{text}\n{own:#?}\n{reference:#?}");
            }
            Err(problem) => prop_assert!(reference.is_err(), "{problem}\n{text}"),
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-?:,\\[\\]{}&*!|>'\"%@`#a<~ \n\t\u{feff}]{0,40}") {
        let _ = parse(&text);
    }
}
