//! Tests of `secret-replicator parameter`.

use std::process::Command;

use serde_json::json;

use super::{BROKEN, Called, GOOD, call_with_input};

/// A policy with the characters that tools treat specially.
const SPECIAL: &str = "# it's \"special\": ${a} %{b} $c #d\nversion: 1\nrules: [{name: \"a 'b' = c\", when: all, \
                       replicate-to: eu-west-1}]\n";

fn parameter(tool: &str, policy: &str) -> Called {
    call_with_input(&["parameter", "-", "--for", tool], policy)
}

#[test]
fn the_command_line_of_aws_gets_the_text_itself() {
    let called = parameter("cli", SPECIAL);
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    assert_eq!(called.stdout, format!("ReplicationPolicy={SPECIAL}"));
}

#[test]
fn an_entry_of_a_file_of_parameters_has_the_policy_as_its_value() {
    let value = SPECIAL.trim_end();
    assert_eq!(
        parameter("json", SPECIAL).json(),
        json!({"ParameterKey": "ReplicationPolicy", "ParameterValue": value})
    );
}

#[test]
fn sam_gets_the_text_in_single_quotes_which_a_shell_passes_on() {
    let called = parameter("sam", SPECIAL);
    let quoted = SPECIAL.trim_end().replace('\'', "\\'");
    assert_eq!(called.stdout, format!("ReplicationPolicy='{quoted}'\n"));
    let script = "PARAMETER=$(cat) && printf %s \"$PARAMETER\"";
    let mut child = Command::new("bash")
        .args(["-c", script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), called.stdout.as_bytes()).unwrap();
    let passed = child.wait_with_output().unwrap().stdout;
    assert_eq!(String::from_utf8(passed).unwrap(), called.stdout.trim_end());
}

#[test]
fn terraform_gets_a_string_without_interpolation() {
    let called = parameter("terraform", SPECIAL);
    let start = "\"# it's \\\"special\\\": $${a} %%{b} $c #d\\nversion: 1\\n";
    assert!(called.stdout.starts_with(start), "{}", called.stdout);
}

#[test]
fn a_wrong_policy_is_refused_as_check_refuses_it() {
    for tool in ["sam", "cli", "json", "terraform"] {
        let called = parameter(tool, BROKEN);
        assert_eq!(called.code, Some(2), "{tool}");
        assert!(called.stdout.is_empty(), "{tool}: {}", called.stdout);
        assert!(
            called.stderr.contains("did you mean `when`?"),
            "{}",
            called.stderr
        );
    }
    let warned = parameter("cli", &GOOD.replace("eu-west-1", "eu-wset-1"));
    assert_eq!(warned.code, Some(0));
    let note = "standard input: 1 warning; `secret-replicator check -` shows it\n";
    assert_eq!(warned.stderr, note);
}

#[test]
fn a_policy_that_the_parameter_cannot_hold_is_refused() {
    let long = format!("{GOOD}# {}\n", "x".repeat(3072));
    let called = parameter("cli", &long);
    assert_eq!(called.code, Some(2));
    assert!(called.stderr.contains("holds 3072"), "{}", called.stderr);
    let escaped = GOOD.replace("name: tier-1", "name: \"tier\\x2d1\"");
    assert_eq!(parameter("cli", &escaped).code, Some(0));
    let called = parameter("sam", &escaped);
    assert_eq!(called.code, Some(2));
    assert!(called.stderr.contains("backslash"), "{}", called.stderr);
}
