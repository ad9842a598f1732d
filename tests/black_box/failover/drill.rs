//! What a drill reports.

use std::time::Duration;

use secret_replicator_emulator::SecretSeed;
use serde_json::json;

use super::{IRELAND, PROMOTE, act, behind, drill, replicated};
use crate::stage::{HOME, setting, tagged};

#[tokio::test]
async fn a_drill_names_what_stands_in_the_way_of_a_promotion_and_writes_nothing() {
    let setting = setting().region(IRELAND);
    let mut stage = setting.start().await;
    for name in ["a/ready", "b/ready"] {
        replicated(&stage, name);
    }
    behind(&stage, "c/behind");
    stage.secret(tagged("d/missing", IRELAND).with_age(Duration::from_hours(1)));
    stage.secret(tagged("e/young", IRELAND));
    replicated(&stage, "e/promoted");
    let body = json!({ "SecretId": "e/promoted" });
    let promoted = stage
        .aws
        .with(|world, now| world.handle(now, IRELAND, PROMOTE, &body));
    promoted.expect("it is promoted");
    let deleted = SecretSeed::new(IRELAND, "f/deleted").with_tag("replicate-to", IRELAND);
    stage.secret(deleted.with_replica_of(HOME).with_scheduled_deletion());
    let empty = SecretSeed::new(IRELAND, "g/empty").with_tag("replicate-to", IRELAND);
    stage.secret(empty.with_replica_of(HOME).without_value());
    stage.secret(SecretSeed::new(HOME, "h/untagged").with_replica_in(IRELAND));
    stage.secret(tagged("i/elsewhere", "us-west-2"));
    let done = act(&mut stage.function, &drill()).await;
    assert_eq!(
        done.recorded(),
        [
            "c/behind failed version-behind",
            "d/missing failed replica-missing",
            "e/promoted failed promoted-replica",
            "f/deleted failed scheduled-for-deletion",
            "g/empty failed no-current-version",
        ]
    );
    for (name, count) in [
        ("seen", 6),
        ("covered", 8),
        ("not_covered", 1),
        ("ready", 2),
        ("pending", 1),
        ("failed", 5),
        ("promoted", 0),
    ] {
        assert_eq!(done.count(name), count, "{name} in {:#}", done.summary);
    }
    assert_eq!(done.summary["compared"], true);
    assert_eq!(done.error_type(), "ReplicationFailed");
    let record = &done.records[0];
    assert_eq!(record["trigger"], "drill");
    assert_eq!(record["dry_run"], true);
    assert_eq!(record["rules"], json!(["secret-names-its-regions"]));
    assert!(record["remediation"].is_string(), "{record:#}");
    // The stage checks that there was no write.
}

#[tokio::test]
async fn a_drill_without_the_primary_region_judges_the_replicas_alone() {
    let mut stage = setting().region(IRELAND).start().await;
    replicated(&stage, "a");
    behind(&stage, "b");
    stage.secret(tagged("c", IRELAND));
    stage.aws.with(|world, now| world.suspend(now, HOME));
    let done = act(&mut stage.function, &drill()).await;
    assert_eq!(done.error, None);
    assert_eq!((done.count("ready"), done.count("failed")), (2, 0));
    assert_eq!(done.summary["compared"], false);
    assert_eq!(done.summary["outcome"], "unchanged");
    assert!(done.records.is_empty());
}
