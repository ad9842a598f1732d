use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::secret::Region;

fn patterns(texts: &[&str]) -> Patterns {
    Patterns::new(texts.iter().map(|text| Pattern::new(text)).collect())
}

#[test]
fn a_pattern_matches_the_whole_text_and_its_case() {
    let patterns = patterns(&["prod/*", "stage-?", "dev"]);
    for text in ["prod/", "prod/a/b", "stage-1", "dev"] {
        assert!(patterns.match_any(text), "{text}");
    }
    for text in ["", "my-prod/a", "Prod/a", "stage-", "stage-12", "Dev"] {
        assert!(!patterns.match_any(text), "{text}");
    }
}

#[test]
fn a_star_matches_the_empty_text_too() {
    assert!(patterns(&["*"]).match_any(""));
}

#[test]
fn patterns_are_shown_as_they_are_written() {
    assert_eq!(patterns(&["a*", "b"]).to_string(), "`a*` or `b`");
}

#[test]
fn only_one_literal_has_an_only_text() {
    assert_eq!(patterns(&["a"]).only_text(), Some("a"));
    assert_eq!(patterns(&["a", "a"]).only_text(), Some("a"));
    assert_eq!(patterns(&["a", "b"]).only_text(), None);
    assert_eq!(patterns(&["a?"]).only_text(), None);
    assert_eq!(patterns(&["a", "*"]).only_text(), None);
}

#[test]
fn a_pattern_that_one_glance_rules_out_matches_no_region_code() {
    for pattern in [
        "*",
        "eu-*",
        "us-????-?",
        "*1",
        "??-*",
        "*-*-1",
        "a*9",
        "*west*",
    ] {
        assert!(may_match_a_region_code(pattern), "{pattern}");
    }
    for pattern in [
        "*eu",
        "eu-west-?-",
        "1*",
        "-*",
        "eu?1?a",
        "EU-*",
        "eu-W*",
        "eu_*",
        "eu *",
    ] {
        assert!(!may_match_a_region_code(pattern), "{pattern}");
    }
}

#[test]
fn no_region_code_is_longer_than_thirty_two_characters() {
    let pattern = |unnamed: usize| format!("{}-1*", "?".repeat(unnamed));
    assert!(may_match_a_region_code(&pattern(30)));
    assert!(!may_match_a_region_code(&pattern(31)));
}

proptest! {
    #[test]
    fn a_pattern_that_a_region_code_matches_is_never_ruled_out(
        code in "([a-z]{1,4}-){1,3}[0-9]{1,2}",
        wildcards in proptest::collection::vec(select(vec!["", "", "*", "?", "?*"]), 24),
    ) {
        prop_assert!(Region::parse(&code).is_ok());
        // Each character stands for itself or gives way to a wildcard.
        let characters = code.chars().zip(wildcards);
        let pattern: String = characters
            .map(|(c, wildcard)| if wildcard.is_empty() { c.to_string() } else { wildcard.to_owned() })
            .collect();
        prop_assert!(Pattern::new(&pattern).matches(&code), "{pattern}");
        prop_assert!(may_match_a_region_code(&pattern), "{pattern}");
    }
}
