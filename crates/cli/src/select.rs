//! The options that select secrets by name and tags.

use std::collections::BTreeMap;

use clap::Args;
use secret_replicator_core::failover::has_tags;

/// The options that select secrets.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SelectOptions {
    /// Select only secrets whose name begins with this text
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub(crate) name: String,
    /// Select only secrets that have this tag; repeat the option for several tags
    #[arg(long, value_name = "KEY[=VALUE]", value_parser = tag)]
    pub(crate) tag: Vec<(String, Option<String>)>,
}

impl SelectOptions {
    /// Returns the prefix of the names, if `ListSecrets` can filter by it.
    pub(crate) fn name_prefix(&self) -> &str {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
        if self.name.chars().all(is_plain) {
            &self.name
        } else {
            ""
        }
    }

    /// Returns the options as on the command line.
    pub(crate) fn words(&self) -> Vec<String> {
        let name = (!self.name.is_empty()).then(|| format!("--name {}", self.name));
        let tags = self.tag.iter().map(|(key, value)| match value {
            Some(value) => format!("--tag {key}={value}"),
            None => format!("--tag {key}"),
        });
        name.into_iter().chain(tags).collect()
    }

    /// Returns whether the options select a secret.
    pub(crate) fn selects(&self, name: &str, tags: &BTreeMap<String, String>) -> bool {
        name.starts_with(self.name.as_str()) && has_tags(tags, &self.tag)
    }
}

fn tag(text: &str) -> Result<(String, Option<String>), String> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (text, None),
    };
    if key.is_empty() {
        return Err("write the tag as KEY or KEY=VALUE".to_owned());
    }
    Ok((key.to_owned(), value))
}
