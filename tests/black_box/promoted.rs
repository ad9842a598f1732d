//! Tests of what a replica's Region already has under the secret's name: a promoted former replica, the
//! secret's own replica, or another secret.

use std::time::Duration;

use secret_replicator_emulator::{Denial, FailedReplicas, PromotedReplicas, SecretSeed};
use serde_json::{Value, json};

use crate::stage::{HOME, Setting, Stage, create_secret_event, setting, tagged};
use crate::sweep::slice;

const OVERWRITING: &str = "{version: 1, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: {tag: replicate-to}, overwrite: true}]}";

const TAKEN: &str = "Replication failed: Secret name prod/db already exists in region eu-west-1.";

fn overwriting() -> Setting {
    setting()
        .env("REPLICATION_POLICY", OVERWRITING)
        .env("ALLOW_OVERWRITE", "true")
}

/// Creates a secret with a replica in `eu-west-1`, and promotes the replica. Returns the event of the
/// secret's creation.
pub(crate) fn after_a_failover(stage: &Stage, name: &str) -> Value {
    let arn = stage.secret(settled(name, "eu-west-1").with_replica_in("eu-west-1"));
    promote(stage, name);
    create_secret_event(name, &arn)
}

/// Promotes the replica of a secret in `eu-west-1`.
fn promote(stage: &Stage, name: &str) {
    let body = json!({ "SecretId": name });
    let promoted = stage
        .aws
        .with(|world, now| world.handle(now, "eu-west-1", "StopReplicationToReplica", &body));
    promoted.expect("the replica is promoted");
}

/// Returns a secret that quick sweeps compare, because it has not changed for an hour.
fn settled(name: &str, replicate_to: &str) -> SecretSeed {
    tagged(name, replicate_to).with_age(Duration::from_hours(1))
}

fn value_in_eu_west_1(stage: &Stage, name: &str) -> Option<String> {
    let secret = stage
        .aws
        .with(|world, now| world.secret(now, "eu-west-1", name));
    let secret = secret.expect("the secret is there");
    assert_eq!(secret.primary_region, None, "it is standalone");
    secret.value
}

#[tokio::test]
async fn a_promoted_former_replica_is_neither_requested_nor_overwritten() {
    let mut stage = overwriting().start().await;
    let event = after_a_failover(&stage, "prod/db");
    let newer = json!({"SecretId": "prod/db", "SecretString": "newer"});
    let put = stage
        .aws
        .with(|world, now| world.handle(now, "eu-west-1", "PutSecretValue", &newer));
    put.expect("the promoted secret takes a value");
    for _ in 0..2 {
        let delivery = stage.deliver(&event).await;
        delivery.ends_well("refused");
        assert_eq!(delivery.record["level"], "WARN");
        assert_eq!(
            delivery.region("eu-west-1"),
            "refuse refused promoted-replica"
        );
        let replica = delivery.replica("eu-west-1");
        let detail = replica["detail"].as_str().expect("a detail");
        assert!(detail.contains("StopReplicationToReplica"), "{detail}");
        let remediation = replica["remediation"].as_str().expect("a remediation");
        assert!(remediation.contains("newer value"), "{remediation}");
    }
    assert!(stage.requested().is_empty());
    let value = value_in_eu_west_1(&stage, "prod/db");
    assert_eq!(value.as_deref(), Some("newer"));
}

#[tokio::test]
async fn a_dry_run_and_an_explanation_show_a_promoted_former_replica_as_a_real_run_does() {
    let mut stage = overwriting().start().await;
    after_a_failover(&stage, "prod/db");
    let dry_run = json!({"action": "reconcile", "secretId": "prod/db", "dryRun": true});
    let delivery = stage.deliver(&dry_run).await;
    delivery.ends_well("refused");
    assert_eq!(
        delivery.region("eu-west-1"),
        "refuse refused promoted-replica"
    );
    let answer = stage
        .explain(&json!({"action": "explain", "secretId": "prod/db"}))
        .await;
    let explanation = &answer["explanation"];
    assert_eq!(explanation["regions"][0]["reason"], "promoted-replica");
    assert_eq!(explanation["calls"], json!([]));
}

#[tokio::test]
async fn without_overwrite_aws_refuses_the_name_and_the_former_replica_is_named_at_once() {
    let mut stage = Stage::new().await;
    let event = after_a_failover(&stage, "prod/db");
    let first = stage.deliver(&event).await;
    first.ends_well("refused");
    assert_eq!(
        first.region("eu-west-1"),
        "replicate refused promoted-replica"
    );
    let second = stage.deliver(&event).await;
    second.ends_well("refused");
    assert_eq!(
        second.region("eu-west-1"),
        "refuse refused promoted-replica"
    );
    assert_eq!(stage.requested().len(), 1);
    assert!(value_in_eu_west_1(&stage, "prod/db").is_some());
}

