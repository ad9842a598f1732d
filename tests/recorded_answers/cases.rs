//! Messages and events of AWS that people have published, each with its source and the reason that the
//! function must give. `tests/cases` holds them.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use lambda_runtime::{Context, LambdaEvent};
use secret_replicator::handler::Function;
use secret_replicator::settings::Settings;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::fixed_answer::FixedAnswer;

/// The cases of a folder, with their file names.
fn cases(folder: &str) -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases")
        .join(folder);
    let entries = fs::read_dir(&folder).expect("the folder exists");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut cases: Vec<_> = paths
        .map(|path| {
            let text = fs::read_to_string(&path).expect("readable");
            let name = path.file_name().expect("a name").to_string_lossy();
            let case =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name.into_owned(), case)
        })
        .collect();
    cases.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(!cases.is_empty());
    cases
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The function with this connection and policy.
fn function(connection: &FixedAnswer, policy: Option<&str>) -> (Function, Log) {
    let variable = |name: &str| match name {
        "AWS_REGION" => Some(Ok("us-east-1".to_owned())),
        "REPLICATION_WAIT_SECONDS" => Some(Ok("0".to_owned())),
        "REPLICATION_POLICY" => policy.map(|policy| Ok(policy.to_owned())),
        _ => None,
    };
    let file = |path: &str| Err(format!("{path} is not read"));
    let settings = Settings::read(&variable, &file).expect("valid settings");
    let log = Log::default();
    let function = Function::new(settings, connection.secrets_manager()).with_output(log.clone());
    (function, log)
}

/// Delivers an event, and returns its record.
async fn record(connection: &FixedAnswer, policy: Option<&str>, event: &Value) -> Value {
    let (function, log) = function(connection, policy);
    let payload = RawValue::from_string(event.to_string()).expect("JSON");
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
    let end = now + Duration::from_secs(10);
    let mut context = Context::default();
    context.deadline = u64::try_from(end.as_millis()).expect("milliseconds");
    "arn:aws:lambda:us-east-1:123456789012:function:replicator"
        .clone_into(&mut context.invoked_function_arn);
    let _ = function.handle(LambdaEvent::new(payload, context)).await;
    let log = log.0.lock().unwrap_or_else(PoisonError::into_inner);
    let record = log.split(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice(record).expect("a record")
}

/// The reasons of a record: the secret's and the Regions'.
fn reasons(record: &Value) -> Vec<&str> {
    let regions = record["replicas"].as_array().into_iter().flatten();
    let reasons = regions
        .chain([record])
        .filter_map(|of| of["reason"].as_str());
    reasons.collect()
}

fn reconcile() -> Value {
    json!({"action": "reconcile", "secretId": "prod/db"})
}

/// A primary secret that wants a replica and has none.
fn without_replica() -> Value {
    json!({
        "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf",
        "Name": "prod/db",
        "Tags": [{"Key": "replicate-to", "Value": "eu-west-1"}],
        "VersionIdsToStages": {"EXAMPLE1-90ab-cdef-fedc-00987EXAMPLE": ["AWSCURRENT"]},
    })
}

#[track_caller]
fn assert_reason(name: &str, record: &Value, expected: &str) {
    let reasons = reasons(record);
    let is_expected = expected.split('|').any(|reason| reasons.contains(&reason));
    assert!(
        is_expected,
        "{name}: {reasons:?}, expected {expected}: {record:#}"
    );
}

#[tokio::test]
async fn published_error_messages_give_their_reason() {
    for (name, case) in cases("errors") {
        let operation = case["operation"].as_str().expect("an operation");
        let status = case["status"].as_u64().expect("a status");
        let status = u16::try_from(status).expect("a status");
        let described = without_replica().to_string().into_bytes();
        let connection = FixedAnswer::new(200, described);
        connection.answer(operation, status, case["body"].to_string().into_bytes());

        let record = record(&connection, None, &reconcile()).await;

        let expected = case["expected_reason"].as_str().expect("a reason");
        assert_reason(&name, &record, expected);
    }
}

#[tokio::test]
async fn published_status_messages_give_their_reason() {
    for (name, case) in cases("status-messages") {
        let described = case["DescribeSecret"].to_string().into_bytes();
        let connection = FixedAnswer::new(200, described);

        let record = record(&connection, None, &reconcile()).await;

        let expected = case["expected_reason"].as_str().expect("a reason");
        assert_reason(&name, &record, expected);
    }
}

/// What must become of each published event: the function reads the secret, or the reason for which it does
/// not.
const EVENTS: [(&str, Option<&str>); 5] = [
    ("32-delete-blocked.json", Some("delete-blocked-by-replicas")),
    ("D07-secret-label-updated.json", None),
    ("D08-create-console-2025.json", None),
    ("D11-tag-change-on-resource.json", None),
    (
        "E01-tag-managed-secret-failed.json",
        Some("api-call-failed"),
    ),
];

#[tokio::test]
async fn published_events_are_understood() {
    let cases = cases("events");
    let names: Vec<&str> = cases.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, EVENTS.map(|(name, _)| name));
    for ((name, case), (_, skipped)) in cases.iter().zip(EVENTS) {
        let described = without_replica().to_string().into_bytes();
        let connection = FixedAnswer::new(200, described);

        let record = record(&connection, None, &case["event"]).await;

        if let Some(reason) = skipped {
            assert_reason(name, &record, reason);
            assert!(connection.requests().is_empty(), "{name}");
            continue;
        }
        let requests = connection.requests();
        for operation in ["DescribeSecret", "ReplicateSecretToRegions"] {
            let is_requested = requests.iter().any(|request| request.contains(operation));
            assert!(is_requested, "{name}: {operation}: {record:#}");
        }
    }
}

