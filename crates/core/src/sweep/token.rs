use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use base64_simd::URL_SAFE_NO_PAD;
use chrono::serde::ts_milliseconds;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use thiserror::Error;

use super::Totals;
use crate::comparison::{ListPosition, ListPositions};
use crate::policy::ListFilter;
use crate::secret::Region;

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
    /// The execution of the state machine that runs the sweep, for the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_id: Option<String>,
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
    /// The positions in the lists of the replica Regions. `None` if the sweep does not compare them.
    pub lists: Option<ListPositions>,
    /// The number of times that the sweep started again, because AWS refused the token of its page.
    pub restarts: u8,
}

/// The maximum number of times that a list is read from its beginning again.
pub(crate) const MAX_RESTARTS: u8 = 2;

impl Start {
    /// The beginning of all lists. The sweep compares the lists of these Regions.
    #[must_use]
    pub fn first(regions: Option<BTreeSet<Region>>) -> Self {
        let first = |region| (region, ListPosition::FIRST);
        Self {
            page: PageToken::FIRST,
            done: BTreeSet::new(),
            lists: regions.map(|regions| regions.into_iter().map(first).collect()),
            restarts: 0,
        }
    }

    /// Returns a later position, or another one on the same page, with these positions in the lists of the
    /// replica Regions.
    #[must_use]
    pub fn at(&self, page: PageToken, lists: Option<ListPositions>) -> Self {
        let done = if page == self.page {
            self.done.clone()
        } else {
            BTreeSet::new()
        };
        Self {
            page,
            done,
            lists,
            restarts: self.restarts,
        }
    }

    /// Returns the beginning of all lists after AWS refused the token of the page. `None` if this is the
    /// first page, or if the sweep has started again too often.
    #[must_use]
    pub fn restarted(&self) -> Option<Self> {
        if self.page == PageToken::FIRST || self.restarts >= MAX_RESTARTS {
            return None;
        }
        let regions = self.lists.as_ref();
        Some(Self {
            restarts: self.restarts + 1,
            ..Self::first(regions.map(|lists| lists.keys().cloned().collect()))
        })
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

/// The token with which AWS returns a page. Empty for the first page, which needs no token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageToken(SmolStr);

impl PageToken {
    /// The first page, which needs no token.
    pub const FIRST: Self = Self(SmolStr::new_static(""));

    /// Returns the token, if the page has one.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|token| !token.is_empty())
    }
}

impl From<String> for PageToken {
    fn from(token: String) -> Self {
        Self(token.into())
    }
}

/// The text is not a token that a sweep returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("`nextToken` must be a token that a sweep of this version returned")]
pub struct InvalidToken;

/// The length limit of a token. No sweep returns a longer one: a page token of AWS has up to 4,096
/// characters (Secrets Manager API reference, `ListSecrets`), and a partition has up to 18 other Regions that
/// are enabled by default. A state of Step Functions can pass on 256 KiB.
const LONGEST: usize = 160_000;

impl Token {
    /// Returns whether the sweep describes every covered secret.
    #[must_use]
    pub fn is_thorough(&self) -> bool {
        self.thorough || self.start.lists.is_none()
    }

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
                ..Start::first(Some([Region::parse("eu-west-1").unwrap()].into()))
            },
            filter: Some(ListFilter::TagKeys(["replicate-to".to_owned()].into())),
            dry_run: true,
            thorough: true,
            sweep_id: Some("arn:aws:states:us-east-1:123456789012:execution:sweep:1".to_owned()),
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
    fn the_longest_token_of_a_sweep_is_accepted() {
        let page = || PageToken::from("/".repeat(4096));
        let position = || ListPosition {
            page: Some(page()),
            restarts: 2,
        };
        let region = |number| Region::parse(&format!("ap-southeast-{number}")).unwrap();
        let mut totals = Totals::default();
        for number in 0..40 {
            let totals = totals.region_mut(&region(number)).unwrap();
            totals.in_sync = 500_000;
        }
        let token = Token {
            start: Start {
                page: page(),
                done: (0..100).map(|n| SecretHash::of(&n.to_string())).collect(),
                lists: Some((0..17).map(|number| (region(number), position())).collect()),
                restarts: 2,
            },
            filter: None,
            dry_run: false,
            thorough: false,
            sweep_id: Some(
                "arn:aws:states:us-east-1:123456789012:execution:sweep:".to_owned()
                    + &"x".repeat(80),
            ),
            started: DateTime::UNIX_EPOCH,
            totals,
        };
        assert_eq!(Token::parse(&token.to_text()), Ok(token));
    }

    #[test]
    fn a_sweep_starts_again_twice_and_never_from_its_first_page() {
        let first = Start::first(None);
        assert_eq!(first.restarted(), None);
        let later = |start: Start| Start {
            page: "2".to_owned().into(),
            ..start
        };
        let second = later(first).restarted().unwrap();
        let third = later(second).restarted().unwrap();
        assert_eq!((&third.page, third.restarts), (&PageToken::FIRST, 2));
        assert_eq!(later(third).restarted(), None);
    }

    #[test]
    fn anything_else_is_an_invalid_token() {
        let wrong = ["", "x", "!", "e30", "bnVsbA", &"A".repeat(LONGEST + 1)];
        for text in wrong {
            assert_eq!(Token::parse(text), Err(InvalidToken), "{text:.9}");
        }
    }
}
