//! Patterns over texts: `*` matches any characters, `?` matches one.

use std::fmt;
use std::sync::OnceLock;

use smol_str::SmolStr;
use wildmatch::WildMatch;

/// Patterns of which one must match the whole text. `*` matches any characters, `?` matches one.
#[derive(Clone, Debug)]
pub struct Patterns(Vec<Pattern>);

#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Literal(SmolStr),
    /// Compiled on first use, because most patterns of a long policy are never evaluated.
    Wild(SmolStr, OnceLock<Box<WildMatch>>),
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        if is_wild(text) {
            Self::Wild(text.into(), OnceLock::new())
        } else {
            Self::Literal(text.into())
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Literal(text) | Self::Wild(text, _) => text,
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Literal(own) => own == text,
            Self::Wild(pattern, compiled) => compiled
                .get_or_init(|| Box::new(WildMatch::new(pattern)))
                .matches(text),
        }
    }
}

/// Returns whether a text contains a wildcard.
pub(super) fn is_wild(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The maximum length of a Region code in a policy.
const LONGEST_REGION_CODE: usize = 32;

/// Returns whether the pattern may match a Region code.
///
/// Sound but incomplete: returns `false` only if the pattern's characters, its ends or its length
/// exclude every text of the form of a Region code.
pub(super) fn may_match_a_region_code(pattern: &str) -> bool {
    let is_wildcard = |c| c == '*' || c == '?';
    let shortest = pattern.chars().filter(|c| *c != '*').count();
    shortest <= LONGEST_REGION_CODE
        && pattern.starts_with(|c: char| is_wildcard(c) || c.is_ascii_lowercase())
        && pattern.ends_with(|c: char| is_wildcard(c) || c.is_ascii_digit())
        && pattern
            .chars()
            .all(|c| is_wildcard(c) || c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

impl Patterns {
    pub(super) fn new(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }

    pub(super) fn match_any(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(text))
    }

    /// Returns the only text that matches, if there is only one.
    pub(super) fn only_text(&self) -> Option<&str> {
        let (first, rest) = self.0.split_first()?;
        let is_only =
            !is_wild(first.text()) && rest.iter().all(|other| other.text() == first.text());
        is_only.then_some(first.text())
    }

    /// Returns each pattern up to its first wildcard.
    pub(super) fn literal_prefixes(&self) -> impl Iterator<Item = &str> {
        let prefix = |text: &'_ str| text.find(['*', '?']).unwrap_or(text.len());
        let texts = self.0.iter().map(Pattern::text);
        texts.map(move |text| &text[..prefix(text)])
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
