use super::*;

fn field<'a>(node: &'a Node<'a>, name: &str) -> &'a Field<'a> {
    let Value::Fields(fields) = &node.value else {
        panic!("not a map")
    };
    fields.iter().find(|field| field.key == name).unwrap()
}

fn text<'a>(node: &'a Node<'a>, name: &str) -> &'a str {
    let Value::Text(text) = &field(node, name).node.value else {
        panic!("not text")
    };
    text
}

#[test]
fn unquoted_numbers_and_booleans_are_taken_as_they_are_written() {
    let document = "a: 0\nb: 1.10\nc: true\nd: 007\ne: yes\nf: 0x1F\ng: \"1\"\nh: 1_000 # c\n\
                    i: -5\nj: .inf\nk: 123456789012345678901234567890\nl: {m: 0.50}\n";
    let node = parse(document).unwrap();
    let expected = [
        ("a", "0"),
        ("b", "1.10"),
        ("c", "true"),
        ("d", "007"),
        ("e", "yes"),
        ("f", "0x1F"),
        ("g", "1"),
        ("h", "1_000"),
        ("i", "-5"),
        ("j", ".inf"),
        ("k", "123456789012345678901234567890"),
    ];
    for (key, value) in expected {
        assert_eq!(text(&node, key), value, "{key}");
    }
    assert_eq!(text(&field(&node, "l").node, "m"), "0.50");
}

#[test]
fn every_node_knows_its_line_and_column() {
    let node = parse("a:\n  - b\n  - {c: 1}\n").unwrap();
    let a = field(&node, "a");
    assert_eq!((a.position.line, a.position.column), (1, 1));
    let Value::List(items) = &a.node.value else {
        panic!("not a list")
    };
    assert_eq!((items[0].position.line, items[0].position.column), (2, 5));
    let c = field(&items[1], "c");
    assert_eq!(
        (c.position.line, c.position.column, c.node.position.column),
        (3, 6, 9)
    );
}

#[test]
fn json_is_yaml_too() {
    let node = parse("{\"a\": 1,\n\t\"b\": [\"x\"]}").unwrap();
    assert_eq!(text(&node, "a"), "1");
}

#[test]
fn repeated_keys_stay_visible() {
    let Value::Fields(fields) = parse("a: 1\na: 2\n").unwrap().value else {
        panic!("not a map")
    };
    assert_eq!(fields.len(), 2);
}

#[test]
fn a_syntax_error_is_one_problem_with_its_position() {
    let problem = parse("version: 1\nrules: [\n").unwrap_err();
    assert_eq!(problem.code, "not-yaml");
    assert!(problem.line >= 2, "{problem}");
}

#[test]
fn deep_nesting_is_refused_before_it_exhausts_the_stack() {
    for text in [
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        "[".repeat(100_000),
    ] {
        assert_eq!(parse(&text).unwrap_err().code, "not-yaml");
    }
}

#[test]
fn a_document_of_many_megabytes_is_refused_unread() {
    assert_eq!(
        parse(&"a".repeat(LARGEST_DOCUMENT + 1)).unwrap_err().code,
        "document-too-large"
    );
}

#[test]
fn nothing_is_nothing_only_as_a_value_and_without_quotes() {
    let node = parse("~: ~\nnull: null\na:\nb: \"~\"\nc: 'null'\nd: \"\"\n").unwrap();
    let is_nothing = |name| matches!(field(&node, name).node.value, Value::Nothing(_));
    assert!(["~", "null", "a"].into_iter().all(is_nothing));
    assert!(!["b", "c", "d"].into_iter().any(is_nothing));
}

#[test]
fn nothing_is_written_in_the_ways_of_yaml_and_in_no_other() {
    let node = parse("a: ~\nb: null\nc: Null\nd: NULL\ne: !!null \"\"\nf: nULL\n").unwrap();
    let written = |name| match &field(&node, name).node.value {
        Value::Nothing(written) => Some(&written[..]),
        _ => None,
    };
    let expected = [
        Some("~"),
        Some("null"),
        Some("Null"),
        Some("NULL"),
        Some(""),
        None,
    ];
    assert_eq!(["a", "b", "c", "d", "e", "f"].map(written), expected);
}

