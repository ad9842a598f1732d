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
        panic!("no map")
    };
    assert_eq!(fields.len(), 2);
}

#[test]
fn what_is_no_yaml_is_one_problem_with_its_place() {
    let problem = parse("version: 1\nrules: [\n").unwrap_err();
    assert_eq!(problem.code, "not-yaml");
    assert!(problem.line >= 2, "{problem}");
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut lines = vec!["a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned()];
    lines.extend((1..12).map(|level| {
        let below = format!("*a{}, ", level - 1).repeat(10);
        format!("a{level}: &a{level} [{below}]")
    }));
    assert_eq!(parse(&lines.join("\n")).unwrap_err().code, "not-yaml");
}

#[test]
fn a_tag_that_yaml_does_not_define_is_refused_rather_than_ignored() {
    let problem = parse("a: !secret b\n").unwrap_err();
    assert_eq!((problem.code, problem.column), ("not-yaml", 12));
    assert_eq!(text(&parse("a: !!int \"1\"\n").unwrap(), "a"), "1");
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
        Value::Nothing(written) => Some(*written),
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
    assert!(parse("a: !!map [b]").is_err() && parse("a: !!seq {b: c}").is_err());
}

#[test]
fn a_document_has_a_megabyte_at_most() {
    let document = |size: usize| format!("a: b #{}", " ".repeat(size - 6));
    assert!(parse(&document(LARGEST_DOCUMENT)).is_ok());
    let problem = parse(&document(LARGEST_DOCUMENT + 1)).unwrap_err();
    assert_eq!(problem.code, "document-too-large");
}

#[test]
fn aliases_repeat_a_hundred_thousand_nodes_at_most() {
    // A list of a thousand nodes, itself included, a hundred times.
    let list = format!("[{}]", "x,".repeat(999));
    let document = |repeats: usize| format!("[&a {list}, [{}]]", "*a,".repeat(repeats));
    assert!(parse(&document(100)).is_ok());
    let problem = parse(&document(101)).unwrap_err();
    assert!(problem.message.contains("repeats too much"), "{problem}");
}

#[test]
fn a_long_text_counts_like_many_nodes() {
    // A node, and one for every hundred bytes.
    let document = |bytes: usize| {
        let text = "x".repeat(bytes);
        format!("[&a {text}, [{}]]", "*a,".repeat(10_000))
    };
    assert!(parse(&document(999)).is_ok());
    assert!(parse(&document(1000)).is_err());
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_document() {
    let node = parse("\u{feff}a: 1\n").unwrap();
    assert_eq!(text(&node, "a"), "1");
}

#[test]
fn what_an_alias_repeats_has_the_place_where_it_is_written() {
    let node = parse("a: &x [b]\nc: *x\n").unwrap();
    let Value::List(items) = &field(&node, "c").node.value else {
        panic!("not a list")
    };
    assert_eq!((items[0].position.line, items[0].position.column), (1, 8));
}

#[test]
fn a_map_wins_over_what_it_merges_and_the_first_merged_map_over_the_next() {
    let document = "x: &x { a: 1, b: 1 }\ny: &y { b: 2, c: 2 }\n\
                    z: { <<: [*x, *y], a: 3 }\nq: { \"<<\": 4 }\n";
    let node = parse(document).unwrap();
    let merged = &field(&node, "z").node;
    let values = ["a", "b", "c"].map(|key| text(merged, key));
    assert_eq!(values, ["3", "1", "2"]);
    assert_eq!(text(&field(&node, "q").node, "<<"), "4");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let documents = [
        "a: { <<: [1] }",
        "a: { <<: ~ }",
        "[a]: 1",
        "a: &x [*x]",
        "a: !!map [b]",
        "a: !!str { b: 1 }",
        "a: !!null b",
        "a: !!binary aGk=",
        "--- a\n--- b\n",
        "a: *b",
    ];
    for document in documents {
        assert!(parse(document).is_err(), "{document}");
    }
}

#[test]
fn aliases_do_not_nest_deeper_than_lists_may() {
    let levels = (1..40).map(|level| format!("a{level}: &a{level} [*a{}]\n", level - 1));
    let document = format!("a0: &a0 [x]\n{}", levels.collect::<String>());
    assert_eq!(parse(&document).unwrap_err().code, "not-yaml");
}
