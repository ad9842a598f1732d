//! JSON with line breaks.

/// Indents a JSON text, changing nothing but the space between its tokens: members keep their
/// order and numbers their spelling.
pub(crate) fn indented(json: &str) -> String {
    let mut output = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                output.push('"');
                copy_string(&mut characters, &mut output);
            }
            '{' | '[' => {
                output.push(character);
                while characters.next_if(|next| next.is_whitespace()).is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    output.push(end);
                } else {
                    depth += 1;
                    new_line(&mut output, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut output, depth);
                output.push(character);
            }
            ',' => {
                output.push(',');
                new_line(&mut output, depth);
            }
            ':' => output.push_str(": "),
            other if other.is_whitespace() => {}
            other => output.push(other),
        }
    }
    output
}

fn new_line(output: &mut String, depth: usize) {
    output.push('\n');
    output.extend(std::iter::repeat_n("  ", depth));
}

/// Copies the rest of a string, to its closing quotation mark.
fn copy_string(characters: &mut impl Iterator<Item = char>, output: &mut String) {
    while let Some(character) = characters.next() {
        output.push(character);
        match character {
            '\\' => output.extend(characters.next()),
            '"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::indented;

    #[test]
    fn structure_is_broken_into_lines_and_order_is_kept() {
        assert_eq!(
            indented(r#"{"b":1,"a":[true, null],"c":{}, "d":[ ]}"#),
            "{\n  \"b\": 1,\n  \"a\": [\n    true,\n    null\n  ],\n  \"c\": {},\n  \"d\": []\n}"
        );
    }

    #[test]
    fn strings_are_left_as_they_are() {
        let json = r#"["a,b: {\"x\\"]"#;
        assert_eq!(indented(json), "[\n  \"a,b: {\\\"x\\\\\"\n]");
    }
}
