//! `DescribeSecret` with an old `ReplicationStatus`.

use std::time::Duration;

use secret_replicator_emulator::WorldSettings;
use serde_json::{Value, json};

use crate::support::{Clocked, HOME, IRELAND, OREGON, app};

/// A world that replicates in one second and shows each status three seconds later.
fn lagging() -> Clocked {
    Clocked::with(WorldSettings {
        status_lag: Duration::from_secs(3),
        ..WorldSettings::default()
    })
}

/// Returns the status of Ireland and the `PrimaryRegion` in the answer of `DescribeSecret`.
fn shown(aws: &mut Clocked) -> (Value, Value) {
    let secret = aws.describe(HOME, "app");
    let status = &secret["ReplicationStatus"][0]["Status"];
    (status.clone(), secret["PrimaryRegion"].clone())
}

#[test]
fn a_status_is_shown_as_it_was_a_lag_ago() {
    let mut aws = lagging();
    aws.seed(app());
    let answer = aws.replicate("app", &[IRELAND]);
    assert_eq!(answer["ReplicationStatus"][0]["Status"], "InProgress");
    aws.pass(2999);
    assert_eq!(aws.status("app", IRELAND), "InSync");
    assert_eq!(shown(&mut aws), (json!(null), json!(null)));
    aws.pass(1);
    assert_eq!(shown(&mut aws), (json!("InProgress"), json!(HOME)));
    aws.pass(999);
    assert_eq!(shown(&mut aws), (json!("InProgress"), json!(HOME)));
    aws.pass(1);
    assert_eq!(shown(&mut aws), (json!("InSync"), json!(HOME)));
}

#[test]
fn a_replica_that_is_gone_is_shown_for_a_while() {
    let mut aws = lagging();
    aws.seed(app().with_replica_in(IRELAND));
    aws.pass(10_000);
    let id = json!({"SecretId": "app"});
    aws.ok(IRELAND, "StopReplicationToReplica", &id);
    aws.pass(2999);
    assert_eq!(shown(&mut aws), (json!("InSync"), json!(HOME)));
    aws.pass(1);
    assert_eq!(shown(&mut aws), (json!(null), json!(null)));
}

#[test]
fn a_seeded_replica_is_shown_at_once() {
    let mut aws = lagging();
    aws.seed(app().with_replica_in(IRELAND));
    assert_eq!(shown(&mut aws), (json!("InSync"), json!(HOME)));
    assert_eq!(aws.describe(IRELAND, "app")["PrimaryRegion"], HOME);
}

#[test]
fn writes_use_the_present_state() {
    let mut aws = lagging();
    aws.seed(app());
    aws.replicate("app", &[IRELAND]);
    aws.pass(1000);
    let answer = aws.replicate("app", &[IRELAND, OREGON]);
    assert_eq!(answer["ReplicationStatus"][0]["Status"], "InSync");
    assert_eq!(answer["ReplicationStatus"][1]["Status"], "InProgress");
    let id = json!({"SecretId": "app"});
    aws.fails(HOME, "DeleteSecret", &id, "InvalidParameterException: ");
}
