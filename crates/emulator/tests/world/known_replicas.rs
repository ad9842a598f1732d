//! `ReplicateSecretToRegions` for a Region that has the replica already.

use secret_replicator_emulator::{KnownReplica, SecretSeed, WorldSettings};
use serde_json::json;

use crate::support::{Clocked, HOME, IRELAND, OREGON, app, replication};

/// A world in which Ireland has failed because its name was taken, and Oregon is in sync.
fn half_failed(known_replica: KnownReplica) -> Clocked {
    let mut aws = Clocked::with(WorldSettings {
        known_replica,
        ..WorldSettings::default()
    });
    aws.seed(app());
    aws.seed(SecretSeed::new(IRELAND, "app"));
    aws.replicate("app", &[IRELAND, OREGON]);
    aws.pass(1000);
    let force = json!({"SecretId": "app", "ForceDeleteWithoutRecovery": true});
    aws.ok(IRELAND, "DeleteSecret", &force);
    aws
}

#[test]
fn by_default_a_failed_replica_is_tried_again_and_a_good_one_left_alone() {
    let mut aws = half_failed(KnownReplica::default());
    aws.replicate("app", &[IRELAND, OREGON]);
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    assert_eq!(aws.status("app", OREGON), "InSync");
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "InSync");
}

#[test]
fn a_failure_that_was_forced_is_tried_again_like_a_real_one() {
    let mut aws = Clocked::new();
    aws.seed(app());
    aws.seed(SecretSeed::new(OREGON, "app"));
    for region in [IRELAND, OREGON] {
        aws.world
            .force_status(aws.now, HOME, "app", region, "Failed", Some("why"));
    }
    aws.replicate("app", &[IRELAND, OREGON]);
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "InSync");
    let row = aws.row("app", OREGON);
    assert_eq!(row.status, "Failed");
    let message = row.status_message.unwrap();
    assert!(message.contains("already exists"), "{message}");
}

#[test]
fn a_status_that_nobody_knows_is_no_failure_and_stays() {
    let mut aws = Clocked::new();
    aws.seed(app().with_replica_in(IRELAND));
    aws.world
        .force_status(aws.now, HOME, "app", IRELAND, "Detached", None);
    aws.replicate("app", &[IRELAND]);
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "Detached");
}

#[test]
fn it_can_be_set_to_have_no_effect_whatever_the_status() {
    let mut aws = half_failed(KnownReplica::Ignore);
    aws.replicate("app", &[IRELAND, OREGON]);
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "Failed");
}

#[test]
fn it_can_be_set_to_refuse_the_whole_call_and_then_removing_it_first_helps() {
    let mut aws = half_failed(KnownReplica::RefuseCall);
    let body = replication("app", &[IRELAND, "eu-central-1"]);
    let error = aws.error(HOME, "ReplicateSecretToRegions", &body);
    assert!(error.starts_with("InvalidParameterException: "), "{error}");
    assert_eq!(aws.world.replicas(aws.now, HOME, "app").len(), 2);
    let remove = json!({"SecretId": "app", "RemoveReplicaRegions": [IRELAND]});
    aws.ok(HOME, "RemoveRegionsFromReplication", &remove);
    aws.pass(60_000);
    aws.replicate("app", &[IRELAND]);
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "InSync");
}
