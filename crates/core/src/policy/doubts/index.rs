//! Finds the rules that may match whenever another one does, without comparing it with all.

use std::collections::HashMap;

use crate::policy::condition::{Part, When};
use crate::policy::document::PlacedRule;
use crate::policy::patterns::Pattern;

/// Rules by the texts that their conditions name.
///
/// A rule whose condition names only plain texts for one part can be implied only by a rule that
/// names some of these for the same part. All others may be implied by any rule.
pub(super) struct Index<'a> {
    by_text: HashMap<(Part<'a>, &'a str), Vec<&'a PlacedRule<'a>>>,
    others: Vec<&'a PlacedRule<'a>>,
}

impl<'a> Index<'a> {
    pub(super) fn new(rules: impl IntoIterator<Item = &'a PlacedRule<'a>>) -> Self {
        let mut index = Self {
            by_text: HashMap::new(),
            others: Vec::new(),
        };
        for placed in rules {
            index.add(placed);
        }
        index
    }

    fn add(&mut self, placed: &'a PlacedRule<'a>) {
        let mut parts = placed.rule.when.parts();
        let plain =
            parts.find(|(_, patterns)| patterns.iter().all(|pattern| pattern.literal().is_some()));
        let Some((part, patterns)) = plain else {
            self.others.push(placed);
            return;
        };
        for text in patterns.iter().filter_map(|pattern| pattern.literal()) {
            let rules = self.by_text.entry((part, text)).or_default();
            // A text that the condition names twice.
            if !rules.last().is_some_and(|last| std::ptr::eq(*last, placed)) {
                rules.push(placed);
            }
        }
    }

    /// The rules that may match whenever the condition does, in the case that one part matches one
    /// pattern. Each of the condition's patterns would have to lie within theirs, so one for each
    /// part is enough to find them.
    pub(super) fn maybe_implied_by<'b>(
        &'b self,
        when: &'b When,
        case: Option<(Part<'b>, &'b Pattern)>,
    ) -> impl Iterator<Item = &'b PlacedRule<'a>> {
        let parts = when.parts();
        let named = parts.filter_map(move |(part, patterns)| {
            let of_case = case.filter(|(other, _)| *other == part);
            let pattern = of_case.map(|(_, pattern)| pattern);
            let text = pattern.or_else(|| patterns.iter().next())?.literal()?;
            self.by_text.get(&(part, text))
        });
        named.flatten().chain(&self.others).copied()
    }
}
