//! Creating, describing and reading single secrets.

use std::time::Duration;

use secret_replicator_emulator::{KeyState, WorldSettings};
use serde_json::json;

use crate::support::{Clocked, HOME, IRELAND, app, replication};

#[test]
fn a_created_secret_is_described_with_the_members_it_has_and_no_others() {
    let mut aws = Clocked::new();
    let body = json!({"Name": "app", "SecretString": "v", "ClientRequestToken": "token-1"});
    let created = aws.ok(HOME, "CreateSecret", &body);
    assert_eq!(created["VersionId"], "token-1");
    let expected = json!({
        "ARN": created["ARN"],
        "Name": "app",
        "LastChangedDate": 1_767_225_600.0,
        "CreatedDate": 1_767_225_600.0,
        "Tags": [],
        "VersionIdsToStages": {"token-1": ["AWSCURRENT"]},
    });
    assert_eq!(aws.describe(HOME, "app"), expected);
}

#[test]
fn a_secret_created_without_value_has_no_version() {
    let mut aws = Clocked::new();
    let created = aws.ok(HOME, "CreateSecret", &json!({"Name": "app"}));
    assert_eq!(created.get("VersionId"), None);
    let error = "ResourceNotFoundException: Secrets Manager can't find the specified secret value \
                 for staging label: AWSCURRENT";
    aws.fails(HOME, "GetSecretValue", &json!({"SecretId": "app"}), error);
}

#[test]
fn a_secret_can_be_created_with_tags_key_and_replicas_at_once() {
    let mut aws = Clocked::new();
    aws.world.set_key(HOME, "alias/app", KeyState::Usable);
    let body = json!({
        "Name": "app",
        "SecretString": "v",
        "Description": "d",
        "KmsKeyId": "alias/app",
        "Tags": [{"Key": "tier", "Value": "1"}],
        "AddReplicaRegions": [{"Region": IRELAND}],
    });
    let created = aws.ok(HOME, "CreateSecret", &body);
    assert_eq!(created["ReplicationStatus"][0]["Status"], "InProgress");
    aws.pass(1000);
    let described = aws.describe(HOME, "app");
    assert_eq!(described["ReplicationStatus"][0]["Status"], "InSync");
    assert_eq!(described["KmsKeyId"], "alias/app");
    assert_eq!(described["Description"], "d");
    assert_eq!(described["Tags"], json!([{"Key": "tier", "Value": "1"}]));
}

#[test]
fn a_key_that_cannot_be_used_refuses_creation() {
    let mut aws = Clocked::new();
    aws.world.set_key(HOME, "alias/denied", KeyState::Denied);
    for (key, error) in [
        (
            "alias/denied",
            "AccessDeniedException: Access to KMS is not allowed",
        ),
        ("alias/unlisted", "EncryptionFailure: "),
    ] {
        let body = json!({"Name": "app", "KmsKeyId": key});
        aws.fails(HOME, "CreateSecret", &body, error);
    }
}

#[test]
fn a_name_that_is_taken_is_refused_unless_the_same_request_comes_again() {
    let mut aws = Clocked::new();
    let body = json!({"Name": "app", "SecretString": "v", "ClientRequestToken": "t"});
    let first = aws.ok(HOME, "CreateSecret", &body);
    assert_eq!(aws.ok(HOME, "CreateSecret", &body), first);
    let other = json!({"Name": "app", "SecretString": "w", "ClientRequestToken": "u"});
    let error =
        "ResourceExistsException: The operation failed because the secret app already exists.";
    aws.fails(HOME, "CreateSecret", &other, error);
}

#[test]
fn a_name_with_a_forbidden_character_is_refused() {
    let mut aws = Clocked::new();
    for name in ["", "a b", "a*", "ä"] {
        let body = json!({"Name": name});
        let error = "ValidationException: Invalid name.";
        aws.fails(HOME, "CreateSecret", &body, error);
    }
}

#[test]
fn a_new_secret_is_not_found_until_it_becomes_visible() {
    let mut aws = Clocked::with(WorldSettings {
        visibility_delay: Duration::from_secs(2),
        ..WorldSettings::default()
    });
    aws.seed(app());
    aws.pass(1999);
    for (operation, body) in [
        ("DescribeSecret", json!({"SecretId": "app"})),
        ("ReplicateSecretToRegions", replication("app", &[IRELAND])),
    ] {
        aws.fails(HOME, operation, &body, "ResourceNotFoundException: ");
    }
    aws.pass(1);
    aws.describe(HOME, "app");
    aws.replicate("app", &[IRELAND]);
}

#[test]
fn a_new_value_is_current_and_the_one_before_is_previous() {
    let mut aws = Clocked::new();
    aws.seed(app().with_value("one"));
    let two = json!({"SecretId": "app", "SecretString": "two", "ClientRequestToken": "t2"});
    let answer = aws.ok(HOME, "PutSecretValue", &two);
    assert_eq!(answer["VersionStages"], json!(["AWSCURRENT"]));
    assert_eq!(aws.ok(HOME, "PutSecretValue", &two), answer);
    let mut read = |stage: &str| {
        let body = json!({"SecretId": "app", "VersionStage": stage});
        aws.ok(HOME, "GetSecretValue", &body)["SecretString"].clone()
    };
    assert_eq!(read("AWSCURRENT"), "two");
    assert_eq!(read("AWSPREVIOUS"), "one");
    let reused = json!({"SecretId": "app", "SecretString": "x", "ClientRequestToken": "t2"});
    aws.fails(HOME, "PutSecretValue", &reused, "ResourceExistsException: ");
    aws.put_value("app", "three");
    let stages = aws.describe(HOME, "app")["VersionIdsToStages"].clone();
    assert_eq!(stages.as_object().unwrap().len(), 2);
}

#[test]
fn tags_are_replaced_by_key_and_removed_by_key() {
    let mut aws = Clocked::new();
    aws.seed(app().with_tag("a", "1").with_tag("b", "2"));
    let body = json!({
        "SecretId": "app",
        "Tags": [{"Key": "b", "Value": "3"}, {"Key": "B", "Value": "4"}],
    });
    assert!(aws.ok(HOME, "TagResource", &body).is_null());
    let body = json!({"SecretId": "app", "TagKeys": ["a", "unknown"]});
    assert!(aws.ok(HOME, "UntagResource", &body).is_null());
    let tags = json!([{"Key": "b", "Value": "3"}, {"Key": "B", "Value": "4"}]);
    assert_eq!(aws.describe(HOME, "app")["Tags"], tags);
}

#[test]
fn reserved_tags_and_a_fifty_first_tag_are_refused_and_change_nothing() {
    let mut aws = Clocked::new();
    aws.seed(app());
    let tags: Vec<_> = (0..50).map(|n| json!({"Key": format!("k{n}")})).collect();
    let body = json!({"SecretId": "app", "Tags": tags});
    aws.ok(HOME, "TagResource", &body);
    for key in ["one-more", "aws:mine"] {
        let body = json!({"SecretId": "app", "Tags": [{"Key": key, "Value": ""}]});
        aws.fails(HOME, "TagResource", &body, "InvalidParameterException: ");
    }
    let described = aws.describe(HOME, "app");
    assert_eq!(described["Tags"].as_array().unwrap().len(), 50);
}

#[test]
fn a_value_never_shows_in_debug_output() {
    let mut aws = Clocked::new();
    aws.seed(app().with_value("hunter2"));
    assert!(!format!("{:?}", aws.world).contains("hunter2"));
}