fn case(folder: &str, name: &str) -> Value {
    let mut cases = cases(folder).into_iter();
    let found = cases.find(|(file, _)| file == name);
    found.unwrap_or_else(|| panic!("{name} exists")).1
}

/// Reconciles the secret of the partial ARN, whose name ends like the suffix of an ARN, if AWS knows this
/// ARN under the name.
async fn record_of_partial_arn(found: &str) -> Value {
    let case = case("answers", "14-partial-arn-hyphen-six.json");
    let not_found = json!({
        "__type": "ResourceNotFoundException",
        "Message": "Secrets Manager can't find the specified secret.",
    });
    let connection = FixedAnswer::new(400, not_found.to_string().into_bytes());
    let mut secret = without_replica();
    secret["ARN"] = json!(found);
    secret["Name"] = json!("prod/db-secret");
    secret["Tags"][0]["Value"] = json!("none");
    let by_name = "\"SecretId\":\"prod/db-secret\"";
    connection.answer_to(by_name, 200, secret.to_string().into_bytes());
    record(&connection, None, &case["event"]).await
}

#[tokio::test]
async fn a_partial_arn_whose_name_ends_like_a_suffix_is_read_again_by_name() {
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-secret-AbCdEf";
    let found = record_of_partial_arn(arn).await;
    assert_eq!(found["outcome"], "unchanged", "{found:#}");
    assert_eq!(found["secret_arn"], arn);

    let other = "arn:aws:secretsmanager:us-east-1:999999999999:secret:prod/db-secret-AbCdEf";
    let other = record_of_partial_arn(other).await;
    assert_eq!(other["reason"], "secret-not-found", "{other:#}");
}

#[tokio::test]
async fn a_replica_on_another_key_than_that_of_the_policy_is_named() {
    let case = case("answers", "34-key-differs.json");
    let event = &case["event"];
    let described = event["DescribeSecret"].to_string().into_bytes();
    let connection = FixedAnswer::new(200, described);
    let policy = event["policy"].to_string();

    let record = record(&connection, Some(&policy), &reconcile()).await;

    assert_reason("34", &record, "kms-key-differs|weaker-encryption");
    assert_eq!(record["outcome"], "refused");
    let is_write = |request: &String| !request.contains("DescribeSecret");
    assert!(!connection.requests().iter().any(is_write));
}
