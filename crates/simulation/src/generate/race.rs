//! Races: two concurrent invocations for one secret, and an owner who changes it between their calls.
//!
//! Storms rarely put three parties within the few calls of one reconciliation. These worlds contain
//! nothing else, so most interleavings of read, request, wait, second read and removal occur.

use proptest::collection::{btree_set, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use secret_replicator_emulator::{Execution, Fault, FaultKind};
use serde_json::json;

use super::policy::parse;
use super::regional::regional;
use super::{Delays, aws, secret_named};
use crate::scenario::{
    Action, Aws, FunctionSettings, Kill, ReplicaEvents, Scenario, SecretAtStart, TimedAction,
    TimedFault,
};
use secret_replicator_reference_policy::generator::one_of;

/// The name of the secret.
pub(crate) const NAME: &str = "prod/db";

/// The Regions of replicas. The second one is outside the EU.
pub(crate) const REGIONS: [&str; 2] = ["eu-west-1", "us-west-2"];

/// The time at which the first invocation begins, in milliseconds.
pub(crate) const BEGINNING: u32 = 1000;

const LISTS: [&str; 4] = ["eu-west-1", "us-west-2", "eu-west-1 us-west-2", "none"];

const DELAYS: Delays = Delays {
    replication: &[500, 1000, 3000],
    removal: &[1000, 5000, 40_000],
    visibility: &[0],
    list_lag: &[0],
    status_lag: &[0, 0, 1000],
    read_lag: &[0, 1000, 4000],
    latency: &[50, 200, 400],
};

/// A world without secrets and actions. The tag `replicate-to` names the Regions, the tag `env: eu`
/// forbids those outside the EU, and unwanted replicas are removed.
pub(crate) fn world() -> Scenario {
    Scenario {
        settings: FunctionSettings {
            allowed_regions: None,
            overwrite: false,
            removal: true,
            replication_wait: 30,
            timeout: 90,
            writes_per_second: 25,
        },
        policy: parse(json!({
            "groups": {"eu": ["eu-west-1"]},
            "rules": [
                {
                    "name": "rule-by-tag",
                    "when": {"tags": {"replicate-to": ["*"]}},
                    "replicate-to": {"tag": "replicate-to"},
                },
                {
                    "name": "rule-eu-only",
                    "when": {"tags": {"env": ["eu"]}},
                    "forbid": {"except": ["eu-*"]},
                },
            ],
        })),
        removal: true,
        aws: Aws {
            removal: 2000,
            ..Aws::default()
        },
        secrets: Vec::new(),
        actions: Vec::new(),
        faults: Vec::new(),
        kills: Vec::new(),
        rehearsal: false,
        outage: None,
        regional_outages: Vec::new(),
        replica_events: ReplicaEvents::Nowhere,
    }
}

/// An invocation for the secret.
pub(crate) fn reconcile(at: u32) -> TimedAction {
    let (name, dry_run) = (NAME.to_owned(), false);
    act(at, Action::Reconcile { name, dry_run })
}

/// An action whose event is lost.
pub(crate) fn act(at: u32, action: Action) -> TimedAction {
    TimedAction {
        at,
        action,
        deliveries: Vec::new(),
        native: Vec::new(),
    }
}

/// The time from the beginning of an invocation: soon, or while it waits for AWS.
fn moment() -> impl Strategy<Value = u32> {
    prop_oneof![2 => 0..2000_u32, 1 => 0..12_000_u32]
}

/// Races in which single Regions have outages, events and former replicas.
pub(super) fn with_regions() -> impl Strategy<Value = Scenario> {
    let regional = regional(&[NAME], &REGIONS, &LISTS, BEGINNING + 12_000);
    (race(), regional).prop_map(|(race, regional)| regional.added_to(race))
}

prop_compose! {
    fn race()(
        aws in aws(&DELAYS),
        list in weighted(0.8, one_of(&LISTS)),
        eu_only in weighted(0.2, Just("eu".to_owned())),
        replicas in btree_set(one_of(&REGIONS), 0..=2),
        promoted in weighted(0.15, one_of(&REGIONS)),
        second in prop_oneof![2 => 0..500_u32, 1 => moment()],
        changes in vec((moment(), action(), weighted(0.2, 0..1000_u32)), 1..6),
        faults in vec((moment(), fault()), 0..2),
        kills in vec((1..4_u64, moment()), 0..2),
        rehearsal in any::<bool>(),
    ) -> Scenario {
        let changes = changes.into_iter();
        let changes = changes.map(|(after, action, native)| TimedAction {
            native: native.into_iter().collect(),
            ..act(BEGINNING + after, action)
        });
        let faults = faults.into_iter();
        let faults = faults.map(|(after, fault)| TimedFault { at: BEGINNING + after, fault });
        let list = list.map(|list| ("replicate-to", list));
        let tags = list.into_iter().chain(eu_only.map(|eu| ("env", eu)));
        let promoted = promoted.filter(|region| !replicas.contains(region));
        let secret = SecretAtStart {
            promoted: promoted.into_iter().collect(),
            ..secret_named(NAME, tags, replicas)
        };
        let kills = kills.into_iter();
        let kills = kills.map(|(invocation, after)| Kill { invocation, after });
        let invocations = [reconcile(BEGINNING), reconcile(BEGINNING + second)];
        Scenario {
            aws,
            secrets: vec![secret],
            actions: invocations.into_iter().chain(changes).collect(),
            faults: faults.collect(),
            kills: kills.collect(),
            rehearsal,
            ..world()
        }
    }
}

/// An action of the owner or of AWS. A replica may fail while it is created.
fn action() -> impl Strategy<Value = Action> {
    let region = || one_of(&REGIONS);
    let failed = |region| {
        let message = Some("Replication failed: an internal error.".to_owned());
        Action::Status(NAME.to_owned(), region, "Failed".to_owned(), message)
    };
    prop_oneof![
        8 => one_of(&LISTS).prop_map(|list| Action::tag(NAME, "replicate-to", &list)),
        2 => region().prop_map(|region| Action::promote(NAME, &region)),
        1 => Just(Action::call("PutSecretValue", NAME, json!({"SecretString": "new"}))),
        2 => Just(Action::untag(NAME, "replicate-to")),
        3 => Just(Action::tag(NAME, "env", "eu")),
        1 => Just(Action::untag(NAME, "env")),
        1 => region().prop_map(|region| Action::replicate(NAME, &region, None)),
        3 => region().prop_map(|region| Action::remove(NAME, &region)),
        1 => region().prop_map(failed),
    ]
}

/// A lost request or a lost answer.
fn fault() -> impl Strategy<Value = Fault> {
    let operation = one_of(&["ReplicateSecretToRegions", "RemoveRegionsFromReplication"]);
    let kind = select(vec![
        FaultKind::Hang(Execution::Skipped),
        FaultKind::Hang(Execution::Done),
        FaultKind::CloseConnection(Execution::Skipped),
        FaultKind::CloseConnection(Execution::Done),
    ]);
    (operation, kind).prop_map(|(operation, kind)| Fault::on(operation, kind))
}
