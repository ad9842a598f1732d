//! Corrections of misspelled words, for hints.

/// The maximum number of words compared for a hint.
const MOST_WORDS: usize = 100;

/// The maximum length of a word that gets a hint, in bytes. A tag key, for instance, has up to 128
/// characters.
const LONGEST_WORD: usize = 64;

/// Returns the known word that is the most similar to `word`, if one is similar enough. Otherwise, returns the
/// only known word of which `word` is a whole part between hyphens.
#[must_use]
pub fn did_you_mean<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
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
    use super::did_you_mean;

    #[test]
    fn a_misspelling_is_told_from_another_word() {
        let words = ["replicate-to", "when", "name"];
        assert_eq!(did_you_mean("replicate_to", words), Some("replicate-to"));
        assert_eq!(did_you_mean("replicatTo", words), Some("replicate-to"));
        assert_eq!(did_you_mean("wehn", words), Some("when"));
        assert_eq!(did_you_mean("targets", words), None);
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
