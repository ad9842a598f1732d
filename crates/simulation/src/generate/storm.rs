//! Storms: many secrets, and what owners and AWS do to them, with faults and killed invocations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::{btree_set, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use secret_replicator_emulator::{Denial, Execution, Fault, FaultKind};
use serde_json::json;

use super::policy::{policy, settings};
use super::regional::regional;
use super::{ALIAS, Delays, MULTI_REGION, aws, key, key_name};
use crate::run;
use crate::scenario::{
    Action, HOME, Kill, Kind, Outage, REGIONS, ReplicaEvents, STORM, Scenario, SecretAtStart,
    TimedAction, TimedFault,
};
use secret_replicator_reference_policy::generator::one_of;

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

const DELAYS: Delays = Delays {
    replication: &[1000, 1000, 3000, 8000, 20_000],
    removal: &[10_000, 40_000, 90_000],
    visibility: &[0, 0, 0, 500, 5000],
    list_lag: &[0, 0, 0, 30_000, 300_000],
    status_lag: &[0, 0, 300, 1000, 3000],
    read_lag: &[0, 0, 0, 1000, 4000],
    latency: &[0, 10, 100, 400],
};

/// Storms in which single Regions have outages, events and former replicas.
pub(super) fn with_regions() -> impl Strategy<Value = Scenario> {
    let regional = regional(&NAMES, &REGIONS[..4], &LISTS, STORM);
    (storm(), regional).prop_map(|(storm, regional)| regional.added_to(storm))
}

/// Storms with valid settings and a valid policy.
fn storm() -> impl Strategy<Value = Scenario> {
    any_storm().prop_filter("a valid policy", |storm| run::settings(storm, HOME).is_ok())
}

prop_compose! {
    fn any_storm()(
        settings in settings(),
        policy in policy(),
        removal in proptest::bool::weighted(0.7),
        aws in aws(&DELAYS),
        secrets in secrets(),
        mut actions in vec((action(), weighted(0.4, second_thought())), 0..15),
        mut faults in vec(fault(), 0..10),
        kills in vec(kill(), 0..3),
        rehearsal in any::<bool>(),
        outage in weighted(0.25, outage()),
        // In a short storm, more events meet.
        length in select(vec![STORM, STORM, 60_000, 12_000]),
    ) -> Scenario {
        for (timed, _) in &mut actions {
            timed.at %= length;
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
            actions: actions.into_iter().flat_map(with_second_thought).collect(),
            faults,
            kills,
            rehearsal,
            outage,
            regional_outages: Vec::new(),
            replica_events: ReplicaEvents::Nowhere,
        }
    }
}

fn tag() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        5 => one_of(&LISTS).prop_map(|value| ("replicate-to".to_owned(), value)),
        2 => one_of(&["0", "1", "1"]).prop_map(|value| ("tier".to_owned(), value)),
        1 => one_of(&["eu", "test"]).prop_map(|value| ("env".to_owned(), value)),
    ]
}

prop_compose! {
    /// A secret without a name.
    fn secret()(
        tags in vec(tag(), 0..4),
        kms_key in prop_oneof![
            4 => Just(None),
            1 => Just(Some(ALIAS.to_owned())),
            1 => Just(Some(MULTI_REGION.to_owned())),
        ],
        has_value in proptest::bool::weighted(0.9),
        replicas in prop_oneof![
            2 => Just(BTreeSet::new()),
            1 => btree_set(one_of(&REGIONS[..4]), 1..3),
        ],
        promoted in weighted(0.12, one_of(&REGIONS[..4])),
        kind in prop_oneof![
            12 => Just(Kind::Ordinary),
            1 => Just(Kind::CrossAccount),
            1 => Just(Kind::Managed),
            1 => Just(Kind::Replica),
            1 => Just(Kind::Deleted),
        ],
    ) -> SecretAtStart {
        SecretAtStart {
            name: String::new(),
            tags: tags.into_iter().collect(),
            kms_key,
            has_value,
            promoted: promoted.into_iter().filter(|region| !replicas.contains(region)).collect(),
            replicas,
            occupants: BTreeMap::new(),
            kind,
        }
    }
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

/// The first two names are common, so that actions meet.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![2 => one_of(&NAMES[..2]), 1 => one_of(&NAMES)]
}

/// A name and a Region.
fn replica() -> impl Strategy<Value = (String, String)> {
    (name(), one_of(&REGIONS))
}

fn call_of_owner() -> impl Strategy<Value = Action> {
    let create = (name(), secret()).prop_map(|(name, secret)| SecretAtStart { name, ..secret });
    let put =
        |name: String| Action::call("PutSecretValue", &name, json!({"SecretString": "value"}));
    let keys = one_of(&["replicate-to", "tier", "env"]);
    let deletion = select(vec![
        json!({"ForceDeleteWithoutRecovery": true}),
        json!({"RecoveryWindowInDays": 30}),
    ]);
    let key = weighted(0.25, key_name());
    prop_oneof![
        8 => create.prop_map(|secret| Action::create(&secret)),
        2 => name().prop_map(put),
        8 => (name(), tag()).prop_map(|(name, (key, value))| Action::tag(&name, &key, &value)),
        3 => (name(), keys).prop_map(|(name, key)| Action::untag(&name, &key)),
        2 => (name(), deletion).prop_map(|(n, window)| Action::call("DeleteSecret", &n, window)),
        2 => name().prop_map(|name| Action::call("RestoreSecret", &name, json!({}))),
        3 => (replica(), key).prop_map(|((n, r), key)| Action::replicate(&n, &r, key.as_deref())),
        3 => replica().prop_map(|(name, region)| Action::remove(&name, &region)),
        3 => replica().prop_map(|(name, region)| Action::promote(&name, &region)),
        2 => replica().prop_map(|(name, region)| Action::occupy(&name, &region)),
        2 => replica().prop_map(|(name, region)| Action::Vacate(name, region)),
    ]
}

