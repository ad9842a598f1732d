//! Rules all of whose Regions are always forbidden.

use std::collections::BTreeSet;

use super::index::Index;
use crate::policy::condition::When;
use crate::policy::document::PlacedRule;
use crate::policy::effort::Effort;
use crate::policy::reader::Reader;
use crate::policy::regions::Forbid;
use crate::policy::{Replicate, ReplicateTo};

pub(super) fn check(reader: &mut Reader, rules: &[PlacedRule<'_>], effort: &Effort) {
    let forbidding = rules.iter().filter(|placed| placed.rule.forbid.is_some());
    let index = Index::new(forbidding);
    for placed in rules {
        let (Some(replicate), Some(place)) = (&placed.rule.replicate, &placed.replicate_to) else {
            continue;
        };
        let when = &placed.rule.when;
        if effort.is_spent() {
            return;
        }
        let by = always(replicate, when, &index, effort)
            .or_else(|| by_cases(replicate, when, &index, effort));
        if let Some(by) = by {
            let names: Vec<_> = by.iter().map(|name| format!("`{name}`")).collect();
            let names = names.join(", ");
            let name = placed.rule.name();
            let message = format!("every Region of `{name}` is always forbidden, by {names}");
            let hint = "drop the rule, or narrow the `forbid`";
            reader.warning(place, "always-forbidden", message, hint);
        }
    }
}

/// The rules that match whenever the condition holds, and together forbid every Region.
fn always<'b>(
    replicate: &Replicate,
    when: &'b When,
    index: &'b Index<'_>,
    effort: &Effort,
) -> Option<BTreeSet<&'b str>> {
    let implied = index
        .maybe_implied_by(when, None)
        .filter(|other| when.implies(&other.rule.when, effort));
    together(replicate, implied, effort)
}

/// The same, but other rules for each of the values that the condition allows for one part.
fn by_cases<'b>(
    replicate: &Replicate,
    when: &'b When,
    index: &'b Index<'_>,
    effort: &Effort,
) -> Option<BTreeSet<&'b str>> {
    let parts = when.parts();
    let mut several = parts.filter(|(_, patterns)| patterns.iter().len() > 1);
    several.find_map(|(part, patterns)| {
        let mut names = BTreeSet::new();
        for pattern in patterns.iter() {
            let mut maybe = index
                .maybe_implied_by(when, Some((part, pattern)))
                .peekable();
            maybe.peek()?;
            if !effort.spend(patterns.iter().len()) {
                return None;
            }
            let case = when.narrowed(part, pattern);
            let implied = maybe.filter(|other| case.implies(&other.rule.when, effort));
            names.extend(together(replicate, implied, effort)?);
        }
        Some(names)
    })
}

/// The names of the rules, if together they forbid every Region that is wanted.
fn together<'a, 'b: 'a>(
    replicate: &Replicate,
    rules: impl Iterator<Item = &'a PlacedRule<'b>>,
    effort: &Effort,
) -> Option<BTreeSet<&'a str>> {
    let concerned = rules.filter(|other| match &replicate.to {
        ReplicateTo::Regions(regions) => regions.iter().any(|region| other.rule.forbids(region)),
        ReplicateTo::Tag(_) => true,
    });
    let rules: Vec<_> = concerned.collect();
    let all_forbidden = match &replicate.to {
        ReplicateTo::Regions(regions) => regions
            .iter()
            .all(|region| rules.iter().any(|other| other.rule.forbids(region))),
        ReplicateTo::Tag(_) => {
            let forbids: Vec<&Forbid> = rules
                .iter()
                .filter_map(|other| other.rule.forbid.as_ref())
                .collect();
            Forbid::forbid_everything(&forbids, effort)
        }
    };
    let names = rules.iter().map(|other| other.rule.name());
    (all_forbidden && !rules.is_empty()).then(|| names.collect())
}
