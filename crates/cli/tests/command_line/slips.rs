//! Slips on the command line, and the messages that name what to write instead.

use super::{Called, Files, GOOD, call};

const TESTS: &str = "tests: [{name: it, secret: {name: db, primary-region: us-east-1}, \
                     expect: {skip: no-rule-matched}}]";

fn fails(called: &Called, message: &str) {
    assert_eq!(called.code, Some(2), "{}", called.stdout);
    assert!(
        called.stderr.contains(message),
        "{message}\n{}",
        called.stderr
    );
}

#[test]
fn a_policy_and_its_tests_in_the_wrong_order_are_named() {
    let files = Files::new(&[("policy.yaml", GOOD), ("tests.yaml", TESTS)]);
    let (policy, tests) = (files.path("policy.yaml"), files.path("tests.yaml"));
    fails(
        &call(&["test", &tests, &policy]),
        &format!(
            "error: {tests} contains tests, not a policy; name the policy first: \
             `secret-replicator test {policy} {tests}`"
        ),
    );
    assert_eq!(call(&["test", &policy, &tests]).code, Some(0));
}

#[test]
fn an_arn_as_the_name_of_a_secret_gets_the_name() {
    let explain = |name| call(&["explain", "--region", "us-east-1", "--name", name]);
    fails(
        &explain("arn:aws:secretsmanager:us-east-1:111122223333:secret:shop/db-AbCdEf"),
        "this is an ARN; write the name, `shop/db`",
    );
}

#[test]
fn a_file_without_its_option_and_an_option_without_need_get_a_tip() {
    fails(
        &call(&["explain", "--policy", "policy.yaml", "event.json"]),
        "tip: name an event with '--event FILE', and a policy with '--policy FILE'",
    );
    for command in ["check", "test", "parameter"] {
        let called = call(&[command, "--policy", "policy.yaml"]);
        fails(
            &called,
            &format!(
                "tip: name the policy without an option: 'secret-replicator {command} policy.yaml"
            ),
        );
        assert!(!called.stderr.contains("-- --policy"), "{}", called.stderr);
    }
}

#[test]
fn an_unknown_command_gets_the_list_of_commands() {
    fails(
        &call(&["validate", "policy.yaml"]),
        "tip: the commands are 'check', 'explain', 'test', 'parameter', ",
    );
    fails(
        &call(&["chekc"]),
        "tip: a similar subcommand exists: 'check'",
    );
}

#[test]
fn two_tags_in_one_option_get_a_warning() {
    let explain = |tag| {
        call(&[
            "explain",
            "--region",
            "us-east-1",
            "--name",
            "db",
            "--kms-key",
            "aws/secretsmanager",
            "--tag",
            tag,
        ])
    };
    let called = explain("environment=prod,tier=0");
    assert_eq!(called.code, Some(0));
    assert_eq!(
        called.stderr,
        "warning: `prod,tier=0` is one value of the tag `environment`; repeat `--tag` for each tag\n"
    );
    assert_eq!(explain("replicate-to=eu-west-1,us-west-2").stderr, "");
    assert_eq!(explain("query=a=b").stderr, "");
}
