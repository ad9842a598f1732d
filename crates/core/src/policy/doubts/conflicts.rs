//! Rules that contradict each other whenever one of them matches.

use super::index::Index;
use crate::policy::document::PlacedRule;
use crate::policy::effort::Effort;
use crate::policy::keys::Keys;
use crate::policy::reader::Reader;
use crate::policy::{Replicate, ReplicateTo};
use crate::secret::KmsKey;

pub(super) fn check(reader: &mut Reader, rules: &[PlacedRule<'_>], effort: &Effort) {
    let says = |placed: &&PlacedRule<'_>| {
        let replicate = placed.rule.replicate.as_ref();
        replicate
            .is_some_and(|replicate| replicate.overwrite.is_some() || !replicate.keys.is_empty())
    };
    let speaking: Vec<_> = rules.iter().filter(says).collect();
    if all_alike(&speaking) {
        return;
    }
    let index = Index::new(speaking.iter().copied());
    // One contradiction of a rule is enough to find the others by: the one with the first rule.
    let mut found: Vec<Option<(usize, String)>> = rules.iter().map(|_| None).collect();
    for placed in speaking {
        for other in index.maybe_implied_by(&placed.rule.when, None) {
            if effort.is_spent() {
                break;
            }
            let (first, last) = (placed.index.min(other.index), placed.index.max(other.index));
            let is_known = found[last]
                .as_ref()
                .is_some_and(|(known, _)| *known <= first);
            if !is_known && let Some(conflict) = contradiction(placed, other, effort) {
                let name = rules[first].rule.name();
                let message = format!(
                    "this rule and `{name}` always give {conflict}, so it is always refused"
                );
                found[last] = Some((first, message));
            }
        }
    }
    let hint = "give both rules the same, or only one of them any";
    for (placed, found) in rules.iter().zip(found) {
        if let Some((_, message)) = found {
            reader.warning(&placed.place, "rules-always-conflict", message, hint);
        }
    }
}

/// Rules that all say the same never contradict each other.
fn all_alike(rules: &[&PlacedRule<'_>]) -> bool {
    fn says<'b>(placed: &'b PlacedRule<'_>) -> Option<(&'b Keys, Option<bool>)> {
        let replicate = placed.rule.replicate.as_ref();
        replicate.map(|replicate| (&replicate.keys, replicate.overwrite))
    }
    rules.windows(2).all(|pair| says(pair[0]) == says(pair[1]))
}

/// What two rules contradict each other about, if the other one matches whenever this one does:
/// that Region is always refused.
fn contradiction(
    placed: &PlacedRule<'_>,
    other: &PlacedRule<'_>,
    effort: &Effort,
) -> Option<String> {
    if placed.index == other.index || !effort.spend(1) {
        return None;
    }
    let mine = placed.rule.replicate.as_ref()?;
    let theirs = other.rule.replicate.as_ref()?;
    let (region, what) = conflict(mine, theirs)?;
    let always = placed.rule.when.implies(&other.rule.when, effort);
    always.then(|| format!("{region} different {what}"))
}

/// The first Region about which two rules contradict each other, and in what.
fn conflict(mine: &Replicate, theirs: &Replicate) -> Option<(String, &'static str)> {
    let differ = |mine: Option<&KmsKey>, theirs: Option<&KmsKey>| {
        mine.zip(theirs)
            .is_some_and(|(mine, theirs)| mine != theirs)
    };
    let overwrite = mine.overwrite.zip(theirs.overwrite);
    let overwrite = overwrite.is_some_and(|(mine, theirs)| mine != theirs);
    let what = |keys: bool| if keys { "keys" } else { "`overwrite`" };
    match (&mine.to, &theirs.to) {
        (ReplicateTo::Regions(my_regions), ReplicateTo::Regions(their_regions)) => {
            let keys = |region| differ(mine.keys.key_for(region), theirs.keys.key_for(region));
            let region = my_regions
                .intersection(their_regions)
                .find(|region| overwrite || keys(region))?;
            Some((region.to_string(), what(keys(region))))
        }
        (ReplicateTo::Tag(my_tag), ReplicateTo::Tag(their_tag)) if my_tag == their_tag => {
            let keys = differ(
                mine.keys.key_for_any_other(),
                theirs.keys.key_for_any_other(),
            );
            let region = format!("the Regions of the tag `{my_tag}`");
            (overwrite || keys).then(|| (region, what(keys)))
        }
        _ => None,
    }
}
