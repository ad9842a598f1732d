//! Random scenarios. The same seed always gives the same scenario.
//!
//! Three in four are storms, with every kind of secret, act and fault; one in four is a race.

mod function;
pub(crate) mod race;
mod storm;

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use secret_replicator_emulator::{
    FailedReplicas, KeyState, KnownReplica, RegionNotEnabled, RemovedReplicas, SecretWithoutValue,
    Time,
};

use crate::scenario::{Aws, FunctionSettings, HOME, Kind, REGIONS, STORM, Scenario, SecretAtStart};
use crate::story;
use function::{policy, settings};
use secret_replicator_reference_policy::Policy;
use storm::{act, fault, kill, second_thought, with_second_thought};

const NAMES: [&str; 6] = ["prod/db", "prod/api", "stage/db", "a", "a=b@c", "prod/"];
const MANAGED: &str = "rds!cluster-1";
const LISTS: [&str; 16] = [
    "us-west-2",
    "eu-west-1",
    "eu-west-1 us-west-2",
    "us-west-2 eu-west-1 eu-central-1",
    "eu",
    "dr",
    "dr+eu",
    "eu ap-south-1",
    "none",
    "none",
    "frankfurt eu-west-1",
    "us-east-1 eu-west-1",
    "me-south-1 us-west-2",
    "cn-north-1 eu-west-1",
    "",
    "ap-south-1",
];
const MULTI_REGION: &str =
    "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab";
const MULTI_REGION_ID: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";
const ALIAS: &str = "alias/app";
const OTHER_ALIAS: &str = "alias/other";

/// Returns the scenario of a seed, with the steps that shrink it.
///
/// # Panics
/// If no valid policy is found in thousands of attempts.
#[must_use]
pub fn tree(seed: u64) -> impl ValueTree<Value = Scenario> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, random);
    prop_oneof![3 => storm(), 1 => race::race()]
        .new_tree(&mut runner)
        .expect("one in a few scenarios has a policy that is right")
}

/// Storms, with valid settings and a valid policy.
fn storm() -> impl Strategy<Value = Scenario> {
    let function = (settings(), policy(), proptest::bool::weighted(0.7)).prop_filter(
        "a policy that is right",
        |(settings, policy, removal)| {
            let scenario = empty(settings.clone(), policy.clone(), *removal);
            story::settings(&scenario).is_ok()
        },
    );
    let happenings = (
        secrets(),
        vec((act(), weighted(0.4, second_thought())), 0..15),
        vec(fault(), 0..10),
        vec(kill(), 0..3),
    );
    // A short storm, so that what happens meets.
    let length = select(vec![STORM, STORM, 60_000, 12_000]);
    (function, aws(), happenings, length).prop_map(
        |((settings, policy, removal), aws, (secrets, mut acts, mut faults, kills), length)| {
            for (act, _) in &mut acts {
                act.at %= length;
            }
            for timed in &mut faults {
                timed.at %= length;
            }
            Scenario {
                settings,
                policy,
                removal,
                aws,
                secrets,
                acts: acts.into_iter().flat_map(with_second_thought).collect(),
                faults,
                kills,
            }
        },
    )
}

/// The function alone.
fn empty(settings: FunctionSettings, policy: Policy, removal: bool) -> Scenario {
    Scenario {
        settings,
        policy,
        removal,
        aws: Aws::default(),
        secrets: Vec::new(),
        acts: Vec::new(),
        faults: Vec::new(),
        kills: Vec::new(),
    }
}

impl Default for Aws {
    /// AWS without lag, quick, and as the emulator guesses it.
    fn default() -> Aws {
        Aws {
            replication: 1000,
            removal: 40_000,
            visibility: 0,
            list_lag: 0,
            status_lag: 0,
            read_lag: 0,
            latency: 10,
            noise: 0,
            region_not_enabled: RegionNotEnabled::default(),
            known_replica: KnownReplica::default(),
            secret_without_value: SecretWithoutValue::default(),
            failed_replicas: FailedReplicas::default(),
            removed_replicas: RemovedReplicas::default(),
            keys: vec![
                (HOME.to_owned(), ALIAS.to_owned(), KeyState::Usable),
                (
                    HOME.to_owned(),
                    MULTI_REGION_ID.to_owned(),
                    KeyState::Usable,
                ),
            ],
            denied_region: None,
        }
    }
}

/// An ordinary secret that has a value.
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
        kind: Kind::Ordinary,
    }
}

fn text(texts: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    select(texts).prop_map(str::to_owned)
}

fn region() -> impl Strategy<Value = String> + Clone {
    text(&REGIONS)
}

