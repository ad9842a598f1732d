//! Builds the tree from the parser's events. Nothing recurses, so no document exhausts the stack.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use granit_parser::{Event, ScalarStyle, Tag};

use super::{Field, Node, Position, Value};

/// How many nodes aliases may repeat: enough for real policies, quick to refuse for a bomb.
const REPEATED_NODES: usize = 100_000;

/// A repeated text counts as one more node for so many bytes, because it may have to be copied.
const BYTES_OF_A_NODE: usize = 100;

/// How deep lists and maps may nest, after aliases are followed. A policy needs seven levels; what
/// walks the tree later may recurse.
const DEEPEST_NESTING: usize = 16;

/// How YAML's core schema writes nothing, if the text is one of these ways.
fn null(text: &str) -> Option<&'static str> {
    match text {
        "" => Some(""),
        "~" => Some("~"),
        "null" => Some("null"),
        "Null" => Some("Null"),
        "NULL" => Some("NULL"),
        _ => None,
    }
}

/// Why a document is no tree.
pub(super) struct Fault {
    pub(super) position: Position,
    pub(super) message: String,
}

type Outcome = Result<(), Fault>;

fn fault<T>(position: Position, message: impl Into<String>) -> Result<T, Fault> {
    let message = message.into();
    Err(Fault { position, message })
}

/// The lists and maps that are open, and what aliases may refer to.
#[derive(Default)]
pub(super) struct Builder<'t> {
    open: Vec<Open<'t>>,
    /// The items of all open lists, and the fields of all open maps. Each list and map takes its own
    /// from the end when it closes, so that they are allocated only once.
    items: Vec<Node<'t>>,
    fields: Vec<Field<'t>>,
    anchors: HashMap<usize, Complete<'t>>,
    repeated_nodes: usize,
    documents: usize,
    root: Option<Node<'t>>,
}

/// A list or map whose end has not come yet.
struct Open<'t> {
    position: Position,
    anchor: usize,
    size: usize,
    height: usize,
    content: Content<'t>,
}

enum Content<'t> {
    /// From this item on.
    List(usize),
    /// From this field on.
    Map(usize, Map<'t>),
}

#[derive(Default)]
struct Map<'t> {
    /// The maps that the key `<<` names.
    merged: Vec<Node<'t>>,
    has_merged: bool,
    /// The key whose value comes next.
    key: Option<Key<'t>>,
}

struct Key<'t> {
    position: Position,
    text: Cow<'t, str>,
    merges: bool,
}

/// A node, and how much it repeats if an alias names it.
#[derive(Clone)]
struct Complete<'t> {
    node: Node<'t>,
    size: usize,
    height: usize,
}

impl<'t> Builder<'t> {
    /// Takes the next event, which begins at the position.
    pub(super) fn take(&mut self, event: Event<'t>, position: Position) -> Outcome {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return fault(position, "there is more than one document");
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let complete = scalar(text, style, tag.as_deref(), position)?;
                self.complete(complete, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                collection_tag(tag.as_deref(), "seq", position)?;
                self.begin(Content::List(self.items.len()), anchor, position)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                collection_tag(tag.as_deref(), "map", position)?;
                let map = Content::Map(self.fields.len(), Map::default());
                self.begin(map, anchor, position)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            Event::Alias(anchor) => self.repeat(anchor, position)?,
            // Comments and the marks of the stream.
            _ => {}
        }
        Ok(())
    }

    /// The tree. A document without any node holds nothing.
    pub(super) fn finish(self) -> Node<'t> {
        self.root.unwrap_or(Node {
            position: Position::FIRST,
            is_plain: true,
            value: Value::Nothing(""),
        })
    }

    fn begin(&mut self, content: Content<'t>, anchor: usize, position: Position) -> Outcome {
        self.fits(1, position)?;
        self.open.push(Open {
            position,
            anchor,
            size: 1,
            height: 1,
            content,
        });
        Ok(())
    }

    fn fits(&self, height: usize, position: Position) -> Outcome {
        if self.open.len() + height > DEEPEST_NESTING {
            let message = format!("lists and maps nest more than {DEEPEST_NESTING} deep");
            return fault(position, message);
        }
        Ok(())
    }

    fn end(&mut self) -> Outcome {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.content {
            Content::List(start) => Value::List(self.items.drain(start..).collect()),
            Content::Map(start, map) => {
                map.merge_into(start, &mut self.fields);
                Value::Fields(self.fields.drain(start..).collect())
            }
        };
        let complete = Complete {
            node: Node {
                position: open.position,
                is_plain: false,
                value,
            },
            size: open.size,
            height: open.height,
        };
        self.complete(complete, open.anchor)
    }

    fn repeat(&mut self, anchor: usize, position: Position) -> Outcome {
        let Some(complete) = self.anchors.get(&anchor).cloned() else {
            return fault(position, "the alias stands within what it repeats");
        };
        self.repeated_nodes += complete.size;
        if self.repeated_nodes > REPEATED_NODES {
            let message =
                "the document repeats too much by aliases; say once what many rules share";
            return fault(position, message);
        }
        self.fits(complete.height, position)?;
        self.complete(complete, 0)
    }

    /// Puts a node where it belongs; `anchor` is zero if no alias can name it.
    fn complete(&mut self, complete: Complete<'t>, anchor: usize) -> Outcome {
        if anchor != 0 {
            self.anchors.insert(anchor, complete.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(complete.node);
            return Ok(());
        };
        open.size += complete.size;
        open.height = open.height.max(complete.height + 1);
        match &mut open.content {
            Content::List(_) => self.items.push(complete.node),
            Content::Map(_, map) => {
                if let Some(field) = map.take(complete.node)? {
                    self.fields.push(field);
                }
            }
        }
        Ok(())
    }
}

