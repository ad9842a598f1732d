//! How an event ended: what the function said, and what is true.

use secret_replicator_emulator::{Answer, Invocation, ReplicaView};
use serde_json::Value;

use super::indent::indented;

/// One event, once it is over.
pub(crate) struct Ending {
    /// The secret's name, as the event gives it.
    pub(crate) secret: Option<String>,
    /// The primary secret's Region.
    pub(crate) region: String,
    invocation: Invocation,
    record: Value,
    /// What Secrets Manager says of the replicas.
    truth: Vec<ReplicaView>,
}

/// One Region of a record.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Replica<'a> {
    pub(crate) region: &'a str,
    pub(crate) status: &'a str,
    pub(crate) reason: Option<&'a str>,
}

impl Ending {
    pub(crate) fn new(
        secret: Option<String>,
        region: &str,
        invocation: Invocation,
        truth: Vec<ReplicaView>,
    ) -> Ending {
        let lines = invocation.log.iter();
        let record = lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .find(|line: &Value| line.get("outcome").is_some_and(Value::is_string))
            .unwrap_or_default();
        Ending {
            secret,
            region: region.to_owned(),
            invocation,
            record,
            truth,
        }
    }

    pub(crate) fn outcome(&self) -> Option<&str> {
        self.record["outcome"].as_str()
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.record["reason"].as_str()
    }

    pub(crate) fn error_type(&self) -> Option<&str> {
        match &self.invocation.answer {
            Answer::Success(_) => None,
            Answer::Error { error_type, .. } => Some(error_type),
            Answer::TimedOut => Some("timed out"),
            Answer::Exited(_) => Some("process ended"),
        }
    }

    pub(crate) fn replicas(&self) -> impl Iterator<Item = Replica<'_>> {
        let replicas = self.record["replicas"].as_array();
        replicas.into_iter().flatten().map(|replica| Replica {
            region: replica["region"].as_str().unwrap_or("?"),
            status: replica["status"].as_str().unwrap_or("?"),
            reason: replica["reason"].as_str(),
        })
    }

    /// Where the record says in sync and Secrets Manager does not, or the other way round.
    pub(crate) fn lies(&self) -> Vec<String> {
        let told = self.in_sync(|region| {
            let mut replicas = self.replicas();
            replicas.any(|replica| replica.region == region && replica.status == "in-sync")
        });
        let real = self.in_sync(|region| {
            let mut rows = self.truth.iter();
            rows.any(|row| row.region == region && row.status == "InSync")
        });
        if told == real {
            return Vec::new();
        }
        vec![format!(
            "the record says {told:?} are in sync, Secrets Manager says {real:?}"
        )]
    }

    fn in_sync(&self, is_in_sync: impl Fn(&str) -> bool) -> Vec<&str> {
        let told = self.replicas().map(|replica| replica.region);
        let mut regions: Vec<_> = told
            .chain(self.truth.iter().map(|row| row.region.as_str()))
            .filter(|region| is_in_sync(region))
            .collect();
        regions.sort_unstable();
        regions.dedup();
        regions
    }

    /// What the function wrote, for people: its record indented, its metrics in one line.
    pub(crate) fn shown(&self) -> String {
        let invocation = &self.invocation;
        let stdout = invocation.log.iter().map(|line| shown_line(line));
        let stderr = invocation
            .stderr
            .iter()
            .map(|line| format!("stderr: {line}"));
        let text: Vec<String> = stdout.chain(stderr).chain(self.shown_failure()).collect();
        text.join("\n").replace('\n', "\n  ").replacen("", "  ", 1) + "\n"
    }

    fn shown_failure(&self) -> Option<String> {
        match &self.invocation.answer {
            Answer::Success(_) => None,
            Answer::Error {
                error_type,
                error_message,
            } => Some(format!("ended as the error {error_type}: {error_message}")),
            Answer::TimedOut => Some("killed at the deadline".to_owned()),
            Answer::Exited(status) => Some(format!("the process ended: {status}")),
        }
    }
}

fn shown_line(line: &str) -> String {
    let parsed: Value = serde_json::from_str(line).unwrap_or_default();
    match parsed.pointer("/_aws/CloudWatchMetrics") {
        Some(directives) if parsed.get("outcome").is_none() => shown_metrics(&parsed, directives),
        _ if parsed.is_object() => indented(line),
        _ => line.to_owned(),
    }
}

/// An EMF line as `metrics: Name=value, ...`.
fn shown_metrics(line: &Value, directives: &Value) -> String {
    let directives = directives.as_array().into_iter().flatten();
    let metrics = directives.filter_map(|directive| directive["Metrics"].as_array());
    let mut names: Vec<&str> = metrics
        .flatten()
        .filter_map(|metric| metric["Name"].as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    let values: Vec<String> = names
        .iter()
        .map(|name| format!("{name}={}", line[name]))
        .collect();
    let dimension = line["ReplicaRegion"].as_str();
    let of = dimension
        .map(|region| format!(" of {region}"))
        .unwrap_or_default();
    format!("metrics{of}: {}", values.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_line_is_summarised_and_a_record_is_indented() {
        let metrics = r#"{"_aws":{"CloudWatchMetrics":[{"Metrics":[{"Name":"B"},{"Name":"A"}]}]},
            "ReplicaRegion":"eu-west-1","A":1,"B":[2]}"#;
        assert_eq!(shown_line(metrics), "metrics of eu-west-1: A=1, B=[2]");
        assert_eq!(shown_line(r#"{"b":1}"#), "{\n  \"b\": 1\n}");
        assert_eq!(shown_line("plain"), "plain");
    }
}