fn key_state() -> impl Strategy<Value = KeyState> {
    prop_oneof![
        5 => Just(KeyState::Usable),
        1 => Just(KeyState::Missing),
        1 => Just(KeyState::Disabled),
        1 => Just(KeyState::Denied),
        1 => (0..120_000_u64).prop_map(|after| KeyState::UsableFrom(Time(after))),
    ]
}

fn key_name() -> impl Strategy<Value = String> + Clone {
    text(&[ALIAS, OTHER_ALIAS, MULTI_REGION_ID])
}

fn key() -> impl Strategy<Value = (String, String, KeyState)> {
    (region(), key_name(), key_state())
}

fn aws() -> impl Strategy<Value = Aws> {
    let times = (
        select(vec![1000, 1000, 3000, 8000, 20_000]),
        select(vec![10_000, 40_000, 90_000]),
        select(vec![0, 0, 0, 500, 5000]),
        select(vec![0, 0, 0, 30_000, 300_000]),
        select(vec![0, 0, 300, 1000, 3000]),
        select(vec![0, 0, 0, 1000, 4000]),
        select(vec![0, 10, 100, 400]),
    );
    let ways = (
        select(vec![
            RegionNotEnabled::FailsLater,
            RegionNotEnabled::RefusesCall,
        ]),
        select(vec![
            KnownReplica::RetryIfFailed,
            KnownReplica::RetryIfFailed,
            KnownReplica::Ignore,
            KnownReplica::RefuseCall,
        ]),
        select(vec![
            SecretWithoutValue::WaitsInProgress,
            SecretWithoutValue::RefusesCall,
        ]),
        select(vec![FailedReplicas::Kept, FailedReplicas::Dropped]),
        select(vec![
            RemovedReplicas::Shown,
            RemovedReplicas::ShownAsBefore,
            RemovedReplicas::Hidden,
        ]),
    );
    (
        times,
        ways,
        any::<u64>(),
        vec(key(), 0..8),
        weighted(0.1, region()),
    )
        .prop_map(|(times, ways, noise, more_keys, denied_region)| {
            let (replication, removal, visibility, list_lag, status_lag, read_lag, latency) = times;
            let (region_not_enabled, known_replica, secret_without_value, failed, removed) = ways;
            let mut keys = Aws::default().keys;
            keys.extend(more_keys);
            Aws {
                replication,
                removal,
                visibility,
                list_lag,
                status_lag,
                read_lag,
                latency,
                noise,
                region_not_enabled,
                known_replica,
                secret_without_value,
                failed_replicas: failed,
                removed_replicas: removed,
                keys,
                denied_region,
            }
        })
}

fn tag() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        5 => text(&LISTS).prop_map(|value| ("replicate-to".to_owned(), value)),
        2 => text(&["0", "1", "1"]).prop_map(|value| ("tier".to_owned(), value)),
        1 => text(&["eu", "test"]).prop_map(|value| ("env".to_owned(), value)),
    ]
}

fn secret() -> impl Strategy<Value = SecretAtStart> {
    let key = prop_oneof![
        4 => Just(None),
        1 => Just(Some(ALIAS.to_owned())),
        1 => Just(Some(MULTI_REGION.to_owned())),
    ];
    let kind = prop_oneof![
        12 => Just(Kind::Ordinary),
        1 => Just(Kind::Managed),
        1 => Just(Kind::Replica),
        1 => Just(Kind::Deleted),
    ];
    let replica = text(&REGIONS[..4]);
    (
        vec(tag(), 0..4),
        key,
        weighted(0.9, Just(())),
        prop_oneof![2 => Just(BTreeSet::new()), 1 => btree_set(replica, 1..3)],
        kind,
    )
        .prop_map(|(tags, kms_key, value, replicas, kind)| SecretAtStart {
            name: String::new(),
            tags: tags.into_iter().collect(),
            kms_key,
            has_value: value.is_some(),
            replicas,
            kind,
        })
}

fn secrets() -> impl Strategy<Value = Vec<SecretAtStart>> {
    prop_oneof![
        94 => vec(secret(), 0..7),
        5 => vec(secret(), 7..20),
        1 => vec(secret(), 101..130),
    ]
    .prop_map(|mut secrets| {
        for (index, secret) in secrets.iter_mut().enumerate() {
            secret.name = match (NAMES.get(index), secret.kind) {
                (_, Kind::Managed) => format!("{MANAGED}{index}"),
                (Some(name), _) => (*name).to_owned(),
                (None, _) => format!("prod/{index}"),
            };
        }
        secrets
    })
}
