use super::{Place, Value, did_you_mean};
use crate::policy::node;

#[test]
fn a_place_knows_its_line_and_what_stands_there() {
    let tree = node::parse("a: b\nc: [d]\n").unwrap();
    let Value::Fields(fields) = &tree.value else {
        panic!("no map")
    };
    let [text, list] = [&fields[0], &fields[1]].map(Place::name_of);
    assert_eq!((text.line(), list.line()), (1, 2));
    assert!(text.is_text("b") && !text.is_text("d") && !list.is_text("d"));
    assert!(list.is_list() && !text.is_list());
    assert!(Place::of(&tree).is_map() && !list.is_map());
}

#[test]
fn a_slip_of_the_keyboard_is_told_from_another_word() {
    let words = ["replicate-to", "when", "name"];
    assert_eq!(did_you_mean("replicate_to", words), Some("replicate-to"));
    assert_eq!(did_you_mean("replicatTo", words), Some("replicate-to"));
    assert_eq!(did_you_mean("wehn", words), Some("when"));
    assert_eq!(did_you_mean("targets", words), None);
}

#[test]
fn a_long_word_may_have_more_slips() {
    // One for every five characters, and one.
    for (word, known) in [
        ("wxyn", None),
        ("whxy", None),
        ("whex", Some("when")),
        ("whenxx", None),
        ("regiXXs-from", Some("regions-from")),
        ("rexiXXs-from", Some("regions-from")),
        ("rexiXXs-frXm", None),
    ] {
        let words = ["when", "regions-from"];
        assert_eq!(did_you_mean(word, words), known, "{word}");
    }
}

#[test]
fn only_words_that_somebody_may_have_typed_are_compared() {
    let longest = "w".repeat(64);
    assert_eq!(
        did_you_mean(&longest, [longest.as_str()]),
        Some(longest.as_str())
    );
    let longer = "w".repeat(65);
    assert_eq!(did_you_mean(&longer, [longer.as_str()]), None);
    let others = vec!["name"; 99];
    let among =
        |others: &[&'static str]| did_you_mean("wehn", others.iter().copied().chain(["when"]));
    assert_eq!(among(&others), Some("when"));
    assert_eq!(among(&[others.as_slice(), &["name"]].concat()), None);
}
