//! Random scenarios. The same seed always gives the same scenario.
//!
//! Three in four are storms, with every kind of secret, action and fault; one in four is a race.

pub(crate) mod failover;
mod policy;
pub(crate) mod race;
mod regional;
mod storm;

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use secret_replicator_emulator::{
    FailedReplicas, KeyState, KnownReplica, PromotedReplicas, RegionNotEnabled, RemovedReplicas,
    SecretWithoutValue, Time,
};

use crate::scenario::{Aws, HOME, Kind, REGIONS, Scenario, SecretAtStart};
use secret_replicator_reference_policy::generator::one_of;

const MULTI_REGION: &str =
    "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab";
const MULTI_REGION_ID: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";
const ALIAS: &str = "alias/app";
const OTHER_ALIAS: &str = "alias/other";

/// Returns the scenario of a seed, with the steps that shrink it.
///
/// # Panics
/// If no valid policy is found in thousands of attempts.
pub(crate) fn tree(seed: u64) -> impl ValueTree<Value = Scenario> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, random);
    prop_oneof![3 => storm::with_regions(), 1 => race::with_regions()]
        .new_tree(&mut runner)
        .expect("a scenario with a valid policy")
}

/// An ordinary secret with a value.
pub(crate) fn secret_named(
    name: &str,
    tags: impl IntoIterator<Item = (&'static str, String)>,
    replicas: BTreeSet<String>,
) -> SecretAtStart {
    let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value));
    SecretAtStart {
        name: name.to_owned(),
        tags: tags.collect(),
        kms_key: None,
        has_value: true,
        replicas,
        promoted: BTreeSet::new(),
        occupants: BTreeMap::new(),
        kind: Kind::Ordinary,
    }
}

impl Default for Aws {
    /// AWS without lag, quick, and with the emulator's defaults where its behavior is unknown.
    fn default() -> Aws {
        let key = |name: &str| (HOME.to_owned(), name.to_owned(), KeyState::Usable);
        Aws {
            replication: 1000,
            removal: 40_000,
            visibility: 0,
            list_lag: 0,
            status_lag: 0,
            tag_lag: 0,
            version_lag: 0,
            deletion_lag: 0,
            latency: 10,
            noise: 0,
            region_not_enabled: RegionNotEnabled::default(),
            known_replica: KnownReplica::default(),
            secret_without_value: SecretWithoutValue::default(),
            failed_replicas: FailedReplicas::default(),
            removed_replicas: RemovedReplicas::default(),
            promoted_replicas: PromotedReplicas::default(),
            keys: vec![key(ALIAS), key(MULTI_REGION_ID)],
            denied_region: None,
        }
    }
}

/// The delays and lags to choose from, in milliseconds.
struct Delays {
    replication: &'static [u64],
    removal: &'static [u64],
    visibility: &'static [u64],
    list_lag: &'static [u64],
    status_lag: &'static [u64],
    /// Of tags, of versions and of the date of deletion.
    read_lag: &'static [u64],
    latency: &'static [u64],
}

prop_compose! {
    fn aws(delays: &'static Delays)(
        replication in select(delays.replication),
        removal in select(delays.removal),
        visibility in select(delays.visibility),
        list_lag in select(delays.list_lag),
        status_lag in select(delays.status_lag),
        (tag_lag, version_lag, deletion_lag) in (
            select(delays.read_lag),
            select(delays.read_lag),
            select(delays.read_lag),
        ),
        latency in select(delays.latency),
        noise in any::<u64>(),
        region_not_enabled in select(vec![
            RegionNotEnabled::FailsLater,
            RegionNotEnabled::RefusesCall,
        ]),
        known_replica in select(vec![
            KnownReplica::RetryIfFailed,
            KnownReplica::RetryIfFailed,
            KnownReplica::Ignore,
            KnownReplica::RefuseCall,
        ]),
        secret_without_value in select(vec![
            SecretWithoutValue::WaitsInProgress,
            SecretWithoutValue::RefusesCall,
        ]),
        failed_replicas in select(vec![FailedReplicas::Kept, FailedReplicas::Dropped]),
        removed_replicas in select(vec![
            RemovedReplicas::Shown,
            RemovedReplicas::ShownAsBefore,
            RemovedReplicas::Hidden,
        ]),
        promoted_replicas in select(vec![
            PromotedReplicas::Hidden,
            PromotedReplicas::Hidden,
            PromotedReplicas::ShownAsBefore,
        ]),
        more_keys in vec(key(), 0..8),
        denied_region in weighted(0.1, one_of(&REGIONS)),
    ) -> Aws {
        let mut keys = Aws::default().keys;
        keys.extend(more_keys);
        Aws {
            replication,
            removal,
            visibility,
            list_lag,
            status_lag,
            tag_lag,
            version_lag,
            deletion_lag,
            latency,
            noise,
            region_not_enabled,
            known_replica,
            secret_without_value,
            failed_replicas,
            removed_replicas,
            promoted_replicas,
            keys,
            denied_region,
        }
    }
}

fn key_name() -> impl Strategy<Value = String> {
    one_of(&[ALIAS, OTHER_ALIAS, MULTI_REGION_ID])
}

/// A Region, a key there, and its state. `UsableFrom` is relative to the action that sets it.
fn key() -> impl Strategy<Value = (String, String, KeyState)> {
    let state = prop_oneof![
        5 => Just(KeyState::Usable),
        1 => Just(KeyState::Missing),
        1 => Just(KeyState::Disabled),
        1 => Just(KeyState::Denied),
        1 => (0..120_000_u64).prop_map(|after| KeyState::UsableFrom(Time(after))),
    ];
    (one_of(&REGIONS), key_name(), state)
}
