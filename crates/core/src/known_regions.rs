//! The Regions that AWS had when the list was made, for warnings and hints.
//!
//! AWS opens Regions at any time, so no decision about a secret depends on the list: it never refuses a Region. It
//! finds misspelled codes (`eu-wset-3`), other forms (`EU-WEST-1`, `us-west2`) and names (`frankfurt`).

mod table;

use crate::secret::Region;
use crate::spelling::{closest, quotes_hint};
use table::REGIONS;

pub use table::LISTED_ON;

/// The partitions whose Regions are found by name. The names of the others repeat them: Ohio, Germany.
const NAMED_PARTITIONS: [&str; 2] = ["aws", "aws-cn"];

/// The maximum length of a word that gets a hint, in bytes. No description is longer.
const LONGEST_WORD: usize = 64;

/// The maximum number of Regions that a hint names.
const MOST_MEANT: usize = 3;

/// Returns whether the list contains the Region.
#[must_use]
pub fn is_known(region: &Region) -> bool {
    has(region.as_str())
}

/// Returns the listed Regions.
pub(crate) fn all() -> impl Iterator<Item = Region> {
    REGIONS
        .iter()
        .filter_map(|(code, ..)| Region::parse(code).ok())
}

/// Returns whether one of the listed codes begins with a text.
pub(crate) fn any_begins_with(text: &str) -> bool {
    let first = REGIONS.partition_point(|(code, ..)| *code < text);
    REGIONS
        .get(first)
        .is_some_and(|(code, ..)| code.starts_with(text))
}

/// Asks for the Regions that a word may mean: "did you mean `eu-west-3`?". `None` for a listed code, and
/// for a word that resembles none or many.
#[must_use]
pub fn did_you_mean(word: &str) -> Option<String> {
    let meant: Vec<String> = meant_by(word)
        .iter()
        .map(|code| format!("`{code}`"))
        .collect();
    let (last, others) = meant.split_last()?;
    Some(if others.is_empty() {
        format!("did you mean {last}?")
    } else {
        format!("did you mean {} or {last}?", others.join(", "))
    })
}

/// A warning about a Region that the list does not contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRegion {
    /// The message.
    pub message: String,
    /// The hint.
    pub hint: String,
}

impl UnknownRegion {
    /// Returns the warning about a Region. `None` for a listed one.
    #[must_use]
    pub fn check(region: &Region) -> Option<Self> {
        (!is_known(region)).then(|| Self {
            message: format!("`{region}` is not a known Region"),
            hint: did_you_mean(region.as_str()).unwrap_or_else(|| {
                format!("check the code: the list of known Regions is of {LISTED_ON}")
            }),
        })
    }
}

impl std::fmt::Display for UnknownRegion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; {}", self.message, self.hint)
    }
}

/// Puts the Region that a code or token may mean before a remediation. The remediation is for a Region that
/// exists, so a misspelled code comes first, and quotes before that.
#[must_use]
pub fn with_hint(named: &str, remediation: &str) -> String {
    if let Some(hint) = quotes_hint(named) {
        return format!("{hint}. Otherwise: {remediation}");
    }
    if named == "none" {
        return format!("`none` must stand alone: remove it, or every other word; {remediation}");
    }
    if named.eq_ignore_ascii_case("none") {
        return format!("did you mean `none`? Otherwise: {remediation}");
    }
    let hint = match Region::parse(named) {
        Ok(region) => UnknownRegion::check(&region).map(|unknown| unknown.to_string()),
        Err(_) => did_you_mean(named),
    };
    hint.map_or_else(
        || remediation.to_owned(),
        |hint| {
            let stop = if hint.ends_with('?') { "" } else { "." };
            format!("{hint}{stop} Otherwise: {remediation}")
        },
    )
}

fn has(code: &str) -> bool {
    REGIONS
        .binary_search_by_key(&code, |(known, ..)| known)
        .is_ok()
}

/// Returns the listed codes that a word may mean. Empty for a listed code.
fn meant_by(word: &str) -> Vec<&'static str> {
    if has(word) || word.len() > LONGEST_WORD {
        return Vec::new();
    }
    let letters = letters(word);
    let same = |code: &str| self::letters(code) == letters;
    // An Availability Zone is the Region's code and a letter.
    let zone = letters
        .strip_suffix(|c: char| c.is_ascii_lowercase())
        .filter(|code| code.ends_with(|c: char| c.is_ascii_digit()));
    let found = |matches: &dyn Fn(&(&str, &str, &str)) -> bool| {
        let regions = REGIONS.iter().filter(|region| matches(region));
        let codes: Vec<&str> = regions.map(|(code, ..)| *code).collect();
        (1..=MOST_MEANT).contains(&codes.len()).then_some(codes)
    };
    found(&|(code, ..)| same(code) || zone.is_some_and(|zone| self::letters(code) == zone))
        .or_else(|| found(&|(_, partition, name)| is_name(&letters, partition, name)))
        .or_else(|| {
            let codes = closest(word, REGIONS.iter().map(|(code, ..)| *code));
            (codes.len() <= MOST_MEANT).then_some(codes)
        })
        .unwrap_or_default()
}

