//! Formats text for a terminal.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};
use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter};

/// The style of success.
pub(crate) const SUCCESS: Style = AnsiColor::Green.on_default().bold();
/// The style of errors and failures.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The style of warnings.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// The style of headings and names.
pub(crate) const STRONG: Style = Style::new().bold();
/// The style of less important text.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// The width to which long texts are wrapped, in columns.
pub(crate) const WIDTH: usize = 100;

/// Formats a text in a style.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Formats a number with a noun: `1 rule`, `2 rules`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// Wraps a text to [`WIDTH`]. The first line starts with `first`, the others with `columns` spaces.
/// `columns` is the width of `first` without colors.
pub(crate) fn wrap(first: &str, columns: usize, text: &str) -> String {
    let indent = " ".repeat(columns);
    // ARNs, codes, the names of fields and commands stay in one piece, so that they can be copied.
    let options = Options::new(WIDTH.saturating_sub(columns))
        .word_separator(WordSeparator::Custom(words))
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    let lines = textwrap::wrap(text, options);
    let lines: Vec<_> = lines.iter().map(AsRef::as_ref).collect();
    format!("{first}{}\n", lines.join(&format!("\n{indent}")))
}

/// Splits a line at spaces, except for those between backquotes.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut is_code = false;
    let mut previous = ' ';
    let mut starts = vec![0];
    for (index, character) in line.char_indices() {
        if previous == ' ' && character != ' ' && !is_code && index > 0 {
            starts.push(index);
        }
        is_code ^= character == '`';
        previous = character;
    }
    starts.push(line.len());
    let words: Vec<Word<'_>> = starts
        .windows(2)
        .filter_map(|ends| line.get(ends[0]..ends[1]))
        .map(Word::from)
        .collect();
    Box::new(words.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_singular() {
        assert_eq!(count(1, "rule"), "1 rule");
        assert_eq!(count(0, "rule"), "0 rules");
        assert_eq!(count(2, "rule"), "2 rules");
    }

    #[test]
    fn words_are_not_broken_at_hyphens() {
        let word = "region-not-allowed-".repeat(4);
        let text = wrap("", 0, &format!("{} {word} end", "x".repeat(60)));
        assert!(text.lines().any(|line| line.contains(&word)), "{text}");
    }

    #[test]
    fn a_command_stays_in_one_line() {
        let command = format!(
            "`aws events put-rule --event-pattern '{}'`",
            "a b ".repeat(60)
        );
        let text = wrap(
            "  ",
            2,
            &format!("{} run {command}, or not", "word ".repeat(15)),
        );
        assert!(text.lines().any(|line| line.contains(&command)), "{text}");
        let unpaired = wrap("", 0, &format!("`{}", "word ".repeat(30)));
        assert_eq!(unpaired.trim_end().len(), 150, "{unpaired}");
    }

    #[test]
    fn long_texts_keep_their_indent() {
        let text = wrap("  * ", 4, &"word ".repeat(30));
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= WIDTH));
        assert!(lines[0].starts_with("  * word") && lines[1].starts_with("    word"));
    }
}
