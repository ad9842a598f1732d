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
    let mut context = Context::default();
    let end = now + Duration::from_secs(10);
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
        "VersionIdsToStages": {"EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE": ["AWSCURRENT"]},
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
