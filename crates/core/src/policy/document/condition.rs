//! Reads the conditions of rules.

use smol_str::SmolStr;

use super::{Document, REGION_HINT};
use crate::policy::condition::{Condition, When};
use crate::policy::patterns::{Pattern, Patterns};
use crate::policy::reader::{Place, Reader};
use crate::secret::LONGEST_NAME;

// The lengths that the Secrets Manager API reference gives, in characters.
const LONGEST_TAG_KEY: usize = 128;
const LONGEST_TAG_VALUE: usize = 256;

/// What patterns are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    SecretName,
    TagValue,
}

impl Of {
    fn longest(self) -> usize {
        match self {
            Self::SecretName => LONGEST_NAME,
            Self::TagValue => LONGEST_TAG_VALUE,
        }
    }
}

impl Document<'_> {
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
            if !Reader::has_others(place, names) {
                self.empty_condition(place);
            }
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
            if !Reader::has_others(place, names) {
                let message = "an empty `not` would exclude every secret";
                let hint = "drop `not`, or say which secrets it excludes";
                self.reader.error(place, "empty-condition", message, hint);
            }
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
        let tags = tags.map_or(Some(Vec::new()), |tags| self.tags(&tags));
        let secret_name = match secret_name {
            Some(place) => self.patterns(&place, Of::SecretName).map(Some),
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

    fn tags(&mut self, place: &Place<'_>) -> Option<Vec<(SmolStr, Patterns)>> {
        let hint = "map tag keys to values, for instance `tags: { tier: [\"0\", \"1\"] }`";
        let entries = self.reader.entries(place, hint)?;
        let mut tags = Vec::with_capacity(entries.len());
        let mut all_read = true;
        for entry in entries {
            self.tag_key(&entry.key_place, entry.key);
            match self.patterns(&entry.value, Of::TagValue) {
                Some(patterns) => tags.push((entry.key.into(), patterns)),
                None => all_read = false,
            }
        }
        all_read.then_some(tags)
    }

    fn patterns(&mut self, place: &Place<'_>, of: Of) -> Option<Patterns> {
        let hint = "write a text, or a list of texts of which one must match; `*` matches any text";
        let places = self.reader.one_or_more(place, hint)?;
        let mut patterns = Vec::with_capacity(places.len());
        let mut all_read = true;
        for place in places {
            let text = match of {
                Of::SecretName => self.reader.text(&place, hint),
                Of::TagValue => self.reader.text_or_empty(&place, hint),
            };
            let Some(text) = text else {
                all_read = false;
                continue;
            };
            let length = text.chars().filter(|c| *c != '*').count();
            self.fits(&place, "this text", length, of.longest());
            if of == Of::SecretName {
                self.name_characters(&place, text);
            }
            patterns.push(Pattern::new(text));
        }
        all_read.then(|| Patterns::of(patterns))
    }

    /// Notes a secret's name that no secret has.
    fn name_characters(&mut self, place: &Place<'_>, text: &str) {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-!*?".contains(c);
        if let Some(other) = text.chars().find(|c| !is_allowed(*c)) {
            let message = format!("no secret's name has `{other}`, so this never matches");
            let hint = "AWS allows letters, digits and `/_+=.@-` in the names of secrets";
            self.reader.error(place, "never-matches", message, hint);
        }
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
}
