//! Denied access.

use secret_replicator_emulator::Denial;
use serde_json::json;

use crate::support::{Clocked, HOME, IRELAND, OREGON, app, replication};

#[test]
fn a_denial_names_caller_action_and_the_resource_if_there_is_one() {
    let mut aws = Clocked::new();
    let arn = aws.seed(app());
    // Everything.
    aws.world.deny(Denial::default());
    for (operation, body, resource) in [
        ("ListSecrets", json!({}), String::new()),
        (
            "DescribeSecret",
            json!({"SecretId": "app"}),
            format!(" on resource: {arn}"),
        ),
        (
            "DescribeSecret",
            json!({"SecretId": "missing"}),
            " on resource: missing".to_owned(),
        ),
    ] {
        let error = format!(
            "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/secret-replicator\
             /secret-replicator is not authorized to perform: secretsmanager:{operation}{resource} \
             because no identity-based policy allows the secretsmanager:{operation} action"
        );
        aws.fails(HOME, operation, &body, &error);
    }
    aws.world.allow_everything();
    aws.describe(HOME, "app");
}

#[test]
fn a_region_that_is_not_enabled_accepts_no_credentials() {
    let id = json!({"SecretId": "app"});
    Clocked::new().fails(
        "me-south-1",
        "DescribeSecret",
        &id,
        "UnrecognizedClientException",
    );
}

#[test]
fn a_denial_covers_no_more_than_its_region_secret_and_replica_region() {
    let mut aws = Clocked::new();
    aws.seed(app());
    for denial in [
        Denial::default().in_region(IRELAND),
        Denial::of("DescribeSecret").on_secret("other"),
        Denial::default().on_replica_region(OREGON),
    ] {
        aws.world.deny(denial);
    }
    aws.describe(HOME, "app");
    aws.replicate("app", &[IRELAND]);
    for (region, operation, body) in [
        (IRELAND, "ListSecrets", json!({})),
        (HOME, "DescribeSecret", json!({"SecretId": "other"})),
        (
            HOME,
            "ReplicateSecretToRegions",
            replication("app", &[OREGON]),
        ),
    ] {
        aws.fails(region, operation, &body, "AccessDeniedException: ");
    }
}
