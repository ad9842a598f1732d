//! Tests of the start with valid and invalid settings.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use secret_replicator_core::policy::{DEFAULT_POLICY, digest};
use secret_replicator_emulator::Answer;
use serde_json::{Value, json};

use crate::record_schema::invoke;
use crate::stage::{HOME, Stage, sample, setting, tagged, text};

/// A policy with a misspelled field.
const MISSPELLED: &str =
    "version: 1\nrules:\n  - name: dr\n    when: all\n    replicate_to: [eu-west-1]\n";

#[tokio::test]
async fn an_invalid_policy_fails_the_event_with_place_and_remediation() {
    let mut stage = setting()
        .env("REPLICATION_POLICY", MISSPELLED)
        .start()
        .await;

    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;

    delivery.ends_in_error("failed", "PolicyInvalid");
    assert_eq!(delivery.reason(), "policy-invalid");
    insta::assert_snapshot!(delivery.error_message.as_deref().unwrap());
    assert_eq!(delivery.record["trigger"], "CreateSecret");
    assert_eq!(
        delivery.record["secret_arn"],
        json!(stage.secret_arn("prod/db"))
    );
    assert!(delivery.metrics.is_empty());
}

#[tokio::test]
async fn invalid_settings_fail_the_event_and_are_all_named() {
    let mut stage = setting()
        .env("DRY_RUN", "yes")
        .env("REPLICATION_WAIT_SECONDS", "-1")
        .start()
        .await;

    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;

    delivery.ends_in_error("failed", "ConfigInvalid");
    assert_eq!(delivery.reason(), "config-invalid");
    insta::assert_snapshot!(delivery.error_message.unwrap());
}

#[tokio::test]
async fn an_invalid_region_of_the_function_fails_the_event() {
    let mut stage = setting().env("AWS_REGION", "frankfurt").start().await;

    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;

    delivery.ends_in_error("failed", "ConfigInvalid");
    assert_eq!(delivery.record["trigger"], "CreateSecret");
}

#[tokio::test]
async fn with_an_invalid_policy_every_kind_of_event_fails_without_a_call() {
    let mut stage = setting()
        .env("REPLICATION_POLICY", MISSPELLED)
        .env("DRY_RUN", "true")
        .start()
        .await;
    stage.secret(tagged("prod/db", "eu-west-1"));
    let events = [
        (
            "reconcile",
            json!({"action": "reconcile", "secretId": "prod/db"}),
        ),
        (
            "explain",
            json!({"action": "explain", "secretId": "prod/db"}),
        ),
        (
            "explain",
            json!({"action": "explain", "secret": {"name": "prod/db"}}),
        ),
        ("sweep", json!({"action": "sweep", "sweepId": "one"})),
        ("unknown", json!({"action": "weep"})),
        ("CreateSecret", sample("create-secret-console.json")),
    ];
    for (trigger, event) in events {
        let delivery = stage.deliver(&event).await;
        delivery.ends_in_error("failed", "PolicyInvalid");
        let record = &delivery.record;
        assert_eq!(record["trigger"], trigger, "{record:#}");
        let sweep = (trigger == "sweep").then_some("one");
        assert_eq!(record["sweep_id"].as_str(), sweep, "{record:#}");
        let names_secret = !event["secretId"].is_null();
        assert_eq!(
            record["secret_name"] == "prod/db",
            names_secret,
            "{record:#}"
        );
    }
    assert!(stage.aws.calls().is_empty());
}