#[tokio::test]
async fn another_secret_is_overwritten_and_counted() {
    let mut stage = overwriting().start().await;
    stage.secret(SecretSeed::new("eu-west-1", "prod/db"));
    let delivery = stage.create(tagged("prod/db", "eu-west-1 us-west-2")).await;
    delivery.ends_well("replicated");
    assert_eq!(delivery.region("eu-west-1"), "overwrite in-sync");
    assert_eq!(delivery.region("us-west-2"), "replicate in-sync");
    let overwritten = |line: &&Value| line["ReplicasOverwritten"] == 1;
    let counted: Vec<_> = delivery.metrics.iter().filter(overwritten).collect();
    assert_eq!(counted.len(), 1);
    assert_eq!(counted[0]["ReplicaRegion"], "eu-west-1");
    let forced: Vec<_> = stage
        .calls("ReplicateSecretToRegions")
        .iter()
        .map(|call| call.body["ForceOverwriteReplicaSecret"] == true)
        .collect();
    assert_eq!(forced, [false, true]);
    stage.may_overwrite = true;
}

#[tokio::test]
async fn a_dry_run_names_the_secret_that_it_would_overwrite() {
    let mut stage = overwriting().start().await;
    stage.secret(SecretSeed::new("eu-west-1", "prod/db"));
    stage.secret(tagged("prod/db", "eu-west-1"));
    let dry_run = json!({"action": "reconcile", "secretId": "prod/db", "dryRun": true});
    let delivery = stage.deliver(&dry_run).await;
    delivery.ends_well("planned");
    assert_eq!(delivery.region("eu-west-1"), "overwrite planned");
    assert_eq!(
        delivery.record["message"],
        "prod/db: would overwrite a secret in eu-west-1"
    );
    let overwritten = |line: &Value| line["ReplicasOverwritten"] == 1;
    assert!(!delivery.metrics.iter().any(overwritten));
}

#[tokio::test]
async fn a_free_name_is_requested_without_overwriting() {
    let mut stage = overwriting().start().await;
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_well("replicated");
    assert_eq!(delivery.region("eu-west-1"), "replicate in-sync");
}

#[tokio::test]
async fn the_secrets_own_replica_is_requested_again_without_overwriting() {
    let mut stage = overwriting().start().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1").with_replica_in("eu-west-1"));
    stage.aws.with(|world, now| {
        world.force_status(now, HOME, "prod/db", "eu-west-1", "Failed", Some(TAKEN));
    });
    let event = create_secret_event("prod/db", &arn);
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("replicated");
    assert_eq!(delivery.region("eu-west-1"), "retry in-sync");
}

#[tokio::test]
async fn without_a_probe_of_the_region_nothing_is_overwritten() {
    let mut stage = overwriting().start().await;
    stage.secret(SecretSeed::new("eu-west-1", "prod/db"));
    stage.aws.with(|world, _| {
        world.deny(Denial::of("DescribeSecret").in_region("eu-west-1"));
    });
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_in_error("failed", "ReplicationFailed");
    assert_eq!(
        delivery.region("eu-west-1"),
        "replicate failed name-already-exists"
    );
    assert!(value_in_eu_west_1(&stage, "prod/db").is_some());
}

