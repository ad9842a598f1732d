//! Reads what stands for Regions: groups, targets and what is forbidden.

use std::collections::{BTreeMap, BTreeSet};

use super::{Document, FORBID_HINT, REGION_HINT, REPLICATE_TO_HINT, WILDCARD_HINT};
use crate::policy::ReplicateTo;
use crate::policy::patterns::{Pattern, Patterns, is_wild, matches_a_region_code};
use crate::policy::reader::{Place, did_you_mean};
use crate::policy::regions::{Forbid, Groups, RegionPatterns, Resolved};
use crate::secret::Region;

/// How many Regions a list may have.
const MOST_REGIONS: usize = 200;

impl Document<'_> {
    pub(super) fn groups(&mut self, place: &Place<'_>) -> Option<Groups> {
        let hint = "name sets of Regions: `groups: { dr: [us-west-2] }`";
        let mut groups = BTreeMap::new();
        for entry in self.reader.entries(place, hint)? {
            let name = entry.key;
            self.group_name(name, &entry.key_place);
            let codes = self.reader.one_or_more(&entry.value, hint);
            let codes = codes.filter(|codes| self.few_enough(&entry.value, codes.len()).is_some());
            if let Some(codes) = codes {
                let regions = codes.filter_map(|place| {
                    let code = self.reader.text(&place, hint)?;
                    let hint = "write a Region code, for instance `eu-west-1`; a group holds no \
                                other groups";
                    Region::parse(code)
                        .map_err(|error| {
                            self.reader
                                .error(&place, "invalid-region", error.to_string(), hint);
                        })
                        .ok()
                });
                let regions: BTreeSet<_> = regions.collect();
                self.warn_if_not_allowed(&entry.value, &regions);
                groups.insert(name.to_owned(), regions);
            } else {
                // The name is known all the same, so that its uses are no problems of their own.
                groups.insert(name.to_owned(), BTreeSet::new());
            }
        }
        Some(Groups::new(groups))
    }

    fn group_name(&mut self, name: &str, place: &Place<'_>) {
        if Region::parse(name).is_ok() || name == "none" {
            let message =
                format!("a group cannot have the name `{name}`, which means something else");
            let hint = "choose a name that is neither a Region code nor `none`";
            self.reader
                .error(place, "ambiguous-group-name", message, hint);
        } else if name.is_empty()
            || !name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        {
            let message = format!("the group's name `{name}` cannot be written in a tag");
            let hint = "use letters, digits, `-`, `_` and `.`";
            self.reader.error(place, "bad-group-name", message, hint);
        }
    }

    pub(super) fn replicate_to(&mut self, place: &Place<'_>) -> Option<ReplicateTo> {
        if place.is_map() {
            let [tag] = self.reader.fields(place, ["tag"])?;
            let tag = self.reader.required(tag, place, "tag", REPLICATE_TO_HINT)?;
            let key = self.reader.text(&tag, REPLICATE_TO_HINT)?;
            self.tag_key(&tag, key);
            return Some(ReplicateTo::Tag(key.to_owned()));
        }
        let words = self.reader.one_or_more(place, REPLICATE_TO_HINT)?;
        self.few_enough(place, words.len())?;
        let mut regions = BTreeSet::new();
        let mut outside = BTreeSet::new();
        let mut all_known = true;
        for place in words {
            let word = self.reader.text(&place, REPLICATE_TO_HINT);
            let found = word.and_then(|word| self.regions(&place, word));
            match found {
                None => all_known = false,
                Some(Resolved::Group(group)) => regions.extend(group.iter().cloned()),
                Some(Resolved::Region(region)) => {
                    // What a group has outside the allowed Regions is noted where the group stands.
                    if !self.allowed_regions.admits(&region) {
                        outside.insert(region.clone());
                    }
                    regions.insert(region);
                }
            }
        }
        self.warn_if_not_allowed(place, &outside);
        all_known.then_some(ReplicateTo::Regions(regions))
    }

    /// Notes Regions that no replica can be in.
    pub(super) fn warn_if_not_allowed(&mut self, place: &Place<'_>, regions: &BTreeSet<Region>) {
        let outside = regions
            .iter()
            .filter(|region| !self.allowed_regions.admits(region));
        let outside: Vec<&str> = outside.map(Region::as_str).collect();
        if !outside.is_empty() {
            let message = format!(
                "{} is outside the allowed Regions, and is refused",
                outside.join(", ")
            );
            let hint = "add it to ALLOWED_REPLICA_REGIONS, or take it out of the policy";
            self.reader
                .warning(place, "region-not-allowed", message, hint);
        }
    }

    /// AWS has fewer than fifty Regions; a list of thousands is a slip or an attack.
    pub(super) fn few_enough(&mut self, place: &Place<'_>, words: usize) -> Option<()> {
        if words <= MOST_REGIONS {
            return Some(());
        }
        let message = format!("the list has {words} Regions");
        let hint = format!("list at most {MOST_REGIONS}");
        self.reader.error(place, "too-many-regions", message, &hint);
        None
    }

    /// The Regions that one word stands for.
    pub(super) fn regions(&mut self, place: &Place<'_>, word: &str) -> Option<Resolved<'_>> {
        let resolved = self.groups.resolve(word);
        if resolved.is_none() {
            let message = format!("`{word}` is neither a group nor a Region code");
            let meant = (!self.reader.is_full())
                .then(|| did_you_mean(word, self.groups.names()))
                .flatten();
            let hint = match meant {
                Some(group) => format!("did you mean the group `{group}`?"),
                None if is_wild(word) => WILDCARD_HINT.to_owned(),
                None => REGION_HINT.to_owned(),
            };
            self.reader.error(place, "unknown-group", message, &hint);
        }
        resolved
    }

    pub(super) fn forbid(&mut self, place: &Place<'_>) -> Option<Forbid> {
        if place.is_map() {
            let [except] = self.reader.fields(place, ["except"])?;
            let except = self.reader.required(except, place, "except", FORBID_HINT)?;
            return self
                .region_patterns(&except, FORBID_HINT)
                .map(Forbid::Except);
        }
        self.region_patterns(place, FORBID_HINT).map(Forbid::Only)
    }

    /// Patterns over Region codes: groups, Region codes, and codes with `*` and `?`.
    pub(super) fn region_patterns(
        &mut self,
        place: &Place<'_>,
        hint: &str,
    ) -> Option<RegionPatterns> {
        let words = self.reader.one_or_more(place, hint)?;
        self.few_enough(place, words.len())?;
        let mut patterns = Vec::with_capacity(words.len());
        let mut all_known = true;
        for place in words {
            all_known &= match self.reader.text(&place, hint) {
                Some(word) => self.region_pattern(&place, word, &mut patterns).is_some(),
                None => false,
            };
        }
        all_known.then(|| Patterns::of(patterns).into())
    }

    /// Adds the patterns that one word stands for.
    fn region_pattern(
        &mut self,
        place: &Place<'_>,
        word: &str,
        patterns: &mut Vec<Pattern>,
    ) -> Option<()> {
        if is_wild(word) {
            if !matches_a_region_code(word, &self.effort) {
                let message = format!("no Region code matches `{word}`");
                let hint = "Region codes are lower-case words and a number, with `-` between them: \
                            write for instance `eu-*`";
                self.reader.error(place, "never-matches", message, hint);
            }
            patterns.push(Pattern::new(word));
        } else {
            let regions = self.regions(place, word)?;
            patterns.extend(regions.iter().map(|region| Pattern::new(region.as_str())));
        }
        Some(())
    }
}