/// Returns whether a word is a Region's description, or one of its parts: `Europe (Frankfurt)`,
/// `frankfurt`, `virginia` for `US East (N. Virginia)`, `canada` for `Canada (Central)`.
fn is_name(word: &str, partition: &str, description: &str) -> bool {
    let (area, place) = description.split_once(" (").unwrap_or((description, ""));
    // A single letter abbreviates a word: `N. Virginia`.
    let long = place.split_once(". ").map_or(place, |(_, long)| long);
    NAMED_PARTITIONS.contains(&partition)
        && [description, area, place, long]
            .iter()
            .any(|name| !word.is_empty() && letters(name) == word)
}

/// Returns the letters and digits of a text in lower case.
fn letters(text: &str) -> String {
    let letters = text.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_agrees_with_the_partition_of_each_code() {
        assert!(REGIONS.is_sorted_by(|(one, ..), (other, ..)| one < other));
        for (code, partition, _) in REGIONS {
            let region = Region::parse(code).unwrap();
            assert_eq!(region.partition(), partition, "{code}");
            assert!(is_known(&region));
            assert_eq!(UnknownRegion::check(&region), None);
        }
    }

    #[test]
    fn a_word_leads_to_the_region_that_it_may_mean() {
        for (word, meant) in [
            ("eu-wset-3", "did you mean `eu-west-3`?"),
            ("us-west2", "did you mean `us-west-2`?"),
            ("us_west_2", "did you mean `us-west-2`?"),
            ("EU-WEST-1", "did you mean `eu-west-1`?"),
            ("eu-west-1a", "did you mean `eu-west-1`?"),
            ("frankfurt", "did you mean `eu-central-1`?"),
            ("Europe (Frankfurt)", "did you mean `eu-central-1`?"),
            ("cape-town", "did you mean `af-south-1`?"),
            ("Virginia", "did you mean `us-east-1`?"),
            ("ohio", "did you mean `us-east-2`?"),
            ("canada", "did you mean `ca-central-1`?"),
            ("beijing", "did you mean `cn-north-1`?"),
            ("us-east-3", "did you mean `us-east-1` or `us-east-2`?"),
            (
                "eu-west-9",
                "did you mean `eu-west-1`, `eu-west-2` or `eu-west-3`?",
            ),
        ] {
            assert_eq!(did_you_mean(word).as_deref(), Some(meant), "{word}");
        }
    }

    #[test]
    fn a_word_that_means_no_region_or_many_gets_no_hint() {
        let words = ["eu-west-1", "", "dr", "europe", "moon-base-1"];
        for word in words
            .into_iter()
            .chain(["ap-southeast-99", "switzerland", "*"])
        {
            assert_eq!(did_you_mean(word), None, "{word}");
        }
        let unknown = UnknownRegion::check(&Region::parse("moon-base-1").unwrap()).unwrap();
        assert_eq!(
            unknown.to_string(),
            format!(
                "`moon-base-1` is not a known Region; check the code: the list of known Regions is of \
                 {LISTED_ON}"
            )
        );
    }

    #[test]
    fn a_beginning_is_found_in_the_sorted_list() {
        for text in ["", "a", "eu-", "eu-west-1", "us-west-2"] {
            assert!(any_begins_with(text), "{text}");
        }
        for text in ["europe-", "eu-wset-", "us-west-2-", "zz"] {
            assert!(!any_begins_with(text), "{text}");
        }
    }

    #[test]
    fn a_remediation_begins_with_the_typo() {
        let hinted = |named| with_hint(named, "name a key");
        assert_eq!(hinted("eu-west-3"), "name a key");
        assert_eq!(
            hinted("eu-wset-3"),
            "`eu-wset-3` is not a known Region; did you mean `eu-west-3`? Otherwise: name a key"
        );
        assert_eq!(
            hinted("frankfurt"),
            "did you mean `eu-central-1`? Otherwise: name a key"
        );
        assert_eq!(
            hinted("none"),
            "`none` must stand alone: remove it, or every other word; name a key"
        );
        assert_eq!(
            hinted("\"dr\""),
            "the quotes are part of the value: write `dr` without them. Otherwise: name a key"
        );
        assert_eq!(hinted("None"), "did you mean `none`? Otherwise: name a key");
    }
}