#[test]
fn lists_and_maps_may_have_the_tag_of_what_they_are() {
    let node = parse("a: !!seq [b]\nc: !!map {d: e}\n").unwrap();
    assert_eq!(text(&field(&node, "c").node, "d"), "e");
}

#[test]
fn a_document_has_a_megabyte_at_most() {
    let document = |size: usize| format!("a: b #{}", " ".repeat(size - 6));
    assert!(parse(&document(LARGEST_DOCUMENT)).is_ok());
    let problem = parse(&document(LARGEST_DOCUMENT + 1)).unwrap_err();
    assert_eq!(problem.code, "document-too-large");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_document() {
    let node = parse("\u{feff}a: 1\n").unwrap();
    assert_eq!(text(&node, "a"), "1");
}

#[test]
fn anchors_aliases_merge_keys_and_custom_tags_are_refused_where_they_stand() {
    let documents = [
        ("a: &x [b]\nc: *x\n", (1, 4)),
        ("a: &x b\n", (1, 4)),
        ("&x a: b\n", (1, 1)),
        ("a: &x\n  b: c\n", (1, 4)),
        ("a: &x [*x]\n", (1, 4)),
        ("a: { <<: { b: c } }\n", (1, 6)),
        ("a: { <<: ~ }\n", (1, 6)),
        ("a: !secret b\n", (1, 4)),
        ("a: !secret [b]\n", (1, 4)),
        ("a: !secret { b: c }\n", (1, 4)),
        ("a:\r\n  b: !secret\r\n    c: d\n", (2, 6)),
        ("a: !!binary aGk=\n", (1, 4)),
    ];
    for (document, position) in documents {
        let problem = parse(document).unwrap_err();
        assert_eq!(problem.code, "unsupported-yaml", "{document}");
        assert_eq!((problem.line, problem.column), position, "{document}");
        assert!(problem.message.contains("not supported"), "{problem}");
        let hint = if problem.message.contains("the tag") {
            "`not:`"
        } else {
            "`groups`"
        };
        assert!(problem.hint.contains(hint), "{problem}");
    }
}

#[test]
fn a_merge_key_in_quotes_is_a_text() {
    let node = parse("a: { \"<<\": 4, !!str <<: 5 }\n").unwrap();
    assert_eq!(text(&field(&node, "a").node, "<<"), "4");
}

#[test]
fn a_tag_must_fit_its_value() {
    assert_eq!(text(&parse("a: !!int \"1\"\n").unwrap(), "a"), "1");
    let documents = [
        "a: !!map [b]",
        "a: !!seq {b: c}",
        "a: !!str { b: 1 }",
        "a: !!null b",
    ];
    for document in documents {
        assert_eq!(parse(document).unwrap_err().code, "not-yaml", "{document}");
    }
}

#[test]
fn a_key_is_a_text_and_a_document_stands_alone() {
    for document in ["[a]: 1", "{a: 1}: 1", "--- a\n--- b\n"] {
        assert_eq!(parse(document).unwrap_err().code, "not-yaml", "{document}");
    }
}

#[test]
fn a_syntax_error_has_a_hint_for_its_cause() {
    let documents = [
        ("a:\n\t- b\n", "spaces"),
        ("a: b\n\tc\n", "spaces"),
        ("a: |\n\tb\n", "spaces"),
        ("a: \"b\n\tc\"\n", "spaces"),
        ("a: *\n", "quote it"),
        ("a: [*]\n", "quote it"),
        ("a: \"b\n", "close the quote"),
        ("a: [b\n", "close the bracket"),
        ("a: b\n---\nc: d\n", "remove `---`"),
        ("{\"a\": \"b\" \"c\": 1}", "comma"),
        ("a: [[[[[[[[[[[[[[[[[[b]]]]]]]]]]]]]]]]]]", "levels"),
        ("a: b: c\n", "quote the value"),
        ("a: *x\n", "quote it: `\"*x\"`"),
        ("a: { *: b }\n", "quote it: `\"*\"`"),
        ("a: @b\n", "quote the value"),
        ("a: `b`\n", "quote the value"),
        ("a: %b\n", "quote the value"),
    ];
    for (document, hint) in documents {
        let problem = parse(document).unwrap_err();
        assert!(problem.hint.contains(hint), "{document}: {problem}");
    }
    let deep = parse(&"[".repeat(100_000)).unwrap_err();
    assert!(deep.message.contains("nest more than 16 deep"), "{deep}");
}
