use super::{NodeReader, NodeRef, Reported, Value, collect_all};
use crate::policy::node;

#[test]
fn a_node_has_a_line_and_a_kind() {
    let tree = node::parse("a: b\nc: [d]\n").unwrap();
    let Value::Fields(fields) = &tree.value else {
        panic!("not a map")
    };
    let [text, list] = [&fields[0], &fields[1]].map(NodeRef::at_key);
    assert_eq!((text.line(), list.line()), (1, 2));
    assert!(text.is_text("b") && !text.is_text("d") && !list.is_text("d"));
    assert!(list.is_list() && !text.is_list());
    assert!(NodeRef::of(&tree).is_map() && !list.is_map());
}

#[test]
fn a_problem_does_not_hide_the_next_one() {
    let tree = node::parse("[a, [], b, {}]").unwrap();
    let mut reader = NodeReader::default();
    let items = reader.list(&NodeRef::of(&tree), "").unwrap();
    let texts: Result<Vec<&str>, Reported> =
        collect_all(items.map(|item| reader.text(&item, "write a text")));
    assert!(texts.is_err());
    let problems = reader.into_problems(&tree);
    let paths: Vec<&str> = problems.iter().map(|problem| &problem.path[..]).collect();
    assert_eq!(paths, ["[1]", "[3]"]);
}
