//! Parses groups, targets, and the Regions that a rule forbids.

use std::collections::{BTreeMap, BTreeSet};

use super::{Defined, FORBID_HINT, Parser, REGION_HINT, REPLICATE_TO_HINT, WILDCARD_HINT};
use crate::known_regions;
use crate::policy::ReplicateTo;
use crate::policy::lint;
use crate::policy::patterns::{Pattern, Patterns, is_wild, may_match_a_region_code};
use crate::policy::reader::{NodeRef, Reported, collect_all};
use crate::policy::regions::{Forbid, Groups, Resolved};
use crate::secret::Region;
use crate::spelling::{did_you_mean, quotes_hint};

/// The maximum number of Regions in a list. AWS has fewer than fifty, so thousands are a mistake or an
/// attack.
const MAX_REGIONS: usize = 200;

const NONE_AS_TARGET_HINT: &str =
    "`none` is a value of tags: remove the rule, or write `forbid: \"*\"`";
pub(super) const NONE_IN_LIST_HINT: &str = "`none` is a value of tags: remove it";
const NONE_AS_PATTERN_HINT: &str = "`none` is a value of tags: remove this field";
/// Words for all Regions, which a policy does not have.
const ALL_REGIONS: [&str; 4] = ["all", "any", "every", "global"];
const ALL_REGIONS_HINT: &str = "write `\"*\"` for every Region in `forbid` and `primary-region`; in \
                                `replicate-to`, list the Regions";
const PATTERN_HINT: &str = "Region codes are lower-case words and a number, with `-` between them: \
                            write for instance `eu-*`";
const ITEM_HINT: &str =
    "write a Region code, for instance `eu-west-1`; a group cannot contain groups";
const GROUP_HINT: &str = "name sets of Regions: `groups: { dr: [us-west-2] }`";

impl<'a> Parser<'a> {
    /// Parses the groups. A group with a problem keeps its name and its valid Regions, so that its uses
    /// are checked like those of other groups.
    pub(super) fn parse_groups(&mut self, node: &NodeRef<'a>) -> Result<(), Reported> {
        let mut groups = BTreeMap::new();
        let mut outcome = Ok(());
        for entry in self.reader.entries(node, GROUP_HINT)? {
            self.check_group_name(&entry.at_key, entry.key);
            let (regions, parsed) = self.group(&entry.value);
            outcome = outcome.and(parsed);
            self.defined.push(Defined {
                group: Some(entry.key),
                node: entry.value,
                regions: regions.clone(),
            });
            groups.insert(entry.key.to_owned(), regions);
        }
        self.groups = Groups::new(groups);
        outcome
    }

    /// Returns the valid Regions of a group, and an error if the group has a problem.
    fn group(&mut self, node: &NodeRef<'_>) -> (BTreeSet<Region>, Result<(), Reported>) {
        let mut regions = BTreeSet::new();
        let mut parsed = Ok(());
        let codes = self.reader.one_or_more(node, GROUP_HINT);
        let codes = codes.and_then(|codes| self.check_count(node, codes.len()).map(|()| codes));
        match codes {
            Ok(codes) => {
                for node in codes {
                    match self.region_of_group(&node) {
                        Ok(region) => drop(regions.insert(region)),
                        Err(reported) => parsed = Err(reported),
                    }
                }
            }
            Err(reported) => parsed = Err(reported),
        }
        (regions, parsed)
    }

    fn region_of_group(&mut self, node: &NodeRef<'_>) -> Result<Region, Reported> {
        let code = self.reader.text(node, GROUP_HINT)?;
        match Region::parse(code) {
            Ok(region) => {
                lint::unknown_region(&mut self.reader, node, &region);
                Ok(region)
            }
            Err(error) => {
                let hint = known_regions::did_you_mean(code)
                    .or_else(|| as_list(code))
                    .unwrap_or_else(|| ITEM_HINT.to_owned());
                let message = error.to_string();
                Err(self
                    .reader
                    .error_in_text(node, "invalid-region", message, &hint))
            }
        }
    }

