//! Tests that every sample event of the project ends in exactly one record.

use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use serde_json::Value;

use crate::stage::{Delivery, deliver};
use secret_replicator_emulator::{Emulator, Lambda, LambdaSettings, SecretSeed, WorldSettings};

fn samples(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        // The expected records of the demo are not events.
        if path.ends_with("expected") {
            continue;
        }
        if path.is_dir() {
            files.extend(samples(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Delivers the event to a function in the event's Region, in which the event's secret exists.
async fn play(event: &Value) -> Delivery {
    let detail = if event["detail"].is_object() {
        &event["detail"]
    } else {
        event
    };
    let region = detail["awsRegion"]
        .as_str()
        .or(event["region"].as_str())
        .unwrap_or("us-east-1")
        .to_owned();
    let aws = Emulator::start(WorldSettings::default())
        .await
        .expect("the emulator starts");
    let ids = [
        &detail["responseElements"]["arn"],
        &detail["additionalEventData"]["ARN"],
        &event["resources"][0],
        &detail["requestParameters"]["secretId"],
        &detail["requestParameters"]["name"],
        &event["secretId"],
    ];
    if let Some(id) = ids.iter().find_map(|id| id.as_str()) {
        let (name, suffix) = match id
            .split_once(":secret:")
            .and_then(|(_, rest)| rest.rsplit_once('-'))
        {
            Some((name, suffix)) => (name, Some(suffix.to_owned())),
            None => (id, None),
        };
        let mut seed = SecretSeed::new(&region, name).with_tag("replicate-to", "eu-west-1");
        seed.suffix = suffix;
        aws.with(|world, now| world.seed(now, seed));
    }
    let settings = LambdaSettings::new(env!("CARGO_BIN_EXE_bootstrap"), region)
        .with_env("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.endpoint());
    let mut function = Lambda::start(settings).await.expect("the function starts");
    deliver(&mut function, event).await
}

#[tokio::test]
async fn every_sample_ends_in_one_record() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let files = samples(&folder);
    assert!(files.len() >= 10, "only {} samples", files.len());
    let lines = files.iter().map(async |file| {
        let text = std::fs::read_to_string(file).expect("readable");
        let event: Value = serde_json::from_str(&text).expect("JSON");
        let delivery = play(&event).await;
        let name = file.strip_prefix(&folder).expect("below events/").display();
        let ending = [delivery.outcome(), delivery.reason(), delivery.error()].join(" ");
        format!("{name}: {}", ending.trim_end())
    });
    let table = join_all(lines).await;
    insta::assert_snapshot!(table.join("\n"));
}
