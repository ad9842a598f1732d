//! Random scenarios. A seed always gives the same one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::{btree_set, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use secret_replicator_emulator::{
    Denial, Execution, FailedReplicas, Fault, FaultKind, KeyState, KnownReplica, RegionNotEnabled,
    RemovedReplicas, SecretWithoutValue, Time,
};

use crate::generator;
use crate::naive::{Forbid, KmsKey, Parts, Policy, ReplicateTo, Rule, When};
use crate::scenario::{
    Act, Aws, Deed, FunctionSettings, HOME, Kill, Kind, STORM, Scenario, SecretAtStart, TimedFault,
};
use crate::story::{self, REGIONS};

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

/// The scenario of a seed, and how to make it smaller.
///
/// # Panics
/// If no policy is right in a great many attempts.
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
    scenario()
        .new_tree(&mut runner)
        .expect("one in a few scenarios has a policy that is right")
}

/// Scenarios whose settings and policy are right.
fn scenario() -> impl Strategy<Value = Scenario> {
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

fn text(texts: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    select(texts).prop_map(str::to_owned)
}

fn region() -> impl Strategy<Value = String> + Clone {
    text(&REGIONS)
}

fn settings() -> impl Strategy<Value = FunctionSettings> {
    let fence = weighted(0.3, btree_set(region(), 2..6));
    let settle = select(vec![30, 30, 30, 10, 60, 0]);
    let timeout = select(vec![90, 90, 90, 60, 30, 10]);
    let writes_per_second = select(vec![25, 25, 25, 5, 1]);
    let times = (settle, timeout, writes_per_second);
    // Removal is what does most harm if it goes wrong.
    let removal = proptest::bool::weighted(0.7);
    (fence, any::<bool>(), removal, times).prop_map(
        |(fence, overwrite, removal, (settle, timeout, writes_per_second))| FunctionSettings {
            fence,
            overwrite,
            removal,
            settle,
            timeout,
            writes_per_second,
        },
    )
}

fn policy() -> impl Strategy<Value = Policy> {
    let general = prop_oneof![
        3 => Just(BTreeMap::new()),
        1 => Just([("*".to_owned(), ALIAS.to_owned())].into()),
        1 => Just([("us-west-2".to_owned(), ALIAS.to_owned())].into()),
    ];
    let own = (general, vec(rule(), 1..5)).prop_map(|(kms_keys, mut rules)| {
        for (index, rule) in rules.iter_mut().enumerate() {
            rule.name = format!("rule-{index}");
        }
        let owned = |regions: &[&str]| regions.iter().map(|region| (*region).to_owned()).collect();
        Policy {
            groups: [
                ("dr".to_owned(), owned(&["us-west-2"])),
                ("eu".to_owned(), owned(&["eu-west-1", "eu-central-1"])),
            ]
            .into(),
            kms_keys,
            rules,
        }
    });
    prop_oneof![5 => own, 1 => generator::policy()]
}

fn tags(key: &str, values: &[&str]) -> When {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    let only = Parts {
        tags: [(key.to_owned(), values)].into(),
        secret_name: Vec::new(),
        primary_region: Vec::new(),
    };
    When::Some { only, not: None }
}

fn named(pattern: &str, not_tagged: bool) -> When {
    let parts = |tags: BTreeMap<_, _>, names: Vec<String>| Parts {
        tags,
        secret_name: names,
        primary_region: Vec::new(),
    };
    let only = parts(BTreeMap::new(), vec![pattern.to_owned()]);
    let tag = [("env".to_owned(), vec!["test".to_owned()])].into();
    let not = not_tagged.then(|| parts(tag, Vec::new()));
    When::Some { only, not }
}

fn rule() -> impl Strategy<Value = Rule> {
    let when = prop_oneof![
        4 => Just(tags("replicate-to", &["*"])),
        3 => Just(tags("tier", &["1"])),
        1 => Just(tags("tier", &["0", "1"])),
        2 => any::<bool>().prop_map(|not| named("prod/*", not)),
        1 => Just(tags("env", &["eu"])),
        1 => Just(When::All),
    ];
    let word = prop_oneof![3 => region(), 1 => text(&["dr", "eu"])];
    let to = prop_oneof![
        2 => Just(Some(ReplicateTo::Tag("replicate-to".to_owned()))),
        2 => btree_set(word, 1..4)
            .prop_map(|words| Some(ReplicateTo::Words(words.into_iter().collect()))),
        1 => Just(None),
    ];
    let forbid = prop_oneof![
        Just(Forbid::Except(vec!["eu-*".to_owned()])),
        Just(Forbid::Words(vec!["eu".to_owned()])),
        Just(Forbid::Words(vec!["us-*".to_owned()])),
        Just(Forbid::Words(vec![
            "ap-*".to_owned(),
            "us-west-2".to_owned()
        ])),
    ];
    let key = text(&[ALIAS, ALIAS, OTHER_ALIAS, "aws/secretsmanager"]).prop_map(KmsKey::One);
    let more = (weighted(0.25, key), weighted(0.3, any::<bool>()));
    (when, to, forbid, any::<bool>(), more).prop_map(
        |(when, replicate_to, forbid, also, (kms_key, overwrite))| {
            let wants = replicate_to.is_some();
            Rule {
                name: String::new(),
                when,
                forbid: (!wants || also && overwrite == Some(true)).then_some(forbid),
                replicate_to,
                kms_key: kms_key.filter(|_| wants),
                overwrite: overwrite.filter(|_| wants),
            }
        },
    )
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
            let (replication, removal, visibility, list_lag, status_lag, latency) = times;
            let (region_not_enabled, known_replica, secret_without_value, failed, removed) = ways;
            let mut keys = Aws::default().keys;
            keys.extend(more_keys);
            Aws {
                replication,
                removal,
                visibility,
                list_lag,
                status_lag,
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

fn deed() -> impl Strategy<Value = Deed> {
    let name = || prop_oneof![2 => text(&NAMES[..2]), 1 => text(&NAMES)];
    let create = (name(), secret()).prop_map(|(name, secret)| Deed::Create {
        secret: SecretAtStart { name, ..secret },
    });
    let hand_key = prop_oneof![3 => Just(None), 1 => key_name().prop_map(Some)];
    let status = text(&["Failed", "Failed", "Detached", "Detached", "InSync"]);
    let message = weighted(0.7, text(&["Replication failed: an internal error.", "?"]));
    let by_owner = prop_oneof![
        8 => create,
        2 => name().prop_map(Deed::PutValue),
        8 => (name(), tag()).prop_map(|(name, (key, value))| Deed::Tag(name, key, value)),
        3 => (name(), text(&["replicate-to", "tier", "env"]))
            .prop_map(|(name, key)| Deed::Untag(name, key)),
        2 => (name(), any::<bool>()).prop_map(|(name, now)| Deed::Delete(name, now)),
        2 => name().prop_map(Deed::Restore),
        3 => (name(), region(), hand_key).prop_map(|(n, r, key)| Deed::Replicate(n, r, key)),
        3 => (name(), region()).prop_map(|(n, r)| Deed::Remove(n, r)),
        1 => (name(), region()).prop_map(|(n, r)| Deed::Detach(n, r)),
        2 => (name(), region()).prop_map(|(n, r)| Deed::Occupy(n, r)),
        2 => (name(), region()).prop_map(|(n, r)| Deed::Vacate(n, r)),
    ];
    let otherwise = prop_oneof![
        4 => (name(), region(), status, message)
            .prop_map(|(n, r, status, message)| Deed::Status(n, r, status, message)),
        2 => key().prop_map(|(region, key, state)| Deed::Key(region, key, state)),
        1 => denial().prop_map(Deed::Deny),
        2 => (name(), any::<bool>()).prop_map(|(name, dry_run)| Deed::Reconcile { name, dry_run }),
        1 => name().prop_map(Deed::Explain),
        2 => select(vec![1, 3, 100, 1000]).prop_map(Deed::Sweep),
    ];
    prop_oneof![4 => by_owner, 1 => otherwise]
}

fn denial() -> impl Strategy<Value = Denial> {
    let operation = text(&OPERATIONS);
    (operation, weighted(0.5, text(&NAMES))).prop_map(|(operation, name)| {
        let denial = Denial::of(operation);
        match name {
            Some(name) => denial.on_secret(name),
            None => denial,
        }
    })
}

fn act() -> impl Strategy<Value = Act> {
    let at = 0..STORM;
    let deliveries = prop_oneof![
        6 => vec(0..5000_u32, 1),
        1 => Just(Vec::new()),
        1 => vec(0..5000_u32, 2..4),
        1 => vec(0..240_000_u32, 1..3),
    ];
    (at, deed(), deliveries).prop_map(|(at, deed, deliveries)| Act {
        at,
        deed,
        deliveries,
    })
}

/// What an owner changes a moment later.
#[derive(Debug, Clone)]
struct SecondThought {
    after: u32,
    tag: (String, Option<String>),
}

fn second_thought() -> impl Strategy<Value = SecondThought> {
    let untag = text(&["replicate-to", "tier"]).prop_map(|key| (key, None));
    let tag = prop_oneof![3 => tag().prop_map(|(key, value)| (key, Some(value))), 1 => untag];
    let after = prop_oneof![0..1500_u32, 0..15_000_u32];
    (after, tag).prop_map(|(after, tag)| SecondThought { after, tag })
}

/// Second thoughts come where the function is at work already.
fn with_second_thought((act, second): (Act, Option<SecondThought>)) -> Vec<Act> {
    let name = match &act.deed {
        Deed::Create { secret } => Some(&secret.name),
        Deed::Tag(name, ..) | Deed::Untag(name, _) | Deed::Reconcile { name, .. } => Some(name),
        _ => None,
    };
    let begins = act.deliveries.first().copied().unwrap_or_default();
    let second = second.zip(name).map(|(second, name)| Act {
        at: act
            .at
            .saturating_add(begins)
            .saturating_add(second.after)
            .min(STORM),
        deed: match second.tag {
            (key, Some(value)) => Deed::Tag(name.clone(), key, value),
            (key, None) => Deed::Untag(name.clone(), key),
        },
        deliveries: act.deliveries.clone(),
    });
    [act].into_iter().chain(second).collect()
}

const OPERATIONS: [&str; 4] = [
    "DescribeSecret",
    "ListSecrets",
    "ReplicateSecretToRegions",
    "RemoveRegionsFromReplication",
];

fn fault_kind() -> impl Strategy<Value = FaultKind> {
    let execution = || select(vec![Execution::Skipped, Execution::Done]);
    let fault = |status, code: &'static str| {
        execution().prop_map(move |execution| FaultKind::Answer {
            status,
            code: code.to_owned(),
            message: "An error occurred on the server side.".to_owned(),
            execution,
        })
    };
    prop_oneof![
        3 => Just(FaultKind::Throttle),
        2 => (0..15_000_u64).prop_map(|delay| FaultKind::Latency(Duration::from_millis(delay))),
        2 => execution().prop_map(FaultKind::Hang),
        2 => execution().prop_map(FaultKind::CloseConnection),
        1 => execution().prop_map(FaultKind::MalformedBody),
        2 => fault(500, "InternalServiceError"),
        1 => fault(503, "ServiceUnavailable"),
    ]
}

fn fault() -> impl Strategy<Value = TimedFault> {
    let operation = prop_oneof![1 => Just(None), 6 => text(&OPERATIONS).prop_map(Some)];
    let at = 0..STORM;
    let times = prop_oneof![8 => (1..7_u32).prop_map(Some), 1 => Just(None)];
    let about = (weighted(0.2, text(&NAMES)), weighted(0.1, region()));
    (at, operation, fault_kind(), times, about).prop_map(
        |(at, operation, kind, times, (secret_name, replica_region))| TimedFault {
            at,
            fault: Fault {
                operation,
                region: None,
                secret_name,
                replica_region,
                times,
                kind,
            },
        },
    )
}

fn kill() -> impl Strategy<Value = Kill> {
    (1..12_u64, 0..20_000_u32).prop_map(|(invocation, after)| Kill { invocation, after })
}
