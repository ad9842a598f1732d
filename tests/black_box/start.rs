//! Tests of the start with valid and invalid settings.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use secret_replicator_emulator::{Answer, Emulator, InitFailure, WorldSettings};
use serde_json::{Value, json};

use crate::record_schema::invoke;
use crate::stage::{HOME, Setting, Stage, setting};

async fn refused(setting: Setting) -> InitFailure {
    let aws = Emulator::start(WorldSettings::default()).await.unwrap();
    match setting.function(&aws).await {
        Ok(_) => panic!("the function started"),
        Err(error) => error.downcast().expect("a failed start"),
    }
}

#[tokio::test]
async fn an_invalid_policy_stops_the_start_and_names_place_and_remediation() {
    let policy = "version: 1\nrules:\n  - name: dr\n    when: all\n    replicate_to: [eu-west-1]\n";
    let failure = refused(setting().env("REPLICATION_POLICY", policy)).await;
    assert_eq!(failure.error_type, "PolicyInvalid");
    insta::assert_snapshot!(failure.error_message);
}

#[tokio::test]
async fn invalid_settings_stop_the_start_and_are_all_named() {
    let failure = refused(
        setting()
            .env("DRY_RUN", "yes")
            .env("REPLICATION_WAIT_SECONDS", "-1"),
    )
    .await;
    assert_eq!(failure.error_type, "Runtime.ConfigInvalid");
    insta::assert_snapshot!(failure.error_message);
    let logged = failure.log.join("\n");
    assert!(
        logged.contains("REPLICATION_WAIT_SECONDS") && logged.contains("\"level\":\"ERROR\""),
        "{logged}"
    );
}

#[tokio::test]
async fn a_policy_file_is_read() {
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/policy.yaml");
    let mut stage = setting()
        .env("REPLICATION_POLICY_FILE", policy)
        .start()
        .await;
    stage
        .create(crate::stage::tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
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
    insta::assert_json_snapshot!(ready, { ".timestamp" => "[timestamp]", ".version" => "[version]" });
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
    stage.secret(crate::stage::tagged("prod/db", "eu-west-1"));
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
        .create(crate::stage::tagged("prod/db", "eu-west-1"))
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
