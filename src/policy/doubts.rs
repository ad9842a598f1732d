//! What a policy's rules make of one another: beyond the form of the document.

use std::collections::{BTreeMap, BTreeSet};

use super::document::PlacedRule;
use super::reader::Reader;
use super::{Replicate, ReplicateTo};
use crate::limits::Fence;
use crate::secret::{KmsKey, Region};

/// Notes what can have no effect, or not the one that was meant.
pub(super) fn check(reader: &mut Reader, rules: &[PlacedRule<'_>], fence: &Fence) {
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
        forbidden(reader, placed, rules);
        fenced(reader, placed, fence);
        for other in &rules[..index] {
            conflicting(reader, placed, other);
        }
    }
}

fn targets<'a>(placed: &'a PlacedRule<'_>) -> Option<(&'a Replicate, &'a BTreeSet<Region>)> {
    let replicate = placed.rule.replicate.as_ref()?;
    match &replicate.to {
        ReplicateTo::Regions(regions) => Some((replicate, regions)),
        ReplicateTo::Tag(_) => None,
    }
}

/// A rule all of whose targets another rule always forbids.
fn forbidden(reader: &mut Reader, placed: &PlacedRule<'_>, rules: &[PlacedRule<'_>]) {
    let (Some((_, regions)), Some(place)) = (targets(placed), &placed.replicate_to) else {
        return;
    };
    let always: Vec<_> = rules
        .iter()
        .filter(|other| regions.iter().any(|region| other.rule.forbids(region)))
        .filter(|other| placed.rule.when.implies(&other.rule.when))
        .collect();
    let is_forbidden = |region| always.iter().any(|other| other.rule.forbids(region));
    if !regions.is_empty() && regions.iter().all(is_forbidden) {
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
    let (Some((_, regions)), Some(place)) = (targets(placed), &placed.replicate_to) else {
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
fn conflicting(reader: &mut Reader, placed: &PlacedRule<'_>, other: &PlacedRule<'_>) {
    let (Some((mine, my_regions)), Some((theirs, their_regions))) =
        (targets(placed), targets(other))
    else {
        return;
    };
    let overwrite = mine
        .overwrite
        .zip(theirs.overwrite)
        .is_some_and(|(mine, theirs)| mine != theirs);
    let conflict: BTreeMap<&Region, (&KmsKey, &KmsKey)> = my_regions
        .intersection(their_regions)
        .filter_map(|region| {
            let keys = mine.keys.key_for(region).zip(theirs.keys.key_for(region))?;
            (keys.0 != keys.1).then_some((region, keys))
        })
        .collect();
    let region = conflict.keys().next().copied();
    let shared = my_regions
        .intersection(their_regions)
        .next()
        .filter(|_| overwrite);
    let always_together = || {
        let (when, other_when) = (&placed.rule.when, &other.rule.when);
        when.implies(other_when) || other_when.implies(when)
    };
    if let Some(region) = region.or(shared).filter(|_| always_together()) {
        let what = if conflict.is_empty() {
            "`overwrite`"
        } else {
            "keys"
        };
        let message = format!(
            "this rule and `{}` always give {region} different {what}, so it is always refused",
            other.rule.name()
        );
        let hint = "give both rules the same, or only one of them any";
        reader.error(&placed.place, "rules-always-conflict", message, hint);
    }
}
