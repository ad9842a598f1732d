//! Outages of single Regions, events about replicas, and former replicas. All invariants must hold in each.

use secret_replicator_emulator::FaultKind;
use serde_json::{Value, json};

use super::{one_secret, play, secret};
use crate::check::replica_events;
use crate::generate::race::{NAME, REGIONS, act, reconcile, world};
use crate::generate::secret_named;
use crate::journal::{End, EventEnd, Journal, Purpose};
use crate::scenario::{
    Action, HOME, Kind, Occupant, RegionalOutage, ReplicaEvents, Scenario, TimedAction,
};

const EU: &str = REGIONS[0];
const US: &str = REGIONS[1];

fn outage(region: &str, at: u32, length: u32) -> RegionalOutage {
    RegionalOutage {
        at,
        length,
        region: region.to_owned(),
        kind: FaultKind::answer(503, "ServiceUnavailable", "Try again later."),
    }
}

/// Returns the record of an invocation that ended in one.
fn record(journal: &Journal, number: u64) -> Value {
    let mut records = journal.records(|written_by| written_by == number);
    records.pop().expect("a record")
}

#[test]
fn an_event_outlasts_seconds_in_which_the_primary_region_fails() {
    for begins in [3000, 3015] {
        let scenario = Scenario {
            regional_outages: vec![outage(HOME, begins, 15_000)],
            ..one_secret(EU)
        };
        let run = play(&scenario);
        assert!(run.outages_met.contains(HOME), "no call failed");
        assert_eq!(run.journal.events, [EventEnd::Handled]);
        assert_eq!(record(&run.journal, 1)["outcome"], "replicated");
    }
}

/// A removal during which the Region fails for this time, in milliseconds. Returns the record of its replica.
fn removal(length: u32) -> Value {
    let mut scenario = world();
    scenario.settings.timeout = 60;
    let tags = [("replicate-to", US.to_owned())];
    let replicas = [EU, US].map(str::to_owned).into();
    scenario.secrets = vec![secret_named(NAME, tags, replicas)];
    scenario.actions = vec![reconcile(1000)];
    scenario.regional_outages = vec![outage(EU, 500, length)];
    let run = play(&scenario);
    assert!(run.outages_met.contains(EU), "no call failed");
    let record = record(&run.journal, 1);
    let mut replicas = record["replicas"].as_array().into_iter().flatten();
    let replica = replicas.find(|replica| replica["region"] == EU);
    replica.expect("the replica").clone()
}

#[test]
fn a_removal_is_claimed_only_after_the_region_answers_again() {
    let removed = removal(20_000);
    assert_eq!(removed["status"], "removed");
    assert!(!removed.to_string().contains("not verified"), "{removed}");
    let open = removal(90_000);
    assert_eq!(open["status"], "in-progress");
    assert_eq!(open["reason"], "removal-in-progress");
}

#[test]
fn an_event_about_a_replica_ends_without_a_write_in_its_region_and_where_it_is_forwarded() {
    let put = Action::call("PutSecretValue", NAME, json!({"SecretString": "new"}));
    for (arrive, region) in [
        (ReplicaEvents::ReplicaRegion, EU),
        (ReplicaEvents::Home, HOME),
    ] {
        let scenario = Scenario {
            secrets: vec![secret_named(
                NAME,
                [("replicate-to", format!("{EU} {US}"))],
                [EU.to_owned()].into(),
            )],
            actions: vec![
                act(1000, put.clone()),
                act(20_000, Action::tag(NAME, "env", "eu")),
            ],
            replica_events: arrive,
            ..world()
        };
        let run = play(&scenario);
        assert_eq!(replica_events::skipped(&run), [region].into());
        let invocations = run.journal.invocations.iter();
        let of_replicas = invocations.filter(|one| one.purpose == Purpose::ReplicaEvent);
        assert_eq!(of_replicas.count(), 2);
    }
}

#[test]
fn a_secret_that_is_created_again_does_not_replace_what_the_deleted_one_left() {
    for (occupant, reason) in [
        (Occupant::Stranded, "name-already-exists"),
        (Occupant::Orphaned, "orphaned-replica"),
        (Occupant::CrossAccount, "orphaned-replica"),
    ] {
        let mut former = secret(EU);
        former.kind = Kind::Gone;
        former.occupants = [(EU.to_owned(), occupant)].into();
        let scenario = Scenario {
            secrets: vec![former],
            actions: vec![TimedAction {
                deliveries: vec![100],
                ..act(1000, Action::create(&secret(EU)))
            }],
            ..world()
        };
        let run = play(&scenario);
        let record = record(&run.journal, 1);
        assert_eq!(record["replicas"][0]["reason"], reason, "{record}");
        assert!(matches!(run.journal.invocations[0].end, End::Error(_)));
    }
}
