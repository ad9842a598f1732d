//! A local AWS account for the tests of the commands that read one.

use std::collections::BTreeSet;
use std::time::Duration;

use secret_replicator_emulator::{Emulator, SecretSeed, WorldSettings};
use serde_json::Value;

use crate::services::Services;
use crate::{Called, called, command};

/// The Region of the primary secrets.
pub(crate) const HOME: &str = "us-east-1";

/// The age from which the lists show a change everywhere.
pub(crate) const OLD: Duration = Duration::from_hours(1);

/// A local Secrets Manager.
pub(crate) struct Account {
    pub(crate) aws: Emulator,
}

impl Account {
    pub(crate) fn new(secrets: impl IntoIterator<Item = SecretSeed>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let aws = runtime
            .block_on(Emulator::start(WorldSettings::default()))
            .unwrap();
        let account = Self { aws };
        for secret in secrets {
            account.seed(secret);
        }
        account
    }

    pub(crate) fn seed(&self, secret: SecretSeed) {
        self.aws.with(|world, now| world.seed(now, secret));
    }

    /// Makes a call of the account's owner.
    pub(crate) fn make(&self, region: &str, operation: &str, input: &Value) {
        let made = self
            .aws
            .with(|world, now| world.handle(now, region, operation, input));
        assert!(made.is_ok(), "{operation}: {made:?}");
    }

    /// Runs the tool in this account. Checks that it only reads.
    pub(crate) fn call(&self, arguments: &[&str]) -> Called {
        self.checked(".", arguments, &[])
    }

    /// Runs a command in this account that may promote replicas. Checks that it writes nothing else and reads no value.
    pub(crate) fn call_writing(&self, arguments: &[&str]) -> Called {
        self.call_writing_in(".", arguments)
    }

    /// Runs a command in this directory that may promote replicas.
    pub(crate) fn call_writing_in(&self, directory: &str, arguments: &[&str]) -> Called {
        self.checked(directory, arguments, &["StopReplicationToReplica"])
    }

    /// Runs a command in this account that compares versions. Checks that it only reads.
    pub(crate) fn call_reading(&self, arguments: &[&str]) -> Called {
        self.call_reading_in(".", arguments)
    }

    /// Runs a command in this directory that compares versions.
    pub(crate) fn call_reading_in(&self, directory: &str, arguments: &[&str]) -> Called {
        self.checked(directory, arguments, &["ListSecretVersionIds"])
    }

    /// Runs a command in this directory that may make the calls of a way back. Checks that they destroy nothing.
    pub(crate) fn call_performing_in(&self, directory: &str, arguments: &[&str]) -> Called {
        let before = self.aws.calls().len();
        let safe = [
            "ListSecretVersionIds",
            "ReplicateSecretToRegions",
            "RestoreSecret",
        ];
        let called = self.checked(directory, arguments, &safe);
        let calls = self.aws.calls().into_iter().skip(before);
        for call in calls.filter(|call| call.operation == "ReplicateSecretToRegions") {
            assert_eq!(call.body["ForceOverwriteReplicaSecret"], false, "{call:?}");
        }
        called
    }

    /// Runs a command in this directory. Checks that it reads metadata only, except for these operations.
    fn checked(&self, directory: &str, arguments: &[&str], others: &[&str]) -> Called {
        let before = self.aws.calls().len();
        let output = self.command(arguments).current_dir(directory).output();
        self.check_operations(before, others);
        called(&output.unwrap())
    }

    /// Returns a call of the tool in this account.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = isolated(arguments);
        command
            .args(["--endpoint-url", &self.aws.endpoint()])
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        command
    }

    /// Runs the tool in this account, in which these services answer besides Secrets Manager.
    pub(crate) fn call_with(&self, services: &Services, arguments: &[&str]) -> Called {
        let before = self.aws.calls().len();
        let output = isolated(arguments)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", &services.endpoint)
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.aws.endpoint())
            .output()
            .unwrap();
        self.check_operations(before, &[]);
        called(&output)
    }

    /// Checks that the calls after this number read metadata only, except for these operations.
    fn check_operations(&self, before: usize, others: &[&str]) {
        let calls = self.aws.calls().into_iter().skip(before);
        let operations: BTreeSet<String> = calls.map(|call| call.operation).collect();
        let reads = ["DescribeSecret", "ListSecrets"].iter().chain(others);
        let allowed: BTreeSet<String> = reads.map(|name| (*name).to_owned()).collect();
        assert!(operations.is_subset(&allowed), "{operations:?}");
    }
}

/// Returns a call of the tool without the configuration of this machine.
pub(crate) fn isolated(arguments: &[&str]) -> std::process::Command {
    let mut command = command(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
}

/// Returns a secret of the home Region that changed long ago.
pub(crate) fn secret(name: &str) -> SecretSeed {
    SecretSeed::new(HOME, name).with_age(OLD)
}
