//! Tests of the policies and commands in the documentation.

use std::path::{Path, PathBuf};

use crate::{Called, call};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

#[test]
fn every_documented_policy_passes_its_checks_and_its_tests() {
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("docs/policies")).unwrap() {
        let policy = entry.unwrap().path();
        let name = policy.to_str().unwrap();
        if name.ends_with(".tests.yaml") {
            continue;
        }
        let tests = name.replace(".yaml", ".tests.yaml");
        let checked = call(&["check", name, "--strict", "--allow-overwrite"]);
        assert_eq!(checked.code, Some(0), "{name}: {}", checked.stdout);
        let tested = call(&["test", name, &tests]);
        assert_eq!(
            tested.code,
            Some(0),
            "{name}: {}{}",
            tested.stdout,
            tested.stderr
        );
        count += 1;
    }
    assert!(count >= 7, "{count} policies");
}

/// Returns whether the tool has the command that the arguments name.
fn is_available(arguments: &[&str]) -> bool {
    cfg!(feature = "aws") || !reads_an_account(arguments)
}

fn reads_an_account(arguments: &[&str]) -> bool {
    ["plan", "status"].contains(&arguments[0])
}

/// Calls the tool, in an empty account if the command reads one.
fn call_anywhere(arguments: &[&str]) -> Called {
    #[cfg(feature = "aws")]
    if reads_an_account(arguments) {
        return crate::account::Account::new([]).call(arguments);
    }
    call(arguments)
}

#[test]
fn every_call_of_the_tool_in_the_documentation_works() {
    let mut count = 0;
    for page in ["README.md", "docs/POLICY.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        let text = text.replace("\\\n", " ");
        // test_playground.py runs this call against the playground.
        let text = text.replace(
            " --endpoint-url http://127.0.0.1:4599 --html coverage.html",
            "",
        );
        let calls = text
            .lines()
            .filter_map(|line| line.strip_prefix("secret-replicator "));
        for line in calls {
            let arguments: Vec<String> = line
                .split_whitespace()
                .map(|word| match root().join(word) {
                    path if word.contains('/') && path.exists() => path.display().to_string(),
                    _ => word.to_owned(),
                })
                .collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            if !is_available(&arguments) {
                continue;
            }
            let called = call_anywhere(&arguments);
            assert_eq!(
                called.code,
                Some(0),
                "{page}: {line}: {}{}",
                called.stdout,
                called.stderr
            );
            assert!(
                !called.stdout.contains("Skipped"),
                "{page}: {line}: {}",
                called.stdout
            );
            count += 1;
        }
    }
    assert!(count >= 3, "{count} calls");
}
