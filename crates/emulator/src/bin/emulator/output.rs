//! The function's output, formatted for a terminal.

use secret_replicator_emulator::{Answer, Invocation};
use serde_json::{Serializer, Value};

/// Formats the output of an invocation: indented records, and one line for each line of metrics.
pub(crate) fn of(invocation: &Invocation) -> String {
    let stdout = invocation.log.iter().map(|line| formatted(line));
    let stderr = invocation.stderr.iter();
    let stderr = stderr.map(|line| format!("stderr: {line}"));
    let lines: Vec<String> = stdout.chain(stderr).chain(failure(invocation)).collect();
    format!("  {}\n", lines.join("\n").replace('\n', "\n  "))
}

fn failure(invocation: &Invocation) -> Option<String> {
    match &invocation.answer {
        Answer::Success(_) => None,
        Answer::Error {
            error_type,
            error_message,
        } => Some(format!("failed with {error_type}: {error_message}")),
        Answer::TimedOut => Some("killed at the deadline".to_owned()),
        Answer::Exited(status) => Some(format!("the process ended: {status}")),
    }
}

fn formatted(line: &str) -> String {
    let parsed: Value = serde_json::from_str(line).unwrap_or_default();
    match parsed["_aws"]["CloudWatchMetrics"].as_array() {
        Some(directives) if parsed["outcome"].is_null() => metrics(&parsed, directives),
        _ if parsed.is_object() => indented(line).unwrap_or_else(|_| line.to_owned()),
        _ => line.to_owned(),
    }
}

/// Indents a JSON text. Keeps the order of its members.
fn indented(json: &str) -> anyhow::Result<String> {
    let mut output = Vec::new();
    serde_transcode::transcode(
        &mut serde_json::Deserializer::from_str(json),
        &mut Serializer::pretty(&mut output),
    )?;
    Ok(String::from_utf8(output)?)
}

/// Formats a line of CloudWatch's embedded metric format as `metrics: Name=value, ...`.
fn metrics(line: &Value, directives: &[Value]) -> String {
    let metrics = directives
        .iter()
        .filter_map(|one| one["Metrics"].as_array());
    let names = metrics
        .flatten()
        .filter_map(|metric| metric["Name"].as_str());
    let mut values: Vec<_> = names.map(|name| format!("{name}={}", line[name])).collect();
    values.sort_unstable();
    values.dedup();
    let region = match line["ReplicaRegion"].as_str() {
        Some(region) => format!(" of {region}"),
        // Only the lines of Regions have this metric.
        None if !line["ReplicasRefused"].is_null() => {
            " of a Region that only a tag names".to_owned()
        }
        None => String::new(),
    };
    format!("metrics{region}: {}", values.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_line_is_summarized_and_a_record_is_indented() {
        let metrics = r#"{"_aws":{"CloudWatchMetrics":[{"Metrics":[{"Name":"B"},{"Name":"A"}]}]},
            "ReplicaRegion":"eu-west-1","A":1,"B":[2]}"#;
        assert_eq!(formatted(metrics), "metrics of eu-west-1: A=1, B=[2]");
        let metrics = r#"{"_aws":{"CloudWatchMetrics":[{"Metrics":[{"Name":"ReplicasRefused"}]}]},
            "ReplicasRefused":1}"#;
        assert_eq!(
            formatted(metrics),
            "metrics of a Region that only a tag names: ReplicasRefused=1"
        );
        assert_eq!(
            formatted(r#"{"b":1,"a":[]}"#),
            "{\n  \"b\": 1,\n  \"a\": []\n}"
        );
        assert_eq!(formatted("plain"), "plain");
    }
}
