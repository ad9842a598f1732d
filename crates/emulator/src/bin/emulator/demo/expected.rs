//! The expected records, one file for each event.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use secret_replicator_emulator::SecretSeed;
use serde::Deserialize;
use serde_json::Value;

use super::EventResult;

/// A file of `events/demo/expected`. It has the name of its event's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) title: String,
    /// The secrets that exist before the event.
    #[serde(default)]
    pub(crate) secrets: Vec<SecretSeed>,
    /// Calls of other principals while the function handles the event.
    #[serde(default)]
    pub(crate) calls: Vec<Call>,
    /// The expected fields of the record. `null` stands for an absent field.
    record: Value,
    /// The expected type of the invocation's error; absent for success.
    error_type: Option<String>,
}

/// A call to Secrets Manager in the function's Region.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    /// The delay since the event or the previous call.
    pub(crate) after_seconds: u64,
    pub(crate) operation: String,
    pub(crate) input: Value,
}

impl Expected {
    /// Reads the file for an event's file.
    pub(crate) fn of(event: &Path) -> anyhow::Result<Expected> {
        let file = event.file_name().unwrap_or_default();
        let path = event.with_file_name("expected").join(file);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("failed to read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("failed to parse {}", path.display()))
    }

    /// Lists the differences from the expectation, and between the record and the actual replicas.
    pub(crate) fn differences(&self, result: &EventResult) -> Vec<String> {
        let mut found = Vec::new();
        compare("record", &self.record, &result.record, &mut found);
        if self.error_type != result.error_type {
            found.push(format!(
                "error_type: expected {:?}, found {:?}",
                self.error_type, result.error_type
            ));
        }
        let in_record: BTreeSet<_> = result
            .regions()
            .filter(|replica| replica["status"] == "in-sync")
            .filter_map(|replica| replica["region"].as_str())
            .collect();
        let in_sync = result.replicas.iter().filter(|row| row.status == "InSync");
        let in_sync: BTreeSet<_> = in_sync.map(|row| row.region.as_str()).collect();
        if in_record != in_sync {
            found.push(format!(
                "replicas in sync: {in_record:?} in the record, {in_sync:?} in Secrets Manager"
            ));
        }
        found
    }
}

/// Compares the expected fields only. Lists must have the same length.
fn compare(path: &str, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, value) in fields {
                compare(&format!("{path}.{name}"), value, &actual[name], found);
            }
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            for (index, (item, other)) in items.iter().zip(others).enumerate() {
                compare(&format!("{path}[{index}]"), item, other, found);
            }
        }
        _ if expected == actual => {}
        _ => found.push(format!("{path}: expected {expected}, found {actual}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differences(expected: &Value, actual: &Value) -> Vec<String> {
        let mut found = Vec::new();
        compare("record", expected, actual, &mut found);
        found
    }

    #[test]
    fn only_the_expected_fields_are_compared() {
        let actual = json!({ "a": 1, "b": [{ "c": 2, "d": 3 }], "e": 4 });
        let same = json!({ "b": [{ "d": 3 }], "e": 4, "f": null });
        assert_eq!(differences(&same, &actual), [""; 0]);
        let other = json!({ "b": [{ "d": 4 }], "e": null, "f": 5 });
        assert_eq!(
            differences(&other, &actual),
            [
                "record.b[0].d: expected 4, found 3",
                "record.e: expected null, found 4",
                "record.f: expected 5, found null",
            ]
        );
    }

    #[test]
    fn a_list_of_another_length_and_a_missing_record_differ() {
        assert_eq!(
            differences(&json!({ "a": [] }), &json!({ "a": [1] })),
            ["record.a: expected [], found [1]"]
        );
        assert_eq!(
            differences(&json!({ "a": 1 }), &Value::Null),
            ["record: expected {\"a\":1}, found null"]
        );
    }
}
