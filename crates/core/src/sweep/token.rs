use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use base64_simd::URL_SAFE_NO_PAD;
use chrono::serde::ts_milliseconds;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use thiserror::Error;

use super::Totals;
use crate::policy::ListFilter;

/// The state of a sweep after a slice. It contains everything that the next slice needs, so no state
/// is stored between invocations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The position at which the next slice begins.
    pub start: Start,
    /// The filter of the list. A page token of AWS is valid only with the same filter.
    pub filter: Option<ListFilter>,
    /// Whether the sweep is a dry run.
    pub dry_run: bool,
    /// Whether the sweep is thorough.
    pub thorough: bool,
    /// The start time of the first slice.
    #[serde(with = "ts_milliseconds")]
    pub started: DateTime<Utc>,
    /// The totals of all slices so far.
    pub totals: Totals,
}

/// A position in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The page.
    pub page: PageToken,
    /// The secrets on that page that have been processed.
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

/// A hash that identifies a secret on its page in a few bytes. If a later version of the function
/// hashes differently, the processed secrets of the page are processed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretHash(u64);

impl SecretHash {
    /// Hashes the identifier that the list contains.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The token with which AWS returns a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageToken(Option<SmolStr>);

impl PageToken {
    /// The first page, which needs no token.
    pub const FIRST: Self = Self(None);

    /// Returns the token, if the page has one.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl From<String> for PageToken {
    fn from(token: String) -> Self {
        Self(Some(token.into()))
    }
}

/// The text is not a token that a sweep returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("`nextToken` must be a token that a sweep of this version returned")]
pub struct InvalidToken;

/// The length limit of a token. No sweep returns a longer one.
const LONGEST: usize = 32_000;

impl Token {
    /// Parses a token.
    ///
    /// # Errors
    /// [`InvalidToken`] if the text is not a token of a sweep.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        if text.len() > LONGEST {
            return Err(InvalidToken);
        }
        let json = URL_SAFE_NO_PAD
            .decode_to_vec(text)
            .map_err(|_| InvalidToken)?;
        serde_json::from_slice(&json).map_err(|_| InvalidToken)
    }

    /// Encodes the token as an opaque text without characters that need escaping.
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
            thorough: true,
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
