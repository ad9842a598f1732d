//! Interleavings of two invocations for one secret and an owner who changes its tags in between.
//! In every one, all invariants must hold.

use std::collections::BTreeSet;

use secret_replicator_emulator::{Execution, Fault, FaultKind, RemovedReplicas};

use super::operations;
use crate::check;
use crate::encounters::{Encounter, encounters};
use crate::generate::race::{BEGINNING, NAME, REGIONS, act, reconcile, world};
use crate::generate::secret_named;
use crate::journal::Journal;
use crate::lambda::End;
use crate::scenario::{Deed, Scenario, TimedFault};
use crate::story::{self, Played, Truth};

const EU: &str = REGIONS[0];
const US: &str = REGIONS[1];

/// The secret with this tag `replicate-to` and these replicas, and two invocations for it at once.
fn race(list: &str, replicas: &[&str]) -> Scenario {
    let tags = [("replicate-to", list.to_owned())];
    let replicas = replicas.iter().map(|region| (*region).to_owned()).collect();
    Scenario {
        secrets: vec![secret_named(NAME, tags, replicas)],
        acts: vec![reconcile(BEGINNING), reconcile(BEGINNING)],
        ..world()
    }
}

fn tag(key: &str, value: &str) -> Deed {
    Deed::Tag(NAME.to_owned(), key.to_owned(), value.to_owned())
}

/// Plays the world, in which every invariant must hold.
fn play(scenario: &Scenario) -> Played {
    let played = story::play(scenario);
    assert_eq!(check::violations(scenario, &played), []);
    played
}

/// The Regions in which replicas are in sync.
fn in_sync(truth: &Truth) -> Vec<&str> {
    let rows = truth.secrets[0].replicas.iter();
    let rows = rows.filter(|row| row.status == "InSync");
    let mut regions: Vec<&str> = rows.map(|row| row.region.as_str()).collect();
    regions.sort_unstable();
    regions
}

/// The Regions that a field of the requests names, by invocation.
fn named(journal: &Journal, field: &str, invocation: u64) -> BTreeSet<String> {
    let calls = journal.calls.iter();
    let calls = calls.filter(|call| call.invocation == invocation);
    let listed = calls.flat_map(|call| call.body[field].as_array().into_iter().flatten());
    let regions = listed.filter_map(|row| row["Region"].as_str().or(row.as_str()));
    regions.map(str::to_owned).collect()
}

#[test]
fn two_invocations_that_remove_the_same_replica_both_end_well() {
    let scenario = race(EU, &[EU, US]);
    let played = play(&scenario);
    assert!(encounters(&scenario, &played).contains(&Encounter::DoubleRemoval));
    for invocation in &played.invocations[..2] {
        assert!(matches!(invocation.end, End::Answer(_)), "{invocation:?}");
    }
    assert_eq!(in_sync(&played.before), [EU]);
}

#[test]
fn an_invocation_never_removes_what_the_owner_wanted_again_before_its_second_look() {
    // The first look shows the replica unwanted while another one is awaited; then the owner changes
    // the tag back. Both invocations look again before they remove anything.
    let mut scenario = race(EU, &[US]);
    scenario.aws.replication = 3000;
    scenario.acts.push(act(
        BEGINNING + 1500,
        tag("replicate-to", &REGIONS.join(" ")),
    ));
    let played = play(&scenario);
    for invocation in 1..=2 {
        let calls = operations(&played.journal, invocation);
        assert!(
            !calls.contains(&"RemoveRegionsFromReplication"),
            "{calls:?}"
        );
    }
    assert_eq!(in_sync(&played.before), [EU, US]);
}

#[test]
fn a_move_whose_target_is_forbidden_on_the_way_keeps_the_old_replica() {
    // Both invocations see a move to the United States. While they wait for the new replica, the
    // owner forbids that Region: the old replica is the only one that is left.
    let mut scenario = race(US, &[EU]);
    scenario.aws.replication = 3000;
    scenario.acts.push(act(BEGINNING + 1500, tag("env", "eu")));
    let played = play(&scenario);
    let asked: BTreeSet<String> = (1..=2)
        .flat_map(|invocation| named(&played.journal, "AddReplicaRegions", invocation))
        .collect();
    assert_eq!(asked, [US.to_owned()].into());
    let removed = played.invocations.iter();
    let removed: BTreeSet<String> = removed
        .flat_map(|invocation| named(&played.journal, "RemoveReplicaRegions", invocation.number))
        .collect();
    assert_eq!(removed, [US.to_owned()].into());
    assert_eq!(in_sync(&played.later), [EU]);
}

#[test]
fn a_replica_that_one_invocation_removes_while_the_other_requests_it_is_there_in_the_end() {
    // The first invocation removes the replica in the United States, whose row disappears at once.
    // Meanwhile the owner wants it again, and the second invocation requests it.
    let mut met = BTreeSet::new();
    for after in (1000..4000).step_by(100) {
        let mut scenario = race(EU, &[EU, US]);
        scenario.acts.truncate(1);
        scenario.aws.latency = 400;
        scenario.aws.removed_replicas = RemovedReplicas::Hidden;
        let change = tag("replicate-to", &REGIONS.join(" "));
        scenario.acts.push(act(BEGINNING + after, change));
        scenario.acts.push(reconcile(BEGINNING + after + 1));
        let played = play(&scenario);
        met.extend(encounters(&scenario, &played));
        assert_eq!(in_sync(&played.later), [EU, US]);
    }
    assert!(met.contains(&Encounter::Crossing), "{met:?}");
}

#[test]
fn a_request_whose_decision_is_out_of_date_is_put_right_by_the_next_reconciliation() {
    // The owner moves the secret while the answers to both looks are on their way.
    let mut scenario = race(US, &[]);
    scenario.aws.latency = 400;
    scenario.aws.noise = 3;
    scenario
        .acts
        .push(act(BEGINNING + 300, tag("replicate-to", EU)));
    let played = play(&scenario);
    assert!(encounters(&scenario, &played).contains(&Encounter::OutdatedWrite));
    assert_eq!(in_sync(&played.later), [EU]);
}

#[test]
fn requests_of_two_invocations_that_are_lost_are_repeated_only_as_the_owner_wants_by_then() {
    // Both requests are lost, or both answers, and the owner drops one of the Regions before the
    // invocations look again and repeat them.
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
            let change = tag("replicate-to", EU);
            scenario.acts.push(act(BEGINNING + 700, change));
            let played = play(&scenario);
            met.extend(encounters(&scenario, &played));
            assert_eq!(in_sync(&played.later), [EU]);
        }
    }
    let expected = [
        Encounter::BothWrite,
        Encounter::OutdatedWrite,
        Encounter::RepeatedRequest,
    ];
    assert!(met.is_superset(&expected.into()), "{met:?}");
}

#[test]
fn reads_that_go_back_in_time_remove_nothing_that_is_wanted() {
    // Each look shows at random the tags before or after the owner's change.
    let mut times_stale = 0;
    for noise in 0..40 {
        let mut scenario = race(EU, &[EU, US]);
        scenario.aws.read_lag = 10_000;
        scenario.aws.noise = noise;
        scenario.acts.insert(
            0,
            act(BEGINNING - 1, tag("replicate-to", &REGIONS.join(" "))),
        );
        let played = play(&scenario);
        let removes =
            |invocation| !named(&played.journal, "RemoveReplicaRegions", invocation).is_empty();
        times_stale += u64::from(removes(1) || removes(2));
        assert_eq!(in_sync(&played.later), [EU, US]);
    }
    assert!(times_stale > 0, "no look showed the past");
}
