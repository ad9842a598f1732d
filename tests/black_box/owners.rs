//! Tests of owners who change a secret or its replicas while the function works. That is not a failure.

use std::time::Duration;

use secret_replicator_emulator::{Emulator, Fault, FaultKind, Lambda, RemovedReplicas};
use serde_json::{Value, json};

use crate::stage::{Delivery, HOME, Setting, Stage, create_secret_event, deliver, setting, tagged};

const POLICY: &str = "{version: 1, removal: covered, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: {tag: replicate-to}}]}";

/// Returns settings in which AWS takes longer to replicate than the function follows a replica.
fn slow() -> Setting {
    setting()
        .env("REPLICATION_POLICY", POLICY)
        .env("REPLICATION_WAIT_SECONDS", "8")
        .world(|world| world.replication_delay = Duration::from_mins(1))
}

/// Delivers an event. After the first request, the owner makes a call about the secret.
async fn delivered_while(
    function: &mut Lambda,
    aws: &Emulator,
    event: &Value,
    operation: &str,
    mut body: Value,
) -> Delivery {
    let owner = async {
        while aws.calls_to("ReplicateSecretToRegions").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        body["SecretId"] = json!("prod/db");
        aws.with(|world, now| world.handle(now, HOME, operation, &body))
    };
    let (delivery, answer) = tokio::join!(deliver(function, event), owner);
    answer.expect("the owner may do that");
    delivery
}

/// Checks that the record tells no one of a failure.
fn is_no_failure(delivery: &Delivery, reason: &str) {
    delivery.ends_well("unchanged");
    assert_eq!(delivery.record["level"], "INFO");
    assert_eq!(
        delivery.region("eu-west-1"),
        format!("replicate superseded {reason}")
    );
    for metric in ["ReplicasFailed", "ReplicasPending", "ReplicasRefused"] {
        let values = delivery.metrics.iter();
        let sum: u64 = values.filter_map(|line| line[metric].as_u64()).sum();
        assert_eq!(sum, 0, "{metric}");
    }
}

#[tokio::test]
async fn owners_who_let_go_of_a_replica_while_it_is_created_cause_no_failure() {
    let untag = json!({ "TagKeys": ["replicate-to"] });
    let retag = json!({ "Tags": [{ "Key": "replicate-to", "Value": "none" }] });
    let cases = [
        ("UntagResource", untag, "secret-changed"),
        ("TagResource", retag, "secret-changed"),
    ];
    for (operation, body, reason) in cases {
        let mut stage = slow().start().await;
        let arn = stage.secret(tagged("prod/db", "eu-west-1"));
        let event = create_secret_event("prod/db", &arn);
        let Stage { aws, function, .. } = &mut stage;
        let delivery = delivered_while(function, aws, &event, operation, body).await;
        is_no_failure(&delivery, reason);
    }
}

const REMOVAL: &str = "RemoveRegionsFromReplication";

fn removal() -> Value {
    json!({ "RemoveReplicaRegions": ["eu-west-1"] })
}

#[tokio::test]
async fn a_replica_that_its_owner_removes_before_it_exists_is_requested_again() {
    let setting = slow().world(|world| world.replication_delay = Duration::from_secs(1));
    let mut stage = setting.start().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    let event = create_secret_event("prod/db", &arn);
    let Stage { aws, function, .. } = &mut stage;
    let delivery = delivered_while(function, aws, &event, REMOVAL, removal()).await;
    delivery.ends_well("replicated");
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
    assert_eq!(stage.requested().len(), 2);
}

#[tokio::test]
async fn a_replica_that_its_owner_removes_while_it_is_followed_is_not_requested_again() {
    let setting = slow().world(|world| {
        world.removal_delay = Duration::from_mins(1);
        world.removed_replicas = RemovedReplicas::Hidden;
    });
    let mut stage = setting.start().await;
    let seed = tagged("prod/db", "eu-west-1 us-west-2").with_replica_in("eu-west-1");
    let arn = stage.secret(seed);
    stage.aws.with(|world, now| {
        world.force_status(now, HOME, "prod/db", "eu-west-1", "InProgress", None);
    });
    let event = create_secret_event("prod/db", &arn);
    let Stage { aws, function, .. } = &mut stage;
    let delivery = delivered_while(function, aws, &event, REMOVAL, removal()).await;
    assert_eq!(
        delivery.region("eu-west-1"),
        "keep superseded removed-by-other"
    );
    insta::assert_json_snapshot!(delivery.replica("eu-west-1"));
    assert!(
        stage
            .requested()
            .iter()
            .flatten()
            .all(|region| region != "eu-west-1")
    );
}

