use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use base64_simd::URL_SAFE_NO_PAD;
use chrono::serde::ts_milliseconds;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Totals;
use crate::policy::ListFilter;

/// Where a slice ended, and what the sweep has done so far: everything the next slice needs, so
/// that nothing is kept between two invocations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Where to begin.
    pub start: Start,
    /// The filter of the list: AWS's token is good for the same filter only.
    pub filter: Option<ListFilter>,
    /// Whether the sweep is a dry run.
    pub dry_run: bool,
    /// When the first slice began.
    #[serde(with = "ts_milliseconds")]
    pub started: DateTime<Utc>,
    /// What all slices did so far.
    pub totals: Totals,
}

/// A place in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The page.
    pub page: PageToken,
    /// The secrets on that page that are done.
    pub done: BTreeSet<SecretHash>,
}

impl Start {
    /// The beginning of the list.
    pub const FIRST: Self = Self::of(PageToken::FIRST);

    /// The beginning of a page.
    #[must_use]
    pub const fn of(page: PageToken) -> Self {
        Self {
            page,
            done: BTreeSet::new(),
        }
    }
}

/// What tells a secret from the others on its page, in a few bytes. Where a later version of the
/// function marks secrets otherwise, what is done is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretHash(u64);

impl SecretHash {
    /// The mark of the secret that the list names like this.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// What AWS wants to be asked for a page with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageToken(Option<String>);

impl PageToken {
    /// The first page, which AWS gives without a token.
    pub const FIRST: Self = Self(None);

    /// The token, if the page has one.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl From<String> for PageToken {
    fn from(token: String) -> Self {
        Self(Some(token))
    }
}

/// The text is not a token that a sweep has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("`nextToken` is not one that a sweep of this version has answered")]
pub struct InvalidToken;

/// What is longer was never answered by a sweep.
const LONGEST: usize = 32_000;

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    /// [`InvalidToken`] if no sweep has answered the text.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        if text.len() > LONGEST {
            return Err(InvalidToken);
        }
        let json = URL_SAFE_NO_PAD
            .decode_to_vec(text)
            .map_err(|_| InvalidToken)?;
        serde_json::from_slice(&json).map_err(|_| InvalidToken)
    }

    /// The token as text, for the answer: opaque, with nothing in it that needs to be quoted.
    #[must_use]
    pub fn to_text(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        URL_SAFE_NO_PAD.encode_to_string(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_being_text() {
        let token = Token {
            start: Start {
                page: "ÄB+/=?&\"".to_owned().into(),
                done: [SecretHash::of("prod/ä")].into(),
            },
            filter: Some(ListFilter::TagKeys(["replicate-to".to_owned()].into())),
            dry_run: true,
            started: DateTime::from_timestamp_millis(1_763_000_000_123).unwrap(),
            totals: Totals {
                seen: 7,
                ..Totals::default()
            },
        };
        let text = token.to_text();
        assert!(
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        );
        assert_eq!(Token::parse(&text), Ok(token));
    }

    #[test]
    fn anything_else_is_an_invalid_token() {
        let wrong = ["", "x", "!", "e30", "bnVsbA", &"A".repeat(LONGEST + 1)];
        for text in wrong {
            assert_eq!(Token::parse(text), Err(InvalidToken), "{text:.9}");
        }
    }
}
