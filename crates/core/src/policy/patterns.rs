//! Patterns over texts: `*` stands for any characters, `?` for one.

mod language;

use std::fmt;
use std::sync::OnceLock;

use smol_str::SmolStr;
use wildmatch::WildMatch;

use super::effort::Effort;

/// Patterns of which one must match the whole text. `*` stands for any characters, `?` for one.
#[derive(Clone, Debug, PartialEq)]
pub struct Patterns(Vec<Pattern>);

#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Literal(SmolStr),
    /// Made ready when a text is first matched: most rules never get that far.
    Wild(SmolStr, OnceLock<Box<WildMatch>>),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        if is_wild(text) {
            Self::Wild(text.into(), OnceLock::new())
        } else {
            Self::Literal(text.into())
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Literal(text) | Self::Wild(text, _) => text,
        }
    }

    /// The text that alone matches, if there is only one.
    pub(super) fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) => Some(text),
            Self::Wild(..) => None,
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Literal(own) => own == text,
            Self::Wild(pattern, ready) => ready
                .get_or_init(|| Box::new(WildMatch::new(pattern)))
                .matches(text),
        }
    }

    fn matches_everything(&self) -> bool {
        !self.text().is_empty() && self.text().bytes().all(|byte| byte == b'*')
    }

    /// Whether whatever matches this pattern surely matches the other one too. `false` also where
    /// telling would take too long.
    pub(super) fn within(&self, other: &Self, effort: &Effort) -> bool {
        if !effort.spend(1) {
            return false;
        }
        match (self, other) {
            (Self::Literal(mine), _) => other.matches(mine),
            (Self::Wild(..), Self::Literal(_)) => false,
            (Self::Wild(mine, _), Self::Wild(other, _)) => {
                mine == other || language::lies_within(mine, other, effort)
            }
        }
    }

    /// Whether surely no text matches both patterns.
    pub(super) fn excludes(&self, other: &Self, effort: &Effort) -> bool {
        if !effort.spend(1) {
            return false;
        }
        match (self, other) {
            (Self::Literal(mine), _) => !other.matches(mine),
            (_, Self::Literal(other)) => !self.matches(other),
            (Self::Wild(mine, _), Self::Wild(other, _)) => !language::overlap(mine, other, effort),
        }
    }
}

/// Whether a text has a wildcard, so that it is no plain word.
pub(super) fn is_wild(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether a pattern matches anything that has the form of a Region code.
pub(super) fn matches_a_region_code(pattern: &str, effort: &Effort) -> bool {
    language::matches_a_region_code(pattern, effort)
}

impl Patterns {
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        Self(patterns.into_iter().map(Pattern::new).collect())
    }

    pub(super) fn of(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Pattern> {
        self.0.iter()
    }

    pub(super) fn match_any(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(text))
    }

    /// What each pattern is up to its first wildcard.
    pub(super) fn literal_prefixes(&self) -> impl Iterator<Item = &str> {
        let prefix = |text: &'_ str| text.find(['*', '?']).unwrap_or(text.len());
        let texts = self.0.iter().map(Pattern::text);
        texts.map(move |text| &text[..prefix(text)])
    }

    pub(super) fn match_everything(&self) -> bool {
        self.0.iter().any(Pattern::matches_everything)
    }

    /// Whether whatever matches these patterns surely matches the others too: each of them lies
    /// within one of the others. `false` where that cannot be told.
    pub(super) fn within(&self, others: &Self, effort: &Effort) -> bool {
        others.match_everything()
            || self
                .0
                .iter()
                .all(|mine| others.0.iter().any(|other| mine.within(other, effort)))
    }

    /// Whether surely no text matches both.
    pub(super) fn exclude(&self, others: &Self, effort: &Effort) -> bool {
        let mut pairs = (self.0.iter()).flat_map(|mine| others.0.iter().map(move |o| (mine, o)));
        pairs.all(|(mine, other)| mine.excludes(other, effort))
    }
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            let or = if index == 0 { "" } else { " or " };
            write!(f, "{or}`{}`", pattern.text())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
