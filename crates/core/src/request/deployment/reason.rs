//! The reason of a `FAILED` answer, which CloudFormation shows in the events of the stack.

/// The maximum size of the name of a log group in the reason, in bytes of JSON. A name has at most 512 characters.
const MAX_LOG_GROUP_SIZE: usize = 512;

/// Returns the problems, one per line, in at most `size` bytes of JSON. If they are longer, the reason says how many
/// it leaves out, and where they are.
pub(super) fn of_problems(problems: &[String], log_group: Option<&str>, size: usize) -> String {
    let log_group = log_group.filter(|name| json_size(name) <= MAX_LOG_GROUP_SIZE);
    let all = problems.join("\n");
    if json_size(&all) <= size {
        return all;
    }
    let left_out = |shown: usize| left_out(problems.len() - shown, log_group);
    // From all but one to one: the note is shorter than a problem that is left out, or not.
    for shown in (1..problems.len()).rev() {
        let reason = format!("{}\n{}", problems[..shown].join("\n"), left_out(shown));
        if json_size(&reason) <= size {
            return reason;
        }
    }
    let note = format!("…\n{}", left_out(0));
    let first = problems.first().map_or("", String::as_str);
    format!(
        "{}{note}",
        prefix(first, size.saturating_sub(json_size(&note)))
    )
}

/// Says where the problems are that the reason leaves out, or does not show as a whole.
fn left_out(count: usize, log_group: Option<&str>) -> String {
    let problems = if count == 1 {
        "1 problem is".to_owned()
    } else {
        format!("{count} problems are")
    };
    match log_group {
        Some(name) => format!("({problems} not shown here: see the log group {name})"),
        None => format!("({problems} not shown here: see the log of the function)"),
    }
}

/// Returns the longest beginning of a text that takes at most `size` bytes of JSON.
fn prefix(text: &str, size: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find_map(|(index, c)| {
        used += json_size(c.encode_utf8(&mut [0; 4]));
        (used > size).then_some(index)
    });
    &text[..end.unwrap_or(text.len())]
}

/// Returns the size of a text in a JSON string, in bytes, without the quotation marks.
fn json_size(text: &str) -> usize {
    serde_json::to_string(text).map_or(usize::MAX, |json| json.len() - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn short_problems_are_shown_as_they_are() {
        let reason = of_problems(&problems(&["DRY_RUN: x", "POLICY: y"]), None, 100);
        assert_eq!(reason, "DRY_RUN: x\nPOLICY: y");
    }

    #[test]
    fn problems_that_do_not_fit_are_counted() {
        let long = "z".repeat(100);
        let reason = of_problems(&problems(&["a", "b", &long]), Some("/aws/lambda/x"), 100);
        assert_eq!(
            reason,
            "a\nb\n(1 problem is not shown here: see the log group /aws/lambda/x)"
        );
        let reason = of_problems(&problems(&["a", &long, &long]), None, 100);
        assert_eq!(
            reason,
            "a\n(2 problems are not shown here: see the log of the function)"
        );
    }

    #[test]
    fn a_problem_that_is_too_long_is_cut_between_two_characters() {
        let note = "…\n(1 problem is not shown here: see the log of the function)";
        let size = json_size(note);
        for (text, shown) in [
            ("éé\"", "é"),
            ("\"\"", "\""),
            ("\u{1}", ""),
            ("abcd", "abc"),
        ] {
            let long = format!("{text}{}", "z".repeat(200));
            let reason = of_problems(&problems(&[&long]), None, size + 3);
            assert_eq!(reason, format!("{shown}{note}"));
        }
    }
}
