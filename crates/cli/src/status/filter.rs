use clap::Args;
use secret_replicator_core::secret::Secret;

use crate::coverage::{Coverage, State};

/// The options that select secrets and Regions.
#[derive(Args, Debug)]
pub(super) struct FilterOptions {
    /// Show only these states
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STATES")]
    only: Vec<State>,
    /// Show only secrets whose name begins with this text
    #[arg(long, value_name = "PREFIX", default_value = "")]
    name: String,
    /// Show only secrets that have this tag; repeat the option for several tags
    #[arg(long, value_name = "KEY[=VALUE]", value_parser = tag)]
    tag: Vec<(String, Option<String>)>,
}

/// Selects secrets and Regions.
pub(super) struct Filter<'a>(&'a FilterOptions);

impl FilterOptions {
    pub(super) fn get(&self) -> Filter<'_> {
        Filter(self)
    }
}

impl Filter<'_> {
    /// Returns the prefix of the names, if `ListSecrets` can filter by it.
    pub(super) fn name_prefix(&self) -> &str {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
        if self.0.name.chars().all(is_plain) {
            &self.0.name
        } else {
            ""
        }
    }

    /// Returns the options as on the command line. `None` if there are none.
    pub(super) fn selection(&self) -> Option<String> {
        let FilterOptions { only, name, tag } = self.0;
        let mut words = Vec::new();
        if !only.is_empty() {
            let states: Vec<String> = only.iter().map(|state| state.name()).collect();
            words.push(format!("--only {}", states.join(",")));
        }
        if !name.is_empty() {
            words.push(format!("--name {name}"));
        }
        words.extend(tag.iter().map(|(key, value)| match value {
            Some(value) => format!("--tag {key}={value}"),
            None => format!("--tag {key}"),
        }));
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// Returns whether the filter selects states.
    pub(super) fn has_states(&self) -> bool {
        !self.0.only.is_empty()
    }

    /// Returns the selected Regions of a secret. `None` if there is none.
    pub(super) fn apply(&self, secret: &Secret, mut coverage: Coverage) -> Option<Coverage> {
        let FilterOptions { only, name, tag } = self.0;
        let has_tag = |(key, value): &(String, Option<String>)| {
            let found = secret.tags.get(key);
            found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
        };
        if !secret.name.starts_with(name.as_str()) || !tag.iter().all(has_tag) {
            return None;
        }
        if !only.is_empty() {
            coverage.regions.retain(|cell| only.contains(&cell.state));
        }
        (!coverage.regions.is_empty()).then_some(coverage)
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