    fn check_group_name(&mut self, node: &NodeRef<'_>, name: &str) {
        let is_in_tags = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if Region::parse(name).is_ok() || name == "none" {
            let message =
                format!("a group cannot have the name `{name}`, which has another meaning");
            let hint = "choose a name that is neither a Region code nor `none`";
            self.reader
                .error(node, "ambiguous-group-name", message, hint);
        } else if name.is_empty() || !name.chars().all(is_in_tags) {
            let message = format!("the group name `{name}` cannot be written in a tag");
            let hint = quotes_hint(name)
                .unwrap_or_else(|| "use letters, digits, `-`, `_` and `.`".to_owned());
            self.reader.error(node, "bad-group-name", message, &hint);
        }
    }

    pub(super) fn replicate_to(&mut self, node: &NodeRef<'_>) -> Result<ReplicateTo, Reported> {
        if node.is_map() {
            let tag = self.reader.only_field(node, "tag", REPLICATE_TO_HINT)?;
            let key = self.reader.text(&tag, REPLICATE_TO_HINT)?;
            self.check_tag_key(&tag, key);
            lint::foreign_key(&mut self.reader, &tag, key);
            self.targets.has_tag = true;
            return Ok(ReplicateTo::Tag(key.to_owned()));
        }
        let words = self.reader.one_or_more(node, REPLICATE_TO_HINT)?;
        self.check_count(node, words.len())?;
        let none_hint = none_hint(node, NONE_AS_TARGET_HINT);
        let mut regions = BTreeSet::new();
        let mut named = BTreeSet::new();
        let words: Result<(), Reported> = collect_all(words.map(|node| {
            let word = self.reader.text(&node, REPLICATE_TO_HINT)?;
            match self.regions(&node, word, none_hint)? {
                Resolved::Group(group) => {
                    regions.extend(group.iter().cloned());
                    self.targets.groups.insert(word.to_owned());
                }
                Resolved::Region(region) => {
                    named.insert(region);
                }
            }
            Ok(())
        }));
        // Regions of a group are reported where the group is defined.
        lint::regions_not_allowed(&mut self.reader, node, &named, &self.limits.allowed_regions);
        regions.append(&mut named);
        self.targets.regions.extend(regions.iter().cloned());
        words?;
        Ok(ReplicateTo::Regions(regions))
    }

    fn check_count(&mut self, node: &NodeRef<'_>, count: usize) -> Result<(), Reported> {
        if count <= MAX_REGIONS {
            return Ok(());
        }
        let message = format!("the list has {count} Regions");
        let hint = format!("list at most {MAX_REGIONS}");
        Err(self.reader.error(node, "too-many-regions", message, &hint))
    }

    /// Returns the Regions that a word names. `none_hint` is the hint for the word `none`.
    pub(super) fn regions(
        &mut self,
        node: &NodeRef<'_>,
        word: &str,
        none_hint: &str,
    ) -> Result<Resolved<'_>, Reported> {
        let resolved = self.groups.resolve(word).ok_or_else(|| {
            let message = format!("`{word}` is neither a group nor a Region code");
            let hint = self.reader.hint(|| hint_for(word, &self.groups, none_hint));
            self.reader.error(node, "unknown-group", message, &hint)
        })?;
        if let Resolved::Region(region) = &resolved {
            lint::unknown_region(&mut self.reader, node, region);
        }
        Ok(resolved)
    }

    pub(super) fn forbid(&mut self, node: &NodeRef<'_>) -> Result<Forbid, Reported> {
        if !node.is_map() {
            return self.region_patterns(node, FORBID_HINT).map(Forbid::Only);
        }
        let except = self.reader.only_field(node, "except", FORBID_HINT)?;
        self.region_patterns(&except, FORBID_HINT)
            .map(Forbid::Except)
    }

    /// Parses patterns over Region codes: groups, Region codes, and codes with `*` and `?`.
    pub(super) fn region_patterns(
        &mut self,
        node: &NodeRef<'_>,
        hint: &str,
    ) -> Result<Patterns, Reported> {
        let words = self.reader.one_or_more(node, hint)?;
        self.check_count(node, words.len())?;
        let none_hint = none_hint(node, NONE_AS_PATTERN_HINT);
        let patterns: Vec<Vec<Pattern>> = collect_all(words.map(|node| {
            let word = self.reader.text(&node, hint)?;
            self.region_pattern(&node, word, none_hint)
        }))?;
        Ok(Patterns::new(patterns.concat()))
    }

    /// Returns the patterns that a word stands for: several for a group.
    fn region_pattern(
        &mut self,
        node: &NodeRef<'_>,
        word: &str,
        none_hint: &str,
    ) -> Result<Vec<Pattern>, Reported> {
        if is_wild(word) {
            if may_match_a_region_code(word) {
                lint::unknown_regions(&mut self.reader, node, word);
            } else {
                let message = format!("no Region code matches `{word}`");
                let hint = self.reader.hint(|| hint_for_pattern(word));
                self.reader.error(node, "never-matches", message, &hint);
            }
            return Ok(vec![Pattern::new(word)]);
        }
        let regions = self.regions(node, word, none_hint)?;
        let patterns = regions.iter().map(|region| Pattern::new(region.as_str()));
        Ok(patterns.collect())
    }
}

