//! Small things that several texts need.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// For what is well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// For what is not.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// The style of warnings.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// For headings and names.
pub(crate) const STRONG: Style = Style::new().bold();
/// For what stands back.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// The width that long texts are wrapped to.
pub(crate) const WIDTH: usize = 100;

/// A text in a style.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A number of things: `1 rule`, `2 rules`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// A text wrapped to [`WIDTH`], with `first` before the first line and as many spaces before the
/// others. `columns` is how many columns `first` takes, colours aside.
pub(crate) fn wrap(first: &str, columns: usize, text: &str) -> String {
    let indent = " ".repeat(columns);
    let lines = textwrap::wrap(text, WIDTH.saturating_sub(columns));
    let lines: Vec<_> = lines.iter().map(AsRef::as_ref).collect();
    format!("{first}{}\n", lines.join(&format!("\n{indent}")))
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
    fn long_texts_keep_their_indent() {
        let text = wrap("  * ", 4, &"word ".repeat(30));
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= WIDTH));
        assert!(lines[0].starts_with("  * word") && lines[1].starts_with("    word"));
    }
}
