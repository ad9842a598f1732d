//! `DescribeSecret` and `ListSecrets` with an age that each read draws.

use std::collections::BTreeSet;
use std::time::Duration;

use secret_replicator_emulator::{ReadLags, SecretSeed, WorldSettings};
use serde_json::{Value, json};

use crate::support::{Clocked, HOME, IRELAND, app};

/// A world in which only the part that `lags` names lags, by up to four seconds.
fn lagging(lags: ReadLags) -> Clocked {
    Clocked::with(WorldSettings {
        random_reads: Some((7, lags)),
        ..WorldSettings::default()
    })
}

const LAG: Duration = Duration::from_secs(4);

/// Reads every tenth of a second until the lag is over. Returns what `part` showed.
fn shown(aws: &mut Clocked, region: &str, part: impl Fn(&Value) -> Value) -> Vec<Value> {
    let reads = (0..40).map(|_| {
        aws.pass(100);
        part(&aws.describe(region, "app"))
    });
    reads.collect()
}

/// Asserts that the reads showed both states, the older one also after the newer one, and that the next
/// read shows the newer one.
fn assert_goes_back(aws: &mut Clocked, region: &str, part: impl Fn(&Value) -> Value, old: &Value) {
    let shown = shown(aws, region, &part);
    let first_new = shown.iter().position(|value| value != old);
    let later = &shown[first_new.expect("the newer state")..];
    assert!(later.contains(old), "{shown:?}");
    assert_ne!(part(&aws.describe(region, "app")), *old);
}

#[test]
fn a_read_shows_older_tags_than_the_read_before_it() {
    let mut aws = lagging(ReadLags {
        tags: LAG,
        ..ReadLags::default()
    });
    aws.seed(app().with_tag("tier", "1"));
    aws.pass(10_000);
    let tags = json!([{"Key": "tier", "Value": "2"}]);
    aws.ok(
        HOME,
        "TagResource",
        &json!({"SecretId": "app", "Tags": tags}),
    );
    let tag = |secret: &Value| secret["Tags"][0]["Value"].clone();
    assert_goes_back(&mut aws, HOME, tag, &json!("1"));
}

#[test]
fn a_read_shows_an_older_current_version_than_the_read_before_it_in_each_region() {
    for region in [HOME, IRELAND] {
        let mut aws = lagging(ReadLags {
            versions: LAG,
            ..ReadLags::default()
        });
        aws.seed(app().with_replica_in(IRELAND));
        aws.pass(10_000);
        let versions = |secret: &Value| secret["VersionIdsToStages"].clone();
        let old = versions(&aws.describe(region, "app"));
        let value = json!({"SecretId": "app", "SecretString": "new"});
        aws.ok(HOME, "PutSecretValue", &value);
        aws.pass(if region == HOME { 0 } else { 1000 });
        assert_goes_back(&mut aws, region, versions, &old);
    }
}

#[test]
fn a_read_shows_an_older_status_and_date_of_deletion_than_the_read_before_it() {
    let mut aws = lagging(ReadLags {
        status: LAG,
        deletion: LAG,
        ..ReadLags::default()
    });
    aws.seed(app().with_replica_in(IRELAND));
    aws.pass(10_000);
    let id = json!({"SecretId": "app"});
    aws.ok(IRELAND, "StopReplicationToReplica", &id);
    let status = |secret: &Value| secret["ReplicationStatus"][0]["Status"].clone();
    assert_goes_back(&mut aws, HOME, status, &json!("InSync"));
    aws.ok(HOME, "DeleteSecret", &id);
    let date = |secret: &Value| secret["DeletedDate"].clone();
    assert_goes_back(&mut aws, HOME, date, &json!(null));
}

