mod races;

use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use proptest::strategy::ValueTree;

use crate::encounters::Encounter;
use crate::generate;
use crate::journal::Journal;
use crate::lambda::{End, Fate};
use crate::scenario::{
    Act, Aws, Deed, FunctionSettings, Kind, Scenario, SecretAtStart, TimedFault,
};
use crate::soak;
use crate::story;
use secret_replicator_emulator::{Execution, Fault, FaultKind, KnownReplica, RemovedReplicas};
use secret_replicator_reference_policy::{Forbid, Parts, Policy, ReplicateTo, Rule, When};

/// How many random worlds the test plays.
const WORLDS: u64 = 2000;

/// A secret that is created after a second and wants a replica in `eu-west-1`.
fn one_secret() -> Scenario {
    let by_tag = Parts {
        tags: [("replicate-to".to_owned(), vec!["*".to_owned()])].into(),
        secret_name: Vec::new(),
        primary_region: Vec::new(),
    };
    let secret = SecretAtStart {
        name: "prod/db".to_owned(),
        tags: [("replicate-to".to_owned(), "eu-west-1".to_owned())].into(),
        kms_key: None,
        has_value: true,
        replicas: [].into(),
        kind: Kind::Ordinary,
    };
    Scenario {
        settings: FunctionSettings {
            allowed_regions: None,
            overwrite: false,
            removal: false,
            settle: 30,
            timeout: 90,
            writes_per_second: 25,
        },
        policy: Policy {
            groups: [("eu".to_owned(), vec!["eu-west-1".to_owned()])].into(),
            kms_keys: [].into(),
            rules: vec![Rule {
                name: "by-tag".to_owned(),
                when: When::Some {
                    only: by_tag,
                    not: None,
                },
                replicate_to: Some(ReplicateTo::Tag("replicate-to".to_owned())),
                forbid: None,
                kms_key: None,
                overwrite: None,
            }],
        },
        removal: false,
        aws: Aws::default(),
        secrets: Vec::new(),
        acts: vec![Act {
            at: 1000,
            deed: Deed::Create { secret },
            deliveries: vec![2000],
        }],
        faults: Vec::new(),
        kills: Vec::new(),
    }
}

fn operations(journal: &Journal, invocation: u64) -> Vec<&str> {
    let calls = journal.calls.iter();
    let calls = calls.filter(|call| call.invocation == invocation);
    calls.map(|call| call.operation.as_str()).collect()
}

#[test]
fn a_new_secret_is_in_sync_after_seconds_that_take_no_time() {
    let started = Instant::now();
    let scenario = one_secret();
    let played = story::play(&scenario);
    assert_eq!(crate::check::violations(&scenario, &played), []);
    assert_eq!(played.fates, [Fate::Handled]);
    let first = &played.invocations[0];
    let End::Answer(record) = &first.end else {
        panic!("{:?}", first.end)
    };
    assert_eq!(record["outcome"], "replicated");
    assert_eq!(record["replicas"][0]["region"], "eu-west-1");
    assert_eq!(record["event_age_ms"], 2000);
    assert_eq!(
        operations(&played.journal, 1)[..3],
        [
            "DescribeSecret",
            "ReplicateSecretToRegions",
            "DescribeSecret"
        ]
    );
    // The event came after three seconds; AWS needs one for the replica.
    assert_eq!(first.began, 3000);
    assert!(
        (1000..4000).contains(&(first.ended - first.began)),
        "{first:?}"
    );
    assert!(
        started.elapsed() < Duration::from_mins(1),
        "not in real time"
    );
}

#[test]
fn an_event_whose_calls_are_never_answered_ends_in_the_failure_queue_in_time() {
    let mut scenario = one_secret();
    scenario.faults.push(TimedFault {
        at: 0,
        fault: Fault::on_any(FaultKind::Hang(Execution::Skipped)).always(),
    });
    let played = story::play(&scenario);
    assert_eq!(crate::check::violations(&scenario, &played), []);
    // The third attempt begins after the storm is over.
    let ends = played.invocations.iter().map(|invocation| &invocation.end);
    let ends: Vec<_> = ends.take(2).collect();
    let unavailable = End::Error("ServiceUnavailable".to_owned());
    assert_eq!(ends, [&unavailable, &unavailable]);
    let lasted = |index: usize| played.invocations[index].ended - played.invocations[index].began;
    assert!(lasted(0) < 90_000, "{}", lasted(0));
}

#[test]
fn a_seed_plays_the_same_to_the_last_call() {
    for seed in 1..=60 {
        let scenario = generate::tree(seed).current();
        let again = generate::tree(seed).current();
        let text = |scenario: &Scenario| serde_json::to_string(scenario).expect("JSON");
        assert_eq!(text(&scenario), text(&again), "seed {seed}");
        let (first, second) = (story::play(&scenario), story::play(&again));
        assert_eq!(first.journal, second.journal, "seed {seed}");
        assert_eq!(first.invocations, second.invocations, "seed {seed}");
        assert_eq!(first.fates, second.fates, "seed {seed}");
        assert_eq!(first.later, second.later, "seed {seed}");
    }
}

