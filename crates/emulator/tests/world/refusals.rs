//! Calls that are refused as a whole.

use secret_replicator_emulator::{SecretSeed, World, WorldSettings};
use serde_json::json;

use crate::support::{Clocked, HOME, IRELAND, app, replication};

const REPLICATE: &str = "ReplicateSecretToRegions";

#[test]
fn the_primary_region_in_the_list_refuses_the_whole_call() {
    let mut aws = Clocked::new();
    aws.seed(app());
    let error = aws.error(HOME, REPLICATE, &replication("app", &[IRELAND, HOME]));
    assert_eq!(error, "InvalidParameterException: Invalid replica region.");
    assert_eq!(aws.world.replicas(aws.now, HOME, "app"), []);
}

#[test]
fn another_partition_is_refused() {
    let mut aws = Clocked::new();
    aws.seed(app());
    for region in ["cn-north-1", "us-gov-west-1", "eusc-de-east-1"] {
        let error = aws.error(HOME, REPLICATE, &replication("app", &[region]));
        assert_eq!(error, "InvalidParameterException: Invalid replica region.");
    }
}

#[test]
fn what_is_no_region_an_empty_list_and_a_missing_id_fail_validation() {
    let mut aws = Clocked::new();
    aws.seed(app());
    for body in [
        replication("app", &["Ireland"]),
        replication("app", &[]),
        json!({"SecretId": "app"}),
        json!({"AddReplicaRegions": [{"Region": IRELAND}]}),
        json!({"SecretId": "app", "AddReplicaRegions": [{}]}),
    ] {
        let error = aws.error(HOME, REPLICATE, &body);
        assert!(error.starts_with("ValidationException: "), "{error}");
    }
}

#[test]
fn writes_to_a_replica_are_refused_with_the_text_of_aws() {
    let mut aws = Clocked::new();
    aws.seed(app().with_replica_in(IRELAND));
    for (operation, body) in [
        (REPLICATE, replication("app", &["eu-central-1"])),
        (
            "RemoveRegionsFromReplication",
            json!({"SecretId": "app", "RemoveReplicaRegions": [HOME]}),
        ),
        ("TagResource", json!({"SecretId": "app", "Tags": []})),
        ("UntagResource", json!({"SecretId": "app", "TagKeys": []})),
        (
            "PutSecretValue",
            json!({"SecretId": "app", "SecretString": "v"}),
        ),
        ("DeleteSecret", json!({"SecretId": "app"})),
    ] {
        let error = aws.error(IRELAND, operation, &body);
        assert_eq!(
            error,
            "InvalidParameterException: Operation not permitted on a replica secret. Call must be \
             made in primary secret's region."
        );
    }
}

#[test]
fn a_secret_that_is_scheduled_for_deletion_is_described_but_not_written_to() {
    let mut aws = Clocked::new();
    aws.seed(app().with_scheduled_deletion());
    assert!(aws.describe(HOME, "app")["DeletedDate"].is_f64());
    let error = aws.error(HOME, REPLICATE, &replication("app", &[IRELAND]));
    assert_eq!(
        error,
        "InvalidRequestException: You can't perform this operation on the secret because it was \
         marked for deletion."
    );
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
    let error = aws.error(HOME, REPLICATE, &replication(name, &[IRELAND]));
    assert!(error.contains("managed by another service"), "{error}");
}

#[test]
fn a_secret_is_found_by_name_and_by_its_arns_in_its_own_region_only() {
    let mut aws = Clocked::new();
    let arn = aws.seed(app());
    let partial = arn.strip_suffix("-AbCdEf").unwrap().to_owned();
    for id in ["app", &arn, &partial] {
        assert_eq!(aws.describe(HOME, id)["Name"], "app");
    }
    let other_suffix = arn.replace("AbCdEf", "XXXXXX");
    let elsewhere = arn.replace(HOME, IRELAND);
    for (region, id) in [
        (HOME, "ap"),
        (HOME, &other_suffix),
        (HOME, &elsewhere),
        (IRELAND, "app"),
    ] {
        let error = aws.error(region, "DescribeSecret", &json!({"SecretId": id}));
        assert_eq!(
            error,
            "ResourceNotFoundException: Secrets Manager can't find the specified secret."
        );
    }
}

#[test]
fn more_than_fifty_writes_a_second_in_one_region_are_throttled() {
    let mut aws = Clocked::new();
    aws.seed(app());
    let body = replication("app", &[IRELAND]);
    for _ in 0..50 {
        aws.ok(HOME, REPLICATE, &body);
    }
    let error = aws.error(HOME, REPLICATE, &body);
    assert_eq!(error, "ThrottlingException: Rate exceeded");
    aws.describe(HOME, "app");
    aws.pass(20);
    aws.ok(HOME, REPLICATE, &body);
}

#[test]
fn an_unknown_operation_and_a_member_of_the_wrong_type_are_told_apart() {
    let mut world = World::new(WorldSettings::default());
    let now = Clocked::new().now;
    let mut code = |operation: &str, body| {
        let error = world.handle(now, HOME, operation, &body);
        error.unwrap_err().code
    };
    assert_eq!(code("MakeCoffee", json!({})), "UnknownOperationException");
    let wrong = json!({"SecretId": 5});
    assert_eq!(code("DescribeSecret", wrong), "SerializationException");
}
