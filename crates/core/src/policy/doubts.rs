//! What a policy's rules make of one another: beyond the form of the document.
//!
//! These are best effort: whatever is noted is so, but not everything that is so is noted. In large
//! policies [`Effort`] ends the comparison.

mod conflicts;
mod forbidden;
mod index;

use super::ReplicateTo;
use super::document::PlacedRule;
use super::effort::Effort;
use super::reader::Reader;

/// Notes what can have no effect, or not the one that was meant.
pub(super) fn check(reader: &mut Reader, rules: &[PlacedRule<'_>], effort: &Effort) {
    for placed in rules {
        if placed.rule.when.never_holds(effort) {
            let message = "no secret can match: whatever matches is excluded by `not`";
            let hint = "narrow `not`, or drop the rule";
            reader.error(&placed.when, "never-matches", message, hint);
        } else {
            idle(reader, placed, effort);
        }
    }
    forbidden::check(reader, rules, effort);
    conflicts::check(reader, rules, effort);
}

/// A rule that can never lead to a replica, whatever the others say.
fn idle(reader: &mut Reader, placed: &PlacedRule<'_>, effort: &Effort) {
    let (Some(replicate), Some(place)) = (&placed.rule.replicate, &placed.replicate_to) else {
        return;
    };
    match &replicate.to {
        ReplicateTo::Tag(key) if placed.rule.when.excludes_tag(key, effort) => {
            let message =
                format!("no secret with the tag `{key}` matches: all are excluded by `not`");
            let hint = "narrow `not`, or drop `replicate-to`";
            reader.warning(place, "tag-always-excluded", message, hint);
        }
        ReplicateTo::Regions(regions) => {
            let primary = placed.rule.when.only_primary_region();
            if let Some(primary) = primary
                && regions.iter().all(|region| region.as_str() == primary)
            {
                let message = format!("{primary} is always the primary secret's own Region");
                let hint = "a replica is always in another Region: list one, or drop the rule";
                reader.warning(place, "always-primary-region", message, hint);
            }
        }
        ReplicateTo::Tag(_) => {}
    }
}
