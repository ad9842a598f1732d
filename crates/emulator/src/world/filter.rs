//! The filters of `ListSecrets`, except `all`.

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
    /// Prefixes. A leading `!` negates one.
    values: &'a [String],
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Attribute {
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
        let name = raw.key.as_deref().unwrap_or_default();
        let attribute = Attribute::deserialize(name.into_deserializer()).map_err(|_: Error| {
            ApiError::constraint(
                &format!("'{name}'"),
                "filters.1.member.key",
                "Member must satisfy enum value set: [all, description, name, owning-service, \
                 primary-region, tag-key, tag-value]",
            )
        })?;
        let values = raw.values.as_deref().unwrap_or_default();
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
    /// Prefixes, case-sensitive except for `description` \[doc\].
    fn matches(self, secret: &Secret, prefix: &str) -> bool {
        let mut tags = secret.tags.iter();
        let starts = |value: Option<&str>| value.is_some_and(|value| value.starts_with(prefix));
        match self {
            Attribute::Description => {
                let description = secret.description.as_deref().unwrap_or_default();
                let prefix = prefix.to_lowercase();
                description.to_lowercase().starts_with(&prefix)
            }
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
