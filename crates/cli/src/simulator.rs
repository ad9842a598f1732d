//! The context of calls in IAM's policy simulator.

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum};

/// The value of a condition key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// The condition key.
    pub(crate) key: &'static str,
    /// The value.
    pub(crate) value: ContextValue,
}

/// A value with its type in the simulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContextValue {
    /// A text.
    Text(String),
    /// A list of texts.
    #[cfg(feature = "doctor")]
    List(Vec<String>),
    /// A Boolean.
    #[cfg(feature = "doctor")]
    Boolean(bool),
}

/// Returns the context entry of a condition key.
pub(crate) fn entry(context: &Context) -> ContextEntry {
    let (kind, values) = match &context.value {
        ContextValue::Text(text) => (ContextKeyTypeEnum::String, vec![text.clone()]),
        #[cfg(feature = "doctor")]
        ContextValue::List(list) => (ContextKeyTypeEnum::StringList, list.clone()),
        #[cfg(feature = "doctor")]
        ContextValue::Boolean(value) => (ContextKeyTypeEnum::Boolean, vec![value.to_string()]),
    };
    ContextEntry::builder()
        .context_key_name(context.key)
        .context_key_type(kind)
        .set_context_key_values(Some(values))
        .build()
}
