//! Paths from the root of a document to its nodes, for instance `rules[0].when.tags`.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::node::{Node, Value};

/// Identifies a node by its address. A borrow of the tree keeps the address valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity(*const ());

impl Identity {
    pub(super) fn of(node: &Node<'_>) -> Self {
        Self(std::ptr::from_ref(node).cast())
    }
}

/// Returns the paths of these nodes, found in one walk.
///
/// Only nodes with a problem need a path. Storing a path in every node would cost more than parsing the
/// document.
pub(super) fn paths(
    root: &Node<'_>,
    nodes: impl Iterator<Item = Identity>,
) -> HashMap<Identity, String> {
    let mut walk = Walk {
        wanted: nodes.collect(),
        found: HashMap::new(),
    };
    walk.visit(root, &mut String::new());
    walk.found
}

struct Walk {
    wanted: HashSet<Identity>,
    found: HashMap<Identity, String>,
}

impl Walk {
    /// Recurses no deeper than documents may nest.
    fn visit(&mut self, node: &Node<'_>, path: &mut String) {
        if self.found.len() == self.wanted.len() {
            return;
        }
        let identity = Identity::of(node);
        if self.wanted.contains(&identity) {
            self.found.insert(identity, path.clone());
        }
        let length = path.len();
        match &node.value {
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    // Writing to a `String` never fails.
                    let _ = write!(path, "[{index}]");
                    self.visit(item, path);
                    path.truncate(length);
                }
            }
            Value::Fields(fields) => {
                for field in fields {
                    path.push_str(if length == 0 { "" } else { "." });
                    path.push_str(&field.key);
                    self.visit(&field.node, path);
                    path.truncate(length);
                }
            }
            Value::Nothing(_) | Value::Text(_) => {}
        }
    }
}