#[tokio::test]
async fn a_replica_in_progress_that_others_remove_or_promote_is_not_reported_as_in_progress() {
    let cases = [
        (
            HOME,
            "RemoveRegionsFromReplication",
            "keep superseded removed-by-other",
        ),
        (
            "eu-west-1",
            "StopReplicationToReplica",
            "keep refused promoted-replica",
        ),
    ];
    for (region, operation, expected) in cases {
        let mut stage = slow().start().await;
        let arn = stage.secret(tagged("prod/db", "eu-west-1").with_replica_in("eu-west-1"));
        stage.aws.with(|world, now| {
            world.force_status(now, HOME, "prod/db", "eu-west-1", "InProgress", None);
        });
        let event = create_secret_event("prod/db", &arn);
        let Stage { aws, function, .. } = &mut stage;
        let owner = async {
            while aws.calls_to("DescribeSecret").len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let mut body = json!({ "SecretId": "prod/db" });
            if region == HOME {
                body["RemoveReplicaRegions"] = json!(["eu-west-1"]);
            }
            aws.with(|world, now| world.handle(now, region, operation, &body))
        };
        let (delivery, answer) = tokio::join!(deliver(function, &event), owner);
        answer.expect("the owner may do that");
        assert_eq!(delivery.region("eu-west-1"), expected);
        assert_eq!(delivery.error(), "");
        assert!(stage.requested().is_empty());
    }
}

#[tokio::test]
async fn a_secret_that_is_deleted_while_its_replica_is_created_causes_no_failure() {
    let mut stage = slow().start().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    let event = create_secret_event("prod/db", &arn);
    let Stage { aws, function, .. } = &mut stage;
    let owner = async {
        while aws.calls_to("ReplicateSecretToRegions").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let remove = json!({ "SecretId": "prod/db", "RemoveReplicaRegions": ["eu-west-1"] });
        let delete = json!({ "SecretId": "prod/db" });
        aws.with(|world, now| {
            world.handle(now, HOME, "RemoveRegionsFromReplication", &remove)?;
            world.handle(now, HOME, "DeleteSecret", &delete)
        })
    };
    let (delivery, answer) = tokio::join!(deliver(function, &event), owner);
    answer.expect("the owner may delete");
    is_no_failure(&delivery, "secret-changed");
}

/// Delivers an event. Right after the first request, which a fault keeps from its execution, the owner makes
/// a call about the secret.
async fn delivered_before_the_request(
    stage: &mut Stage,
    event: &Value,
    call: (&str, Value),
) -> Delivery {
    let Stage { aws, function, .. } = stage;
    let (operation, mut body) = call;
    body["SecretId"] = json!("prod/db");
    let owner = async {
        while aws.calls_to("ReplicateSecretToRegions").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        aws.with(|world, now| world.handle(now, HOME, operation, &body))
    };
    let (delivery, answer) = tokio::join!(deliver(function, event), owner);
    answer.expect("the owner may do that");
    delivery
}

#[tokio::test]
async fn a_secret_that_is_deleted_before_its_replica_is_requested_causes_no_failure() {
    let not_found = "Secrets Manager can't find the specified secret.";
    let rejected = FaultKind::answer(400, "ResourceNotFoundException", not_found);
    for fault in [rejected, FaultKind::Throttle] {
        let mut stage = setting().start().await;
        let arn = stage.secret(tagged("prod/db", "eu-west-1"));
        let first = Fault::on("ReplicateSecretToRegions", fault);
        stage.aws.script(first.times(1));
        let event = create_secret_event("prod/db", &arn);
        let delete = json!({ "ForceDeleteWithoutRecovery": true });
        let call = ("DeleteSecret", delete);
        let delivery = delivered_before_the_request(&mut stage, &event, call).await;
        is_no_failure(&delivery, "secret-changed");
    }
}

#[tokio::test]
async fn one_read_that_does_not_show_the_tag_yet_hides_no_failure() {
    let mut stage = setting().start().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    let rejected = FaultKind::answer(400, "InvalidRequestException", "not now");
    let write = Fault::on("ReplicateSecretToRegions", rejected);
    stage.aws.script(write.always());
    let event = create_secret_event("prod/db", &arn);
    let Stage { aws, function, .. } = &mut stage;
    // The polls after the request end in its sixth second, and one of the two reads that follow them, five
    // seconds apart, shows the secret without the tag.
    let owner = async {
        while aws.calls_to("ReplicateSecretToRegions").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
        let untag = json!({ "SecretId": "prod/db", "TagKeys": ["replicate-to"] });
        let untagged = aws.with(|world, now| world.handle(now, HOME, "UntagResource", &untag));
        untagged.expect("the owner may untag");
        tokio::time::sleep(Duration::from_millis(3700)).await;
        let tags = json!([{ "Key": "replicate-to", "Value": "eu-west-1" }]);
        let tag = json!({ "SecretId": "prod/db", "Tags": tags });
        aws.with(|world, now| world.handle(now, HOME, "TagResource", &tag))
    };
    let (delivery, answer) = tokio::join!(deliver(function, &event), owner);
    answer.expect("the owner may tag");
    delivery.ends_in_error("failed", "ReplicationFailed");
}

#[tokio::test]
async fn an_owner_who_removes_the_unwanted_replica_first_causes_no_failure() {
    let mut stage = setting()
        .env("REPLICATION_POLICY", POLICY)
        .env("ALLOW_REMOVAL", "true")
        .start()
        .await;
    stage.may_remove = true;
    let seed = tagged("prod/db", "us-west-2").with_replica_in("eu-west-1");
    let arn = stage.secret(seed);
    let event = create_secret_event("prod/db", &arn);
    let Stage { aws, function, .. } = &mut stage;
    let delivery = delivered_while(function, aws, &event, REMOVAL, removal()).await;
    delivery.ends_well("replicated");
    assert_eq!(
        delivery.region("eu-west-1"),
        "remove removed no-longer-targeted"
    );
}
