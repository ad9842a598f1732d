//! `ReplicateSecretToRegions` for a Region that already has the replica.

use secret_replicator_emulator::{KnownReplica, SecretSeed, WorldSettings};

use crate::support::{Clocked, HOME, IRELAND, OREGON, app, replication};

/// A world in which the replica in Ireland failed because its name was taken, and Oregon is in sync.
fn half_failed(known_replica: KnownReplica) -> Clocked {
    let mut aws = Clocked::with(WorldSettings {
        known_replica,
        ..WorldSettings::default()
    });
    aws.seed(app());
    aws.seed(SecretSeed::new(IRELAND, "app"));
    aws.replicate("app", &[IRELAND, OREGON]);
    aws.pass(1000);
    aws.delete(IRELAND, "app");
    aws
}

#[test]
fn a_failed_replica_is_tried_again_by_default_and_a_good_one_left_alone() {
    for (setting, at_once, later) in [
        (KnownReplica::default(), "InProgress", "InSync"),
        (KnownReplica::Ignore, "Failed", "Failed"),
    ] {
        let mut aws = half_failed(setting);
        aws.replicate("app", &[IRELAND, OREGON]);
        assert_eq!(aws.status("app", IRELAND), at_once);
        assert_eq!(aws.status("app", OREGON), "InSync");
        aws.pass(1000);
        assert_eq!(aws.status("app", IRELAND), later);
    }
}

#[test]
fn a_forced_failure_is_tried_again_like_a_real_one_and_an_unknown_status_is_not() {
    let mut aws = Clocked::new();
    aws.seed(app());
    aws.seed(SecretSeed::new(OREGON, "app"));
    for (region, status) in [
        (IRELAND, "Failed"),
        (OREGON, "Failed"),
        ("sa-east-1", "Detached"),
    ] {
        aws.world
            .force_status(aws.now, HOME, "app", region, status, Some("why"));
    }
    aws.replicate("app", &[IRELAND, OREGON, "sa-east-1"]);
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "InSync");
    let row = aws.row("app", OREGON);
    assert_eq!(row.status, "Failed");
    let message = row.status_message.unwrap();
    assert!(message.contains("already exists"), "{message}");
    assert_eq!(aws.status("app", "sa-east-1"), "Detached");
}

#[test]
fn it_can_be_set_to_refuse_the_whole_call_and_then_removing_it_first_helps() {
    let mut aws = half_failed(KnownReplica::RefuseCall);
    let body = replication("app", &[IRELAND, "eu-central-1"]);
    let error = "InvalidParameterException: The secret is already replicated to region eu-west-1.";
    aws.fails(HOME, "ReplicateSecretToRegions", &body, error);
    assert_eq!(aws.world.replicas(aws.now, HOME, "app").len(), 2);
    aws.remove("app", &[IRELAND]);
    aws.pass(60_000);
    aws.replicate("app", &[IRELAND]);
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "InSync");
}
