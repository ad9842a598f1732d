mod failover;
mod promoted;
mod races;
mod regional;
mod sweeps;

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use proptest::strategy::ValueTree;
use secret_replicator_emulator::{Execution, Fault, FaultKind, KnownReplica, RemovedReplicas};
use serde_json::Value;

use crate::generate::race::{NAME, act, reconcile, world};
use crate::generate::{secret_named, tree};
use crate::interleavings::Interleaving;
use crate::journal::Journal;
use crate::journal::{End, EventEnd};
use crate::run::{self, Run};
use crate::scenario::{Action, Scenario, SecretAtStart, TimedAction, TimedFault};
use crate::soak::{self, Worlds};
use crate::tally::{LIMITED_SWEEPS, REHEARSALS, REHEARSED_LEFTOVERS, worlds_with};

/// The number of random worlds in the test.
const WORLDS: usize = 2000;

/// The number of random worlds with a failover in the test.
const FAILOVERS: usize = 250;

/// A secret that wants a replica in these Regions.
fn secret(list: &str) -> SecretAtStart {
    secret_named(NAME, [("replicate-to", list.to_owned())], [].into())
}

/// A secret that is created after a second, without removal. Its event arrives two seconds later.
fn one_secret(list: &str) -> Scenario {
    Scenario {
        removal: false,
        actions: vec![TimedAction {
            at: 1000,
            action: Action::create(&secret(list)),
            deliveries: vec![2000],
            native: Vec::new(),
        }],
        ..world()
    }
}

/// Plays a world in which every invariant must hold.
fn play(scenario: &Scenario) -> Run {
    let run = run::play(scenario);
    assert_eq!(crate::check::violations(scenario, &run), []);
    run
}

/// Returns the record of an invocation that ended in one.
fn record(journal: &Journal, number: u64) -> Value {
    let mut records = journal.records(|written_by| written_by == number);
    records.pop().expect("a record")
}

fn operations(journal: &Journal, invocation: u64) -> Vec<&str> {
    let calls = journal.calls_of(invocation);
    calls.map(|call| call.operation.as_str()).collect()
}

#[test]
fn a_new_secret_is_in_sync_after_seconds_that_take_no_time() {
    let started = Instant::now();
    let journal = play(&one_secret("eu-west-1")).journal;
    assert_eq!(journal.events, [EventEnd::Handled]);
    let first = &journal.invocations[0];
    let End::Answer(record) = &first.end else {
        panic!("{:?}", first.end)
    };
    assert_eq!(record["outcome"], "replicated");
    assert_eq!(record["replicas"][0]["region"], "eu-west-1");
    assert_eq!(record["event_age_ms"], 2000);
    assert_eq!(
        operations(&journal, 1)[..3],
        [
            "DescribeSecret",
            "ReplicateSecretToRegions",
            "DescribeSecret"
        ]
    );
    // The event arrives after three seconds, and AWS replicates for one.
    assert_eq!(first.began, 3000);
    assert!(
        (1000..4000).contains(&(first.ended - first.began)),
        "{first:?}"
    );
    assert!(
        started.elapsed() < Duration::from_mins(1),
        "not in simulated time"
    );
}

#[test]
fn an_event_whose_calls_are_never_answered_ends_in_the_failure_queue_in_time() {
    let mut scenario = one_secret("eu-west-1");
    scenario.faults.push(TimedFault {
        at: 0,
        fault: Fault::on_any(FaultKind::Hang(Execution::Skipped)).always(),
    });
    let journal = play(&scenario).journal;
    // The third attempt begins after the storm.
    for invocation in &journal.invocations[..2] {
        assert_eq!(invocation.end, End::Error("ServiceUnavailable".to_owned()));
    }
    let first = &journal.invocations[0];
    assert!(first.ended - first.began < 90_000, "{first:?}");
}

#[test]
fn a_seed_plays_the_same_to_the_last_call() {
    for seed in 1..=60 {
        let (scenario, again) = (tree(seed).current(), tree(seed).current());
        let text = |scenario: &Scenario| serde_json::to_string(scenario).expect("JSON");
        assert_eq!(text(&scenario), text(&again), "seed {seed}");
        let (first, second) = (run::play(&scenario), run::play(&again));
        assert_eq!(first.journal, second.journal, "seed {seed}");
        assert_eq!(first.later, second.later, "seed {seed}");
    }
}

