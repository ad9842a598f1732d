//! Calls that fail as a whole.

use secret_replicator_emulator::SecretSeed;
use serde_json::json;

use crate::support::{Clocked, HOME, IRELAND, app, replication};

const REPLICATE: &str = "ReplicateSecretToRegions";

#[test]
fn an_invalid_region_an_empty_list_and_a_missing_id_fail_validation() {
    let mut aws = Clocked::new();
    aws.seed(app());
    for body in [
        replication("app", &["Ireland"]),
        replication("app", &[]),
        json!({"SecretId": "app"}),
        json!({"AddReplicaRegions": [{"Region": IRELAND}]}),
        json!({"SecretId": "app", "AddReplicaRegions": [{}]}),
    ] {
        aws.fails(HOME, REPLICATE, &body, "ValidationException: ");
    }
}

#[test]
fn writes_to_a_replica_are_refused_with_the_text_of_aws() {
    let mut aws = Clocked::new();
    aws.seed(app().with_replica_in(IRELAND));
    let body = json!({
        "SecretId": "app",
        "AddReplicaRegions": [{"Region": "eu-central-1"}],
        "RemoveReplicaRegions": [HOME],
        "Tags": [],
        "TagKeys": [],
        "SecretString": "v",
    });
    for operation in [
        REPLICATE,
        "RemoveRegionsFromReplication",
        "TagResource",
        "UntagResource",
        "PutSecretValue",
        "DeleteSecret",
        "RestoreSecret",
    ] {
        let error = "InvalidParameterException: Operation not permitted on a replica secret. Call \
                     must be made in primary secret's region.";
        aws.fails(IRELAND, operation, &body, error);
    }
}

#[test]
fn a_managed_secret_shows_its_owner_and_is_not_replicated() {
    let mut aws = Clocked::new();
    let name = "rds!cluster-a1b2c3d4";
    aws.seed(SecretSeed::new(HOME, name).with_owning_service("rds"));
    let described = aws.describe(HOME, name);
    assert_eq!(described["OwningService"], "rds");
    let tag = json!({"Key": "aws:secretsmanager:owningService", "Value": "rds"});
    assert_eq!(described["Tags"], json!([tag]));
    let error = "InvalidRequestException: The secret is managed by another service";
    aws.fails(HOME, REPLICATE, &replication(name, &[IRELAND]), error);
}

#[test]
fn a_secret_is_found_by_name_and_by_its_arns_in_its_own_region_only() {
    let mut aws = Clocked::new();
    let arn = aws.seed(app());
    let partial = arn.strip_suffix("-AbCdEf").unwrap().to_owned();
    for id in ["app", &arn, &partial] {
        assert_eq!(aws.describe(HOME, id)["Name"], "app");
    }
    for (region, id) in [
        (HOME, "ap"),
        (HOME, &arn.replace("AbCdEf", "XXXXXX")),
        (HOME, &arn.replace(HOME, IRELAND)),
        (HOME, &arn.replace("123456789012", "210987654321")),
        (IRELAND, "app"),
    ] {
        let id = json!({"SecretId": id});
        aws.fails(region, "DescribeSecret", &id, "ResourceNotFoundException: ");
    }
}

#[test]
fn more_than_fifty_writes_a_second_in_one_region_are_throttled() {
    let mut aws = Clocked::new();
    aws.seed(app());
    aws.seed(SecretSeed::new(IRELAND, "other"));
    let body = replication("app", &[IRELAND]);
    for _ in 0..50 {
        aws.ok(HOME, REPLICATE, &body);
    }
    let error = "ThrottlingException: Rate exceeded";
    aws.fails(HOME, REPLICATE, &body, error);
    aws.describe(HOME, "app");
    aws.ok(IRELAND, REPLICATE, &replication("other", &[HOME]));
    aws.pass(20);
    aws.ok(HOME, REPLICATE, &body);
    aws.fails(HOME, REPLICATE, &body, error);
}
