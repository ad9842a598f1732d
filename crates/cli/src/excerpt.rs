//! The lines of a document around a problem, cropped to a width that a terminal can show.

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use secret_replicator_core::policy::is_direction;

use crate::document::Document;

/// The maximum length of a shown line, in characters. `miette` panics at columns beyond 65,535.
const MAX_WIDTH: usize = 200;

/// A line with a problem, with the lines before and after it.
#[derive(Debug)]
pub(crate) struct Excerpt {
    name: String,
    text: String,
    /// The number of the first line, counted from 0.
    first: usize,
    /// The number of characters that the line with the problem lacks at its start.
    cropped: usize,
    /// The byte offset in the text and the length of the marked word.
    pub(crate) marked: (usize, usize),
}

impl Excerpt {
    /// Returns the lines around a location, counted from 1, and the marked word. Returns `None` beyond
    /// the document.
    pub(crate) fn new(document: &Document, line: u64, column: u64) -> Option<Self> {
        let index = |number: u64| usize::try_from(number).ok()?.checked_sub(1);
        let (number, column) = (index(line)?, index(column)?);
        let content = document.line(number)?;
        let within = content.char_indices().nth(column);
        let offset = within.map_or(content.len(), |(offset, _)| offset);
        let length = content[offset..][..word(&content[offset..])]
            .chars()
            .count();

        let first = number.saturating_sub(1);
        let mut text = String::new();
        let mut excerpt = (0, (0, 0));
        for shown in first..=number + 1 {
            let Some(content) = document.line(shown) else {
                break;
            };
            if shown == number {
                let column = column.min(content.chars().count());
                let begin = if content.chars().nth(MAX_WIDTH).is_some() {
                    column.saturating_sub(MAX_WIDTH / 2)
                } else {
                    0
                };
                let (line, mark) = crop(content, begin, column);
                let marked = line[mark..].chars().take(length).map(char::len_utf8).sum();
                excerpt = (begin.saturating_sub(1), (text.len() + mark, marked));
                text.push_str(&line);
            } else {
                text.push_str(&crop(content, 0, 0).0);
            }
            text.push('\n');
        }
        let (cropped, marked) = excerpt;
        Some(Self {
            name: document.name.clone(),
            text,
            first,
            cropped,
            marked,
        })
    }
}

/// Crops a line from a column on, with `…` where text is missing. Returns the line, and the byte offset
/// of another column in it.
fn crop(content: &str, begin: usize, column: usize) -> (String, usize) {
    let mut line = String::new();
    if begin > 0 {
        line.push('…');
    }
    let mut rest = content.chars().skip(begin);
    let mut mark = None;
    for (index, c) in rest.by_ref().take(MAX_WIDTH).enumerate() {
        if begin + index == column {
            mark = Some(line.len());
        }
        line.push(visible(c));
    }
    let mark = mark.unwrap_or(line.len());
    if rest.next().is_some() {
        line.push('…');
    }
    (line, mark)
}

/// Replaces a control character, which would act on the terminal, by its picture, and one that changes the direction of
/// the text, which would hide what the policy says.
fn visible(c: char) -> char {
    match c {
        '\t' => c,
        '\u{7f}' => '\u{2421}',
        '\0'..'\u{20}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        _ if c.is_control() || is_direction(c) => '\u{fffd}',
        _ => c,
    }
}

/// Returns the length of the key, value, list or map at the start of `rest`, the rest of a line.
fn word(rest: &str) -> usize {
    let until = |found: Option<usize>, closing: usize| found.map_or(rest.len(), |at| at + closing);
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => until(rest[1..].find(quote).map(|at| at + 1), 1),
        Some('{') => rest.rfind('}').map_or(1, |at| at + 1),
        Some('[') => rest.rfind(']').map_or(1, |at| at + 1),
        _ => {
            let ends = [": ", ", ", " #", "]", "}"];
            let end = ends.iter().filter_map(|end| rest.find(end)).min();
            until(end, 0) - usize::from(end.is_none() && rest.ends_with([':', ',']))
        }
    }
}

/// `miette` counts columns in bytes. The policy reader counts characters, as editors do.
impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let contents = self.text.read_span(span, lines_before, lines_after)?;
        let before = self.text.get(..contents.span().offset()).unwrap_or("");
        let mut column = before.chars().rev().take_while(|c| *c != '\n').count();
        if column > 0 {
            column += self.cropped;
        }
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            self.first + contents.line(),
            column,
            self.first + contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str, line: u64, column: u64) -> Option<String> {
        let excerpt = Excerpt::new(&Document::new("", text), line, column)?;
        let (start, length) = excerpt.marked;
        Some(excerpt.text[start..start + length].to_owned())
    }

    #[test]
    fn a_character_that_changes_the_direction_is_visible() {
        let excerpt = Excerpt::new(&Document::new("", "a: \u{202e}b\u{61c}"), 1, 1).unwrap();
        assert!(
            excerpt.text.contains("\u{fffd}b\u{fffd}"),
            "{}",
            excerpt.text
        );
    }

    #[test]
    fn the_word_at_a_location_is_marked() {
        let text = "a: 1\r\n  key: {b: \"ü, x\", c: [d, e] }\n- arn:aws:kms # why\nlast:";
        let cases = [
            (1, 1, Some("a")),
            (1, 4, Some("1")),
            (2, 3, Some("key")),
            (2, 8, Some("{b: \"ü, x\", c: [d, e] }")),
            (2, 12, Some("\"ü, x\"")),
            (2, 23, Some("[d, e]")),
            (2, 27, Some("e")),
            (3, 3, Some("arn:aws:kms")),
            (4, 1, Some("last")),
            (4, 99, Some("")),
            (5, 1, None),
            (0, 0, None),
        ];
        for (line, column, word) in cases {
            assert_eq!(
                marked(text, line, column).as_deref(),
                word,
                "{line}:{column}"
            );
        }
    }

    #[test]
    fn a_long_line_is_cropped_around_the_word() {
        let text = format!(
            "first\n{}wrong: {}\nlast",
            "ü".repeat(70_000),
            "x".repeat(70_000)
        );
        let excerpt = Excerpt::new(&Document::new("", text.as_str()), 2, 70_001).unwrap();
        let lines: Vec<_> = excerpt.text.lines().collect();
        assert_eq!((lines[0], lines[2]), ("first", "last"));
        assert!(lines[1].starts_with("…ü") && lines[1].ends_with("x…"));
        assert_eq!(lines[1].chars().count(), MAX_WIDTH + 2);
        assert_eq!(marked(&text, 2, 70_001).as_deref(), Some("wrong"));
    }

    #[test]
    fn control_characters_are_shown_as_pictures() {
        let excerpt = Excerpt::new(&Document::new("", "a: \u{1b}[31m\u{7f}\u{9b}"), 1, 1).unwrap();
        assert_eq!(excerpt.text, "a: ␛[31m␡\u{fffd}\n");
    }
}