impl<'t> Map<'t> {
    /// Takes a key or a value; the value makes a field of both.
    fn take(&mut self, node: Node<'t>) -> Result<Option<Field<'t>>, Fault> {
        match self.key.take() {
            None => {
                let text = match node.value {
                    Value::Text(text) => text,
                    Value::Nothing(written) => Cow::Borrowed(written),
                    other => {
                        let message = format!("{} where a key is expected", other.kind());
                        return fault(node.position, message);
                    }
                };
                self.key = Some(Key {
                    position: node.position,
                    merges: node.is_plain && text == "<<",
                    text,
                });
                Ok(None)
            }
            Some(key) if key.merges && self.has_merged => {
                fault(key.position, "`<<` is written twice; merge a list of maps")
            }
            Some(key) if key.merges => self.merge(node).map(|()| None),
            Some(key) => Ok(Some(Field {
                key: key.text,
                position: key.position,
                node,
            })),
        }
    }

    fn merge(&mut self, node: Node<'t>) -> Outcome {
        self.has_merged = true;
        match &node.value {
            Value::Fields(_) => self.merged.push(node),
            Value::List(maps) => {
                for map in maps.iter() {
                    if !matches!(map.value, Value::Fields(_)) {
                        let kind = map.value.kind();
                        return fault(map.position, format!("`<<` merges maps, not {kind}"));
                    }
                    self.merged.push(map.clone());
                }
            }
            other => {
                let kind = other.kind();
                return fault(node.position, format!("`<<` merges maps, not {kind}"));
            }
        }
        Ok(())
    }

    /// Adds those merged fields that the map does not have itself. Keys that are written twice stay,
    /// so that they can be reported.
    fn merge_into(self, start: usize, fields: &mut Vec<Field<'t>>) {
        if self.merged.is_empty() {
            return;
        }
        let own = fields[start..].iter().map(|field| field.key.clone());
        let mut keys: HashSet<Cow<'t, str>> = own.collect();
        for map in self.merged {
            if let Value::Fields(merged) = map.value {
                let new = merged.iter().filter(|field| !keys.contains(&field.key));
                fields.extend(new.cloned());
                keys.extend(merged.iter().map(|field| field.key.clone()));
            }
        }
    }
}

fn scalar<'t>(
    text: Cow<'t, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
    position: Position,
) -> Result<Complete<'t>, Fault> {
    let null = null(&text);
    let is_plain = style == ScalarStyle::Plain;
    let (is_plain, nothing) = match tag.map(Tag::core_suffix) {
        None => (is_plain, null.filter(|_| is_plain)),
        Some(Some("str")) => (false, None),
        Some(Some("bool" | "int" | "float")) => (true, None),
        Some(Some("null")) if null.is_some() => (true, null),
        Some(_) => return wrong_tag(tag, position),
    };
    let size = 1 + text.len() / BYTES_OF_A_NODE;
    let value = match nothing {
        Some(written) => Value::Nothing(written),
        None => Value::Text(text),
    };
    Ok(Complete {
        node: Node {
            position,
            is_plain,
            value,
        },
        size,
        height: 0,
    })
}

fn collection_tag(tag: Option<&Tag>, expected: &str, position: Position) -> Outcome {
    match tag.map(Tag::core_suffix) {
        None => Ok(()),
        Some(Some(suffix)) if suffix == expected => Ok(()),
        Some(_) => wrong_tag(tag, position),
    }
}

fn wrong_tag<T>(tag: Option<&Tag>, position: Position) -> Result<T, Fault> {
    let tag = tag.map(Tag::original).unwrap_or_default();
    let message = format!("the tag `{tag}` has no meaning here");
    fault(position, message)
}
