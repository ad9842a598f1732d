//! Primaries and replicas as the API shows them.

use secret_replicator_emulator::SecretSeed;
use serde_json::{Value, json};

use crate::support::{Clocked, HOME, IRELAND, app, replication};

/// A primary with a replica in Ireland, and a secret without replicas.
fn primary_and_other() -> Clocked {
    let mut aws = Clocked::new();
    aws.seed(app().with_tag("tier", "1").with_value("v"));
    aws.seed(SecretSeed::new(HOME, "other"));
    aws.replicate("app", &[IRELAND]);
    aws.pass(1000);
    aws
}

#[test]
fn a_replica_has_the_suffix_tags_and_value_of_its_primary() {
    let mut aws = primary_and_other();
    let replica = aws.world.secret(aws.now, IRELAND, "app").unwrap();
    let suffix = ":eu-west-1:123456789012:secret:app-AbCdEf";
    assert!(replica.arn.ends_with(suffix), "{}", replica.arn);
    assert_eq!(replica.tags, [("tier".to_owned(), "1".to_owned())]);
    assert_eq!(replica.value.as_deref(), Some("v"));
}

#[test]
fn each_role_shows_its_members_when_it_is_described_and_listed() {
    let mut aws = primary_and_other();
    let tags = json!([{"Key": "tier", "Value": "1"}]);
    for (region, name, primary_region, tags, has_status) in [
        (HOME, "app", json!(HOME), &tags, true),
        (IRELAND, "app", json!(HOME), &tags, false),
        // A primary names itself only while it has replicas.
        (HOME, "other", Value::Null, &json!([]), false),
    ] {
        let described = aws.describe(region, name);
        assert_eq!(
            described["PrimaryRegion"], primary_region,
            "{region} {name}"
        );
        assert_eq!(described["Tags"], *tags, "{region} {name}");
        let status = described.get("ReplicationStatus");
        assert_eq!(status.is_some(), has_status, "{region} {name}");

        let list = aws.ok(region, "ListSecrets", &json!({}));
        let entries = list["SecretList"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["Name"] == name).unwrap();
        assert_eq!(entry["PrimaryRegion"], primary_region, "{region} {name}");
        assert_eq!(entry["Tags"], *tags, "{region} {name}");
        assert_eq!(entry.get("ReplicationStatus"), None, "{region} {name}");
    }
}

#[test]
fn a_taken_name_is_named_in_the_message_of_the_replica() {
    let mut aws = Clocked::new();
    aws.seed(app());
    aws.seed(SecretSeed::new(IRELAND, "app"));
    aws.replicate("app", &[IRELAND]);
    aws.pass(1000);
    let message = "Replication failed: Secret name app already exists in region eu-west-1.";
    let row = aws.row("app", IRELAND);
    assert_eq!(row.status_message.as_deref(), Some(message));
}

#[test]
fn a_secret_scheduled_for_deletion_is_described_but_not_written_to() {
    let mut aws = Clocked::new();
    aws.seed(app().with_scheduled_deletion());
    assert!(aws.describe(HOME, "app")["DeletedDate"].is_number());
    for (operation, body) in [
        ("ReplicateSecretToRegions", replication("app", &[IRELAND])),
        ("TagResource", json!({"SecretId": "app", "Tags": []})),
        (
            "PutSecretValue",
            json!({"SecretId": "app", "SecretString": "v"}),
        ),
    ] {
        aws.fails(HOME, operation, &body, "InvalidRequestException: ");
    }
}
