//! Promoted former replicas that a later read no longer shows as failed replicas. All invariants must hold in each.

use secret_replicator_emulator::{Fault, FaultKind, RemovedReplicas};

use super::{play, record};
use crate::generate::race::{NAME, REGIONS, act, reconcile, world};
use crate::generate::secret_named;
use crate::scenario::{Action, Scenario, TimedAction, TimedFault};

const EU: &str = REGIONS[0];
const US: &str = REGIONS[1];

fn replicate_to(list: &str) -> Action {
    Action::tag(NAME, "replicate-to", list)
}

/// A secret whose replica in Europe was promoted. A request has failed because of that, so reads show a failed
/// replica until the owner removes it after this time, in milliseconds.
fn failed_until(removed: u32) -> Scenario {
    let mut secret = secret_named(NAME, [("replicate-to", EU.to_owned())], [].into());
    secret.promoted = [EU.to_owned()].into();
    let mut scenario = world();
    scenario.secrets = vec![secret];
    scenario.aws.removed_replicas = RemovedReplicas::Hidden;
    scenario.actions = vec![reconcile(1000), act(removed, Action::remove(NAME, EU))];
    scenario
}

#[test]
fn an_event_that_reads_twice_does_not_request_a_promoted_replica_that_the_first_read_led_to() {
    let mut scenario = failed_until(21_000);
    scenario.actions.push(TimedAction {
        native: vec![100],
        ..act(20_000, replicate_to(&REGIONS.join(" ")))
    });
    let run = play(&scenario);
    assert!(run.before.is_in_sync(NAME, US));
    let replica = &record(&run.journal, 2)["replicas"][0];
    assert_eq!(
        (&replica["region"], &replica["reason"]),
        (&EU.into(), &"promoted-replica".into())
    );
}

#[test]
fn a_sweep_that_works_on_a_secret_again_does_not_request_a_promoted_replica_that_it_found() {
    let mut scenario = failed_until(11_500);
    scenario.actions.extend([
        act(10_000, replicate_to(&REGIONS.join(" "))),
        act(11_000, Action::Sweep(100)),
    ]);
    scenario.faults.push(TimedFault {
        at: 10_000,
        fault: Fault::on("ReplicateSecretToRegions", FaultKind::Throttle).times(8),
    });
    let run = play(&scenario);
    assert_eq!(run.faults.len(), 8);
    assert!(run.before.is_in_sync(NAME, US));
}

#[test]
fn a_sweep_that_repeats_requests_last_does_not_request_a_promoted_replica_that_it_found() {
    let mut scenario = failed_until(11_500);
    let new = secret_named("prod/new", [("replicate-to", EU.to_owned())], [].into());
    let reason = Some("Secret replication failed due to a network error".to_owned());
    let failed = Action::Status(NAME.to_owned(), US.to_owned(), "Failed".to_owned(), reason);
    scenario.secrets.push(new);
    scenario.aws.replication = 3000;
    scenario.actions.extend([
        act(10_000, replicate_to(&REGIONS.join(" "))),
        act(10_000, failed),
        act(11_000, Action::Sweep(100)),
    ]);
    let run = play(&scenario);
    assert!(run.before.is_in_sync("prod/new", EU));
    assert!(run.before.is_in_sync(NAME, US));
}

#[test]
fn a_sweep_whose_write_waits_for_others_does_not_request_a_promoted_replica_that_it_found() {
    let tags = || [("replicate-to", EU.to_owned())];
    let mut scenario = failed_until(14_000);
    // Their writes come first, at one a second. The list is in the order of the names.
    let others = (0..12).map(|index| secret_named(&format!("a/{index:02}"), tags(), [].into()));
    scenario.secrets.extend(others);
    scenario.aws.latency = 0;
    scenario.settings.writes_per_second = 1;
    scenario.actions.extend([
        act(10_000, replicate_to(&REGIONS.join(" "))),
        act(11_000, Action::Sweep(100)),
    ]);
    let run = play(&scenario);
    assert!(run.before.is_in_sync(NAME, US));
}
