//! Interleavings of two invocations for one secret and an owner who changes its tags in between.
//! All invariants must hold in each.

use std::collections::BTreeSet;

use secret_replicator_emulator::{Execution, Fault, FaultKind, RemovedReplicas};
use serde_json::json;

use super::{operations, play};
use crate::generate::race::{BEGINNING, NAME, REGIONS, act, reconcile, world};
use crate::generate::secret_named;
use crate::interleavings::{Interleaving, interleavings};
use crate::journal::End;
use crate::journal::Journal;
use crate::run::WorldState;
use crate::scenario::{Action, Scenario, TimedAction, TimedFault};

const EU: &str = REGIONS[0];
const US: &str = REGIONS[1];

/// A secret with this tag `replicate-to` and these replicas, and two concurrent invocations for it.
fn race(list: &str, replicas: &[&str]) -> Scenario {
    let tags = [("replicate-to", list.to_owned())];
    let replicas = replicas.iter().map(|region| (*region).to_owned()).collect();
    Scenario {
        secrets: vec![secret_named(NAME, tags, replicas)],
        actions: vec![reconcile(BEGINNING), reconcile(BEGINNING)],
        ..world()
    }
}

fn replicate_to(list: &str) -> Action {
    Action::tag(NAME, "replicate-to", list)
}

/// Returns the Regions in which replicas are in sync.
fn in_sync(state: &WorldState) -> Vec<&str> {
    let replicas = state.secrets[0].replicas.iter();
    let replicas = replicas.filter(|replica| replica.status == "InSync");
    let mut regions: Vec<&str> = replicas.map(|replica| replica.region.as_str()).collect();
    regions.sort_unstable();
    regions
}

/// Returns the Regions that a field of an invocation's requests names.
fn named<'a>(journal: &'a Journal, field: &str, invocation: u64) -> BTreeSet<&'a str> {
    let calls = journal.calls_of(invocation);
    calls.flat_map(|call| call.regions(field)).collect()
}

#[test]
fn two_invocations_that_remove_the_same_replica_both_end_well() {
    let scenario = race(EU, &[EU, US]);
    let run = play(&scenario);
    assert!(interleavings(&scenario, &run).contains(&Interleaving::DoubleRemoval));
    for invocation in &run.journal.invocations[..2] {
        assert!(matches!(invocation.end, End::Answer(_)), "{invocation:?}");
    }
    assert_eq!(in_sync(&run.before), [EU]);
}

#[test]
fn an_invocation_never_removes_what_the_owner_wanted_again_before_its_second_look() {
    // At the first read the replica is unwanted, and another one is not in sync yet. Then the owner
    // changes the tag back. Both invocations read again before they remove anything.
    let mut scenario = race(EU, &[US]);
    scenario.aws.replication = 3000;
    scenario
        .actions
        .push(act(BEGINNING + 1500, replicate_to(&REGIONS.join(" "))));
    let run = play(&scenario);
    for invocation in 1..=2 {
        let calls = operations(&run.journal, invocation);
        assert!(
            !calls.contains(&"RemoveRegionsFromReplication"),
            "{calls:?}"
        );
    }
    assert_eq!(in_sync(&run.before), [EU, US]);
}

#[test]
fn a_move_whose_target_is_forbidden_on_the_way_keeps_the_old_replica() {
    // Both invocations read a move to the United States. While they wait for the new replica, the
    // owner forbids that Region, so the old replica is the only one left.
    let mut scenario = race(US, &[EU]);
    scenario.aws.replication = 3000;
    scenario
        .actions
        .push(act(BEGINNING + 1500, Action::tag(NAME, "env", "eu")));
    let run = play(&scenario);
    let asked: BTreeSet<&str> = (1..=2)
        .flat_map(|invocation| named(&run.journal, "AddReplicaRegions", invocation))
        .collect();
    assert_eq!(asked, [US].into());
    let invocations = run.journal.invocations.iter();
    let removed: BTreeSet<&str> = invocations
        .flat_map(|invocation| named(&run.journal, "RemoveReplicaRegions", invocation.number))
        .collect();
    assert_eq!(removed, [US].into());
    assert_eq!(in_sync(&run.later), [EU]);
}

