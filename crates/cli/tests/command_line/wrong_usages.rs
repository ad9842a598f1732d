//! Wrong usages of the commands that read an account. Each error says what to type.

use crate::account::{HOME, isolated};
use crate::{Files, called};

const POLICY: &str = "version: 1\nrules: [{name: all, when: all, replicate-to: [eu-west-1]}]\n";

/// Wrong arguments, of which `policy.yaml` is an existing file, and a part of the error.
const WRONG: [(&[&str], &str); 20] = [
    (&["plan", "policy.yaml"], "--region us-east-1"),
    (
        &["plan", "policy.yaml", "--region", "us-east1"],
        "did you mean `us-east-1`?",
    ),
    (
        &["plan", "policy.yaml", "--region", "us-east-1,cn-north-1"],
        "once for each partition",
    ),
    (&["plan", "policy.yaml", "--region", HOME], "--profile NAME"),
    (
        &[
            "plan",
            "policy.yaml",
            "--region",
            HOME,
            "--profile",
            "nowhere",
        ],
        "aws configure list-profiles",
    ),
    (&["plan", "no-such.yaml", "--region", HOME], "no-such.yaml"),
    (
        &["plan", "policy.yaml", "--from-stack", "s"],
        "cannot be used with",
    ),
    (
        &["plan", "policy.yaml", "--accounts", "111111111111"],
        "--role-name <NAME>",
    ),
    (
        &[
            "plan",
            "policy.yaml",
            "--region",
            HOME,
            "--accounts",
            "1",
            "--role-name",
            "r",
        ],
        "an ID has 12 digits",
    ),
    (
        &["plan", "policy.yaml", "--endpoint-url", "localhost"],
        "http://127.0.0.1",
    ),
    (
        &["plan", "--policy", "policy.yaml"],
        "secret-replicator plan policy.yaml",
    ),
    (&["plan", "--regions", HOME], "--region"),
    (&["plan", "--output", "junit"], "text, json, csv"),
    (&["status", "--only", "fail"], "failed"),
    (
        &["status", "--policy", "policy.yaml"],
        "secret-replicator status policy.yaml",
    ),
    (&["doctor", "--region", HOME], "--stack-name <NAME>"),
    (
        &["doctor", "--stack-name", ""],
        "must be the name of a stack",
    ),
    (&["plan", "--from-stack", ""], "must be the name of a stack"),
    (
        &[
            "plan",
            "--accounts",
            "111111111111",
            "--role-name",
            "arn:aws:iam::111111111111:role/r",
        ],
        "without `arn:`",
    ),
    (
        &["doctor", "secret-replicator"],
        "--stack-name secret-replicator",
    ),
];

#[test]
fn each_wrong_usage_says_what_to_type() {
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let mut shown = Vec::new();
    for (arguments, expected) in WRONG {
        let real = arguments.iter().map(|argument| match *argument {
            "policy.yaml" => path.as_str(),
            argument => argument,
        });
        let real: Vec<&str> = real.collect();
        let called = called(&isolated(&real).output().unwrap());
        let stderr = called.stderr.replace(&path, "policy.yaml");
        assert_eq!(called.code, Some(1), "{arguments:?}: {stderr}");
        assert_eq!(called.stdout, "", "{arguments:?}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        let arguments = arguments.join(" ");
        shown.push(format!("$ secret-replicator {arguments}\n{stderr}\n"));
    }
    insta::assert_snapshot!(shown.concat());
}