#[test]
fn everything_holds_in_random_worlds() {
    let threads = thread::available_parallelism().expect("processors");
    let (tally, failed) = soak::soak(1..WORLDS as u64 + 1, Worlds::Any, threads);
    if let Some(seed) = failed.first() {
        let failure = soak::shrink(*seed, Worlds::Any).expect("a violation");
        let scenario = serde_json::to_string(&failure.scenario).expect("JSON");
        panic!(
            "seeds {failed:?}; `make soak SEED={seed}` replays one; smallest: {scenario}\n{:#?}",
            failure.violations
        );
    }
    // Otherwise too little happened.
    assert_eq!(tally.get("worlds"), WORLDS);
    for (name, least) in [
        ("calls that write", WORLDS * 4),
        ("faults", WORLDS * 3),
        ("events in the failure queue", WORLDS / 10),
        ("invocations killed", WORLDS / 20),
        (REHEARSALS, WORLDS / 2),
        (REHEARSED_LEFTOVERS, WORLDS / 200),
        (LIMITED_SWEEPS, WORLDS / 100),
        (&worlds_with(Interleaving::BothWrite), WORLDS / 10),
        (&worlds_with(Interleaving::DoubleRemoval), WORLDS / 40),
        (&worlds_with(Interleaving::RequestAndRemoval), WORLDS / 400),
        (&worlds_with(Interleaving::OutdatedWrite), WORLDS / 200),
        (&worlds_with(Interleaving::RepeatedRequest), WORLDS / 20),
        (&worlds_with(Interleaving::LeftForSweep), WORLDS / 5),
        (&worlds_with(Interleaving::ReadWentBack), WORLDS / 20),
        (&worlds_with(Interleaving::LaggingTag), WORLDS / 20),
        (&worlds_with(Interleaving::Promoted), WORLDS / 8),
        (&worlds_with(Interleaving::OutageInSweep), WORLDS / 25),
        (
            &worlds_with(Interleaving::PrimaryOutageInSweep),
            WORLDS / 200,
        ),
        (
            &worlds_with(Interleaving::ReplicaOutageInSweep),
            WORLDS / 400,
        ),
        (&worlds_with(Interleaving::PrimaryOutage), WORLDS / 40),
        (&worlds_with(Interleaving::ReplicaOutage), WORLDS / 100),
        (&worlds_with(Interleaving::ReplicaEvent), WORLDS / 20),
        (
            &worlds_with(Interleaving::ForwardedReplicaEvent),
            WORLDS / 20,
        ),
        (&worlds_with(Interleaving::Stranded), WORLDS / 100),
        (&worlds_with(Interleaving::Orphaned), WORLDS / 100),
        (
            &worlds_with(Interleaving::CrossAccountInTheWay),
            WORLDS / 100,
        ),
        (&worlds_with(Interleaving::Recreated), WORLDS / 40),
    ] {
        assert!(tally.get(name) > least, "{name}:\n{tally}");
    }
}

#[test]
fn no_promoted_value_is_lost_in_worlds_with_a_failover() {
    let threads = thread::available_parallelism().expect("processors");
    let (tally, failed) = soak::soak(1..FAILOVERS as u64 + 1, Worlds::Failovers, threads);
    assert!(
        failed.is_empty(),
        "seeds {failed:?}; `make soak FAILOVER=1 SEED={}` replays one",
        failed[0]
    );
    // Otherwise too little happened.
    for (interleaving, least) in [
        (Interleaving::Promoted, FAILOVERS / 3),
        (Interleaving::PromotedByFunction, FAILOVERS / 10),
        (Interleaving::DoublePromotion, FAILOVERS / 100),
        (Interleaving::PrimaryOutage, FAILOVERS / 10),
    ] {
        let count = tally.get(&worlds_with(interleaving));
        assert!(count > least, "{interleaving:?}:\n{tally}");
    }
}

#[test]
fn everything_holds_in_the_worlds_in_which_something_did_not() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut played = 0;
    for entry in std::fs::read_dir(&directory).expect("scenarios") {
        let path = entry.expect("a file").path();
        let scenario = soak::read(&path).expect("a scenario");
        assert_eq!(soak::violations(&scenario), [], "{}", path.display());
        played += 1;
    }
    assert!(played > 0, "no scenario in {}", directory.display());
}

#[test]
fn a_region_that_was_forbidden_while_an_answer_was_lost_is_not_asked_for_again() {
    let mut scenario = one_secret("us-west-2");
    let lost = FaultKind::Hang(Execution::Skipped);
    scenario.faults.push(TimedFault {
        at: 0,
        fault: Fault::on("ReplicateSecretToRegions", lost),
    });
    let forbidden = Action::tag(NAME, "env", "eu");
    scenario.actions.push(act(5000, forbidden));
    let journal = play(&scenario).journal;
    let End::Answer(record) = &journal.invocations[0].end else {
        panic!("{:?}", journal.invocations[0].end)
    };
    assert_eq!(record["replicas"][0]["reason"], "secret-changed");
    assert_eq!(journal.events, [EventEnd::Handled]);
}

#[test]
fn a_region_that_was_forbidden_while_its_replica_was_removed_to_be_recreated_stays_empty() {
    let mut scenario = world();
    scenario.settings.replication_wait = 60;
    scenario.settings.timeout = 180;
    scenario.aws.removal = 40_000;
    scenario.aws.known_replica = KnownReplica::Ignore;
    scenario.aws.removed_replicas = RemovedReplicas::Shown;
    scenario.secrets = vec![secret("us-west-2")];
    let message = Some("Secret with this name already exists in this region".to_owned());
    let (region, status) = ("us-west-2".to_owned(), "Failed".to_owned());
    scenario.actions = vec![
        act(0, Action::Status(NAME.to_owned(), region, status, message)),
        reconcile(1000),
        act(30_000, Action::tag(NAME, "env", "eu")),
    ];
    let run = play(&scenario);
    assert!(operations(&run.journal, 1).contains(&"RemoveRegionsFromReplication"));
    assert_eq!(run.after.secrets[0].replicas, []);
}
