//! What a drill reports.

use std::time::Duration;

use secret_replicator_emulator::{Denial, Fault, FaultKind, SecretSeed, SecretSeries};
use serde_json::json;

use super::{IRELAND, PROMOTE, act, behind, drill, end_the_list_early, replicated, series};
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

#[tokio::test]
async fn a_primary_region_whose_list_ends_early_does_not_pass_for_one_that_does_not_answer() {
    let mut stage = setting().region(IRELAND).start().await;
    series(&stage, "prod/", 150);
    end_the_list_early(&stage, HOME, 1);
    let done = act(&mut stage.function, &drill()).await;
    assert_eq!(
        done.error_type(),
        "ReplicationPending",
        "{:#}",
        done.summary
    );
    assert_eq!((done.count("ready"), done.count("left")), (100, 50));
    assert_eq!(done.summary["compared"], false);
    let message = done.error_message();
    assert!(
        message.contains("the list of us-east-1 ended early"),
        "{message}"
    );
    assert!(message.contains("`secret-replicator drill`"), "{message}");
    assert_eq!(act(&mut stage.function, &drill()).await.error, None);
}

#[tokio::test]
async fn missing_replicas_that_the_deadline_leaves_are_not_findings() {
    let setting = setting().region(IRELAND);
    let mut stage = setting.timeout(Duration::from_secs(6)).start().await;
    let primaries = tagged("prod/", IRELAND).with_age(Duration::from_hours(1));
    let primaries = SecretSeries::new(primaries, 60);
    stage
        .aws
        .with(|world, now| world.seed_series(now, primaries));
    let slow = FaultKind::Latency(Duration::from_millis(500));
    stage.aws.script(Fault::on("DescribeSecret", slow).always());
    let mut drill = drill();
    drill["from"] = json!(HOME);
    let done = act(&mut stage.function, &drill).await;
    assert_eq!(
        done.error_type(),
        "ReplicationPending",
        "{:#}",
        done.summary
    );
    let (failed, left) = (done.count("failed"), done.count("left"));
    assert!(failed > 8 && left > 0 && failed + left == 60, "{failed}");
    let records = done.records.iter();
    let reasons: Vec<_> = records.map(|record| &record["reason"]).collect();
    assert!(reasons.iter().all(|reason| *reason == "replica-missing"));
}

#[tokio::test]
async fn a_missing_replica_that_cannot_be_read_has_the_reason_of_the_call() {
    let mut stage = setting().region(IRELAND).start().await;
    stage.secret(tagged("prod/db", IRELAND).with_age(Duration::from_hours(1)));
    let denied = Denial::of("DescribeSecret").on_secret("prod/db");
    stage.aws.with(|world, _| world.deny(denied));
    let mut drill = drill();
    drill["from"] = json!(HOME);
    let done = act(&mut stage.function, &drill).await;
    assert_eq!(done.recorded(), ["prod/db failed access-denied"]);
}

#[tokio::test]
async fn a_throttled_primary_region_is_not_one_that_does_not_answer() {
    let mut stage = setting().region(IRELAND).start().await;
    replicated(&stage, "prod/db");
    let throttled = Fault {
        region: Some(HOME.to_owned()),
        ..Fault::on("ListSecrets", FaultKind::Throttle)
    };
    stage.aws.script(throttled.always());
    let done = act(&mut stage.function, &drill()).await;
    assert_eq!(
        done.error_type(),
        "ReplicationPending",
        "{:#}",
        done.summary
    );
    assert_eq!((done.count("ready"), done.count("left")), (0, 1));
}
