//! Reads the conditions of rules.

use std::collections::BTreeMap;

use super::{Document, REGION_HINT};
use crate::policy::condition::{Condition, When};
use crate::policy::patterns::Patterns;
use crate::policy::reader::{EmptyText, Place};
use crate::policy::regions::RegionPatterns;
use crate::secret::Region;

// The lengths that the Secrets Manager API reference gives, in characters.
const LONGEST_NAME: usize = 512;
const LONGEST_TAG_KEY: usize = 128;
const LONGEST_TAG_VALUE: usize = 256;

impl Document {
    pub(super) fn when(&mut self, place: &Place<'_>) -> Option<When> {
        if place.is_text("all") {
            return Some(When::All);
        }
        if !place.is_map() {
            let message = format!("{} is no condition", place.node.value.kind());
            let hint = "write `when: all`, or a map with `tags`, `secret-name`, `primary-region` or \
                        `not`";
            self.reader.error(place, "wrong-type", message, hint);
            return None;
        }
        let names = ["tags", "secret-name", "primary-region", "not"];
        let [tags, secret_name, primary_region, not] = self.reader.fields(place, names)?;
        if [&tags, &secret_name, &primary_region, &not]
            .iter()
            .all(|part| part.is_none())
        {
            self.empty_condition(place);
            return None;
        }
        let only = self.condition(tags, secret_name, primary_region);
        let not = match not {
            Some(not) => self.not(&not).map(Some),
            None => Some(None),
        };
        Some(When::Matches {
            only: only?,
            not: not?,
        })
    }

    fn not(&mut self, place: &Place<'_>) -> Option<Condition> {
        let names = ["tags", "secret-name", "primary-region"];
        let [tags, secret_name, primary_region] = self.reader.fields(place, names)?;
        if [&tags, &secret_name, &primary_region]
            .iter()
            .all(|part| part.is_none())
        {
            let message = "an empty `not` would exclude every secret";
            let hint = "drop `not`, or say which secrets it excludes";
            self.reader.error(place, "empty-condition", message, hint);
            return None;
        }
        self.condition(tags, secret_name, primary_region)
    }

    fn empty_condition(&mut self, place: &Place<'_>) {
        let message = "an empty condition would match every secret";
        self.reader.error(
            place,
            "empty-condition",
            message,
            "write `when: all` to mean that",
        );
    }

    fn condition(
        &mut self,
        tags: Option<Place<'_>>,
        secret_name: Option<Place<'_>>,
        primary_region: Option<Place<'_>>,
    ) -> Option<Condition> {
        let tags = tags.map_or(Some(BTreeMap::new()), |tags| self.tags(&tags));
        let secret_name = match secret_name {
            Some(place) => self
                .patterns(&place, LONGEST_NAME, EmptyText::Refused)
                .map(Some),
            None => Some(None),
        };
        let primary_region = match primary_region {
            Some(place) => self.region_patterns(&place, REGION_HINT).map(Some),
            None => Some(None),
        };
        Some(Condition {
            tags: tags?,
            secret_name: secret_name?,
            primary_region: primary_region?,
        })
    }

    fn tags(&mut self, place: &Place<'_>) -> Option<BTreeMap<String, Patterns>> {
        let hint = "map tag keys to values, for instance `tags: { tier: [\"0\", \"1\"] }`";
        let entries = self.reader.entries(place, hint)?;
        let tags: Vec<_> = entries
            .into_iter()
            .map(|entry| {
                self.tag_key(&entry.key_place, entry.key);
                let patterns =
                    self.patterns(&entry.value, LONGEST_TAG_VALUE, EmptyText::Allowed)?;
                Some((entry.key.to_owned(), patterns))
            })
            .collect();
        tags.into_iter().collect()
    }

    /// Patterns for a text that AWS limits to `longest` characters.
    fn patterns(
        &mut self,
        place: &Place<'_>,
        longest: usize,
        empty: EmptyText,
    ) -> Option<Patterns> {
        let hint = "write a text, or a list of texts of which one must match; `*` matches any text";
        let texts: Vec<_> = self
            .reader
            .texts_or_empty(place, hint, empty)?
            .into_iter()
            .map(|(place, text)| {
                let text = text?;
                let is_character = |c: &char| *c != '*';
                let length = text.chars().filter(is_character).count();
                self.fits(&place, "this text", length, longest);
                Some(text)
            })
            .collect();
        let texts = texts.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Patterns::new(texts))
    }

    /// Notes a tag's key that no tag has.
    pub(super) fn tag_key(&mut self, place: &Place<'_>, key: &str) {
        if key.is_empty() {
            let hint = format!("AWS allows 1 to {LONGEST_TAG_KEY} characters");
            let message = "a tag's key is never empty, so this never matches";
            self.reader.error(place, "never-matches", message, &hint);
        }
        self.fits(place, "a tag's key", key.chars().count(), LONGEST_TAG_KEY);
    }

    fn fits(&mut self, place: &Place<'_>, what: &str, length: usize, longest: usize) {
        if length > longest {
            let message = format!("{what} has {length} characters, so it never matches");
            let hint = format!("AWS allows {longest} characters");
            self.reader.error(place, "never-matches", message, &hint);
        }
    }

    /// Patterns over Region codes: groups, Region codes, and codes with `*` and `?`.
    pub(super) fn region_patterns(
        &mut self,
        place: &Place<'_>,
        hint: &str,
    ) -> Option<RegionPatterns> {
        let words = self.reader.texts(place, hint)?;
        self.few_enough(place, words.len())?;
        let words: Vec<_> = words
            .into_iter()
            .map(|(place, word)| self.region_pattern(&place, word?))
            .collect();
        let patterns = words.into_iter().collect::<Option<Vec<_>>>()?;
        let patterns = patterns.iter().flatten().map(String::as_str);
        Some(RegionPatterns::new(patterns))
    }

    /// The patterns that one word stands for.
    fn region_pattern(&mut self, place: &Place<'_>, word: &str) -> Option<Vec<String>> {
        if !word.contains(['*', '?']) {
            let regions = self.regions(place, word)?;
            return Some(regions.iter().map(Region::to_string).collect());
        }
        let in_codes = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-*?".contains(c);
        if !word.chars().all(in_codes) {
            let message = format!("no Region code matches `{word}`");
            let hint = "Region codes have lower-case letters, digits and `-`, for instance `eu-*`";
            self.reader.error(place, "never-matches", message, hint);
        }
        Some(vec![word.to_owned()])
    }
}
