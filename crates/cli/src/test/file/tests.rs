use clap::{Args, Command};

use super::*;
use crate::diagnostic;
use crate::document::Document;
use crate::output::plain;
use crate::test::Arguments;

/// Returns a test file with one case.
fn file(case: &str) -> String {
    format!("tests:\n  - name: it\n{case}")
}

const SECRET: &str = "    secret: { name: db, primary-region: us-east-1 }\n";

fn only(text: &str) -> Problem {
    let problems = parse(text).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].clone()
}

#[test]
fn tags_are_read_as_written() {
    let text = "{tests: [{name: it, secret: {name: db, primary-region: us-east-1, tags: {a: 1, b: \
                no, c: 1.10, d: true, e: \"\"}}, expect: {skip: no-rule-matched}}]}";
    let file = parse(text).unwrap();
    let tags: Vec<_> = file.tests[0].secret.tags.values().cloned().collect();
    assert_eq!(tags, ["1", "no", "1.10", "true", ""]);
}

/// The values of `secret` and `expect`, the location of the mistake, and a part of the message.
const MISTAKES: [(&str, &str, (u64, u64), &str); 12] = [
    (
        "",
        "expect: { skip: [] }",
        (4, 21),
        "expected a text, found a list",
    ),
    (
        "",
        "expect: { skipp: x, skip: no-rule-matched }",
        (4, 15),
        "unknown",
    ),
    ("", "expect: { replicate: [x] }", (4, 27), "Region code"),
    (
        "",
        "expect: { replicate: { x: alias/a } }",
        (4, 28),
        "Region code",
    ),
    (
        "",
        "expect: { replicate: { eu-west-1: a } }",
        (4, 39),
        "is not a KMS key",
    ),
    (
        "",
        "expect: { replicate: 7 }",
        (4, 26),
        "is not a Region code",
    ),
    ("", "expect: { replicate: ~ }", (4, 26), "a list of Regions"),
    (
        "",
        "expect: { skip: no-rule-matched, rules: 7 }",
        (4, 45),
        "a list",
    ),
    (
        "{ name: db }",
        "expect: { skip: no-rule-matched }",
        (3, 13),
        "primary-region",
    ),
    (
        "{ name: db, primary-region: x }",
        "expect: { skip: no-rule-matched }",
        (3, 41),
        "Region code",
    ),
    (
        "{ name: db, primary-region: us-east-1, kms-key: x }",
        "expect: { skip: no-rule-matched }",
        (3, 61),
        "is not a KMS key",
    ),
    (
        "{ name: \"\", primary-region: us-east-1 }",
        "expect: { skip: no-rule-matched }",
        (3, 21),
        "empty",
    ),
];

#[test]
fn each_slip_has_its_line_and_column() {
    for (secret, expect, place, message) in MISTAKES {
        let secret = match secret {
            "" => SECRET.to_owned(),
            secret => format!("    secret: {secret}\n"),
        };
        reports(&file(&format!("{secret}    {expect}\n")), place, message);
    }
    reports("tests: [\n", (1, 8), "unclosed");
    reports("- a\n", (1, 1), "");
    for allowed_regions in ["[x]", "x"] {
        let text =
            format!("settings: {{ allowed-replica-regions: {allowed_regions} }}\ntests: []\n");
        let problems = parse(&text).unwrap_err();
        let found: Vec<_> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(found, ["invalid-region", "no-tests"]);
    }
}

fn reports(text: &str, place: (u64, u64), message: &str) {
    let problem = only(text);
    assert_eq!((problem.line, problem.column), place, "{text}\n{problem}");
    assert!(problem.message.contains(message), "{text}\n{problem}");
}

