//! The filters of `ListSecrets`.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;

use super::ApiError;
use super::request::RawFilter;
use super::secret::Secret;

/// The maximum number of filters in a request, and of values in a filter \[doc\].
const LIMIT: usize = 10;

/// One filter. A secret must pass all filters of a request.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    attribute: Attribute,
    /// Prefixes or words. A leading `!` negates one.
    values: &'a [String],
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Attribute {
    All,
    Description,
    Name,
    OwningService,
    PrimaryRegion,
    TagKey,
    TagValue,
}

impl<'a> Filter<'a> {
    /// Checks the filters of a request.
    pub(super) fn parse_all(raw: &'a [RawFilter]) -> Result<Vec<Filter<'a>>, ApiError> {
        if raw.len() > LIMIT {
            return Err(ApiError::constraint(
                "'[...]'",
                "filters",
                "Member must have length less than or equal to 10",
            ));
        }
        raw.iter().map(Filter::parse).collect()
    }

    fn parse(raw: &'a RawFilter) -> Result<Filter<'a>, ApiError> {
        // A filter without key or values [infer: moto].
        let invalid = |what: &str| ApiError::invalid_parameter(format!("Invalid filter {what}"));
        let name = raw.key.as_deref().ok_or_else(|| invalid("key"))?;
        let attribute = Attribute::deserialize(name.into_deserializer()).map_err(|_: Error| {
            ApiError::constraint(
                &format!("'{name}'"),
                "filters.1.member.key",
                "Member must satisfy enum value set: [all, description, name, owning-service, \
                 primary-region, tag-key, tag-value]",
            )
        })?;
        let values = raw.values.as_deref();
        let values = values.ok_or_else(|| invalid(&format!("values for key: {name}")))?;
        if values.len() > LIMIT || !values.iter().all(|value| is_allowed(value)) {
            return Err(ApiError::constraint(
                "'[...]'",
                "filters.1.member.values",
                "Member must satisfy constraint: [Member must have length less than or equal to \
                 512, Member must satisfy regular expression pattern: \
                 ^\\!?[a-zA-Z0-9 :_@\\/\\+\\=\\.\\-\\!]*$]",
            ));
        }
        Ok(Filter { attribute, values })
    }

    /// Returns whether a secret passes: at least one positive value matches, if there are any, and
    /// no negated value matches. AWS does not document how one filter combines the two \[infer\].
    pub(super) fn passes(&self, secret: &Secret) -> bool {
        let is_match = |prefix: &str| self.attribute.matches(secret, prefix);
        let mut negated = self.values.iter().filter_map(|v| v.strip_prefix('!'));
        let mut wanted = self.values.iter().filter(|v| !v.starts_with('!'));
        let is_wanted = wanted.clone().next().is_none() || wanted.any(|value| is_match(value));
        is_wanted && !negated.any(is_match)
    }
}

impl Attribute {
    /// Prefixes, case-sensitive \[doc\]. For `description` and `all`, words \[verified: moto\]; for
    /// `description`, the documentation says prefixes.
    fn matches(self, secret: &Secret, prefix: &str) -> bool {
        let description = secret.description.as_deref().unwrap_or_default();
        let mut tags = secret.tags.iter();
        let starts = |value: Option<&str>| value.is_some_and(|value| value.starts_with(prefix));
        match self {
            Attribute::All => tags
                .flat_map(|tag| [&tag.key[..], &tag.value])
                .chain([&secret.name[..], description])
                .any(|text| has_words(text, prefix)),
            Attribute::Description => has_words(description, prefix),
            Attribute::Name => secret.name.starts_with(prefix),
            Attribute::OwningService => starts(secret.owning_service.as_deref()),
            Attribute::PrimaryRegion => starts(secret.primary_region()),
            Attribute::TagKey => tags.any(|tag| tag.key.starts_with(prefix)),
            Attribute::TagValue => tags.any(|tag| tag.value.starts_with(prefix)),
        }
    }
}

fn is_allowed(value: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " :_@/+=.-!".contains(c);
    value.len() <= 512 && value.chars().all(allowed)
}

/// Returns whether each wanted word begins a word of the text, regardless of case.
fn has_words(text: &str, wanted: &str) -> bool {
    let (words, wanted) = (words(text), words(wanted));
    let begins = |start: &String| words.iter().any(|word| word.starts_with(start));
    !wanted.is_empty() && wanted.iter().all(begins)
}

/// Splits a text into words, in lower case: at spaces, at a special character unless the text has
/// others, and before a character that is not a lower-case letter if one follows
/// \[verified: moto\].
fn words(text: &str) -> Vec<String> {
    let is_special = |c: char| "/-_+=.@".contains(c);
    let mut specials = text.chars().filter(|c| is_special(*c));
    let first = specials.next();
    if specials.any(|c| Some(c) != first) {
        return vec![text.to_lowercase()];
    }
    let parts = text.split(|c: char| c == ' ' || Some(c) == first);
    let words = parts.flat_map(words_by_case);
    words.filter(|word| !word.is_empty()).collect()
}

fn words_by_case(part: &str) -> Vec<String> {
    let is_lower = |c: Option<&char>| c.is_some_and(char::is_ascii_lowercase);
    let characters: Vec<char> = part.chars().collect();
    let mut words = vec![String::new()];
    let mut is_capitalized = false;
    for (index, c) in characters.iter().enumerate() {
        let starts = !is_lower(Some(c)) && is_lower(characters.get(index + 1));
        // A capitalized word ends with its last lower-case letter.
        if starts || (is_capitalized && !is_lower(Some(c))) {
            words.push(String::new());
            is_capitalized = starts;
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_into_words_at_spaces_special_characters_and_capital_letters() {
        for (text, expected) in [
            ("", vec![]),
            ("+", vec![]),
            ("my test", vec!["my", "test"]),
            ("MyTestPhrase", vec!["my", "test", "phrase"]),
            ("prod/AppBeta/a1", vec!["prod", "app", "beta", "a1"]),
            ("prod-AppBeta/a1", vec!["prod-appbeta/a1"]),
            ("COMPANYthings", vec!["compan", "ythings"]),
            ("Secret1Two", vec!["secret", "1", "two"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
