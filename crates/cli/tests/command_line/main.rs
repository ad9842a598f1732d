//! Tests of the real binary on the command line.

#[cfg(feature = "aws")]
mod access;
#[cfg(feature = "aws")]
mod account;
#[cfg(feature = "aws")]
mod blockers;
#[cfg(feature = "aws")]
mod both_regions;
mod check;
mod completions;
mod documented;
#[cfg(feature = "aws")]
mod drill;
mod explain;
mod export;
#[cfg(feature = "aws")]
mod failback;
#[cfg(feature = "aws")]
mod failover;
#[cfg(feature = "aws")]
mod function;
#[cfg(feature = "aws")]
mod html;
#[cfg(feature = "aws")]
mod interrupt;
#[cfg(feature = "aws")]
mod inventory;
mod package_policy;
mod parameter;
#[cfg(feature = "aws")]
mod perform;
#[cfg(feature = "aws")]
mod plan;
#[cfg(feature = "aws")]
mod plan_and_sweep;
#[cfg(feature = "aws")]
mod promote;
mod run_tests;
#[cfg(feature = "aws")]
mod runbook;
#[cfg(feature = "aws")]
mod services;
mod slips;
#[cfg(feature = "aws")]
mod status;
#[cfg(feature = "doctor")]
mod wrong_usages;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The exit code and the output of a call.
struct Called {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Called {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_secret-replicator"));
    command.args(arguments).env_remove("CLICOLOR_FORCE");
    command
}

fn called(output: &Output) -> Called {
    Called {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout.clone()).unwrap(),
        stderr: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

fn call(arguments: &[&str]) -> Called {
    called(&command(arguments).output().unwrap())
}

fn call_with_input(arguments: &[&str], input: &str) -> Called {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    called(&child.wait_with_output().unwrap())
}

/// Files in a temporary directory.
struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        Self(directory)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
}

fn event(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    path.join(name).to_str().unwrap().to_owned()
}

const GOOD: &str = r#"
version: 1
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [us-west-2, eu-west-1]
"#;

const BROKEN: &str = r"
version: 1
rules:
  - name: tier-1
    wehn: all
    replicate-to: [us-west-2]
";

#[test]
fn an_unknown_option_and_a_missing_command_are_refused() {
    let wrong: [&[&str]; 3] = [&[], &["check", "policy.yaml", "--strickt"], &["chekc"]];
    for arguments in wrong {
        let called = call(arguments);
        assert_eq!(called.code, Some(2), "{arguments:?}");
        assert!(called.stdout.is_empty(), "{arguments:?}");
        assert!(called.stderr.contains("--help") || called.stderr.contains("Usage"));
    }
}

#[test]
fn help_and_version_succeed() {
    let help = call(&["--help"]);
    assert_eq!(help.code, Some(0));
    for word in ["check", "explain", "test", "completions", "Exit codes:"] {
        assert!(help.stdout.contains(word), "{word}");
    }
    let version = call(&["--version"]);
    assert_eq!(
        version.stdout,
        format!("secret-replicator {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_reader_that_stops_early_is_not_a_failure() {
    let mut child = command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let called = called(&child.wait_with_output().unwrap());
    assert_eq!((called.code, called.stderr.as_str()), (Some(0), ""));
}

#[test]
fn colors_are_for_terminals() {
    let files = Files::new(&[("policy.yaml", BROKEN)]);
    let path = files.path("policy.yaml");
    let explain = ["explain", "--name", "db", "--region", "us-east-1"];
    for arguments in [&["check", &path][..], &explain[..]] {
        let plain = call(arguments);
        assert!(!plain.stdout.is_empty());
        assert!(!(plain.stdout + &plain.stderr).contains('\u{1b}'));
        let forced = command(arguments)
            .env("CLICOLOR_FORCE", "1")
            .env_remove("NO_COLOR")
            .output()
            .unwrap();
        assert!(called(&forced).stdout.contains("\u{1b}["), "{arguments:?}");
    }
}