#[test]
fn every_mistake_is_listed_at_once_with_what_may_be_meant() {
    let text = "setings: {}\ntests:\n\
        - nam: it\n  secret: { name: db, primary_region: us-east-1 }\n  \
          expect: { replicate: [x, eu-west-1, y], refus: {} }\n\
        - name: other\n  secret: { name: db, primary-region: x, tag: {} }\n  expects: {}\n";
    let problems = parse(text).unwrap_err();
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_misspelled_reason_and_a_key_of_another_region_are_mistakes() {
    let key = "arn:aws:kms:eu-west-1:123456789012:alias/app";
    let text = format!(
        "tests:\n- name: it\n  secret: {{ name: db, primary-region: us-east-1, kms-key: \"{key}\" }}\n  \
         expect: {{ refuse: {{ eu-west-1: forbiden-by-policy, us-west2: nonsense }} }}\n\
         - name: other\n  secret: {{ name: db, primary-region: us-east-1 }}\n  \
         expect: {{ skip: no-rules-matched }}\n"
    );
    let problems = parse(&text).unwrap_err();
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn one_expected_region_may_be_a_text_and_a_key_must_be_in_the_region_of_its_replica() {
    let test = |replicate: &str| {
        parse(&format!(
            "tests:\n- name: it\n  secret: {{ name: db, primary-region: us-east-1 }}\n  \
             expect: {{ replicate: {replicate} }}\n"
        ))
    };
    let file = test("us-west-2").unwrap();
    let expected = file.tests[0].expect.replicate.as_ref().unwrap();
    let expected: Vec<&str> = expected.keys().map(Region::as_str).collect();
    assert_eq!(expected, ["us-west-2"]);

    let key = "arn:aws:kms:eu-west-1:123456789012:alias/app";
    let problems = test(&format!("{{ us-west-2: \"{key}\" }}")).unwrap_err();
    assert_eq!(problems[0].code, "key-of-another-region");
    assert_eq!(
        problems[0].hint,
        "name the replica's key, which is in the replica's Region"
    );
    assert!(test(&format!("{{ eu-west-1: \"{key}\" }}")).is_ok());
    let problems = test("").unwrap_err();
    assert!(
        !problems[0].message.contains(",,"),
        "{}",
        problems[0].message
    );
}

#[test]
fn a_region_that_is_not_known_is_a_warning() {
    let text = "settings: { allowed-replica-regions: [eu-wset-3] }\ntests:\n- name: it\n  secret: { \
                name: db, primary-region: us-esat-1 }\n  expect: { replicate: [eu-wset-3] }\n";
    let file = parse(text).unwrap();
    let hints: Vec<&str> = file
        .warnings
        .iter()
        .map(|warning| &warning.hint[..])
        .collect();
    let west = "did you mean `eu-west-3`?";
    assert_eq!(hints, [west, "did you mean `us-east-1`?", west]);
}

#[test]
fn contradictions_are_listed_at_once() {
    let text = "tests:\n\
        - name: it\n  secret: { name: '', primary-region: us-east-1 }\n  expect: {}\n\
        - name: it\n  secret: { name: db, primary-region: us-east-1 }\n  \
          expect: { skip: no-rule-matched, replicate: [] }\n\
        - name: other\n  secret: { name: db, primary-region: us-east-1 }\n  \
          expect: { replicate: [eu-west-1], overwrite: [eu-west-2] }\n";
    let found: Vec<_> = parse(text)
        .unwrap_err()
        .iter()
        .map(|problem| (problem.line, problem.column, problem.code))
        .collect();
    assert_eq!(
        found,
        [
            (3, 19, "empty-text"),
            (4, 11, "nothing-expected"),
            (5, 9, "duplicate-test-name"),
            (7, 11, "contradicting-expectations"),
            (10, 11, "contradicting-expectations"),
        ]
    );
    assert_eq!(only("tests: []\n").code, "no-tests");
}

#[test]
fn the_example_in_the_help_is_a_valid_test_file() {
    let command = Arguments::augment_args(Command::new("test"));
    let help = command.get_after_long_help().unwrap().to_string();
    let (_, example) = help.split_once("test file:\n").unwrap();
    let (example, _) = example.split_once("\n\nExamples:").unwrap();
    assert_eq!(parse(example).unwrap().tests.len(), 2);
}

#[test]
fn a_slip_is_shown_in_its_line() {
    let text = file(&format!(
        "{SECRET}    expect: {{ replicat: [eu-west-1] }}\n"
    ));
    let document = Document::new("tests.yaml", &text[..]);
    let shown = diagnostic::render(&document, &parse(&text).unwrap_err());
    insta::assert_snapshot!(plain(&shown));
}
