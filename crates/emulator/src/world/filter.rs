//! The filters of `ListSecrets`.

use super::ApiError;
use super::list_index::Listed;
use super::request::RawFilter;

/// The most filters in a request, and the most values in a filter \[doc\].
const MOST: usize = 10;

const KEYS: &str = "[all, description, name, owning-service, primary-region, tag-key, tag-value]";

/// One filter; a secret must pass every one.
#[derive(Debug)]
pub(super) struct Filter {
    attribute: Attribute,
    terms: Vec<Term>,
}

#[derive(Debug, Clone, Copy)]
enum Attribute {
    All,
    Description,
    Name,
    OwningService,
    PrimaryRegion,
    TagKey,
    TagValue,
}

#[derive(Debug)]
enum Term {
    Is(String),
    IsNot(String),
}

impl Filter {
    /// Checks the filters of a request.
    pub(super) fn parse_all(raw: Vec<RawFilter>) -> Result<Vec<Filter>, ApiError> {
        if raw.len() > MOST {
            return Err(ApiError::constraint(
                "'[...]'",
                "filters",
                "Member must have length less than or equal to 10",
            ));
        }
        raw.into_iter().map(Filter::parse).collect()
    }

    fn parse(raw: RawFilter) -> Result<Filter, ApiError> {
        let name = raw.key.unwrap_or_default();
        let values = raw.values.unwrap_or_default();
        let attribute = Attribute::parse(&name).ok_or_else(|| {
            let constraint = format!("Member must satisfy enum value set: {KEYS}");
            ApiError::constraint(&format!("'{name}'"), "filters.1.member.key", &constraint)
        })?;
        if values.len() > MOST || !values.iter().all(|value| is_allowed(value)) {
            return Err(ApiError::constraint(
                "'[...]'",
                "filters.1.member.values",
                "Member must satisfy constraint: [Member must have length less than or equal to \
                 512, Member must satisfy regular expression pattern: \
                 ^\\!?[a-zA-Z0-9 :_@\\/\\+\\=\\.\\-\\!]*$]",
            ));
        }
        let terms = values.into_iter().map(Term::parse).collect();
        Ok(Filter { attribute, terms })
    }

    /// Whether the secret passes: some positive term matches, if there are any, and no negated
    /// one does. How AWS combines the two in one filter is not documented \[infer\].
    pub(super) fn passes(&self, secret: &Listed) -> bool {
        let mut wanted = self.terms.iter().filter_map(Term::wanted).peekable();
        let found =
            wanted.peek().is_none() || wanted.any(|text| self.attribute.matches(secret, text));
        let mut unwanted = self.terms.iter().filter_map(Term::unwanted);
        found && !unwanted.any(|text| self.attribute.matches(secret, text))
    }
}

impl Term {
    fn parse(value: String) -> Term {
        match value.strip_prefix('!') {
            Some(rest) => Term::IsNot(rest.to_owned()),
            None => Term::Is(value),
        }
    }

    fn wanted(&self) -> Option<&str> {
        match self {
            Term::Is(text) => Some(text),
            Term::IsNot(_) => None,
        }
    }

    fn unwanted(&self) -> Option<&str> {
        match self {
            Term::Is(_) => None,
            Term::IsNot(text) => Some(text),
        }
    }
}

impl Attribute {
    fn parse(name: &str) -> Option<Attribute> {
        Some(match name {
            "all" => Attribute::All,
            "description" => Attribute::Description,
            "name" => Attribute::Name,
            "owning-service" => Attribute::OwningService,
            "primary-region" => Attribute::PrimaryRegion,
            "tag-key" => Attribute::TagKey,
            "tag-value" => Attribute::TagValue,
            _ => return None,
        })
    }

    /// Prefixes, case-sensitive but for `description` and `all` \[doc\].
    fn matches(self, secret: &Listed, text: &str) -> bool {
        let starts = |value: &Option<String>| value.as_deref().unwrap_or("").starts_with(text);
        match self {
            Attribute::All => matches_anywhere(secret, text),
            Attribute::Description => {
                let description = secret.description.as_deref().unwrap_or("");
                description.to_lowercase().starts_with(&text.to_lowercase())
            }
            Attribute::Name => secret.name.starts_with(text),
            Attribute::OwningService => {
                secret.owning_service.is_some() && starts(&secret.owning_service)
            }
            Attribute::PrimaryRegion => {
                secret.primary_region.is_some() && starts(&secret.primary_region)
            }
            Attribute::TagKey => secret.tags.iter().any(|tag| tag.key.starts_with(text)),
            Attribute::TagValue => secret.tags.iter().any(|tag| tag.value.starts_with(text)),
        }
    }
}

/// `all`: any word of the text in any attribute, in any case \[doc\].
fn matches_anywhere(secret: &Listed, text: &str) -> bool {
    let tags = secret.tags.iter().flat_map(|tag| [&tag.key, &tag.value]);
    let attributes: Vec<String> = [
        &secret.description,
        &secret.owning_service,
        &secret.primary_region,
    ]
    .into_iter()
    .flatten()
    .chain([&secret.name])
    .chain(tags)
    .map(|attribute| attribute.to_lowercase())
    .collect();
    text.to_lowercase()
        .split_whitespace()
        .any(|word| attributes.iter().any(|attribute| attribute.contains(word)))
}

fn is_allowed(value: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " :_@/+=.-!".contains(c);
    value.len() <= 512 && value.chars().all(allowed)
}
