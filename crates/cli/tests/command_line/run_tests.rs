//! Tests of `secret-replicator test`.

use super::{BROKEN, Files, GOOD, call, call_with_input};

const TESTS: &str = r#"
settings: { allowed-replica-regions: [eu-west-1, us-west-2] }
tests:
  - name: tier 1 goes to two Regions
    secret: { name: prod/db, tags: { tier: "1" }, primary-region: us-east-1 }
    expect: { replicate: [us-west-2, eu-west-1], rules: [tier-1] }
  - name: others are left alone
    secret: { name: dev/db, primary-region: us-east-1 }
    expect: { skip: no-rule-matched }
"#;

const FAILING: &str = r#"
tests:
  - name: tier 1 stays in America
    secret: { name: prod/db, tags: { tier: "1" }, primary-region: us-east-1 }
    expect: { replicate: [us-west-2] }
"#;

fn files() -> Files {
    Files::new(&[
        ("policy.yaml", GOOD),
        ("broken.yaml", BROKEN),
        ("tests.yaml", TESTS),
        ("failing.yaml", FAILING),
        ("typo.yaml", &TESTS.replace("expect", "expects")),
    ])
}

#[test]
fn passing_cases_are_counted() {
    let files = files();
    let called = call(&[
        "test",
        &files.path("policy.yaml"),
        &files.path("tests.yaml"),
    ]);
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    assert_eq!(
        called.stdout,
        "ok      tier 1 goes to two Regions\nok      others are left alone\n\n2 passed, 0 failed\n"
    );
}

#[test]
fn a_case_may_expect_that_rules_conflict() {
    let policy = "{version: 1, rules: [\
                  {name: a, when: all, replicate-to: eu-west-1, kms-key: alias/a}, \
                  {name: b, when: {tags: {tier: \"1\"}}, replicate-to: eu-west-1, kms-key: alias/b}]}";
    let tests = "{tests: [{name: it, secret: {name: db, tags: {tier: \"1\"}, primary-region: \
                 us-east-1}, expect: {refuse: {eu-west-1: conflicting-rules}}}]}";
    let files = Files::new(&[("policy.yaml", policy), ("tests.yaml", tests)]);
    let called = call(&[
        "test",
        &files.path("policy.yaml"),
        &files.path("tests.yaml"),
    ]);
    assert_eq!(called.code, Some(0), "{}\n{}", called.stdout, called.stderr);
}

#[test]
fn an_expected_rule_that_the_policy_does_not_have_is_an_error_of_the_test_file() {
    let policy = "{version: 1, rules: [{name: a, when: all, replicate-to: eu-west-1}]}";
    let tests = "{tests: [{name: it, secret: {name: db, primary-region: us-east-1}, expect: {rules: [b], \
                 replicate: [eu-west-1]}}]}";
    let files = Files::new(&[("policy.yaml", policy), ("tests.yaml", tests)]);
    let called = call(&[
        "test",
        &files.path("policy.yaml"),
        &files.path("tests.yaml"),
    ]);
    assert_eq!(called.code, Some(2));
    assert!(
        called.stderr.contains("expects the rule `b`"),
        "{}",
        called.stderr
    );
}

#[test]
fn a_failing_case_shows_the_difference_and_why() {
    let files = files();
    let path = files.path("failing.yaml");
    let called = call(&["test", &files.path("policy.yaml"), &path]);
    assert_eq!(called.code, Some(1));
    let shown = [
        &format!("FAILED  tier 1 stays in America ({path}:3)"),
        "eu-west-1: expected nothing, found a replica with aws/secretsmanager",
        "✔ tier-1",
        "0 passed, 1 failed",
    ];
    for text in shown {
        assert!(called.stdout.contains(text), "{text}\n{}", called.stdout);
    }
}

#[test]
fn json_has_every_case_and_the_explanation_of_a_failed_one() {
    let files = files();
    let policy = files.path("policy.yaml");
    let arguments = ["test", &policy, "-", "--output", "json"];
    let passing = call_with_input(&arguments, TESTS);
    assert_eq!(passing.code, Some(0));
    let report = passing.json();
    assert_eq!(
        (&report["passed"], &report["failed"]),
        (&2.into(), &0.into())
    );
    assert!(report["cases"][0].get("explanation").is_none());

    let failing = call_with_input(&arguments, FAILING);
    assert_eq!(failing.code, Some(1));
    let case = &failing.json()["cases"][0];
    assert_eq!(case["passed"], false);
    assert_eq!(case["line"], 3);
    assert_eq!(case["differences"][0]["about"], "eu-west-1");
    assert_eq!(case["explanation"]["secret_name"], "prod/db");
}

#[test]
fn invalid_files_differ_from_failed_cases() {
    let files = files();
    let [policy, broken, tests, typo, missing] = [
        "policy.yaml",
        "broken.yaml",
        "tests.yaml",
        "typo.yaml",
        "no.yaml",
    ]
    .map(|n| files.path(n));
    let unreadable = format!("failed to read {missing}: ");
    let cases = [
        (&broken, &tests, "unknown-field"),
        (&policy, &typo, "the field `expects` is unknown"),
        (&policy, &typo, "typo.yaml:6:5"),
        (&missing, &tests, &unreadable),
        (&policy, &missing, &unreadable),
    ];
    for (policy, tests, message) in cases {
        let called = call(&["test", policy, tests]);
        assert_eq!(called.code, Some(2), "{message}");
        assert!(called.stdout.is_empty(), "{}", called.stdout);
        assert!(
            called.stderr.contains(message),
            "{message}\n{}",
            called.stderr
        );
    }
    let called = call(&["test", &policy, &typo, "--output", "json"]);
    assert_eq!(called.code, Some(2));
    assert_eq!(called.json()["problems"][0]["code"], "unknown-field");
    let called = call(&["test", "-", "-"]);
    assert_eq!(called.code, Some(2));
    assert!(
        called
            .stderr
            .contains("cannot both come from standard input")
    );
}
