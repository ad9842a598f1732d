//! A world with the test's clock.

use std::time::Duration;

use secret_replicator_emulator::{ApiError, ReplicaView, SecretSeed, Time, World, WorldSettings};
use serde_json::{Value, json};

pub(crate) const HOME: &str = "us-east-1";
pub(crate) const IRELAND: &str = "eu-west-1";
pub(crate) const OREGON: &str = "us-west-2";

pub(crate) const DAY: u64 = 24 * 3600 * 1000;

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

    /// Makes a call that fails, and asserts how its code and message start.
    #[track_caller]
    pub(crate) fn fails(&mut self, region: &str, operation: &str, body: &Value, start: &str) {
        let error = self.call(region, operation, body).unwrap_err().to_string();
        assert!(error.starts_with(start), "{error}");
    }

    pub(crate) fn describe(&mut self, region: &str, id: &str) -> Value {
        self.ok(region, "DescribeSecret", &json!({"SecretId": id}))
    }

    pub(crate) fn replicate(&mut self, id: &str, regions: &[&str]) -> Value {
        self.ok(HOME, "ReplicateSecretToRegions", &replication(id, regions))
    }

    pub(crate) fn remove(&mut self, id: &str, regions: &[&str]) -> Value {
        let body = json!({"SecretId": id, "RemoveReplicaRegions": regions});
        self.ok(HOME, "RemoveRegionsFromReplication", &body)
    }

    pub(crate) fn put_value(&mut self, id: &str, value: &str) -> Value {
        let body = json!({"SecretId": id, "SecretString": value});
        self.ok(HOME, "PutSecretValue", &body)
    }

    /// Deletes a secret without recovery.
    pub(crate) fn delete(&mut self, region: &str, id: &str) {
        let body = json!({"SecretId": id, "ForceDeleteWithoutRecovery": true});
        self.ok(region, "DeleteSecret", &body);
    }

    pub(crate) fn row(&mut self, id: &str, region: &str) -> ReplicaView {
        let rows = self.world.replicas(self.now, HOME, id);
        let row = rows.into_iter().find(|row| row.region == region);
        row.unwrap_or_else(|| panic!("no row for {region}"))
    }

    pub(crate) fn status(&mut self, id: &str, region: &str) -> String {
        self.row(id, region).status
    }

    /// Returns the present value of a secret.
    pub(crate) fn value(&mut self, region: &str, id: &str) -> String {
        let secret = self.world.secret(self.now, region, id);
        secret.unwrap().value.unwrap()
    }

    /// Replicates with a key, waits, and returns the row.
    pub(crate) fn replicated_with_key(&mut self, id: &str, region: &str, key: &str) -> ReplicaView {
        let replica = json!({"Region": region, "KmsKeyId": key});
        let body = json!({"SecretId": id, "AddReplicaRegions": [replica]});
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
