//! Sweeps, dry runs and requests that broke an invariant of the worlds. All invariants must hold in each.

use secret_replicator_emulator::{Fault, FaultKind};

use super::{one_secret, play, secret};
use crate::generate::race::{NAME, REGIONS, act, world};
use crate::generate::secret_named;
use crate::scenario::{Action, Outage, Scenario, SecretAtStart, TimedFault};

const EU: &str = REGIONS[0];
const US: &str = REGIONS[1];

#[test]
fn seconds_of_errors_in_a_sweep_fail_no_secret_that_the_sweep_can_still_process() {
    let unavailable = FaultKind::answer(503, "ServiceUnavailable", "Try again later.");
    for (operation, kind) in [
        ("DescribeSecret", unavailable),
        ("DescribeSecret", FaultKind::Throttle),
        ("ReplicateSecretToRegions", FaultKind::Throttle),
    ] {
        let scenario = Scenario {
            secrets: vec![secret(EU)],
            outage: Some(Outage {
                after: 0,
                length: 8000,
                fault: Fault::on(operation, kind).always(),
                max_changes: 100,
            }),
            ..world()
        };
        let run = play(&scenario);
        assert!(run.outage_calls > 0, "no call of {operation} failed");
        assert!(run.later.is_in_sync(NAME, EU));
    }
}

#[test]
fn seconds_without_answers_to_removals_fail_no_secret_of_a_sweep() {
    let unavailable = FaultKind::answer(503, "ServiceUnavailable", "Try again later.");
    let tags = [("replicate-to", EU.to_owned())];
    let replicas = [EU, US].map(str::to_owned).into();
    let mut scenario = Scenario {
        secrets: vec![secret_named(NAME, tags, replicas)],
        outage: Some(Outage {
            after: 0,
            length: 20_000,
            fault: Fault::on("RemoveRegionsFromReplication", unavailable).always(),
            max_changes: 100,
        }),
        ..world()
    };
    scenario.settings.replication_wait = 5;
    scenario.settings.timeout = 120;
    let run = play(&scenario);
    assert!(run.outage_calls > 1, "no removal was repeated");
    assert!(run.later.is_in_sync(NAME, EU));
    assert_eq!(run.later.replica(NAME, US), None);
    let records = run.journal.records(|_| true);
    let summary = records.iter().find(|record| record["seen"].is_number());
    let summary = summary.expect("a summary");
    assert_eq!(
        (&summary["changes"], &summary["failed"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn a_throttled_request_is_sent_again_only_after_another_read() {
    let mut scenario = one_secret(EU);
    scenario.faults.push(TimedFault {
        at: 0,
        fault: Fault::on("ReplicateSecretToRegions", FaultKind::Throttle).times(12),
    });
    let run = play(&scenario);
    assert_eq!(run.faults.len(), 12);
}

#[test]
fn a_dry_run_says_which_removal_has_to_wait() {
    // A rule forbids one replica. No rule wants the other one, but no wanted replica takes its place.
    let tags = [("replicate-to", US.to_owned()), ("env", "eu".to_owned())];
    let replicas = [EU, US].map(str::to_owned).into();
    let scenario = Scenario {
        secrets: vec![secret_named(NAME, tags, replicas)],
        rehearsal: true,
        ..world()
    };
    let run = play(&scenario);
    assert!(run.rehearsal.is_some());
}

/// A replica that failed, and that a sweep requests again.
fn failed_replica(name: &str) -> (SecretAtStart, Action) {
    let tags = [("replicate-to", EU.to_owned())];
    let secret = secret_named(name, tags, [EU.to_owned()].into());
    let message = Some("Secret replication failed due to a network error".to_owned());
    let status = Action::Status(name.to_owned(), EU.to_owned(), "Failed".to_owned(), message);
    (secret, status)
}

#[test]
fn a_repeat_that_the_time_of_a_slice_does_not_reach_is_left_for_the_next_slice() {
    let (failed, status) = failed_replica("prod/failed");
    let mut scenario = world();
    scenario.settings.writes_per_second = 1;
    scenario.settings.replication_wait = 2;
    scenario.settings.timeout = 10;
    let tags = || [("replicate-to", EU.to_owned())];
    let new = (0..12).map(|index| secret_named(&format!("prod/{index}"), tags(), [].into()));
    scenario.secrets = new.chain([failed]).collect();
    scenario.actions = vec![act(0, status)];
    let run = play(&scenario);
    assert!(run.first.invocations.len() > 1, "one slice was enough");
    assert!(run.later.is_in_sync("prod/failed", EU));
}

#[test]
fn a_removal_that_lasts_until_the_end_of_a_slice_does_not_keep_repeats_waiting() {
    let (failed, status) = failed_replica("prod/failed");
    let mut scenario = world();
    scenario.aws.removal = 200_000;
    let tags = [("replicate-to", EU.to_owned())];
    let replicas = [EU, US].map(str::to_owned).into();
    scenario.secrets = vec![secret_named(NAME, tags, replicas), failed];
    scenario.actions = vec![act(0, status)];
    let run = play(&scenario);
    assert_eq!(run.first.invocations.len(), 1);
    assert!(run.later.is_in_sync("prod/failed", EU));
}
