//! The `emulator` binary, with a fake function.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn emulator(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emulator"))
        .args(arguments)
        .env_remove("REPLICATE_TO")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fake_bootstrap() -> String {
    let test = std::env::current_exe().unwrap();
    let path = test
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/fake-bootstrap");
    path.to_str().unwrap().to_owned()
}

fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

#[test]
fn serve_prints_where_it_is_and_how_to_call_it() {
    let mut serving = Command::new(env!("CARGO_BIN_EXE_emulator"))
        .args(["serve", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(serving.stdout.take().unwrap());
    let lines: Vec<String> = stdout.lines().take(5).map(Result::unwrap).collect();
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert!(lines[0].contains("http://127.0.0.1:"), "{lines:?}");
    assert!(lines[4].contains("aws secretsmanager"), "{lines:?}");
}

#[test]
fn a_missing_bootstrap_and_an_event_that_is_not_json_are_named() {
    let output = emulator(&["demo", "--bootstrap", "/nowhere/bootstrap"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains("/nowhere/bootstrap is not a file"),
        "{error}"
    );

    let readme = events().join("README.md");
    let readme = readme.to_str().unwrap();
    let output = emulator(&["demo", "--bootstrap", &fake_bootstrap(), "--event", readme]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains("README.md is not JSON"), "{error}");
}

#[test]
fn a_function_that_does_nothing_fails_the_demo_which_says_what_differed() {
    let demo = events().join("demo");
    let demo = demo.to_str().unwrap();
    let output = emulator(&["demo", "--bootstrap", &fake_bootstrap(), "--events", demo]);
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stdout);
    assert!(
        shown.contains("01-names-its-regions.json: record: expected {"),
        "{shown}"
    );
}

#[test]
fn every_event_of_the_demo_has_an_expected_record_and_every_record_an_event() {
    let names = |directory: &str| {
        let entries = std::fs::read_dir(events().join(directory)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| name != "expected");
        names.sort();
        names
    };
    assert_eq!(names("demo"), names("demo/expected"));
}

#[test]
fn a_single_event_is_delivered_with_its_secret() {
    let event = events().join("create-secret-with-tags-key-and-replicas.json");
    let event = event.to_str().unwrap();
    let output = emulator(&["demo", "--bootstrap", &fake_bootstrap(), "--event", event]);
    assert_eq!(output.status.code(), Some(0));
    let shown = text(&output.stdout);
    assert!(shown.contains("secret in us-west-2"), "{shown}");
    assert!(shown.contains("app/db"), "{shown}");
    assert!(!shown.contains("carries no tags"), "{shown}");
}

/// Sends an event to a function that prints the description of the event's secret.
fn shown_secret(file: &str, arguments: &[&str]) -> String {
    let event = std::fs::read(events().join(file)).unwrap();
    let mut event: Value = serde_json::from_slice(&event).unwrap();
    event["do"] = json!("describe");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    std::fs::write(&path, event.to_string()).unwrap();
    let bootstrap = fake_bootstrap();
    let path = path.to_str().unwrap();
    let demo = ["demo", "--bootstrap", &bootstrap, "--event", path];
    let output = emulator(&[&demo, arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

const TAGGED: &str = "The event carries no tags; the secret gets the tag replicate-to: ";

#[test]
fn the_secret_of_an_event_without_tags_gets_the_tag_that_names_its_regions() {
    for file in ["create-secret-console.json", "reconcile.json"] {
        let shown = shown_secret(file, &[]);
        let line = format!("{TAGGED}eu-west-1 us-west-2\n");
        assert!(shown.contains(&line), "{shown}");
        let value = r#""Value": "eu-west-1 us-west-2""#;
        assert!(shown.contains(value), "{shown}");
    }
}

#[test]
fn the_tag_of_the_secret_can_be_chosen_or_left_out() {
    let file = "create-secret-terraform.json";
    let shown = shown_secret(file, &["--replicate-to", "sa-east-1"]);
    assert!(shown.contains(&format!("{TAGGED}sa-east-1\n")), "{shown}");
    assert!(shown.contains(r#""Value": "sa-east-1""#), "{shown}");
    let shown = shown_secret(file, &["--replicate-to", ""]);
    assert!(!shown.contains("carries no tags"), "{shown}");
    assert!(shown.contains(r#""Tags": []"#), "{shown}");
}

#[test]
fn an_event_that_takes_tags_away_leaves_its_secret_without_them() {
    let path = events().join("untag-resource.json");
    let path = path.to_str().unwrap();
    let output = emulator(&["demo", "--bootstrap", &fake_bootstrap(), "--event", path]);
    let shown = text(&output.stdout);
    assert!(shown.contains("app/db"), "{shown}");
    assert!(!shown.contains("carries no tags"), "{shown}");
}