fn other_action() -> impl Strategy<Value = Action> {
    let status = one_of(&["Failed", "Failed", "Detached", "Detached", "InSync"]);
    let message = weighted(
        0.7,
        one_of(&["Replication failed: an internal error.", "?"]),
    );
    prop_oneof![
        4 => (replica(), status, message)
            .prop_map(|((n, r), status, message)| Action::Status(n, r, status, message)),
        2 => key().prop_map(|(region, key, state)| Action::Key(region, key, state)),
        1 => denial().prop_map(Action::Deny),
        2 => (name(), any::<bool>()).prop_map(|(name, dry_run)| Action::Reconcile { name, dry_run }),
        1 => name().prop_map(Action::Explain),
        2 => select(vec![1, 3, 100, 1000]).prop_map(Action::Sweep),
    ]
}

prop_compose! {
    fn denial()(
        operation in one_of(&OPERATIONS),
        secret_name in weighted(0.5, one_of(&NAMES)),
    ) -> Denial {
        Denial { secret_name, ..Denial::of(operation) }
    }
}

prop_compose! {
    fn action()(
        at in 0..STORM,
        action in prop_oneof![4 => call_of_owner(), 1 => other_action()],
        deliveries in prop_oneof![
            5 => vec(0..5000_u32, 1),
            3 => Just(Vec::new()),
            1 => vec(0..5000_u32, 2..4),
            1 => vec(0..240_000_u32, 1..3),
        ],
        // AWS sends these without the detour over CloudTrail.
        native in prop_oneof![
            5 => vec(0..2000_u32, 1),
            5 => Just(Vec::new()),
            1 => vec(0..2000_u32, 2..4),
            1 => vec(0..240_000_u32, 1..3),
        ],
    ) -> TimedAction {
        TimedAction { at, action, deliveries, native }
    }
}

/// A change of a tag, and the delay after which the owner makes it.
type SecondThought = (u32, (String, Option<String>));

fn second_thought() -> impl Strategy<Value = SecondThought> {
    let untag = one_of(&["replicate-to", "tier"]).prop_map(|key| (key, None));
    let tag = prop_oneof![3 => tag().prop_map(|(key, value)| (key, Some(value))), 1 => untag];
    (prop_oneof![0..1500_u32, 0..15_000_u32], tag)
}

/// Adds a second thought after the delivery of an action's event, when the function may be at work.
fn with_second_thought((first, second): (TimedAction, Option<SecondThought>)) -> Vec<TimedAction> {
    let name = match &first.action {
        Action::Reconcile { name, .. } => Some(name.as_str()),
        action => action.changes(),
    };
    let begins = first.at + first.deliveries.first().unwrap_or(&0);
    let second = second.zip(name).map(|((after, tag), name)| TimedAction {
        at: (begins + after).min(STORM),
        action: match tag {
            (key, Some(value)) => Action::tag(name, &key, &value),
            (key, None) => Action::untag(name, &key),
        },
        deliveries: first.deliveries.clone(),
        native: first.native.clone(),
    });
    [first].into_iter().chain(second).collect()
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

prop_compose! {
    fn fault()(
        at in 0..STORM,
        operation in weighted(0.85, one_of(&OPERATIONS)),
        secret_name in weighted(0.2, one_of(&NAMES)),
        replica_region in weighted(0.1, one_of(&REGIONS)),
        times in prop_oneof![8 => (1..7_u32).prop_map(Some), 1 => Just(None)],
        kind in fault_kind(),
    ) -> TimedFault {
        let fault = Fault { operation, region: None, secret_name, replica_region, times, kind };
        TimedFault { at, fault }
    }
}

prop_compose! {
    /// Seconds in which all calls, all reads or all writes are throttled or fail.
    fn outage()(
        after in select(vec![0, 0, 1, 50, 300, 1000, 3000]),
        length in 1000..15_000_u32,
        operation in weighted(0.6, one_of(&OPERATIONS)),
        kind in select(vec![
            FaultKind::Throttle,
            FaultKind::answer(503, "ServiceUnavailable", "Try again later."),
        ]),
        max_changes in select(vec![2, 100_000, 100_000]),
    ) -> Outage {
        let fault = Fault { operation, times: None, ..Fault::on_any(kind) };
        Outage { after, length, fault, max_changes }
    }
}

prop_compose! {
    fn kill()(invocation in 1..12_u64, after in 0..20_000_u32) -> Kill {
        Kill { invocation, after }
    }
}
