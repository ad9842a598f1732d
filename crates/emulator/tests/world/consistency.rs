//! Invariants after any sequence of calls.

use proptest::prelude::*;
use proptest::sample::select;
use secret_replicator_emulator::{
    FailedReplicas, KnownReplica, RemovedReplicas, SecretView, WorldSettings,
};
use serde_json::{Value, json};

use crate::support::{Clocked, HOME, IRELAND, OREGON};

const REGIONS: [&str; 3] = [HOME, IRELAND, OREGON];

/// A call in a Region, after a delay in milliseconds.
type Step = (u64, &'static str, &'static str, Value);

fn step() -> impl Strategy<Value = Step> {
    let wait = select(vec![0, 1, 999, 1000, 59_000, 8 * 24 * 3_600_000]);
    (wait, select(REGIONS.to_vec()), call())
        .prop_map(|(wait, region, (operation, body))| (wait, region, operation, body))
}

fn call() -> impl Strategy<Value = (&'static str, Value)> {
    let parts = (
        select(vec!["a", "b"]),
        select(REGIONS.to_vec()),
        any::<bool>(),
        0..3_u8,
    );
    (0..11_u8, parts).prop_map(|(which, (name, region, flag, number))| match which {
        0 => ("CreateSecret", json!({"Name": name, "SecretString": "v"})),
        1 => ("CreateSecret", json!({"Name": name})),
        2..5 => (
            "ReplicateSecretToRegions",
            json!({
                "SecretId": name,
                "AddReplicaRegions": [{"Region": region}],
                "ForceOverwriteReplicaSecret": flag,
            }),
        ),
        5 => (
            "RemoveRegionsFromReplication",
            json!({"SecretId": name, "RemoveReplicaRegions": [region]}),
        ),
        6 => ("StopReplicationToReplica", json!({"SecretId": name})),
        7 => (
            "PutSecretValue",
            json!({"SecretId": name, "SecretString": number.to_string()}),
        ),
        8 => (
            "TagResource",
            json!({"SecretId": name, "Tags": [{"Key": "k", "Value": number.to_string()}]}),
        ),
        9 if flag => (
            "DeleteSecret",
            json!({"SecretId": name, "ForceDeleteWithoutRecovery": true}),
        ),
        9 => (
            "DeleteSecret",
            json!({"SecretId": name, "RecoveryWindowInDays": 7}),
        ),
        _ => ("RestoreSecret", json!({"SecretId": name})),
    })
}

fn settings() -> impl Strategy<Value = WorldSettings> {
    let removed = select(vec![RemovedReplicas::Shown, RemovedReplicas::Hidden]);
    let failed = select(vec![FailedReplicas::Kept, FailedReplicas::Dropped]);
    let known = select(vec![
        KnownReplica::Ignore,
        KnownReplica::RetryIfFailed,
        KnownReplica::RefuseCall,
    ]);
    (removed, failed, known).prop_map(|(removed_replicas, failed_replicas, known_replica)| {
        WorldSettings {
            removed_replicas,
            failed_replicas,
            known_replica,
            ..WorldSettings::default()
        }
    })
}

proptest! {
    #[test]
    fn lists_rows_and_replicas_never_contradict_each_other(
        settings in settings(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let shown = settings.removed_replicas == RemovedReplicas::Shown;
        let mut aws = Clocked::with(settings);
        for (wait, region, operation, body) in steps {
            aws.pass(wait);
            let _ = aws.call(region, operation, &body);
            for region in REGIONS {
                let secrets = aws.world.secrets(aws.now, region);
                check_list(&mut aws, region, &secrets)?;
                for secret in &secrets {
                    check_rows(&mut aws, secret)?;
                    // Otherwise the row disappears before the replica does.
                    if shown {
                        check_primary(&mut aws, secret)?;
                    }
                }
            }
        }
    }
}

fn check_list(
    aws: &mut Clocked,
    region: &str,
    secrets: &[SecretView],
) -> Result<(), TestCaseError> {
    let body = json!({"IncludePlannedDeletion": true});
    let answer = aws.ok(region, "ListSecrets", &body);
    let entries = answer["SecretList"].as_array().unwrap();
    let mut listed: Vec<_> = entries
        .iter()
        .map(|e| (&e["ARN"], &e["PrimaryRegion"]))
        .collect();
    listed.sort_by_key(|(arn, _)| arn.to_string());
    let arns: Vec<_> = secrets.iter().map(|s| json!(s.arn)).collect();
    let regions: Vec<_> = secrets.iter().map(|s| json!(s.primary_region)).collect();
    let mut expected: Vec<_> = arns.iter().zip(&regions).collect();
    expected.sort_by_key(|(arn, _)| arn.to_string());
    prop_assert_eq!(listed, expected);
    Ok(())
}

/// Asserts that a replica in sync exists and has the primary's value and tags.
fn check_rows(aws: &mut Clocked, primary: &SecretView) -> Result<(), TestCaseError> {
    for row in primary.replicas.iter().filter(|row| row.status == "InSync") {
        let replica = aws.world.secret(aws.now, &row.region, &primary.name);
        let replica = replica.expect("the replica exists");
        prop_assert_eq!(replica.primary_region.as_ref(), Some(&primary.region));
        prop_assert_eq!(&replica.value, &primary.value);
        prop_assert_eq!(&replica.tags, &primary.tags);
    }
    Ok(())
}

/// Asserts that a replica has a primary with a row for it.
fn check_primary(aws: &mut Clocked, replica: &SecretView) -> Result<(), TestCaseError> {
    let elsewhere = replica
        .primary_region
        .as_ref()
        .filter(|r| **r != replica.region);
    if let Some(region) = elsewhere {
        let rows = aws.world.replicas(aws.now, region, &replica.name);
        prop_assert!(rows.iter().any(|row| row.region == replica.region));
    }
    Ok(())
}