#[tokio::test]
async fn a_quick_sweep_counts_promoted_replicas_and_a_thorough_one_records_each() {
    let setting = overwriting().env("ALLOWED_REPLICA_REGIONS", "eu-west-1");
    let mut stage = setting.start().await;
    after_a_failover(&stage, "prod/a");
    after_a_failover(&stage, "prod/b");
    stage.secret(tagged("prod/c", "eu-west-1 frankfurt").with_replica_in("eu-west-1"));
    let quick = slice(&mut stage, &json!({"action": "sweep"})).await;
    assert_eq!(quick.count("refused"), 3);
    assert_eq!(quick.summary["regions"]["eu-west-1"]["refused"], 2);
    assert_eq!(quick.recorded(), [("prod/c", "refused")]);
    assert_eq!(quick.metric("SweepFailures"), 0);
    let thorough = json!({"action": "sweep", "thorough": true});
    let thorough = slice(&mut stage, &thorough).await;
    assert_eq!(thorough.count("refused"), 3);
    let all = [
        ("prod/a", "refused"),
        ("prod/b", "refused"),
        ("prod/c", "refused"),
    ];
    assert_eq!(thorough.recorded(), all);
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn after_a_failover_each_quick_sweep_counts_and_makes_no_request_that_must_fail() {
    // AWS does not document whether the primary secret keeps the entry of a replica that failed.
    for failed_replicas in [FailedReplicas::Kept, FailedReplicas::Dropped] {
        let setting = setting()
            .env("ALLOWED_REPLICA_REGIONS", "eu-west-1")
            .world(|world| world.failed_replicas = failed_replicas);
        let mut stage = setting.start().await;
        for name in ["prod/a", "prod/b", "prod/c"] {
            after_a_failover(&stage, name);
        }
        stage.secret(tagged("prod/z", "eu-west-1"));
        for hour in 0..3 {
            let quick = json!({"action": "sweep", "maxChanges": 1});
            let quick = slice(&mut stage, &quick).await;
            assert_eq!(quick.summary["regions"]["eu-west-1"]["refused"], 3);
            let new = [("prod/z", "replicated")];
            assert_eq!(quick.recorded(), &new[..usize::from(hour == 0)]);
            for alarming in [
                "ReplicasFailed",
                "ReplicasRefused",
                "SweepFailures",
                "SweepLimited",
                "SweepPending",
            ] {
                assert_eq!(quick.metric(alarming), 0, "{alarming} in hour {hour}");
            }
        }
        assert_eq!(stage.requested(), [["eu-west-1"]], "only the new secret");
    }
}

/// The primary secret may list the replica as before if its Region could not take part in the promotion.
#[tokio::test]
async fn a_promoted_replica_that_the_primary_secret_lists_in_sync_is_refused() {
    let setting = overwriting()
        .env("ALLOWED_REPLICA_REGIONS", "eu-west-1")
        .world(|world| world.promoted_replicas = PromotedReplicas::ShownAsBefore);
    let mut stage = setting.start().await;
    after_a_failover(&stage, "prod/db");
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
    let quick = slice(&mut stage, &json!({"action": "sweep"})).await;
    assert_eq!((quick.count("refused"), quick.count("in_sync")), (1, 0));
    assert!(quick.recorded().is_empty());
    assert_eq!(quick.metric("ReplicasRefused"), 0);
    let event = stage.new_version_event("prod/db");
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("refused");
    assert_eq!(
        delivery.region("eu-west-1"),
        "keep refused promoted-replica"
    );
    // AWS replicates the next version, too, and finds the name taken.
    stage.put_value("prod/db", "of the old primary");
    let event = stage.new_version_event("prod/db");
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("refused");
    assert!(stage.requested().is_empty());
    let value = value_in_eu_west_1(&stage, "prod/db");
    assert_ne!(value.as_deref(), Some("of the old primary"));
}

#[tokio::test]
async fn a_primary_region_that_is_unreachable_during_the_promotion_lists_the_replica_afterwards() {
    let setting = setting().env("ALLOWED_REPLICA_REGIONS", "eu-west-1");
    let mut stage = setting.start().await;
    stage.secret(settled("prod/db", "eu-west-1").with_replica_in("eu-west-1"));
    stage.aws.with(|world, now| world.suspend(now, HOME));
    promote(&stage, "prod/db");
    stage.aws.with(|world, now| world.resume(now, HOME));
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
    let quick = slice(&mut stage, &json!({"action": "sweep"})).await;
    assert_eq!(quick.count("refused"), 1);
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn a_stack_in_the_promoted_region_treats_promoted_secrets_as_primary_secrets() {
    let old_stack = overwriting().start().await;
    let lists = "us-east-1 eu-west-1 us-west-2";
    old_stack.secret(settled("prod/db", lists).with_replica_in("eu-west-1"));
    promote(&old_stack, "prod/db");
    let new = overwriting().region("eu-west-1");
    let mut function = new.function(&old_stack.aws).await.expect("it starts");
    for first in [true, false] {
        let sweep = json!({"action": "sweep", "thorough": true});
        let swept = crate::record_schema::invoke(&mut function, &sweep);
        let swept = swept.await.expect("the function is there");
        let lines = swept.log.iter().map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            line
        });
        let is_record = |line: &Value| line["secret_name"] == "prod/db";
        let records: Vec<Value> = lines.filter(is_record).collect();
        let [record] = &records[..] else {
            panic!("{swept:#?}")
        };
        assert_eq!(record["primary_region"], "eu-west-1");
        let replicas = record["replicas"].as_array().expect("replicas");
        let of_regions: Vec<[&Value; 3]> = replicas
            .iter()
            .map(|replica| ["region", "status", "reason"].map(|field| &replica[field]))
            .collect();
        assert_eq!(
            of_regions,
            [
                [
                    &json!("eu-west-1"),
                    &json!("refused"),
                    &json!("primary-region")
                ],
                [
                    &json!("us-east-1"),
                    &json!("refused"),
                    &json!("promoted-replica")
                ],
                [&json!("us-west-2"), &json!("in-sync"), &Value::Null],
            ]
        );
        assert_eq!(record["outcome"], "refused");
        assert_eq!(old_stack.requested().len(), 1, "first sweep: {first}");
    }
    assert!(old_stack.is_in(HOME, "prod/db"), "the old primary secret");
}
