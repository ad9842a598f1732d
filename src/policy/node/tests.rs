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
    assert_eq!((c.position.line, c.position.column, c.node.position.column), (3, 6, 9));
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
