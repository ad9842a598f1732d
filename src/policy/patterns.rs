use std::fmt;

use wildmatch::WildMatch;

/// Patterns of which one must match the whole text. `*` stands for any characters, `?` for one.
#[derive(Clone, Debug, PartialEq)]
pub struct Patterns(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq)]
struct Pattern {
    text: String,
    wildcards: WildMatch,
}

impl Pattern {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            wildcards: WildMatch::new(text),
        }
    }

    fn is_literal(&self) -> bool {
        !self.text.contains(['*', '?'])
    }

    /// Whether whatever matches this pattern surely matches the other one too.
    fn within(&self, other: &Self) -> bool {
        self.text == other.text || self.is_literal() && other.wildcards.matches(&self.text)
    }
}

impl Patterns {
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        Self(patterns.into_iter().map(Pattern::new).collect())
    }

    pub(super) fn match_any(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.wildcards.matches(text))
    }

    /// What each pattern is up to its first wildcard.
    pub(super) fn literal_prefixes(&self) -> impl Iterator<Item = &str> {
        let prefix = |pattern: &'_ Pattern| pattern.text.find(['*', '?']);
        self.0.iter().map(move |pattern| match prefix(pattern) {
            Some(end) => &pattern.text[..end],
            None => &pattern.text,
        })
    }

    pub(super) fn match_everything(&self) -> bool {
        let only_stars = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte == b'*');
        self.0.iter().any(|pattern| only_stars(&pattern.text))
    }

    /// Whether whatever matches these patterns surely matches the others too. `false` where that
    /// cannot be told.
    pub(super) fn within(&self, others: &Self) -> bool {
        others.match_everything()
            || self
                .0
                .iter()
                .all(|mine| others.0.iter().any(|other| mine.within(other)))
    }
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            let or = if index == 0 { "" } else { " or " };
            write!(f, "{or}`{}`", pattern.text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_text_and_its_case() {
        let patterns = Patterns::new(["prod/*", "stage-?"]);
        for text in ["prod/", "prod/a/b", "stage-1"] {
            assert!(patterns.match_any(text), "{text}");
        }
        for text in ["", "my-prod/a", "Prod/a", "stage-", "stage-12"] {
            assert!(!patterns.match_any(text), "{text}");
        }
    }

    #[test]
    fn a_star_matches_the_empty_text_too() {
        assert!(Patterns::new(["*"]).match_any(""));
    }

    #[test]
    fn patterns_lie_within_what_surely_matches_as_much() {
        let within = |mine: &str, others: &[&str]| {
            Patterns::new([mine]).within(&Patterns::new(others.iter().copied()))
        };
        assert!(within("prod", &["prod"]));
        assert!(within("prod", &["stage", "p*"]));
        assert!(within("prod-*", &["prod-*"]));
        assert!(within("prod-*", &["*"]));
        assert!(within("prod-*", &["**"]));
        assert!(!within("prod*", &["prod"]));
        assert!(!within("*", &["prod"]));
    }
}
