//! The secrets of a burst, and the events of their creation.

use anyhow::Context;
use chrono::Utc;
use secret_replicator_emulator::{Emulator, SecretSeed};
use serde_json::{Value, json};

use crate::scenario::HOME;

/// `ALLOWED_REPLICA_REGIONS` of the function.
pub(super) const ALLOWED_REGIONS: &str = "eu-west-1 us-west-2";

/// The value of unrelated secrets that have the name of a wanted replica.
pub(super) const OTHER_VALUE: &str = "of another owner";

/// The state that a secret must end in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A replica in each of these Regions.
    Replicas(&'static [&'static str]),
    /// No replica.
    Nothing,
    /// A replica that fails, because another secret has its name in that Region.
    Impossible,
}

/// A secret of the burst.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) wanted: Wanted,
}

/// An event to deliver.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// The index of its secret.
    pub(super) subject: usize,
    pub(super) body: Value,
}

/// Returns the events of the secrets' creation in random order. Some are delivered twice.
pub(super) fn events(
    subjects: &[Subject],
    duplicates_per_mille: u32,
    seed: u64,
) -> anyhow::Result<Vec<Event>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut events = Vec::new();
    for (subject, secret) in subjects.iter().enumerate() {
        let body = created(secret, subject)?;
        let event = Event { subject, body };
        if random.u32(0..1000) < duplicates_per_mille {
            events.push(event.clone());
        }
        events.push(event);
    }
    random.shuffle(&mut events);
    Ok(events)
}

/// Creates a secret. Nine in ten want replicas. Of a hundred, one has a name that is taken in the
/// replica Region; the others are excluded by the allowed Regions, by `none`, or because they have no
/// tag.
pub(super) fn create(aws: &Emulator, index: usize) -> Subject {
    let name = format!("app/{index:05}");
    let seed = SecretSeed::new(HOME, &name);
    let (tag, wanted) = match index % 100 {
        0 => (Some("eu-west-1"), Wanted::Impossible),
        1..3 => (Some("ap-south-1"), Wanted::Nothing),
        3..5 => (Some("none"), Wanted::Nothing),
        5..10 => (None, Wanted::Nothing),
        10..30 => (
            Some("eu-west-1 us-west-2"),
            Wanted::Replicas(&["eu-west-1", "us-west-2"]),
        ),
        _ => (Some("eu-west-1"), Wanted::Replicas(&["eu-west-1"])),
    };
    let seed = match tag {
        Some(regions) => seed.with_tag("replicate-to", regions),
        None => seed,
    };
    let arn = aws.with(|world, now| {
        if wanted == Wanted::Impossible {
            let other = SecretSeed::new("eu-west-1", &name).with_value(OTHER_VALUE);
            world.seed(now, other);
        }
        world.seed(now, seed)
    });
    Subject { name, arn, wanted }
}

/// Returns a recorded event with this secret and the current time.
fn created(subject: &Subject, index: usize) -> anyhow::Result<Value> {
    let recorded = include_str!("../../../../events/create-secret-console.json");
    let mut event: Value =
        serde_json::from_str(recorded).context("failed to parse the recorded event")?;
    let now = Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    event["region"] = json!(HOME);
    event["time"] = json!(now);
    let detail = &mut event["detail"];
    detail["awsRegion"] = json!(HOME);
    detail["eventTime"] = json!(now);
    detail["eventID"] = json!(format!("00000000-0000-4000-b000-{index:012x}"));
    detail["requestParameters"]["name"] = json!(subject.name);
    detail["responseElements"]["arn"] = json!(subject.arn);
    Ok(event)
}
