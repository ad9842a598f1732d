use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use smol_str::SmolStr;
use thiserror::Error;

/// An AWS Region code, for instance `eu-west-1`.
///
/// Only the form is checked, with the pattern that the Secrets Manager API documents for
/// `ReplicaRegionType`: `^([a-z]+-)+\d+$`. Only AWS checks whether the Region exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Region(SmolStr);

/// The text does not have the form of a Region code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a Region code")]
pub struct InvalidRegion(pub String);

/// The maximum length of a code. The longest code of AWS today has 14 characters.
const LONGEST: usize = 32;

impl Region {
    /// Parses a Region code.
    ///
    /// # Errors
    /// [`InvalidRegion`] if the text has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidRegion> {
        let well_formed = text.len() <= LONGEST
            && text.rsplit_once('-').is_some_and(|(words, number)| {
                let is_word =
                    |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
                words.split('-').all(is_word)
                    && !number.is_empty()
                    && number.bytes().all(|b| b.is_ascii_digit())
            });
        if well_formed {
            Ok(Self(text.into()))
        } else {
            Err(InvalidRegion(text.to_owned()))
        }
    }

    /// Returns the code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the partition of the Region, from the prefix of its code. Replication never crosses
    /// partitions (Secrets Manager user guide, "Replicate secrets across Regions").
    #[must_use]
    pub fn partition(&self) -> &'static str {
        const PREFIXES: [(&str, &str); 7] = [
            ("cn-", "aws-cn"),
            ("us-gov-", "aws-us-gov"),
            ("us-iso-", "aws-iso"),
            ("us-isob-", "aws-iso-b"),
            ("eu-isoe-", "aws-iso-e"),
            ("us-isof-", "aws-iso-f"),
            ("eusc-", "aws-eusc"),
        ];
        PREFIXES
            .iter()
            .find(|(prefix, _)| self.0.starts_with(prefix))
            .map_or("aws", |(_, partition)| partition)
    }
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl TryFrom<String> for Region {
    type Error = InvalidRegion;

    fn try_from(text: String) -> Result<Self, InvalidRegion> {
        Self::parse(&text)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_every_partition_are_regions() {
        let codes = [
            ("us-east-1", "aws"),
            ("ap-southeast-4", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ];
        for (code, partition) in codes {
            assert_eq!(
                Region::parse(code).unwrap().partition(),
                partition,
                "{code}"
            );
        }
    }

    #[test]
    fn anything_else_is_not_a_region() {
        let wrong = [
            "",
            "none",
            "us-east",
            "us--east-1",
            "US-EAST-1",
            "us-east-1 ",
            "-1",
            "us-east-1a",
        ];
        for text in wrong {
            assert_eq!(Region::parse(text), Err(InvalidRegion(text.to_owned())));
        }
        assert!(Region::parse(&format!("{}-1", "a".repeat(64))).is_err());
    }
}
