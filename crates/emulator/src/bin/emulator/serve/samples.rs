//! Sample secrets in the states that the command-line tool reports under the built-in policy.

use std::time::Duration;

use anyhow::Context;
use secret_replicator_emulator::{Emulator, SecretSeed, World};
use serde_json::json;

const HOME: &str = "us-east-1";
const EUROPE: &str = "eu-west-1";
const WEST: &str = "us-west-2";

/// Old enough that the lists of all Regions show the secrets.
const AGE: Duration = Duration::from_hours(24);

/// Adds the secrets.
pub(super) fn seed(aws: &Emulator) -> anyhow::Result<()> {
    aws.with(|world: &mut World, now| {
        let then = now.before(AGE);
        for secret in secrets() {
            world.seed(then, secret);
        }
        let body =
            json!({ "SecretId": "prod/legacy/ftp", "AddReplicaRegions": [{ "Region": EUROPE }] });
        let calls = [
            (HOME, "ReplicateSecretToRegions", body),
            (
                WEST,
                "StopReplicationToReplica",
                json!({ "SecretId": "prod/archive/database" }),
            ),
        ];
        for (region, operation, body) in calls {
            world
                .handle(then, region, operation, &body)
                .with_context(|| format!("{operation} failed"))?;
        }
        Ok(())
    })
}

fn secrets() -> Vec<SecretSeed> {
    let other = |region: &str, name: &str| SecretSeed::new(region, name).with_suffix("OTHERS");
    let tagged =
        |name: &str, regions: &str| SecretSeed::new(HOME, name).with_tag("replicate-to", regions);
    let both = |name: &str| tagged(name, "eu-west-1 us-west-2");
    let replicated = |name: &str| both(name).with_replica_in(EUROPE).with_replica_in(WEST);
    let mut secrets = vec![
        other(EUROPE, "prod/legacy/ftp"),
        other(WEST, "prod/reports/database"),
        tagged("customers/export-key", EUROPE).with_replica_in(EUROPE),
        tagged("prod/mail/smtp", "eu-west-1 us-west2").with_replica_in(EUROPE),
        both("prod/legacy/ftp").with_replica_in(WEST),
        both("prod/reports/database").with_replica_in(EUROPE),
        both("prod/ledger/signing-key").with_kms_key_id("alias/ledger"),
        both("prod/notifications/token"),
        replicated("prod/archive/database"),
        SecretSeed::new(HOME, "team-a/sandbox"),
    ];
    for application in ["billing", "checkout", "orders"] {
        for part in ["database", "signing-key"] {
            secrets.push(replicated(&format!("prod/{application}/{part}")));
        }
    }
    secrets
}
