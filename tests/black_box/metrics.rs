//! Tests of the metrics. Alarms depend on their namespace, names and dimensions.

use secret_replicator_emulator::SecretSeed;
use serde_json::{Value, json};

use crate::stage::{Delivery, HOME, Stage, create_secret_event, setting, tagged};

/// Extracts the metrics from the EMF lines as CloudWatch does, without the measured times. Each line is
/// `dimensions name = value`, with the sum of the values for a name and dimension set.
fn extracted(delivery: &Delivery) -> Vec<String> {
    let mut sums = std::collections::BTreeMap::new();
    for line in &delivery.metrics {
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            for dimensions in directive["Dimensions"].as_array().unwrap() {
                let values: Vec<_> = dimensions
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|name| line[name.as_str().unwrap()].as_str().unwrap())
                    .collect();
                for metric in directive["Metrics"].as_array().unwrap() {
                    let name = metric["Name"].as_str().unwrap();
                    let key = (
                        directive["Namespace"].to_string(),
                        values.join("+"),
                        name.to_owned(),
                    );
                    *sums.entry(key).or_insert(0.0) += number(&line[name]);
                }
            }
        }
    }
    let measured = ["EventAge", "ReplicationTime"];
    sums.into_iter()
        .map(|((namespace, dimensions, name), sum)| {
            let sum = if measured.contains(&name.as_str()) {
                "measured".to_owned()
            } else {
                sum.to_string()
            };
            format!("{namespace} [{dimensions}] {name} = {sum}")
        })
        .collect()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

#[tokio::test]
async fn replicas_are_counted_once_in_all_and_once_by_region() {
    let mut stage = Stage::new().await;
    stage.secret(SecretSeed::new("us-west-2", "prod/db"));
    let seed = tagged(
        "prod/db",
        "eu-west-1 us-west-2 us-east-1 cn-north-1 frankfurt",
    );
    let delivery = stage.create(seed.with_replica_in("sa-east-1")).await;
    insta::assert_snapshot!(extracted(&delivery).join("\n"));
}

#[tokio::test]
async fn a_skipped_secret_and_a_bad_event_are_counted() {
    let mut stage = setting()
        .env("METRICS_NAMESPACE", "Platform/Secrets")
        .start()
        .await;
    let skipped = stage.create(SecretSeed::new(HOME, "prod/db")).await;
    let bad = stage.deliver(&json!({})).await;
    insta::assert_snapshot!([extracted(&skipped), extracted(&bad)].concat().join("\n"));
}

#[tokio::test]
async fn the_age_of_the_event_is_from_the_call_to_the_invocation() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    let mut event = create_secret_event("prod/db", &arn);
    let called = chrono::Utc::now() - chrono::TimeDelta::seconds(90);
    event["detail"]["eventTime"] = json!(called.to_rfc3339());
    let delivery = stage.deliver(&event).await;
    let age = delivery.record["event_age_ms"].as_i64().unwrap();
    assert!((90_000..120_000).contains(&age), "{age}");
    assert!(delivery.metrics.iter().any(|line| line["EventAge"] == age));
    let settled = number(&delivery.replica("eu-west-1")["replication_ms"]);
    let times = delivery.metrics.iter();
    let times: Vec<&Value> = times
        .filter_map(|line| line.get("ReplicationTime"))
        .collect();
    assert_eq!(times.len(), 1);
    assert!(number(times[0]).fract() == 0.0, "{}", times[0]);
    let duration = number(&delivery.record["duration_ms"]);
    assert!(
        settled > 0.0 && settled <= duration,
        "{settled} of {duration}"
    );
}

#[tokio::test]
async fn metric_lines_are_of_the_embedded_metric_format() {
    let mut stage = Stage::new().await;
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    assert_eq!(
        delivery.metrics.len(),
        2,
        "one line for the secret, one for the Region"
    );
    for line in &delivery.metrics {
        assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
        assert!(line.get("level").is_none(), "{line}");
    }
}

#[tokio::test]
async fn whoever_tags_secrets_cannot_make_metrics() {
    let mut stage = setting()
        .env("ALLOWED_REPLICA_REGIONS", "eu-west-1")
        .start()
        .await;
    let delivery = stage
        .create(tagged(
            "prod/db",
            "aa-a-1 aa-b-1 aa-c-1 eu-west-1 frankfurt",
        ))
        .await;
    let lines = extracted(&delivery);
    assert!(
        lines
            .iter()
            .any(|line| line.ends_with("[] ReplicasRefused = 4")),
        "{lines:#?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.ends_with("[eu-west-1] ReplicasInSync = 1"))
    );
    assert!(
        !lines.iter().any(|line| line.contains("[aa-")),
        "{lines:#?}"
    );
}
