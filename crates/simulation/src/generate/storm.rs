//! What happens meanwhile: what owners and AWS do, faults of calls, and invocations that are killed.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use secret_replicator_emulator::{Denial, Execution, Fault, FaultKind};

use super::{NAMES, key, key_name, region, secret, tag, text};
use crate::scenario::{Act, Deed, Kill, STORM, SecretAtStart, TimedFault};

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

pub(super) fn act() -> impl Strategy<Value = Act> {
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
pub(super) struct SecondThought {
    after: u32,
    tag: (String, Option<String>),
}

pub(super) fn second_thought() -> impl Strategy<Value = SecondThought> {
    let untag = text(&["replicate-to", "tier"]).prop_map(|key| (key, None));
    let tag = prop_oneof![3 => tag().prop_map(|(key, value)| (key, Some(value))), 1 => untag];
    let after = prop_oneof![0..1500_u32, 0..15_000_u32];
    (after, tag).prop_map(|(after, tag)| SecondThought { after, tag })
}

/// Second thoughts come where the function is at work already.
pub(super) fn with_second_thought((act, second): (Act, Option<SecondThought>)) -> Vec<Act> {
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

pub(super) fn fault() -> impl Strategy<Value = TimedFault> {
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

pub(super) fn kill() -> impl Strategy<Value = Kill> {
    (1..12_u64, 0..20_000_u32).prop_map(|(invocation, after)| Kill { invocation, after })
}
