//! Tests of the removal of replicas, and of the replicas that the function must keep.

use std::time::Duration;

use secret_replicator_emulator::{Denial, RemovedReplicas, SecretSeed};
use serde_json::json;

use crate::stage::{HOME, Setting, Stage, setting, tagged};

const POLICY: &str = "{version: 1, removal: covered, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: {tag: replicate-to}},
    {name: residency, when: {tags: {data-residency: eu}}, forbid: {except: ['eu-*']}}]}";

pub(crate) fn removing() -> Setting {
    setting()
        .env("REPLICATION_POLICY", POLICY)
        .env("ALLOW_REMOVAL", "true")
}

pub(crate) async fn start(setting: Setting) -> Stage {
    let mut stage = setting.start().await;
    stage.may_remove = true;
    stage
}

/// Returns a secret with replicas in `eu-west-1` and `us-west-2`.
pub(crate) fn with_two_replicas(replicate_to: &str) -> SecretSeed {
    tagged("prod/db", replicate_to)
        .with_replica_in("eu-west-1")
        .with_replica_in("us-west-2")
}

#[tokio::test]
async fn nothing_is_removed_unless_the_setting_says_so_too() {
    let mut stage = setting().env("REPLICATION_POLICY", POLICY).start().await;
    let delivery = stage.create(with_two_replicas("eu-west-1")).await;
    delivery.ends_well("unchanged");
    assert_eq!(stage.in_sync("prod/db").len(), 2);
}

#[tokio::test]
async fn nothing_is_removed_unless_the_policy_says_so_too() {
    let mut stage = setting().env("ALLOW_REMOVAL", "true").start().await;
    let delivery = stage.create(with_two_replicas("eu-west-1")).await;
    delivery.ends_well("unchanged");
    assert_eq!(stage.in_sync("prod/db").len(), 2);
}

#[tokio::test]
async fn a_replica_where_a_rule_forbids_one_is_removed() {
    let mut stage = start(removing()).await;
    let seed = with_two_replicas("eu-west-1 us-west-2").with_tag("data-residency", "eu");
    let delivery = stage.create(seed).await;
    delivery.ends_well("replicated");
    assert_eq!(
        delivery.region("us-west-2"),
        "remove removed forbidden-by-policy"
    );
    insta::assert_json_snapshot!(delivery.replica("us-west-2"));
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_removed() {
    let mut stage = start(removing().env("DRY_RUN", "true")).await;
    let delivery = stage.create(with_two_replicas("eu-west-1")).await;
    delivery.ends_well("planned");
    assert_eq!(
        delivery.region("us-west-2"),
        "remove planned no-longer-targeted"
    );
    assert_eq!(
        delivery.record["message"],
        "prod/db: would be removed from us-west-2 (no-longer-targeted); in sync in eu-west-1"
    );
    assert!(stage.removed().is_empty());
}

#[tokio::test]
async fn a_typo_in_a_tag_removes_nothing() {
    let mut stage = start(removing()).await;
    let delivery = stage.create(with_two_replicas("eu-wst-1x us-west-2")).await;
    delivery.ends_well("refused");
    assert_eq!(delivery.region("eu-west-1"), "keep refused ambiguous-tag");
    assert!(stage.removed().is_empty());
}

#[tokio::test]
async fn a_slip_that_looks_like_a_region_removes_nothing() {
    let mut stage = start(removing().env("ALLOWED_REPLICA_REGIONS", "eu-west-1 us-west-2")).await;
    for _ in 0..2 {
        stage.secret(tagged("prod/db", "eu-wset-1").with_replica_in("eu-west-1"));
        let event = stage.tag("prod/db", "replicate-to", "eu-wset-1");
        let delivery = stage.deliver(&event).await;
        delivery.ends_well("refused");
        assert_eq!(
            delivery.region("eu-wset-1"),
            "refuse refused region-not-allowed"
        );
        assert_eq!(
            delivery.region("eu-west-1"),
            "remove refused waiting-for-other-replicas"
        );
    }
    assert!(stage.removed().is_empty());
}

#[tokio::test]
async fn a_move_to_a_forbidden_region_removes_no_replica_but_the_forbidden_one() {
    let mut stage = start(removing()).await;
    let seed = with_two_replicas("us-west-2").with_tag("data-residency", "eu");
    let delivery = stage.create(seed).await;
    delivery.ends_well("refused");
    assert_eq!(
        delivery.region("eu-west-1"),
        "remove refused waiting-for-other-replicas"
    );
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
}

#[tokio::test]
async fn what_a_rule_forbids_is_removed_although_another_replica_is_kept() {
    let mut stage = start(removing()).await;
    let seed = with_two_replicas("us-west-2 eu-wast-1x").with_tag("data-residency", "eu");
    let delivery = stage.create(seed).await;
    delivery.ends_well("refused");
    assert_eq!(delivery.region("eu-west-1"), "keep refused ambiguous-tag");
    assert_eq!(
        delivery.region("us-west-2"),
        "remove removed forbidden-by-policy"
    );
    assert_eq!(stage.in_sync("prod/db"), ["eu-west-1"]);
}

#[tokio::test]
async fn an_owner_who_wants_the_replica_again_in_the_meantime_keeps_it() {
    // First while the function follows a wanted replica, then while the unwanted replica is in progress.
    for (replicate_to, delay) in [("us-west-2", 1500), ("none", 1500)] {
        let delay = Duration::from_millis(delay);
        let mut stage = start(removing().world(|world| world.replication_delay = delay)).await;
        stage.secret(tagged("prod/db", "eu-west-1").with_replica_in("eu-west-1"));
        let event = stage.tag("prod/db", "replicate-to", replicate_to);
        let Stage { aws, function, .. } = &mut stage;
        let owner = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let wanted = format!("eu-west-1 {replicate_to}").replace(" none", "");
            let tags = json!([{ "Key": "replicate-to", "Value": wanted }]);
            let body = json!({ "SecretId": "prod/db", "Tags": tags });
            aws.with(|world, now| world.handle(now, HOME, "TagResource", &body))
        };
        let (delivery, answer) = tokio::join!(crate::stage::deliver(function, &event), owner);
        answer.expect("the owner may tag");
        assert_eq!(
            delivery.region("eu-west-1"),
            "remove superseded secret-changed",
            "{replicate_to}"
        );
        assert!(stage.removed().is_empty(), "{replicate_to}");
    }
}

