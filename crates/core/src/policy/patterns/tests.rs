use proptest::prelude::*;

use super::language::{lies_within, overlap};
use super::*;

#[test]
fn a_pattern_matches_the_whole_text_and_its_case() {
    let patterns = Patterns::new(["prod/*", "stage-?", "dev"]);
    for text in ["prod/", "prod/a/b", "stage-1", "dev"] {
        assert!(patterns.match_any(text), "{text}");
    }
    for text in ["", "my-prod/a", "Prod/a", "stage-", "stage-12", "Dev"] {
        assert!(!patterns.match_any(text), "{text}");
    }
}

#[test]
fn a_star_matches_the_empty_text_too() {
    assert!(Patterns::new(["*"]).match_any(""));
}

#[test]
fn patterns_are_the_same_if_their_texts_are() {
    assert_eq!(Patterns::new(["a*", "b"]), Patterns::new(["a*", "b"]));
    assert_ne!(Patterns::new(["a*"]), Patterns::new(["b*"]));
    assert_eq!(Patterns::new(["a*", "b"]).to_string(), "`a*` or `b`");
}

#[test]
fn patterns_lie_within_what_surely_matches_as_much() {
    let within = |mine: &str, others: &[&str]| {
        Patterns::new([mine]).within(&Patterns::new(others.iter().copied()), &Effort::new())
    };
    for (mine, others) in [
        ("prod", &["prod"][..]),
        ("prod", &["stage", "p*"]),
        ("prod-*", &["prod-*"]),
        ("prod-*", &["*"]),
        ("prod-*", &["**"]),
        ("prod/db*", &["stage", "prod/*"]),
        ("eu-west-*", &["eu-*"]),
        ("*?", &["?*"]),
        ("*a", &["?*"]),
        ("", &["*"]),
    ] {
        assert!(within(mine, others), "{mine} {others:?}");
    }
    for (mine, others) in [
        ("prod*", &["prod"][..]),
        ("*", &["prod"]),
        ("*", &["?*"]),
        ("prod/*", &["prod/db*"]),
        ("a*", &["a?*"]),
        ("", &["?*"]),
    ] {
        assert!(!within(mine, others), "{mine} {others:?}");
    }
}

#[test]
fn a_region_pattern_matches_some_code_or_none() {
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
        assert!(matches_a_region_code(pattern, &Effort::new()), "{pattern}");
    }
    for pattern in [
        "*eu",
        "eu-west-?-",
        "1*",
        "-*",
        "?",
        "eu?1?a",
        "*--*",
        "EU-*",
        "eu_*",
    ] {
        assert!(!matches_a_region_code(pattern, &Effort::new()), "{pattern}");
    }
}

#[test]
fn no_region_code_is_longer_than_thirty_two_characters() {
    let pattern = |unnamed: usize| format!("{}-1*", "?".repeat(unnamed));
    assert!(matches_a_region_code(&pattern(30), &Effort::new()));
    assert!(!matches_a_region_code(&pattern(31), &Effort::new()));
}

#[test]
fn long_and_involved_patterns_are_compared_in_no_time() {
    let long = "*a".repeat(10_000);
    let involved = format!("*a{}", "?".repeat(100));
    let pattern = |text: &str| Pattern::new(text);
    let start = std::time::Instant::now();
    assert!(!pattern(&long).within(&pattern("*b*"), &Effort::new()));
    assert!(!pattern("*b*").within(&pattern(&long), &Effort::new()));
    pattern(&"*a?b".repeat(30)).within(&pattern(&involved), &Effort::new());
    assert!(!pattern(&long).excludes(&pattern(&long), &Effort::new()));
    assert!(start.elapsed().as_secs() < 2);
}

#[test]
fn a_comparison_that_takes_more_than_is_left_raises_no_doubt() {
    for (inner, outer, units) in [
        // One for asking, and one for each place on the way through the inner pattern.
        ("aaa?", "a*", 1 + 5),
        // Both together have sixteen symbols.
        ("aaaaaaa?", "aaaaaaa*", 2 + 9),
        // Each step goes through sixteen.
        ("aaaaaaaaaaaaaaa?", "aaaaaaaaaaaaaaa*", 3 + 17 * 2),
    ] {
        assert!(lies_within(inner, outer, &Effort::of(units)), "{inner}");
        assert!(
            !lies_within(inner, outer, &Effort::of(units - 1)),
            "{inner}"
        );
    }
    // Each of eight symbols against each.
    assert!(!overlap("bbbbbbb*", "aaaaaaa*", &Effort::of(1 + 4)));
    assert!(overlap("bbbbbbb*", "aaaaaaa*", &Effort::of(4)));
    // Each of four characters against four symbols, 4 times.
    assert!(!matches_a_region_code("*--*", &Effort::of(2 * 4)));
    assert!(matches_a_region_code("*--*", &Effort::of(2 * 4 - 1)));
}

/// Every text of up to six characters over two that patterns name and one that they do not.
fn texts() -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut last = texts.clone();
    for _ in 0..6 {
        let longer = last
            .iter()
            .flat_map(|text| ["a", "b", "#"].map(|c| format!("{text}{c}")));
        last = longer.collect();
        texts.extend(last.iter().cloned());
    }
    texts
}

#[test]
fn containment_and_overlap_are_what_trying_every_short_text_shows() {
    let texts = texts();
    // Up to four symbols each: then texts of six characters tell any two patterns apart.
    let pattern = "[ab?*]{0,4}";
    proptest!(ProptestConfig::with_cases(1000), |(mine in pattern, other in pattern)| {
        let (one, two) = (Pattern::new(&mine), Pattern::new(&other));
        let mut mine_matches = texts.iter().filter(|text| one.matches(text)).peekable();
        let overlap = texts.iter().any(|text| one.matches(text) && two.matches(text));
        prop_assert!(mine_matches.peek().is_some());
        prop_assert_eq!(one.within(&two, &Effort::new()), mine_matches.all(|text| two.matches(text)));
        // Two patterns may share only texts as long as both together.
        prop_assert!(!(overlap && one.excludes(&two, &Effort::new())));
        if mine.len() + other.len() <= 6 {
            prop_assert_eq!(one.excludes(&two, &Effort::new()), !overlap);
        }
    });
}