#[test]
fn a_replica_that_one_invocation_removes_while_the_other_requests_it_is_there_in_the_end() {
    // The first invocation removes the replica in the United States, which disappears from
    // `ReplicationStatus` at once. Meanwhile the owner wants it again, and the second one requests it.
    let mut met = BTreeSet::new();
    for after in (1000..4000).step_by(100) {
        let mut scenario = race(EU, &[EU, US]);
        scenario.actions.truncate(1);
        scenario.aws.latency = 400;
        scenario.aws.removed_replicas = RemovedReplicas::Hidden;
        let change = replicate_to(&REGIONS.join(" "));
        scenario.actions.push(act(BEGINNING + after, change));
        scenario.actions.push(reconcile(BEGINNING + after + 1));
        let run = play(&scenario);
        met.extend(interleavings(&scenario, &run));
        assert_eq!(in_sync(&run.later), [EU, US]);
    }
    assert!(met.contains(&Interleaving::RequestAndRemoval), "{met:?}");
}

#[test]
fn a_request_whose_decision_is_out_of_date_is_put_right_by_the_next_reconciliation() {
    // The owner moves the secret while the answers to both reads are in flight.
    let mut scenario = race(US, &[]);
    scenario.aws.latency = 400;
    scenario.aws.noise = 3;
    scenario
        .actions
        .push(act(BEGINNING + 300, replicate_to(EU)));
    let run = play(&scenario);
    assert!(interleavings(&scenario, &run).contains(&Interleaving::OutdatedWrite));
    assert_eq!(in_sync(&run.later), [EU]);
}

#[test]
fn requests_of_two_invocations_that_are_lost_are_repeated_only_as_the_owner_wants_by_then() {
    // Both requests or both answers are lost. The owner drops one of the Regions before the
    // invocations read again and repeat them.
    let mut met = BTreeSet::new();
    for noise in 0..20 {
        for execution in [Execution::Skipped, Execution::Done] {
            let mut scenario = race(&REGIONS.join(" "), &[]);
            scenario.aws.latency = 400;
            scenario.aws.noise = noise;
            let lost = FaultKind::CloseConnection(execution);
            scenario.faults.push(TimedFault {
                at: 0,
                fault: Fault {
                    times: Some(2),
                    ..Fault::on("ReplicateSecretToRegions", lost)
                },
            });
            let change = replicate_to(EU);
            scenario.actions.push(act(BEGINNING + 700, change));
            let run = play(&scenario);
            met.extend(interleavings(&scenario, &run));
            assert_eq!(in_sync(&run.later), [EU]);
        }
    }
    let expected = [
        Interleaving::BothWrite,
        Interleaving::OutdatedWrite,
        Interleaving::RepeatedRequest,
    ];
    assert!(met.is_superset(&expected.into()), "{met:?}");
}

#[test]
fn reads_that_go_back_in_time_remove_nothing_that_is_wanted() {
    // Each read returns at random the tags before or after the owner's change.
    let mut times_stale = 0;
    for noise in 0..40 {
        let mut scenario = race(EU, &[EU, US]);
        scenario.aws.tag_lag = 10_000;
        scenario.aws.noise = noise;
        scenario
            .actions
            .insert(0, act(BEGINNING - 1, replicate_to(&REGIONS.join(" "))));
        let run = play(&scenario);
        let removes =
            |invocation| !named(&run.journal, "RemoveReplicaRegions", invocation).is_empty();
        times_stale += u64::from(removes(1) || removes(2));
        assert_eq!(in_sync(&run.later), [EU, US]);
    }
    assert!(times_stale > 0, "no read was stale");
}

#[test]
fn an_event_about_a_version_is_not_answered_with_the_version_before_it() {
    // Reads show the version and the status from before the event, at random.
    let mut lagging = 0;
    for noise in 0..40 {
        let mut scenario = race(EU, &[EU]);
        let new_value = Action::call("PutSecretValue", NAME, json!({"SecretString": "new"}));
        scenario.aws.replication = 3000;
        scenario.aws.status_lag = 4000;
        scenario.aws.version_lag = 4000;
        scenario.aws.noise = noise;
        scenario.actions = vec![TimedAction {
            native: vec![200],
            ..act(10_000, new_value)
        }];
        let run = play(&scenario);
        lagging += u64::from(interleavings(&scenario, &run).contains(&Interleaving::ReadWentBack));
    }
    assert!(lagging > 0, "no read was stale");
}
