//! Generates secrets and limits.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;
use proptest::sample::select;
use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::secret::{
    Encryption, Region, RegionalSecret, Replica, ReplicaStatus, Secret, SecretArn,
};

use crate::policies::{REGIONS, TAG_KEYS};

const TAG_VALUES: [&str; 9] = [
    "",
    "0",
    "1",
    "prod",
    "none",
    "eu-west-1 us-west-2",
    "us-east-1,cn-north-1",
    "frankfurt eu-west-1",
    "eu dr",
];
const NAMES: [&str; 5] = ["prod/db", "prod/", "stage/db", "a", "ünï"];

pub(crate) fn region() -> impl Strategy<Value = Region> {
    select(&REGIONS[..]).prop_map(|code| Region::parse(code).unwrap())
}

fn tags() -> impl Strategy<Value = BTreeMap<String, String>> {
    let value = prop_oneof![
        9 => select(&TAG_VALUES[..]).prop_map(str::to_owned),
        1 => ".{0,256}",
    ];
    btree_map(select(&TAG_KEYS[..]).prop_map(str::to_owned), value, 0..5)
}

/// Generates the maximum number of tags of the maximum length that AWS allows.
pub(crate) fn many_long_tags() -> impl Strategy<Value = BTreeMap<String, String>> {
    let value = prop_oneof!["[a-z0-9 ]{256}", "\\PC{256}", "(eu-west-1[ +/:,;]){25}"];
    btree_map("[a-z]{128}|\\PC{128}", value, 46)
}

fn replica() -> impl Strategy<Value = Replica> {
    let status = select(vec![
        ReplicaStatus::InSync,
        ReplicaStatus::InProgress,
        ReplicaStatus::Failed,
        ReplicaStatus::Unknown("Detached".to_owned()),
    ]);
    let message = select(vec![
        None,
        Some("Replication failed: Secret name a already exists in region eu-west-1."),
        Some("Replication failed: a is currently replicated to eu-west-1 with a different arn"),
        Some("No permissions available on the KMS key to complete the replication"),
        Some("an unknown cause"),
    ]);
    let kms_key = select(vec![
        None,
        Some("alias/aws/secretsmanager"),
        Some("alias/app"),
        Some("arn:aws:kms:us-east-1:123456789012:key/mrk-1234"),
    ]);
    (status, message, kms_key).prop_map(|(status, message, kms_key)| Replica {
        status,
        message: message.map(str::to_owned),
        kms_key: kms_key.map(str::to_owned),
    })
}

fn encryption() -> impl Strategy<Value = Encryption> {
    select(vec![
        None,
        Some("alias/aws/secretsmanager"),
        Some("arn:aws:kms:us-east-1:123456789012:key/mrk-1234"),
        Some("arn:aws:kms:us-east-1:123456789012:key/1234"),
        Some("alias/app"),
    ])
    .prop_map(Encryption::from_kms_key_id)
}

fn regional() -> impl Strategy<Value = RegionalSecret> {
    select(vec![
        RegionalSecret::Absent,
        RegionalSecret::Replica {
            current_version: None,
            created: None,
        },
        RegionalSecret::PromotedReplica,
        RegionalSecret::ReplicaOfAnotherRegion,
        RegionalSecret::OtherSecret,
    ])
}

/// Generates primary secrets after probes of some Regions.
pub(crate) fn probed() -> impl Strategy<Value = Secret> {
    let probed = btree_map(region(), regional(), 0..6);
    (primary(), probed).prop_map(|(secret, probed)| Secret { probed, ..secret })
}

/// Generates primary secrets that may be replicated.
pub(crate) fn primary() -> impl Strategy<Value = Secret> {
    let name = prop_oneof![4 => select(&NAMES[..]).prop_map(str::to_owned), 1 => "[^!]{1,64}"];
    let replicas = btree_map(region(), replica(), 0..3);
    (
        region(),
        name,
        tags(),
        encryption(),
        replicas,
        any::<bool>(),
    )
        .prop_map(
            |(home, name, tags, encryption, replicas, has_value)| Secret {
                arn: SecretArn::parse(&format!(
                    "arn:{}:secretsmanager:{home}:123456789012:secret:{name}-a1b2c3",
                    home.partition()
                ))
                .unwrap(),
                name,
                tags,
                encryption,
                primary_region: None,
                owning_service: None,
                scheduled_for_deletion: false,
                current_version: has_value.then(|| "v1".to_owned()),
                last_changed: None,
                replicas,
                probed: BTreeMap::new(),
            },
        )
}

/// Generates primary secrets without replicas, so that each wanted Region is a write or a refusal.
pub(crate) fn without_replicas() -> impl Strategy<Value = Secret> {
    primary().prop_map(|mut secret| {
        secret.replicas.clear();
        secret
    })
}

pub(crate) fn limits() -> impl Strategy<Value = Limits> {
    let allowed_regions = prop_oneof![
        Just(AllowedRegions::Any),
        btree_set(region(), 0..7).prop_map(AllowedRegions::Only),
    ];
    let overwrite = select(vec![Overwrite::Never, Overwrite::Allowed]);
    let removal = select(vec![RemovalLimit::Never, RemovalLimit::Allowed]);
    (allowed_regions, overwrite, removal).prop_map(|(allowed_regions, overwrite, removal)| Limits {
        allowed_regions,
        overwrite,
        removal,
    })
}
