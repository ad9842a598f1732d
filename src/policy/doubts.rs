//! What a policy's rules make of one another: beyond the form of the document.

use super::document::PlacedRule;
use super::reader::Reader;
use super::regions::Forbid;
use super::{Replicate, ReplicateTo};
use crate::limits::Fence;
use crate::secret::{KmsKey, Region};

/// Notes what can have no effect, or not the one that was meant.
pub(super) fn check(reader: &mut Reader, rules: &[PlacedRule<'_>], fence: &Fence) {
    let forbidding: Vec<_> = rules
        .iter()
        .filter(|placed| placed.rule.forbid.is_some())
        .collect();
    for (index, placed) in rules.iter().enumerate() {
        if placed.rule.when.never_holds() {
            let message = "no secret can match: whatever matches is excluded by `not`";
            reader.error(
                &placed.when,
                "never-matches",
                message,
                "narrow `not`, or drop the rule",
            );
        }
        forbidden(reader, placed, &forbidding);
        fenced(reader, placed, fence);
        // One contradiction of a rule is enough to find the others by.
        let contradicted = rules[..index]
            .iter()
            .find_map(|other| contradiction(placed, other));
        if let Some(message) = contradicted {
            let hint = "give both rules the same, or only one of them any";
            reader.warning(&placed.place, "rules-always-conflict", message, hint);
        }
    }
}

/// A rule all of whose targets another rule always forbids.
fn forbidden(reader: &mut Reader, placed: &PlacedRule<'_>, forbidding: &[&PlacedRule<'_>]) {
    let (Some(replicate), Some(place)) = (&placed.rule.replicate, &placed.replicate_to) else {
        return;
    };
    let concerns = |other: &PlacedRule<'_>| match &replicate.to {
        ReplicateTo::Regions(regions) => regions.iter().any(|region| other.rule.forbids(region)),
        ReplicateTo::Tag(_) => other
            .rule
            .forbid
            .as_ref()
            .is_some_and(Forbid::forbids_everything),
    };
    let always: Vec<_> = forbidding
        .iter()
        .filter(|other| concerns(other) && placed.rule.when.implies(&other.rule.when))
        .collect();
    let is_forbidden = |region| always.iter().any(|other| other.rule.forbids(region));
    let all_forbidden = match &replicate.to {
        ReplicateTo::Regions(regions) => regions.iter().all(is_forbidden),
        ReplicateTo::Tag(_) => true,
    };
    if all_forbidden && !always.is_empty() {
        let names: Vec<_> = always
            .iter()
            .map(|other| format!("`{}`", other.rule.name()))
            .collect();
        let message = format!("every Region is always forbidden, by {}", names.join(", "));
        let hint = "drop the rule, or narrow the `forbid`";
        reader.warning(place, "always-forbidden", message, hint);
    }
}

/// A rule with targets outside the fence.
fn fenced(reader: &mut Reader, placed: &PlacedRule<'_>, fence: &Fence) {
    let (Some(replicate), Some(place)) = (&placed.rule.replicate, &placed.replicate_to) else {
        return;
    };
    let ReplicateTo::Regions(regions) = &replicate.to else {
        return;
    };
    let outside: Vec<&str> = regions
        .iter()
        .filter(|region| !fence.admits(region))
        .map(Region::as_str)
        .collect();
    if !outside.is_empty() {
        let message = format!(
            "{} is outside the fence, and is refused",
            outside.join(", ")
        );
        let hint = "add it to ALLOWED_REPLICA_REGIONS, or take it out of the policy";
        reader.warning(place, "outside-the-fence", message, hint);
    }
}

/// Two rules of which one matches whenever the other does, and that say different things of one
/// Region: that Region is always refused.
fn contradiction(placed: &PlacedRule<'_>, other: &PlacedRule<'_>) -> Option<String> {
    let mine = placed.rule.replicate.as_ref()?;
    let theirs = other.rule.replicate.as_ref()?;
    let (when, other_when) = (&placed.rule.when, &other.rule.when);
    if !when.implies(other_when) && !other_when.implies(when) {
        return None;
    }
    let (region, what) = conflict(mine, theirs)?;
    let name = other.rule.name();
    Some(format!(
        "this rule and `{name}` always give {region} different {what}, so it is always refused"
    ))
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
