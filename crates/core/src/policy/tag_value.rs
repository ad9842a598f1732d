use std::collections::BTreeSet;

use super::regions::Groups;
use crate::reason::Refusal;
use crate::secret::Region;

/// The value of a tag that lists Regions or groups.
///
/// Spaces separate them. `+ / : , ;` are accepted too, because people use them, although AWS does not
/// document comma and semicolon as valid in tags (Secrets Manager API reference, `Tag`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagValue {
    /// The Regions. Empty for the value `none`.
    pub regions: BTreeSet<Region>,
    /// The tokens that are neither a Region nor a group.
    pub errors: BTreeSet<TokenError>,
}

/// A token of a tag's value that is neither a Region nor a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenError {
    /// The token, cut at 64 characters, is neither a group nor a Region code.
    InvalidRegion(String),
    /// The value has no tokens.
    EmptyValue,
}

/// A [`TokenError`], and the key of its tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BadToken {
    /// The key of the tag.
    pub tag: String,
    /// The error.
    pub error: TokenError,
}

impl BadToken {
    /// Returns the token. Empty if the value has no tokens.
    #[must_use]
    pub fn token(&self) -> &str {
        match &self.error {
            TokenError::InvalidRegion(token) => token,
            TokenError::EmptyValue => "",
        }
    }

    /// Returns the refusal for the token.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let tag = self.tag.clone();
        match self.error {
            TokenError::InvalidRegion(_) => Refusal::InvalidRegion { tag },
            TokenError::EmptyValue => Refusal::EmptyTagValue { tag },
        }
    }
}

/// The maximum number of characters kept of a bad token, so that no log contains a whole tag value.
const LONGEST_TOKEN: usize = 64;

impl TagValue {
    /// Parses a tag's value. Bad tokens do not affect the other ones.
    #[must_use]
    pub fn parse(text: &str, groups: &Groups) -> Self {
        let is_separator = |c: char| c.is_whitespace() || "+/:,;".contains(c);
        let tokens: Vec<&str> = text
            .split(is_separator)
            .filter(|token| !token.is_empty())
            .collect();
        let mut value = Self {
            regions: BTreeSet::new(),
            errors: BTreeSet::new(),
        };
        if tokens.is_empty() {
            value.errors.insert(TokenError::EmptyValue);
        }
        if tokens == ["none"] {
            return value;
        }
        for token in tokens {
            if let Some(regions) = groups.resolve(token) {
                value.regions.extend(regions.iter().cloned());
            } else {
                let token = token.chars().take(LONGEST_TOKEN).collect();
                value.errors.insert(TokenError::InvalidRegion(token));
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn groups() -> Groups {
        let us = ["us-east-1", "us-west-2"].map(|code| Region::parse(code).unwrap());
        Groups::new(BTreeMap::from([("us".to_owned(), us.into())]))
    }

    #[test]
    fn a_value_may_name_groups_and_regions() {
        assert_eq!(
            regions("us eu-west-1"),
            ["eu-west-1", "us-east-1", "us-west-2"]
        );
    }

    fn regions(text: &str) -> Vec<String> {
        TagValue::parse(text, &groups())
            .regions
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn regions_are_separated_by_spaces_and_other_usual_separators() {
        let values = [
            "eu-west-1 us-west-2",
            "  us-west-2   eu-west-1 ",
            "us-west-2+eu-west-1",
            "us-west-2/eu-west-1",
            "us-west-2:eu-west-1",
            "us-west-2, eu-west-1",
            "us-west-2;eu-west-1;",
        ];
        for value in values {
            assert_eq!(regions(value), ["eu-west-1", "us-west-2"], "{value}");
            assert!(
                TagValue::parse(value, &groups()).errors.is_empty(),
                "{value}"
            );
        }
    }

    #[test]
    fn none_alone_wants_no_region() {
        let value = TagValue::parse(" none ", &groups());
        assert!(value.regions.is_empty() && value.errors.is_empty());
    }

    #[test]
    fn none_beside_a_region_is_a_bad_token_and_the_region_counts() {
        let value = TagValue::parse("none eu-west-1", &groups());
        assert_eq!(regions("none eu-west-1"), ["eu-west-1"]);
        assert!(
            value
                .errors
                .contains(&TokenError::InvalidRegion("none".to_owned()))
        );
    }

    #[test]
    fn a_token_that_is_not_a_region_is_reported_and_the_others_count() {
        let value = TagValue::parse("frankfurt eu-west-1", &groups());
        assert_eq!(value.regions.len(), 1);
        assert_eq!(
            value.errors.into_iter().collect::<Vec<_>>(),
            [TokenError::InvalidRegion("frankfurt".to_owned())]
        );
    }

    #[test]
    fn an_empty_value_is_reported_rather_than_read_as_none() {
        for text in ["", "  ", ",;"] {
            assert!(
                TagValue::parse(text, &groups())
                    .errors
                    .contains(&TokenError::EmptyValue),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_long_token_is_cut_at_a_character_boundary() {
        let value = TagValue::parse(&"ü".repeat(200), &groups());
        let error = value.errors.into_iter().next().unwrap();
        assert_eq!(error, TokenError::InvalidRegion("ü".repeat(64)));
    }
}