#[tokio::test]
async fn the_start_logs_invalid_settings_once_as_an_error() {
    let stage = setting()
        .env("REPLICATION_POLICY", MISSPELLED)
        .env("DRY_RUN", "yes")
        .start()
        .await;
    let [line] = stage.function.idle_log() else {
        panic!("{:#?}", stage.function.idle_log())
    };
    let line: Value = serde_json::from_str(line).expect("a JSON line");
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["error_type"], "PolicyInvalid");
    let message = text(&line["message"]);
    let named = ["every event fails", "replicate_to", "DRY_RUN"];
    for part in named {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[tokio::test]
async fn a_policy_file_is_read() {
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/policy.yaml");
    let mut stage = setting()
        .env("REPLICATION_POLICY_FILE", policy)
        .start()
        .await;
    let log = stage.function.idle_log().join("\n");
    assert!(
        log.contains(&format!("\"policy_source\":\"{policy}\"")),
        "{log}"
    );
    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
}

#[tokio::test]
async fn a_policy_in_the_environment_wins_over_one_in_a_file() {
    let everywhere = "{version: 1, rules: [{name: all, when: all, replicate-to: us-west-2}]}";
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/policy.yaml");
    let mut stage = setting()
        .env("REPLICATION_POLICY", everywhere)
        .env("REPLICATION_POLICY_FILE", policy)
        .start()
        .await;

    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
    assert_eq!(stage.in_sync("prod/db"), ["us-west-2"]);
}

#[tokio::test]
async fn the_settings_in_force_are_logged_once_with_timestamp_and_level() {
    let stage = Stage::new().await;
    let lines: Vec<Value> = stage
        .function
        .idle_log()
        .iter()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect();
    let [ready] = &lines[..] else {
        panic!("{lines:#?}")
    };
    assert_eq!(ready["policy_sha256"], digest(DEFAULT_POLICY));
    insta::assert_json_snapshot!(ready, {
        ".policy_sha256" => "[digest]", ".timestamp" => "[timestamp]", ".version" => "[version]",
    });
    let timestamp = ready["timestamp"].as_str().unwrap();
    assert!(
        chrono::DateTime::parse_from_rfc3339(timestamp).is_ok(),
        "{timestamp}"
    );
}

#[tokio::test]
async fn without_a_log_level_the_level_is_info() {
    let stage = setting().env("AWS_LAMBDA_LOG_LEVEL", "").start().await;
    assert_eq!(stage.function.idle_log().len(), 1);
}

/// Serves one request of the SDK for container credentials.
fn credentials_of_a_container() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answering = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("a client connects");
        let mut request = [0; 4096];
        let length = connection.read(&mut request).expect("a request");
        // The token encodes the role and its permissions, as the tokens of the local Lambda do.
        let token = json!({ "permissions": {}, "region": HOME }).to_string();
        let body = json!({
            "AccessKeyId": "AKIACONTAINER", "SecretAccessKey": "secret", "Token": token,
            "Expiration": "2099-01-01T00:00:00Z",
        })
        .to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
        let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        connection.write_all(answer.as_bytes()).expect("it listens");
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    (format!("http://{address}/role"), answering)
}

#[tokio::test]
async fn a_proxy_is_the_way_to_aws_if_one_is_named() {
    let stage = Stage::new().await;
    let proxy = &stage.aws;
    let mut function = setting()
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://aws.invalid")
        .env("HTTP_PROXY", &proxy.endpoint())
        .function(proxy)
        .await
        .expect("the function starts");
    stage.secret(tagged("prod/db", "eu-west-1"));
    let action = json!({ "action": "reconcile", "secretId": "prod/db" });
    let invocation = invoke(&mut function, &action).await.expect("an answer");
    assert!(
        matches!(&invocation.answer, Answer::Success(answer) if answer["outcome"] == "replicated"),
        "{invocation:#?}"
    );
}

#[tokio::test]
async fn without_credentials_in_the_environment_a_container_is_asked_for_them() {
    let (uri, answering) = credentials_of_a_container();
    let mut stage = setting()
        .env("AWS_ACCESS_KEY_ID", " ")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri)
        .start()
        .await;
    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
    let asked = answering.join().expect("it was asked");
    assert!(asked.starts_with("GET /role "), "{asked}");
}

#[tokio::test]
async fn settings_that_lambda_would_not_accept_are_a_warning_at_the_start() {
    let policy = format!(
        "{{\"version\": 1, \"rules\": [{{\"name\": \"all\", \"when\": \"all\", \"replicate-to\": \"eu-west-1\"}}]}}{}",
        "\n".repeat(2000)
    );
    let stage = setting().env("REPLICATION_POLICY", &policy).start().await;

    let log = stage.function.idle_log().join("\n");

    assert!(log.contains("REPLICATION_POLICY_FILE"), "{log}");
    assert!(log.contains("\"limit\":4096"), "{log}");
}

#[tokio::test]
async fn unknown_regions_and_fields_without_effect_are_warnings_at_the_start() {
    let policy = "{version: 1, removal: covered, rules: [{name: a, when: all, overwrite: true, \
                  replicate-to: eu-wset-3}]}";
    let stage = setting()
        .env("REPLICATION_POLICY", policy)
        .env("ALLOWED_REPLICA_REGIONS", "eu-wset-3 us-west-2")
        .start()
        .await;

    let log = stage.function.idle_log();

    let warnings: Vec<&String> = log
        .iter()
        .filter(|line| line.contains("\"WARN\""))
        .collect();
    let expected = [
        "ALLOWED_REPLICA_REGIONS: `eu-wset-3` is not a known Region; did you mean `eu-west-3`?",
        "removal-not-allowed",
        "overwrite-not-allowed",
        "`eu-wset-3` is not a known Region [unknown-region]; did you mean `eu-west-3`?",
    ];
    assert_eq!(warnings.len(), expected.len(), "{warnings:#?}");
    for (warning, expected) in warnings.iter().zip(expected) {
        assert!(warning.contains(expected), "{expected}: {warning}");
    }
}

#[test]
fn outside_lambda_one_line_says_so() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_bootstrap"))
        .env_clear()
        .output()
        .expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(output.stdout.is_empty());
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.contains("AWS_LAMBDA_RUNTIME_API is not set"),
        "{stderr}"
    );
}
