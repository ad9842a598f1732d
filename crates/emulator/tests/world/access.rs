//! Denied access.

use secret_replicator_emulator::Denial;
use serde_json::json;

use crate::support::{Clocked, HOME, IRELAND, OREGON, app, replication};

#[test]
fn a_denied_operation_names_caller_action_and_resource() {
    let mut aws = Clocked::new();
    let arn = aws.seed(app());
    aws.world.deny(Denial::of("DescribeSecret"));
    let error = aws.error(HOME, "DescribeSecret", &json!({"SecretId": "app"}));
    assert_eq!(
        error,
        format!(
            "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/secret-replicator\
             /secret-replicator is not authorized to perform: secretsmanager:DescribeSecret on \
             resource: {arn} because no identity-based policy allows the \
             secretsmanager:DescribeSecret action"
        )
    );
    aws.world.allow_everything();
    aws.describe(HOME, "app");
}

#[test]
fn a_region_that_is_not_enabled_accepts_no_credentials() {
    let mut aws = Clocked::new();
    let error = aws.error("me-south-1", "DescribeSecret", &json!({"SecretId": "app"}));
    assert!(error.starts_with("UnrecognizedClientException"), "{error}");
}

#[test]
fn a_denied_list_names_no_resource_and_a_denied_stranger_the_id_of_the_request() {
    let mut aws = Clocked::new();
    aws.world.deny(Denial::everything());
    let error = aws.error(HOME, "ListSecrets", &json!({}));
    assert!(
        error.contains("secretsmanager:ListSecrets because no identity-based"),
        "{error}"
    );
    let error = aws.error(HOME, "DescribeSecret", &json!({"SecretId": "nobody"}));
    assert!(error.contains("on resource: nobody because"), "{error}");
}

#[test]
fn a_denial_covers_no_more_than_its_region_secret_tag_and_replica_region() {
    let mut aws = Clocked::new();
    aws.seed(app().with_tag("owner", "them"));
    aws.world.deny(Denial::everything().in_region(IRELAND));
    aws.world
        .deny(Denial::of("DescribeSecret").on_secret("other"));
    aws.world
        .deny(Denial::of("DescribeSecret").on_tag("owner", "us"));
    aws.world
        .deny(Denial::everything().on_replica_region(OREGON));
    aws.describe(HOME, "app");
    aws.replicate("app", &[IRELAND]);
    for (region, operation, body) in [
        (IRELAND, "ListSecrets", json!({})),
        (
            HOME,
            "ReplicateSecretToRegions",
            replication("app", &[OREGON]),
        ),
    ] {
        let error = aws.error(region, operation, &body);
        assert!(error.starts_with("AccessDeniedException: "), "{error}");
    }
    aws.world.deny(Denial::everything().on_tag("owner", "them"));
    let error = aws.error(HOME, "DescribeSecret", &json!({"SecretId": "app"}));
    assert!(error.starts_with("AccessDeniedException: "), "{error}");
}
