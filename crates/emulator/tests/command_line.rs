//! The `emulator` binary, with a fake function.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

fn emulator() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emulator"));
    command.env_remove("REPLICATE_TO");
    command
}

/// Runs `emulator demo` with these options. Returns the exit code, stdout and stderr.
fn demo(bootstrap: &Path, options: &[(&str, &Path)]) -> (i32, String, String) {
    let mut command = emulator();
    command.arg("demo").arg("--bootstrap").arg(bootstrap);
    for (name, value) in options {
        command.arg(name).arg(value);
    }
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

fn fake_bootstrap() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(2).unwrap();
    target.join("examples/fake-bootstrap")
}

fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

#[test]
fn serve_prints_its_endpoint_and_how_to_call_it() {
    let mut serving = emulator()
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
    let missing = Path::new("/nowhere/bootstrap");
    let readme = events().join("README.md");
    for (bootstrap, options, expected) in [
        (missing, vec![], "/nowhere/bootstrap is not a file"),
        (
            &fake_bootstrap(),
            vec![("--event", readme.as_path())],
            "README.md is not JSON",
        ),
    ] {
        let (code, _, error) = demo(bootstrap, &options);
        assert_eq!(code, 1);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_function_that_does_nothing_fails_the_demo_which_says_what_differed() {
    let (code, shown, _) = demo(&fake_bootstrap(), &[("--events", &events().join("demo"))]);
    assert_eq!(code, 1);
    let difference = "01-names-its-regions.json: record: expected {";
    assert!(shown.contains(difference), "{shown}");
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
fn serve_delivers_the_events_of_its_region_to_the_function() {
    let mut serving = emulator()
        .args(["serve", "--port", "0", "--bootstrap"])
        .arg(fake_bootstrap())
        .args([
            "--function-region",
            "eu-west-1",
            "--allowed-regions",
            "us-west-2",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines();
    let mut next = |wanted: &str| {
        let line = lines.by_ref().map(Result::unwrap);
        line.into_iter().find(|line| line.contains(wanted)).unwrap()
    };
    let first = next("http://127.0.0.1:");
    let address = first.split("http://").nth(1).unwrap();
    let address = address.split(' ').next().unwrap();
    next("The function runs in eu-west-1.");
    next("allowed Regions: us-west-2");
    for region in ["us-east-1", "eu-west-1"] {
        create_secret(address, region);
    }
    assert_eq!(
        next("CreateSecret"),
        "CreateSecret in us-east-1: the function runs in eu-west-1"
    );
    assert_eq!(next("CreateSecret"), "CreateSecret:");
    serving.kill().unwrap();
    serving.wait().unwrap();
}

fn create_secret(address: &str, region: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    let body = r#"{"Name": "app"}"#;
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         X-Amz-Target: secretsmanager.CreateSecret\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=id/day/{region}/secretsmanager/aws4_request\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

const TAGGED: &str = "The event has no tags. The secret gets the tag replicate-to: ";

/// Sends an event to a function that prints the description of the event's secret.
fn shown_secret(file: &str, options: &[(&str, &Path)]) -> String {
    let event = std::fs::read(events().join(file)).unwrap();
    let mut event: Value = serde_json::from_slice(&event).unwrap();
    event["do"] = json!("describe");
    // Another test may send the same event at the same time.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(file);
    std::fs::write(&path, event.to_string()).unwrap();
    let options = [&[("--event", path.as_path())], options].concat();
    let (code, shown, error) = demo(&fake_bootstrap(), &options);
    assert_eq!(code, 0, "{error}");
    shown
}

#[test]
fn an_event_with_tags_is_delivered_with_its_secret() {
    let shown = shown_secret("create-secret-with-tags-key-and-replicas.json", &[]);
    assert!(shown.contains("secret in us-west-2"), "{shown}");
    assert!(shown.contains("app/db"), "{shown}");
    assert!(!shown.contains("The event has no tags"), "{shown}");
}

#[test]
fn the_input_is_shown_before_what_became_of_it() {
    let missing = [
        ("--allowed-regions", Path::new("eu-west-1")),
        ("--missing-key", Path::new("eu-west-1:alias/eu")),
        ("--setting", Path::new("ALLOW_REMOVAL=true")),
    ];
    let shown = shown_secret("create-secret-with-tags-key-and-replicas.json", &missing);
    let (input, _) = shown.split_once("\n\n").unwrap();
    let expected = [
        "secret: app/db in us-west-2",
        "policy: built-in",
        "allowed Regions: eu-west-1",
        "ALLOW_REMOVAL: true",
        "missing key: alias/eu in eu-west-1",
    ];
    for line in expected {
        assert!(input.lines().any(|other| other == line), "{line}: {input}");
    }
    for start in ["tag: ", "key: "] {
        assert!(input.lines().any(|line| line.starts_with(start)), "{input}");
    }
}

#[test]
fn a_policy_that_is_missing_or_has_no_event_is_refused() {
    let policy = Path::new("/nowhere/policy.yaml");
    let event = events().join("reconcile.json");
    for (options, expected) in [
        (
            vec![("--event", event.as_path()), ("--policy", policy)],
            "/nowhere/policy.yaml is not a file",
        ),
        (vec![("--policy", policy)], "choose an event with --event"),
    ] {
        let (code, _, error) = demo(&fake_bootstrap(), &options);
        assert_eq!(code, 1);
        assert!(error.contains(expected), "{error}");
    }
}

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
    let shown = shown_secret(file, &[("--replicate-to", Path::new("sa-east-1"))]);
    assert!(shown.contains(&format!("{TAGGED}sa-east-1\n")), "{shown}");
    assert!(shown.contains(r#""Value": "sa-east-1""#), "{shown}");
    let shown = shown_secret(file, &[("--replicate-to", Path::new(""))]);
    assert!(!shown.contains(TAGGED), "{shown}");
    assert!(shown.contains(r#""Tags": []"#), "{shown}");
}

#[test]
fn an_event_that_takes_tags_away_leaves_its_secret_without_them() {
    let shown = shown_secret("untag-resource.json", &[]);
    assert!(shown.contains("app/db"), "{shown}");
    assert!(!shown.contains(TAGGED), "{shown}");
}

/// Runs `emulator serve` with options that stop its start. Returns stderr.
fn refused(options: &[&str]) -> String {
    let mut serving = emulator()
        .arg("serve")
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A server that starts instead does not end.
    let end = Instant::now() + Duration::from_secs(10);
    while serving.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            serving.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = serving.wait_with_output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_port_that_is_taken_or_wrong_is_refused_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let error = refused(&["--port", &port]);
    for part in [
        format!("failed to listen on 127.0.0.1:{port}"),
        "make playground PORT=4600".to_owned(),
        "another program".to_owned(),
    ] {
        assert!(error.contains(&part), "{error}");
    }
    for port in ["http", "70000", "-1", "", "127.0.0.1:4600"] {
        let error = refused(&[&format!("--port={port}")]);
        assert!(error.contains("a number from 0 to 65535"), "{error}");
    }
}

#[test]
fn options_of_the_function_without_a_function_are_refused_with_what_to_type() {
    for option in [
        ["--policy", "policy.yaml"],
        ["--allowed-regions", "eu-west-1"],
        ["--setting", "DRY_RUN=true"],
        ["--missing-key", "eu-west-1:alias/app"],
        ["--function-region", "eu-west-1"],
    ] {
        let error = refused(&option);
        assert!(
            error.contains("--bootstrap target/debug/bootstrap"),
            "{error}"
        );
        assert!(error.contains("make playground"), "{error}");
    }
}

#[test]
fn settings_and_keys_of_another_form_are_refused_with_an_example() {
    for (option, example) in [
        (["--setting", "DRY_RUN"], "DRY_RUN=true"),
        (["--missing-key", "alias/app"], "eu-west-1:alias/app"),
        (
            [
                "--missing-key",
                "arn:aws:kms:eu-west-1:123456789012:alias/app",
            ],
            "eu-west-1:alias/app",
        ),
    ] {
        let error = refused(&option);
        assert!(error.contains(example), "{error}");
    }
}

/// Returns a setting of the fake function that makes its start log this line.
fn start_line(level: &str) -> String {
    format!(r#"FAKE_LOG={{"level": "{level}", "message": "the policy is wrong"}}"#)
}

#[test]
fn serve_and_demo_show_the_warnings_of_the_start() {
    let (warning, event) = (start_line("WARN"), events().join("reconcile.json"));
    let options = [
        ("--event", event.as_path()),
        ("--setting", Path::new(&warning)),
    ];
    let (_, shown, _) = demo(&fake_bootstrap(), &options);
    let expected = "warning: the policy is wrong";
    assert!(shown.lines().any(|line| line == expected), "{shown}");

    let mut serving = emulator()
        .args(["serve", "--port", "0", "--setting", &warning, "--bootstrap"])
        .arg(fake_bootstrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines();
    let shown: Vec<String> = lines.by_ref().take(14).map(Result::unwrap).collect();
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert!(shown.iter().any(|line| line == expected), "{shown:#?}");
}

#[test]
fn serve_and_demo_stop_at_an_error_of_the_start() {
    let (line, bootstrap) = (start_line("ERROR"), fake_bootstrap());
    let event = events().join("reconcile.json");
    let options = [
        ("--event", event.as_path()),
        ("--setting", Path::new(&line)),
    ];
    let (code, _, error) = demo(&bootstrap, &options);
    assert_eq!((code, error.as_str()), (1, "error: the policy is wrong\n"));

    let bootstrap = bootstrap.to_str().unwrap();
    let error = refused(&["--port", "0", "--bootstrap", bootstrap, "--setting", &line]);
    assert_eq!(error, "error: the policy is wrong\n");
}
