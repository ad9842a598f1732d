use wildmatch::WildMatch;

/// Patterns of which one must match the whole text. `*` stands for any characters, `?` for one.
#[derive(Clone, Debug)]
pub(super) struct Patterns(Vec<WildMatch>);

impl Patterns {
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        Self(patterns.into_iter().map(WildMatch::new).collect())
    }

    pub(super) fn match_any(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(text))
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
}
