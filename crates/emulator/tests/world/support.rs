//! A world with a clock in the test's hand.

use std::time::Duration;

use secret_replicator_emulator::{ApiError, ReplicaView, SecretSeed, Time, World, WorldSettings};
use serde_json::{Value, json};

pub(crate) const HOME: &str = "us-east-1";
pub(crate) const IRELAND: &str = "eu-west-1";
pub(crate) const OREGON: &str = "us-west-2";

/// 2026-01-01.
const START: Time = Time(1_767_225_600_000);

pub(crate) struct Clocked {
    pub(crate) world: World,
    pub(crate) now: Time,
}

impl Clocked {
    pub(crate) fn new() -> Clocked {
        Clocked::with(WorldSettings::default())
    }

    pub(crate) fn with(settings: WorldSettings) -> Clocked {
        Clocked {
            world: World::new(settings),
            now: START,
        }
    }

    pub(crate) fn pass(&mut self, milliseconds: u64) {
        self.now = self.now + Duration::from_millis(milliseconds);
    }

    pub(crate) fn seed(&mut self, seed: SecretSeed) -> String {
        self.world.seed(self.now, seed)
    }

    pub(crate) fn call(
        &mut self,
        region: &str,
        operation: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        self.world.handle(self.now, region, operation, body)
    }

    pub(crate) fn ok(&mut self, region: &str, operation: &str, body: &Value) -> Value {
        self.call(region, operation, body).unwrap()
    }

    /// Code and message of the error, as one text.
    pub(crate) fn error(&mut self, region: &str, operation: &str, body: &Value) -> String {
        self.call(region, operation, body).unwrap_err().to_string()
    }

    pub(crate) fn describe(&mut self, region: &str, id: &str) -> Value {
        self.ok(region, "DescribeSecret", &json!({"SecretId": id}))
    }

    pub(crate) fn replicate(&mut self, id: &str, regions: &[&str]) -> Value {
        self.ok(HOME, "ReplicateSecretToRegions", &replication(id, regions))
    }

    pub(crate) fn row(&mut self, id: &str, region: &str) -> ReplicaView {
        let rows = self.world.replicas(self.now, HOME, id);
        let row = rows.into_iter().find(|row| row.region == region);
        row.unwrap_or_else(|| panic!("no row for {region}"))
    }

    pub(crate) fn status(&mut self, id: &str, region: &str) -> String {
        self.row(id, region).status
    }

    /// Replicates with a key, waits, and gives the row.
    pub(crate) fn replicated_with_key(&mut self, id: &str, region: &str, key: &str) -> ReplicaView {
        let body = json!({
            "SecretId": id,
            "AddReplicaRegions": [{"Region": region, "KmsKeyId": key}],
        });
        self.ok(HOME, "ReplicateSecretToRegions", &body);
        self.pass(1000);
        self.row(id, region)
    }
}

/// The body of `ReplicateSecretToRegions`.
pub(crate) fn replication(id: &str, regions: &[&str]) -> Value {
    let regions: Value = regions.iter().map(|r| json!({"Region": r})).collect();
    json!({"SecretId": id, "AddReplicaRegions": regions})
}

/// A secret named `app` in the home Region.
pub(crate) fn app() -> SecretSeed {
    SecretSeed::new(HOME, "app").with_suffix("AbCdEf")
}
