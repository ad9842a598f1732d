//! Who is there when the burst comes.

use anyhow::Context;
use chrono::Utc;
use secret_replicator_emulator::{Emulator, SecretSeed};
use serde_json::{Value, json};

use super::HOME;

/// The Regions that the function may replicate to.
pub(crate) const ALLOWED_REGIONS: &str = "eu-west-1 us-west-2";

/// What is wanted for a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A replica in each of these Regions.
    Replicas(&'static [&'static str]),
    /// No replica, deliberately.
    Nothing,
    /// A replica that cannot be, because another secret has its name there.
    Impossible,
}

/// A secret of the burst.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) wanted: Wanted,
}

/// The secrets of the burst.
#[derive(Debug)]
pub(crate) struct Population {
    pub(crate) subjects: Vec<Subject>,
}

/// An event on its way to Lambda.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// The secret it is about, by its place in the population.
    pub(crate) subject: usize,
    pub(crate) body: Value,
}

impl Population {
    /// Creates the secrets.
    pub(crate) fn settle(aws: &Emulator, secrets: usize) -> Population {
        let subjects = (0..secrets).map(|index| settle(aws, index)).collect();
        Population { subjects }
    }

    /// The events of their creation, in no order; some arrive twice.
    pub(crate) fn events(
        &self,
        duplicates_per_mille: u32,
        seed: u64,
    ) -> anyhow::Result<Vec<Event>> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut events = Vec::new();
        for (index, subject) in self.subjects.iter().enumerate() {
            let event = Event {
                subject: index,
                body: created(subject, index)?,
            };
            if random.u32(0..1000) < duplicates_per_mille {
                events.push(event.clone());
            }
            events.push(event);
        }
        random.shuffle(&mut events);
        Ok(events)
    }
}

/// Nine in ten want replicas; the others are what else lives in an account.
fn settle(aws: &Emulator, index: usize) -> Subject {
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
            let other = SecretSeed::new("eu-west-1", &name).with_value("of somebody else");
            world.seed(now, other);
        }
        world.seed(now, seed)
    });
    Subject { name, arn, wanted }
}

/// A recorded event, for this secret and of this moment.
fn created(subject: &Subject, index: usize) -> anyhow::Result<Value> {
    let recorded = include_str!("../../../../events/create-secret-console.json");
    let mut event: Value = serde_json::from_str(recorded).context("the recorded event")?;
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
