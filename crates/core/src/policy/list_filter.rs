use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Policy, ReplicateTo, Rule, When};

/// A filter for `ListSecrets` that includes all secrets that the policy covers. It may include others.
///
/// Both filters match prefixes and are case-sensitive. A value may not contain a comma, a leading `!`
/// negates it, and a filter has at most ten values (Secrets Manager API reference, `Filter`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListFilter {
    /// Secrets that have a tag with one of these keys.
    TagKeys(BTreeSet<String>),
    /// Secrets whose name begins with one of these texts.
    NamePrefixes(BTreeSet<String>),
}

/// The maximum number of values in a filter.
const MOST_VALUES: usize = 10;

impl Policy {
    /// Returns a filter by tag keys or, if that is not possible, by name prefixes. `None` if neither
    /// includes all covered secrets.
    #[must_use]
    pub fn list_filter(&self) -> Option<ListFilter> {
        let covering = || self.rules.iter().filter(|rule| rule.replicate.is_some());
        let by_tag = covering().map(|rule| Some(BTreeSet::from([tag_of(rule)?])));
        if let Some(keys) = values(by_tag) {
            return Some(ListFilter::TagKeys(keys));
        }
        values(covering().map(prefixes_of)).map(ListFilter::NamePrefixes)
    }
}

/// Returns the values of all rules. `None` if a rule has none, or if a filter cannot contain them.
fn values(of_rules: impl Iterator<Item = Option<BTreeSet<String>>>) -> Option<BTreeSet<String>> {
    let of_rules: Vec<BTreeSet<String>> = of_rules.collect::<Option<_>>()?;
    let values: BTreeSet<String> = of_rules.into_iter().flatten().collect();
    let fits = |value: &String| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/=+@".contains(c);
        !value.is_empty() && value.chars().all(is_plain)
    };
    let usable = (1..=MOST_VALUES).contains(&values.len()) && values.iter().all(fits);
    usable.then_some(values)
}

/// Returns a tag key that every secret covered by the rule has.
fn tag_of(rule: &Rule) -> Option<String> {
    if let Some(ReplicateTo::Tag(key)) = rule.replicate.as_ref().map(|replicate| &replicate.to) {
        return Some(key.clone());
    }
    match &rule.when {
        When::All => None,
        When::Matches { only, .. } => only.tags.first().map(|(key, _)| key.to_string()),
    }
}

/// Returns prefixes that include the names of all secrets covered by the rule.
fn prefixes_of(rule: &Rule) -> Option<BTreeSet<String>> {
    match &rule.when {
        When::All => None,
        When::Matches { only, .. } => {
            let names = only.secret_name.as_ref()?;
            Some(names.literal_prefixes().map(str::to_owned).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::AllowedRegions;

    fn filter(rules: &str) -> Option<ListFilter> {
        let text = format!("version: 1\nrules: [{rules}]");
        let checked = crate::policy::check(&text, &AllowedRegions::Any).expect("a policy");
        checked.policy.list_filter()
    }

    fn set(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    const BY_TAG: &str = "{name: a, when: all, replicate-to: {tag: replicate-to}}";
    const BY_TIER: &str = "{name: b, when: {tags: {tier: '1'}}, replicate-to: eu-west-1}";
    const BY_NAME: &str =
        "{name: c, when: {secret-name: ['prod/*', db?]}, replicate-to: eu-west-1}";
    const ALL: &str = "{name: d, when: all, replicate-to: eu-west-1}";
    const FORBID: &str = "{name: e, when: all, forbid: eu-west-1}";

    #[test]
    fn tags_that_every_covered_secret_has_become_a_filter() {
        let filter = filter(&[BY_TAG, BY_TIER, FORBID].join(","));
        let keys = set(&["replicate-to", "tier"]);
        assert_eq!(filter, Some(ListFilter::TagKeys(keys)));
    }

    #[test]
    fn names_become_a_filter_up_to_their_first_wildcard() {
        let prefixes = set(&["prod/", "db"]);
        assert_eq!(filter(BY_NAME), Some(ListFilter::NamePrefixes(prefixes)));
    }

    #[test]
    fn rules_without_a_common_tag_or_name_have_no_filter() {
        assert_eq!(filter(&[BY_TAG, BY_NAME].join(",")), None);
        assert_eq!(filter(ALL), None);
        let any = "{name: f, when: {secret-name: '*db'}, replicate-to: eu-west-1}";
        assert_eq!(filter(any), None);
    }

    #[test]
    fn values_that_a_filter_cannot_have_are_not_filtered() {
        let comma = "{name: g, when: {tags: {'a,b': x}}, replicate-to: eu-west-1}";
        assert_eq!(filter(comma), None);
        let many: Vec<String> = (0..11)
            .map(|i| {
                format!("{{name: r{i}, when: {{tags: {{t{i}: x}}}}, replicate-to: eu-west-1}}")
            })
            .collect();
        assert_eq!(filter(&many.join(",")), None);
    }
}