#[test]
fn everything_holds_in_random_worlds() {
    let threads = thread::available_parallelism().expect("processors");
    let failing = Mutex::new(Vec::new());
    let tally = soak::soak(1..WORLDS + 1, threads, |seed, _| {
        failing.lock().expect("seeds").push(seed);
    });
    let failing = failing.into_inner().expect("seeds");
    if let Some(failure) = failing.first().and_then(|seed| soak::shrink(*seed)) {
        let scenario = serde_json::to_string(&failure.scenario).expect("JSON");
        panic!(
            "seeds {failing:?}; `make soak SEED={}` plays one again; smallest: {scenario}\n{:#?}",
            failure.seed, failure.violations
        );
    }
    assert_eq!((tally.worlds, tally.violations), (WORLDS, 0));
    // Otherwise nothing much has happened.
    assert!(tally.writes > 4 * WORLDS, "{tally:?}");
    assert!(tally.all_faults() > 3 * WORLDS, "{tally:?}");
    assert!(tally.failure_queue > WORLDS / 10, "{tally:?}");
    assert!(tally.kills > WORLDS / 20, "{tally:?}");
    for (encounter, least) in [
        (Encounter::BothWrite, WORLDS / 10),
        (Encounter::DoubleRemoval, WORLDS / 40),
        (Encounter::Crossing, WORLDS / 400),
        (Encounter::OutdatedWrite, WORLDS / 200),
        (Encounter::RepeatedRequest, WORLDS / 20),
        (Encounter::LeftForSweep, WORLDS / 5),
    ] {
        assert!(
            tally.worlds_with(encounter) > least,
            "{encounter}: {tally:?}"
        );
    }
}

#[test]
fn everything_holds_in_the_worlds_in_which_something_did_not() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut played = 0;
    for entry in std::fs::read_dir(&folder).expect("scenarios") {
        let path = entry.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a scenario");
        let scenario: Scenario = serde_json::from_str(&text).expect("a scenario");
        assert_eq!(soak::violations(&scenario), [], "{}", path.display());
        played += 1;
    }
    assert!(played > 0, "no scenario in {}", folder.display());
}

/// A policy that forbids everything outside the EU to secrets with the tag `env: eu`.
fn with_allowed_regions_by_tag(mut scenario: Scenario) -> Scenario {
    let by_tag = Parts {
        tags: [("env".to_owned(), vec!["eu".to_owned()])].into(),
        secret_name: Vec::new(),
        primary_region: Vec::new(),
    };
    scenario.policy.rules.push(Rule {
        name: "rule-eu-only".to_owned(),
        when: When::Some {
            only: by_tag,
            not: None,
        },
        replicate_to: None,
        forbid: Some(Forbid::Except(vec!["eu-*".to_owned()])),
        kms_key: None,
        overwrite: None,
    });
    scenario
}

fn tagged(at: u32, key: &str, value: &str) -> Act {
    Act {
        at,
        deed: Deed::Tag("prod/db".to_owned(), key.to_owned(), value.to_owned()),
        deliveries: Vec::new(),
    }
}

#[test]
fn a_region_that_was_forbidden_while_an_answer_was_lost_is_not_asked_for_again() {
    let mut scenario = with_allowed_regions_by_tag(one_secret());
    if let Deed::Create { secret } = &mut scenario.acts[0].deed {
        secret.tags = [("replicate-to".to_owned(), "us-west-2".to_owned())].into();
    }
    let lost = FaultKind::Hang(Execution::Skipped);
    scenario.faults.push(TimedFault {
        at: 0,
        fault: Fault::on("ReplicateSecretToRegions", lost),
    });
    scenario.acts.push(tagged(5000, "env", "eu"));
    let played = story::play(&scenario);
    assert_eq!(crate::check::violations(&scenario, &played), []);
    let End::Error(error) = &played.invocations[0].end else {
        panic!("{:?}", played.invocations[0].end)
    };
    assert_eq!(error, "ServiceUnavailable");
    assert_eq!(played.fates, [Fate::Handled]);
}

#[test]
fn a_region_that_was_forbidden_while_its_replica_was_removed_to_be_made_anew_stays_empty() {
    let mut scenario = with_allowed_regions_by_tag(one_secret());
    scenario.removal = true;
    scenario.settings.removal = true;
    scenario.settings.settle = 60;
    scenario.settings.timeout = 180;
    scenario.aws.known_replica = KnownReplica::Ignore;
    scenario.aws.removed_replicas = RemovedReplicas::Shown;
    let Deed::Create { mut secret } = scenario.acts.remove(0).deed else {
        panic!("no secret")
    };
    secret.tags = [("replicate-to".to_owned(), "us-west-2".to_owned())].into();
    scenario.secrets.push(secret);
    let act = |at, deed| Act {
        at,
        deed,
        deliveries: Vec::new(),
    };
    let words = Some("Secret with this name already exists in this region".to_owned());
    let (name, region) = ("prod/db".to_owned(), "us-west-2".to_owned());
    let failed = Deed::Status(name.clone(), region, "Failed".to_owned(), words);
    let dry_run = false;
    scenario.acts = vec![
        act(0, failed),
        act(1000, Deed::Reconcile { name, dry_run }),
        tagged(30_000, "env", "eu"),
    ];
    let played = story::play(&scenario);
    assert_eq!(crate::check::violations(&scenario, &played), []);
    assert!(operations(&played.journal, 1).contains(&"RemoveRegionsFromReplication"));
    assert_eq!(played.after.secrets[0].replicas, []);
}
