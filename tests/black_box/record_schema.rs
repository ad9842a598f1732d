//! Validates each record of the suite, and the records of the demo, with the JSON Schema of the record.

use std::sync::LazyLock;

use jsonschema::Validator;
use secret_replicator_emulator::{Answer, Invocation, Lambda};
use serde_json::{Value, json};

static RECORD: LazyLock<Validator> = LazyLock::new(|| validator(&schema()));

fn schema() -> Value {
    read("schema/record.schema.json")
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft7::new(schema).expect("a JSON Schema")
}

fn read(file: &str) -> Value {
    let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Passes an event to the function. Checks that the records in the log, and the response, match the schema.
pub(crate) async fn invoke(function: &mut Lambda, event: &Value) -> anyhow::Result<Invocation> {
    let invocation = function.invoke(event).await?;
    let lines = invocation.log.iter();
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let records = lines.filter(|line| line.get("outcome").is_some());
    let response = match &invocation.answer {
        Answer::Success(response) => Some(response.clone()),
        _ => None,
    };
    for record in records.chain(response) {
        check(&RECORD, &record);
    }
    Ok(invocation)
}

fn check(validator: &Validator, record: &Value) {
    let problems: Vec<String> = validator
        .iter_errors(record)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{problems:#?} in {record:#}");
}

/// Removes `required`, so that a part of a record is valid.
fn without_required(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("required");
            fields.values_mut().for_each(without_required);
        }
        Value::Array(items) => items.iter_mut().for_each(without_required),
        _ => {}
    }
}

/// Removes the fields that an expected record names as absent.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

#[test]
fn the_expected_records_of_the_demo_have_the_fields_of_the_schema() {
    let mut schema = schema();
    schema["oneOf"] = json!([{ "$ref": "#/definitions/secretRecord" }]);
    without_required(&mut schema);
    let validator = validator(&schema);
    let folder = format!("{}/events/demo/expected", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let name = entry.expect("an entry").file_name();
        let file = format!("events/demo/expected/{}", name.display());
        let mut record = read(&file)["record"].take();
        without_nulls(&mut record);
        check(&validator, &record);
        count += 1;
    }
    assert!(count >= 8, "{count}");
}

#[test]
fn every_test_that_invokes_the_function_validates_its_records() {
    let folder = format!("{}/tests/black_box", env!("CARGO_MANIFEST_DIR"));
    let mut unchecked = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if text.contains(".invoke(") && !path.ends_with("record_schema.rs") {
            unchecked.push(path);
        }
    }
    assert!(unchecked.is_empty(), "{unchecked:?}");
}

#[test]
fn a_record_with_another_field_or_status_is_invalid() {
    let record = json!({
        "timestamp": "2026-01-01T00:00:00.000Z", "level": "INFO", "message": "prod/db: wants no replica",
        "outcome": "unchanged", "trigger": "reconcile", "request_id": "1", "rules": [], "reasons": [],
        "dry_run": false, "duration_ms": 1, "replicas": [],
    });
    assert!(RECORD.is_valid(&record));
    let mut of_secret = record.clone();
    of_secret["secret_arn"] =
        json!("arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-a1b2c3");
    assert!(!RECORD.is_valid(&of_secret), "an ARN without the account");
    of_secret["account"] = json!("123456789012");
    assert!(RECORD.is_valid(&of_secret));
    let replica = json!({ "region": "eu-west-1", "action": "keep", "status": "InSync" });
    for (field, value) in [
        ("remedy", json!("none")),
        ("timestamp", json!("2026-01-01T00:00:00Z")),
        ("duration_ms", json!(0.5)),
        ("reason", json!("Not A Code")),
        ("replicas", json!([replica])),
    ] {
        let mut other = record.clone();
        other[field] = value;
        assert!(!RECORD.is_valid(&other), "{field}");
    }
}