#[tokio::test]
async fn nothing_is_removed_while_a_wanted_replica_is_missing() {
    let mut stage = start(removing()).await;
    stage.secret(SecretSeed::new("eu-central-1", "prod/db"));
    let delivery = stage
        .create(with_two_replicas("eu-central-1 eu-west-1"))
        .await;
    delivery.ends_in_error("failed", "ReplicationFailed");
    assert_eq!(
        delivery.region("us-west-2"),
        "remove refused waiting-for-other-replicas"
    );
    assert!(stage.removed().is_empty());
}

#[tokio::test]
async fn a_replica_with_an_unknown_status_is_not_removed() {
    let mut stage = start(removing()).await;
    let arn = stage.secret(with_two_replicas("eu-west-1"));
    stage.aws.with(|world, now| {
        world.force_status(now, HOME, "prod/db", "us-west-2", "Detached", None);
    });
    let event = crate::stage::create_secret_event("prod/db", &arn);
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("refused");
    assert_eq!(delivery.region("us-west-2"), "keep refused unknown-status");
    assert!(stage.removed().is_empty());
}

#[tokio::test]
async fn a_removal_that_outlasts_the_invocation_is_followed_by_the_next_and_not_requested_again() {
    for shown in [RemovedReplicas::Shown, RemovedReplicas::Hidden] {
        let setting = removing()
            .env("REPLICATION_WAIT_SECONDS", "1")
            .timeout(Duration::from_secs(4))
            .world(|world| {
                world.removal_delay = Duration::from_secs(7);
                world.removed_replicas = shown;
            });
        let mut stage = start(setting).await;
        stage.secret(with_two_replicas("us-west-2"));
        let event = stage.tag("prod/db", "replicate-to", "us-west-2");
        let first = stage.deliver(&event).await;
        first.ends_in_error("pending", "ReplicationPending");
        assert_eq!(
            first.region("eu-west-1"),
            "remove in-progress removal-in-progress"
        );
        assert!(stage.is_in("eu-west-1", "prod/db"), "{shown:?}");
        if shown == RemovedReplicas::Shown {
            insta::assert_json_snapshot!(first.replica("eu-west-1"));
            let second = stage.deliver(&event).await;
            second.ends_in_error("pending", "ReplicationPending");
            assert_eq!(
                second.region("eu-west-1"),
                "remove in-progress removal-pending"
            );
            while stage
                .aws
                .with(|world, now| world.replicas(now, HOME, "prod/db"))
                .len()
                > 1
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        stage.deliver(&event).await.ends_well("unchanged");
        assert_eq!(stage.removed(), [json!(["eu-west-1"])], "{shown:?}");
        assert_eq!(stage.in_sync("prod/db"), ["us-west-2"]);
    }
}

#[tokio::test]
async fn a_replica_is_removed_only_when_its_region_has_no_such_secret() {
    let setting = removing().env("REPLICATION_WAIT_SECONDS", "1");
    let mut stage = start(setting).await;
    stage.secret(with_two_replicas("us-west-2"));
    let event = stage.tag("prod/db", "replicate-to", "us-west-2");
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("replicated");
    assert_eq!(
        delivery.region("eu-west-1"),
        "remove removed no-longer-targeted"
    );
    assert!(!stage.is_in("eu-west-1", "prod/db"));
    assert!(delivery.record["duration_ms"].as_u64() >= Some(2000));
    assert_eq!(stage.removed().len(), 1);
}

#[tokio::test]
async fn a_primary_that_is_deleted_during_the_removal_strands_the_replica_which_is_an_error() {
    let mut stage = start(removing()).await;
    stage.secret(tagged("prod/db", "none").with_replica_in("eu-west-1"));
    let event = stage.tag("prod/db", "replicate-to", "none");
    let Stage { aws, function, .. } = &mut stage;
    let owner = async {
        while aws.calls_to("RemoveRegionsFromReplication").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let body = json!({ "SecretId": "prod/db", "ForceDeleteWithoutRecovery": true });
        aws.with(|world, now| world.handle(now, HOME, "DeleteSecret", &body))
    };
    let (delivery, deleted) = tokio::join!(crate::stage::deliver(function, &event), owner);
    deleted.expect("the owner may delete");
    delivery.ends_in_error("failed", "ReplicationFailed");
    assert_eq!(
        delivery.region("eu-west-1"),
        "remove failed replica-stranded"
    );
    insta::assert_json_snapshot!(delivery.replica("eu-west-1"));
    assert!(stage.is_in("eu-west-1", "prod/db"));
}

#[tokio::test]
async fn a_removal_that_the_region_cannot_confirm_is_reported_as_not_verified() {
    let mut stage = start(removing()).await;
    stage.secret(with_two_replicas("us-west-2"));
    let event = stage.tag("prod/db", "replicate-to", "us-west-2");
    stage.aws.with(|world, _| {
        world.deny(Denial::of("DescribeSecret").in_region("eu-west-1"));
    });
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("replicated");
    assert_eq!(
        delivery.region("eu-west-1"),
        "remove removed no-longer-targeted"
    );
    let detail = delivery.replica("eu-west-1")["detail"].as_str().unwrap();
    assert!(detail.contains("not verified"), "{detail}");
    assert!(detail.contains("AccessDeniedException"), "{detail}");
    let reads = stage.calls("DescribeSecret");
    let after = reads.iter().filter(|call| call.region == HOME).count();
    assert!(after >= 3, "{after} reads of the primary secret");
}

#[tokio::test]
async fn a_removal_that_aws_does_not_show_is_followed_all_the_same() {
    let setting = removing()
        .env("REPLICATION_WAIT_SECONDS", "1")
        .world(|world| {
            world.removal_delay = Duration::from_secs(3);
            world.removed_replicas = RemovedReplicas::ShownAsBefore;
        });
    let mut stage = start(setting).await;
    stage.secret(with_two_replicas("us-west-2"));
    let event = stage.tag("prod/db", "replicate-to", "us-west-2");
    let first = stage.deliver(&event).await;
    first.ends_in_error("pending", "ReplicationPending");
    assert_eq!(
        first.region("eu-west-1"),
        "remove in-progress removal-in-progress"
    );
    while stage
        .aws
        .with(|world, now| world.replicas(now, HOME, "prod/db"))
        .len()
        > 1
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stage.deliver(&event).await.ends_well("unchanged");
    assert_eq!(stage.removed().len(), 1);
}

#[tokio::test]
async fn a_removal_that_another_invocation_began_is_awaited() {
    let setting = removing().world(|world| world.removed_replicas = RemovedReplicas::Shown);
    let mut stage = start(setting).await;
    stage.secret(with_two_replicas("us-west-2"));
    let removal = json!({ "SecretId": "prod/db", "RemoveReplicaRegions": ["eu-west-1"] });
    stage.owner("RemoveRegionsFromReplication", &removal);
    let event = stage.tag("prod/db", "replicate-to", "us-west-2");
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("replicated");
    assert_eq!(
        delivery.region("eu-west-1"),
        "remove removed no-longer-targeted"
    );
    assert!(stage.removed().is_empty());
}

#[tokio::test]
async fn a_replica_that_is_still_being_made_is_not_removed_before_it_has_settled() {
    let setting = removing().world(|world| world.replication_delay = Duration::from_secs(2));
    let mut stage = start(setting).await;
    stage.secret(tagged("prod/db", "none"));
    let replicate =
        json!({ "SecretId": "prod/db", "AddReplicaRegions": [{ "Region": "eu-west-1" }] });
    stage.owner("ReplicateSecretToRegions", &replicate);
    let event = stage.tag("prod/db", "replicate-to", "none");
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("replicated");
    assert_eq!(
        delivery.region("eu-west-1"),
        "remove removed no-longer-targeted"
    );
    assert_eq!(stage.removed(), [json!(["eu-west-1"])]);
}

#[tokio::test]
async fn a_removal_that_iam_denies_is_a_failure_that_names_the_call() {
    let mut stage = start(removing()).await;
    let arn = stage.secret(with_two_replicas("us-west-2"));
    stage.aws.with(|world, _| {
        world.deny(Denial::of("RemoveRegionsFromReplication"));
    });
    let event = crate::stage::create_secret_event("prod/db", &arn);
    let delivery = stage.deliver(&event).await;
    delivery.ends_in_error("failed", "AccessDenied");
    assert_eq!(delivery.region("eu-west-1"), "remove failed access-denied");
    let detail = delivery.replica("eu-west-1")["detail"].as_str().unwrap();
    assert!(detail.contains("RemoveRegionsFromReplication"), "{detail}");
}

#[tokio::test]
async fn the_start_says_that_removal_has_no_effect_without_the_setting() {
    let stage = setting().env("REPLICATION_POLICY", POLICY).start().await;
    let log = stage.function.idle_log().join("\n");
    assert!(log.contains("`removal: covered` has no effect"), "{log}");
}
