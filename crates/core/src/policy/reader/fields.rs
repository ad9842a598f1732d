//! Reads the fields of maps whose fields have names.

use std::collections::BTreeSet;

use super::{NodeReader, NodeRef, Reported};
use crate::policy::node::{Field, Value};
use crate::spelling::did_you_mean;

/// The number of fields up to which duplicates are found by comparing each pair, and among which a
/// misspelled one is sought.
const FEW_FIELDS: usize = 16;

#[expect(
    clippy::missing_errors_doc,
    reason = "`Reported` has one meaning, and its type documents it"
)]
impl NodeReader {
    /// Returns the fields of a map with these names. Reports other fields.
    pub fn fields<'a, const N: usize>(
        &mut self,
        node: &NodeRef<'a>,
        names: [&str; N],
    ) -> Result<[Option<NodeRef<'a>>; N], Reported> {
        let Value::Fields(fields) = &node.node.value else {
            let hint = fields_hint(names);
            return Err(self.wrong_type(node, "a map", &hint));
        };
        self.check_duplicates(fields);
        for field in unknown(fields, names) {
            let message = format!("the field `{}` is unknown", field.key);
            let hint = self.hint(|| match did_you_mean(&field.key, names) {
                Some(name) => format!("did you mean `{name}`?"),
                None => fields_hint(names),
            });
            self.error(&NodeRef::at_key(field), "unknown-field", message, &hint);
        }
        let find = |name: &str| fields.iter().find(|field| field.key == name);
        Ok(names.map(|name| find(name).map(|field| NodeRef::of(&field.node))))
    }

    /// Returns [`Reported`] if [`Self::fields`] has reported unknown fields. One of them may be a
    /// misspelling of a missing field.
    #[must_use]
    pub fn reported_unknown<const N: usize>(
        node: &NodeRef<'_>,
        names: [&str; N],
    ) -> Option<Reported> {
        match &node.node.value {
            Value::Fields(fields) => unknown(fields, names).next().map(|_| Reported(())),
            _ => None,
        }
    }

    /// Returns the only field that a map may have. An unknown field in its place is the only problem.
    pub fn only_field<'a>(
        &mut self,
        node: &NodeRef<'a>,
        name: &str,
        hint: &str,
    ) -> Result<NodeRef<'a>, Reported> {
        let [field] = self.fields(node, [name])?;
        match (field, Self::reported_unknown(node, [name])) {
            (None, Some(reported)) => Err(reported),
            _ => self.required(field, node, name, hint),
        }
    }

    /// Returns a field, or reports that it is missing. A field whose name resembles it has been reported
    /// as unknown.
    pub fn required<'a>(
        &mut self,
        field: Option<NodeRef<'a>>,
        parent: &NodeRef<'a>,
        name: &str,
        hint: &str,
    ) -> Result<NodeRef<'a>, Reported> {
        field.ok_or_else(|| {
            if is_misspelled(parent, name) {
                return Reported(());
            }
            let message = format!("the field `{name}` is missing");
            self.error(parent, "missing-field", message, hint)
        })
    }

    /// Reports keys that occur more than once in a map.
    pub(super) fn check_duplicates(&mut self, fields: &[Field<'_>]) {
        let mut seen = BTreeSet::new();
        for (index, field) in fields.iter().enumerate() {
            // For a few keys, comparing is faster than a set. For long maps, it is quadratic.
            let is_repeated = if fields.len() <= FEW_FIELDS {
                fields[..index].iter().any(|other| other.key == field.key)
            } else {
                !seen.insert(field.key.as_ref())
            };
            if is_repeated {
                let message = format!("duplicate field `{}`", field.key);
                let hint = "keep one of them";
                self.error(&NodeRef::at_key(field), "repeated-field", message, hint);
            }
        }
    }
}

fn unknown<'a, const N: usize>(
    fields: &'a [Field<'a>],
    names: [&str; N],
) -> impl Iterator<Item = &'a Field<'a>> {
    fields
        .iter()
        .filter(move |field| !names.contains(&field.key.as_ref()))
}

/// Returns whether one of the first fields of a map has a name that resembles this one.
fn is_misspelled(map: &NodeRef<'_>, name: &str) -> bool {
    match &map.node.value {
        Value::Fields(fields) => fields
            .iter()
            .take(FEW_FIELDS)
            .any(|field| did_you_mean(&field.key, [name]).is_some()),
        _ => false,
    }
}

fn fields_hint<const N: usize>(names: [&str; N]) -> String {
    let those = if N == 1 {
        "the only field is"
    } else {
        "the fields are"
    };
    format!("{those} {}", quoted(names))
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