#[test]
fn the_parts_of_an_answer_have_ages_of_their_own() {
    let mut aws = lagging(ReadLags {
        tags: LAG,
        versions: LAG,
        ..ReadLags::default()
    });
    aws.seed(app());
    aws.pass(10_000);
    let tags = json!({"SecretId": "app", "Tags": [{"Key": "tier", "Value": "2"}]});
    aws.ok(HOME, "TagResource", &tags);
    let value = json!({"SecretId": "app", "SecretString": "new"});
    let version = aws.ok(HOME, "PutSecretValue", &value)["VersionId"].clone();
    let version = version.as_str().expect("an ID").to_owned();
    let parts = |secret: &Value| {
        let is_tagged = secret["Tags"] != json!([]);
        json!([is_tagged, secret["VersionIdsToStages"][&version].is_array()])
    };
    let shown = shown(&mut aws, HOME, parts);
    let shown: BTreeSet<String> = shown.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 4, "{shown:?}");
}

#[test]
fn a_list_and_a_new_secret_go_back_in_time() {
    let mut aws = Clocked::with(WorldSettings {
        random_reads: Some((7, ReadLags::default())),
        list_lag: LAG,
        visibility_delay: LAG,
        ..WorldSettings::default()
    });
    aws.ok(HOME, "CreateSecret", &json!({"Name": "app"}));
    let mut listed = Vec::new();
    let mut found = Vec::new();
    for _ in 0..40 {
        aws.pass(100);
        let list = aws.ok(HOME, "ListSecrets", &json!({}));
        listed.push(list["SecretList"] != json!([]));
        let id = json!({"SecretId": "app"});
        found.push(aws.call(HOME, "DescribeSecret", &id).is_ok());
    }
    for seen in [listed, found] {
        let first = seen.iter().position(|seen| *seen).expect("the secret");
        assert!(seen[first..].contains(&false), "{seen:?}");
    }
}

#[test]
fn writes_use_the_present_state() {
    let mut aws = lagging(ReadLags {
        status: LAG,
        ..ReadLags::default()
    });
    aws.seed(app());
    aws.pass(10_000);
    for _ in 0..10 {
        let answer = aws.replicate("app", &[IRELAND]);
        assert_eq!(answer["ReplicationStatus"][0]["Region"], IRELAND);
    }
}

#[test]
fn the_history_has_each_state_of_a_name() {
    let mut aws = Clocked::with(WorldSettings {
        keeps_history: true,
        ..WorldSettings::default()
    });
    aws.seed(app().with_suffix("aaaaaa").with_replica_in(IRELAND));
    aws.pass(1000);
    let id = json!({"SecretId": "app"});
    aws.ok(IRELAND, "StopReplicationToReplica", &id);
    aws.pass(1000);
    let gone = json!({"SecretId": "app", "ForceDeleteWithoutRecovery": true});
    aws.ok(IRELAND, "DeleteSecret", &gone);
    aws.pass(1000);
    aws.seed(SecretSeed::new(IRELAND, "app").with_suffix("bbbbbb"));
    let history = aws.world.history();
    let states = &history[&(IRELAND.to_owned(), "app".to_owned())];
    let states: Vec<_> = states
        .iter()
        .map(|(_, state)| {
            let state = state.as_ref()?;
            Some((state.is_replica, state.arn.ends_with("-aaaaaa")))
        })
        .collect();
    let expected = [
        Some((true, true)),
        Some((false, true)),
        None,
        Some((false, false)),
    ];
    assert_eq!(states, expected);
}

#[test]
fn a_replica_of_another_account_looks_like_a_primary_and_refuses_writes() {
    let mut aws = Clocked::new();
    aws.seed(app().with_replica_of(HOME));
    let shown = aws.describe(HOME, "app");
    assert_eq!(shown["PrimaryRegion"], json!(null));
    let body = json!({"SecretId": "app", "AddReplicaRegions": [{"Region": IRELAND}]});
    let message = "InvalidParameterException: Operation not permitted on a replica secret.";
    aws.fails(HOME, "ReplicateSecretToRegions", &body, message);
    assert!(
        aws.world
            .secret(aws.now, HOME, "app")
            .expect("the secret")
            .is_replica
    );
}