/// Returns the hint for the word `none` in a field, which is a list or the word alone.
fn none_hint(field: &NodeRef<'_>, alone: &'static str) -> &'static str {
    if field.is_list() {
        NONE_IN_LIST_HINT
    } else {
        alone
    }
}

/// The maximum number of groups that a hint lists.
const MOST_LISTED_GROUPS: usize = 8;

/// Returns the hint for a word that is neither a group nor a Region code.
fn hint_for(word: &str, groups: &Groups, none_hint: &str) -> String {
    if let Some(hint) = quotes_hint(word) {
        return hint;
    }
    if is_wild(word) {
        return WILDCARD_HINT.to_owned();
    }
    if word.eq_ignore_ascii_case("none") {
        return none_hint.to_owned();
    }
    if ALL_REGIONS.contains(&word.to_lowercase().as_str()) {
        return ALL_REGIONS_HINT.to_owned();
    }
    if let Some(hint) = hint_for_except(word) {
        return hint;
    }
    let region = known_regions::did_you_mean(word);
    let group = did_you_mean(word, groups.names());
    match (region, group) {
        (Some(region), Some(group)) => format!("{region} or the group `{group}`?"),
        (Some(region), None) => region,
        (None, Some(group)) => format!("did you mean the group `{group}`?"),
        (None, None) if lint::regular_expression(word).is_some() => {
            lint::PATTERN_SYNTAX_HINT.to_owned()
        }
        (None, None) => as_list(word).unwrap_or_else(|| region_or_group_hint(groups)),
    }
}

/// Returns the hint for `except` in a text, which is a field of `forbid`.
fn hint_for_except(word: &str) -> Option<String> {
    let (_, words) = word.split_once("except")?;
    let words = words.strip_prefix([' ', ':'])?;
    let items = words.split([' ', ',', ':']).filter(|item| !item.is_empty());
    let items: Vec<&str> = items.collect();
    Some(format!(
        "write `forbid: {{ except: [{}] }}`",
        items.join(", ")
    ))
}

/// Returns the hint to write a Region or a group, with the groups of the policy if they are few.
fn region_or_group_hint(groups: &Groups) -> String {
    let names: Vec<String> = groups.names().map(|name| format!("`{name}`")).collect();
    if names.is_empty() || names.len() > MOST_LISTED_GROUPS {
        return REGION_HINT.to_owned();
    }
    format!(
        "write a Region code, for instance `eu-west-1`, or a group: {}",
        names.join(", ")
    )
}

/// Returns the hint for a pattern that no Region code matches.
fn hint_for_pattern(pattern: &str) -> String {
    if let Some(hint) = quotes_hint(pattern) {
        return hint;
    }
    let lower = pattern.to_lowercase();
    if let Some(negated) = pattern.strip_prefix('!') {
        format!(
            "patterns have no negation: to forbid every other Region, write `forbid: {{ except: \
             \"{negated}\" }}`"
        )
    } else if lint::regular_expression(pattern).is_some() {
        lint::PATTERN_SYNTAX_HINT.to_owned()
    } else if may_match_a_region_code(&lower) {
        format!("did you mean `{lower}`?")
    } else {
        as_list(pattern).unwrap_or_else(|| PATTERN_HINT.to_owned())
    }
}

/// Returns the hint to write a text of several words as a list.
fn as_list(text: &str) -> Option<String> {
    let items = text.split([' ', ',', ';']).filter(|item| !item.is_empty());
    let items: Vec<&str> = items.collect();
    (items.len() > 1).then(|| lint::list_hint(&items.join(",")))
}
