//! Sweeps, dry runs and requests that broke an invariant of the worlds. All invariants must hold in each.

use secret_replicator_emulator::{Fault, FaultKind};

use super::{one_secret, play, secret};
use crate::generate::race::{NAME, REGIONS, world};
use crate::generate::secret_named;
use crate::scenario::{Outage, Scenario, TimedFault};

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
