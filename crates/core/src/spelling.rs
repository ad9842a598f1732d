//! Corrections of misspelled words, for hints.

/// The maximum number of words compared for a hint.
const MOST_WORDS: usize = 100;

/// The maximum length of a word that gets a hint, in bytes. A tag key, for instance, has up to 128
/// characters.
const LONGEST_WORD: usize = 64;

/// Returns the known word that is the most similar to `word` without quotes, if one is similar enough. Otherwise,
/// returns the only known word of which `word` is a whole part between hyphens.
#[must_use]
pub fn did_you_mean<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = without_quotes(word).unwrap_or(word);
    let words: Vec<&str> = words.into_iter().take(MOST_WORDS).collect();
    let similar = closest(word, words.iter().copied()).into_iter().min();
    similar.or_else(|| {
        let mut wholes = words.iter().filter(|known| has_part(known, word));
        wholes.next().filter(|_| wholes.next().is_none()).copied()
    })
}

/// Returns the known words that are the most similar to `word`, if they are similar enough.
pub(crate) fn closest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if word.len() > LONGEST_WORD {
        return Vec::new();
    }
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    let words = words.into_iter().take(MOST_WORDS);
    let similar: Vec<(usize, &str)> = words
        .filter(|known| known.len().abs_diff(word.len()) <= 1 + known.len() / 5)
        .map(|known| (strsim::osa_distance(&plain(word), &plain(known)), known))
        // A word of up to three letters resembles too many others.
        .filter(|(distance, known)| !known.is_empty() && *distance <= most(word, known))
        .collect();
    let least = similar.iter().map(|(distance, _)| *distance).min();
    let closest = similar
        .iter()
        .filter(|(distance, _)| Some(*distance) == least);
    closest.map(|(_, known)| *known).collect()
}

/// Returns a text without the quotes around it, or left over at one end, which shells, SAM and editors may pass
/// on as part of the value. `None` for a text without such quotes, and for quotes alone.
#[must_use]
pub fn without_quotes(text: &str) -> Option<&str> {
    let is_quote = |c: char| "'\"`\u{2018}\u{2019}\u{201c}\u{201d}\u{201e}".contains(c);
    let opens = text.trim_start_matches('\\').starts_with(is_quote);
    if !opens && !text.ends_with(is_quote) {
        return None;
    }
    // A backslash escapes a quote: `\"prod\"`.
    let plain = text.trim_matches(|c| is_quote(c) || c == '\\').trim();
    (!plain.is_empty()).then_some(plain)
}

/// Returns the hint to remove the quotes that [`without_quotes`] finds.
#[must_use]
pub fn quotes_hint(text: &str) -> Option<String> {
    without_quotes(text)
        .map(|plain| format!("the quotes are part of the value: write `{plain}` without them"))
}

/// Returns whether a word is a whole part of a known one, and not too short for a hint.
fn has_part(known: &str, word: &str) -> bool {
    word.len() > 3 && known.contains('-') && known.split('-').any(|part| part == word)
}

/// Returns the maximum number of misspellings.
fn most(word: &str, known: &str) -> usize {
    if word.len().max(known.len()) <= 3 {
        0
    } else {
        1 + known.len() / 5
    }
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, without_quotes};

    #[test]
    fn quotes_at_the_ends_are_not_part_of_the_text() {
        for text in [
            "'eu'",
            "\"eu\"",
            "eu\"",
            "'eu",
            "\\\"eu\\\"",
            "\u{201c}eu\u{201d}",
            "\"'eu'\"",
            "`eu`",
        ] {
            assert_eq!(without_quotes(text), Some("eu"), "{text}");
        }
        for text in ["eu", "", "'", "\"\"", "O'Brien", "\\d", "a\\"] {
            assert_eq!(without_quotes(text), None, "{text}");
        }
    }

    #[test]
    fn a_misspelling_is_told_from_another_word() {
        let words = ["replicate-to", "when", "name"];
        assert_eq!(did_you_mean("replicate_to", words), Some("replicate-to"));
        assert_eq!(did_you_mean("replicatTo", words), Some("replicate-to"));
        assert_eq!(did_you_mean("wehn", words), Some("when"));
        assert_eq!(did_you_mean("targets", words), None);
        assert_eq!(did_you_mean("\\\"name\\\"", words), Some("name"));
    }

    #[test]
    fn a_whole_part_of_one_hyphenated_word_means_that_word() {
        let words = ["tags", "secret-name", "primary-region", "kms-key"];
        assert_eq!(did_you_mean("region", words), Some("primary-region"));
        assert_eq!(did_you_mean("name", words), Some("secret-name"));
        assert_eq!(did_you_mean("key", words), None);
        let words = ["region-not-allowed", "invalid-region"];
        assert_eq!(did_you_mean("region", words), None);
    }

    #[test]
    fn a_short_word_differs_at_most_in_case() {
        assert_eq!(did_you_mean("DR", ["eu", "dr", ""]), Some("dr"));
        assert_eq!(did_you_mean("us", ["eu", "dr", ""]), None);
        assert_eq!(did_you_mean("a", [""]), None);
    }

    #[test]
    fn a_long_word_may_have_more_misspellings() {
        // One for every five characters, and one.
        for (word, known) in [
            ("wxyn", None),
            ("whxy", None),
            ("whex", Some("when")),
            ("whenxx", None),
            ("regiXXs-from", Some("regions-from")),
            ("rexiXXs-from", Some("regions-from")),
            ("rexiXXs-frXm", None),
        ] {
            let words = ["when", "regions-from"];
            assert_eq!(did_you_mean(word, words), known, "{word}");
        }
    }

    #[test]
    fn only_short_words_and_a_hundred_of_them_are_compared() {
        let longest = "w".repeat(64);
        assert_eq!(
            did_you_mean(&longest, [longest.as_str()]),
            Some(longest.as_str())
        );
        let longer = "w".repeat(65);
        assert_eq!(did_you_mean(&longer, [longer.as_str()]), None);
        let others = vec!["name"; 99];
        let among =
            |others: &[&'static str]| did_you_mean("wehn", others.iter().copied().chain(["when"]));
        assert_eq!(among(&others), Some("when"));
        assert_eq!(among(&[others.as_slice(), &["name"]].concat()), None);
    }
}
