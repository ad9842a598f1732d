//! Formats numbers, times and names for people.

use chrono::{DateTime, Utc};

/// The number of accounts or Regions that a line names.
const NAMED: usize = 24;

/// Joins names. Counts the names beyond [`NAMED`].
pub(super) fn named(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let names: Vec<String> = names.take(NAMED).collect();
    let names = names.join(", ");
    if more == 0 {
        names
    } else {
        format!("{names} and {more} more")
    }
}

/// Formats a time of RFC 3339 without seconds. Empty if it is invalid.
pub(super) fn minutes(time: &str) -> String {
    let time = DateTime::parse_from_rfc3339(time);
    time.map_or_else(
        |_| String::new(),
        |time| time.to_utc().format("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

/// Formats a time.
pub(super) fn seconds(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Formats a part in percent, rounded down: only the whole is 100 %.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let tenths = part * 1000 / whole.max(1);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Formats a number with a noun.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// Formats a number with a comma between groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
