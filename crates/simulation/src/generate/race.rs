//! Races: two invocations for one secret at once, and an owner who changes it between their calls.
//!
//! Storms rarely put three parties within the few calls of one reconciliation. These worlds hold
//! nothing else, so that most interleavings of look, request, wait, second look and removal occur.

use proptest::collection::{btree_set, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use secret_replicator_emulator::{Execution, Fault, FaultKind, KnownReplica, RemovedReplicas};

use super::{secret_named, text};
use crate::scenario::{Act, Aws, Deed, FunctionSettings, Kill, Scenario, TimedFault};
use secret_replicator_reference_policy::{Forbid, Parts, Policy, ReplicateTo, Rule, When};

/// The secret.
pub(crate) const NAME: &str = "prod/db";

/// The Regions that a replica may be in. The second one is outside the EU.
pub(crate) const REGIONS: [&str; 2] = ["eu-west-1", "us-west-2"];

/// When the first invocation begins, in milliseconds.
pub(crate) const BEGINNING: u32 = 1000;

/// Two Regions, both, none, or no tag at all.
const LISTS: [&str; 4] = ["eu-west-1", "us-west-2", "eu-west-1 us-west-2", "none"];

/// A world in which the tag `replicate-to` names the Regions, the tag `env: eu` forbids those outside
/// the EU, and unwanted replicas are removed. It holds no secret, and nothing happens.
pub(crate) fn world() -> Scenario {
    let tagged = |key: &str, value: &str| When::Some {
        only: Parts {
            tags: [(key.to_owned(), vec![value.to_owned()])].into(),
            secret_name: Vec::new(),
            primary_region: Vec::new(),
        },
        not: None,
    };
    let rule = |name: &str, when| Rule {
        name: name.to_owned(),
        when,
        replicate_to: None,
        forbid: None,
        kms_key: None,
        overwrite: None,
    };
    let by_tag = Rule {
        replicate_to: Some(ReplicateTo::Tag("replicate-to".to_owned())),
        ..rule("rule-by-tag", tagged("replicate-to", "*"))
    };
    let eu_only = Rule {
        forbid: Some(Forbid::Except(vec!["eu-*".to_owned()])),
        ..rule("rule-eu-only", tagged("env", "eu"))
    };
    Scenario {
        settings: FunctionSettings {
            allowed_regions: None,
            overwrite: false,
            removal: true,
            settle: 30,
            timeout: 90,
            writes_per_second: 25,
        },
        policy: Policy {
            groups: [("eu".to_owned(), vec!["eu-west-1".to_owned()])].into(),
            kms_keys: [].into(),
            rules: vec![by_tag, eu_only],
        },
        removal: true,
        aws: Aws {
            removal: 2000,
            ..Aws::default()
        },
        secrets: Vec::new(),
        acts: Vec::new(),
        faults: Vec::new(),
        kills: Vec::new(),
    }
}

/// An invocation for the secret.
pub(crate) fn reconcile(at: u32) -> Act {
    let (name, dry_run) = (NAME.to_owned(), false);
    act(at, Deed::Reconcile { name, dry_run })
}

/// Something that happens without an event.
pub(crate) fn act(at: u32, deed: Deed) -> Act {
    Act {
        at,
        deed,
        deliveries: Vec::new(),
    }
}

pub(super) fn race() -> impl Strategy<Value = Scenario> {
    let secret = (
        weighted(0.8, text(&LISTS)),
        proptest::bool::weighted(0.2),
        btree_set(text(&REGIONS), 0..=2),
    );
    // Soon after an invocation has begun, or while it waits for AWS.
    let moment = || prop_oneof![2 => 0..2000_u32, 1 => 0..12_000_u32];
    let happenings = (
        prop_oneof![2 => 0..500_u32, 1 => moment()],
        vec((moment(), deed()), 1..4),
        vec((moment(), fault()), 0..2),
        vec((1..4_u64, moment()), 0..2),
    );
    (aws(), secret, happenings).prop_map(
        |(aws, (list, eu_only, replicas), (second, deeds, faults, kills))| {
            let mut tags = Vec::new();
            tags.extend(list.map(|list| ("replicate-to", list)));
            tags.extend(eu_only.then(|| ("env", "eu".to_owned())));
            let deeds = deeds.into_iter();
            let deeds = deeds.map(|(after, deed)| act(BEGINNING + after, deed));
            let invocations = [reconcile(BEGINNING), reconcile(BEGINNING + second)];
            Scenario {
                aws,
                secrets: vec![secret_named(NAME, tags, replicas)],
                acts: invocations.into_iter().chain(deeds).collect(),
                faults: faults
                    .into_iter()
                    .map(|(after, fault)| TimedFault {
                        at: BEGINNING + after,
                        fault,
                    })
                    .collect(),
                kills: kills
                    .into_iter()
                    .map(|(invocation, after)| Kill { invocation, after })
                    .collect(),
                ..world()
            }
        },
    )
}

fn aws() -> impl Strategy<Value = Aws> {
    let times = (
        select(vec![500, 1000, 3000]),
        select(vec![1000, 5000, 40_000]),
        select(vec![0, 0, 1000]),
        select(vec![0, 1000, 4000]),
        select(vec![50, 200, 400]),
    );
    let ways = (
        select(vec![
            KnownReplica::RetryIfFailed,
            KnownReplica::Ignore,
            KnownReplica::RefuseCall,
        ]),
        select(vec![
            RemovedReplicas::Shown,
            RemovedReplicas::ShownAsBefore,
            RemovedReplicas::Hidden,
        ]),
    );
    (times, ways, any::<u64>()).prop_map(|(times, ways, noise)| {
        let (replication, removal, status_lag, read_lag, latency) = times;
        let (known_replica, removed_replicas) = ways;
        Aws {
            replication,
            removal,
            status_lag,
            read_lag,
            latency,
            noise,
            known_replica,
            removed_replicas,
            ..Aws::default()
        }
    })
}

/// What the owner does, or AWS: a replica may fail on its way.
fn deed() -> impl Strategy<Value = Deed> {
    let name = || NAME.to_owned();
    let region = || text(&REGIONS);
    let failed = move |region| {
        let words = Some("Replication failed: an internal error.".to_owned());
        Deed::Status(name(), region, "Failed".to_owned(), words)
    };
    prop_oneof![
        8 => text(&LISTS).prop_map(move |list| Deed::Tag(name(), "replicate-to".to_owned(), list)),
        2 => Just(Deed::Untag(name(), "replicate-to".to_owned())),
        3 => Just(Deed::Tag(name(), "env".to_owned(), "eu".to_owned())),
        1 => Just(Deed::Untag(name(), "env".to_owned())),
        1 => region().prop_map(move |region| Deed::Replicate(name(), region, None)),
        1 => region().prop_map(move |region| Deed::Remove(name(), region)),
        1 => region().prop_map(failed),
    ]
}

/// A request that is lost, or its answer.
fn fault() -> impl Strategy<Value = Fault> {
    let operation = text(&["ReplicateSecretToRegions", "RemoveRegionsFromReplication"]);
    let kind = prop_oneof![
        Just(FaultKind::Hang as fn(Execution) -> FaultKind),
        Just(FaultKind::CloseConnection as fn(Execution) -> FaultKind),
    ];
    let execution = select(vec![Execution::Skipped, Execution::Done]);
    (operation, kind, execution)
        .prop_map(|(operation, kind, execution)| Fault::on(operation, kind(execution)))
}
