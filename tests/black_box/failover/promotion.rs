//! What a promotion does.

use std::time::Duration;

use secret_replicator_emulator::{
    Denial, Execution, Fault, FaultKind, SecretSeed, SecretSeries, SecretView,
};
use serde_json::{Value, json};

use super::{
    IRELAND, PROMOTE, act, drill, end_the_list_early, fail_the_list, in_ireland, promote,
    promoting, promoting_stage, replicated, series, standalone,
};
use crate::stage::{HOME, sample, setting};

#[tokio::test]
async fn a_promotion_needs_a_setting_and_a_dry_run_of_one_writes_nothing() {
    let mut stage = setting().region(IRELAND).start().await;
    replicated(&stage, "prod/db");
    let mut dry_run = promote();
    dry_run["dryRun"] = json!(true);
    for action in [promote(), dry_run.clone()] {
        let done = act(&mut stage.function, &action).await;
        assert_eq!(done.error_type(), "BadEvent");
        let message = done.error_message();
        assert!(message.contains("AllowPromotion=true"), "{message}");
    }
    stage.function = promoting().function(&stage.aws).await.expect("it starts");
    let done = act(&mut stage.function, &dry_run).await;
    assert_eq!(done.error, None);
    assert_eq!(done.recorded(), ["prod/db planned"]);
    assert_eq!((done.count("planned"), done.count("promoted")), (1, 0));
}

#[tokio::test]
async fn a_function_in_dry_run_mode_refuses_to_promote_and_still_previews() {
    let mut stage = promoting().env("DRY_RUN", "true").start().await;
    replicated(&stage, "prod/db");
    let done = act(&mut stage.function, &promote()).await;
    assert_eq!(done.error_type(), "ConfigInvalid");
    assert_eq!(
        done.error_message(),
        "event: failed (config-invalid): the settings of the function are invalid: DRY_RUN: must be `false` for a \
         promotion, found `true`; deploy the stack with DryRun=false, or add `dryRun` (true) to the action to see what \
         would be promoted; remediation: deploy the stack again with the problems fixed; then send the action again"
    );
    assert_eq!(done.summary["reason"], "config-invalid");
    let mut preview = promote();
    preview["dryRun"] = json!(true);
    let done = act(&mut stage.function, &preview).await;
    assert_eq!(done.error, None);
    assert_eq!(done.recorded(), ["prod/db planned"]);
    assert_eq!(act(&mut stage.function, &drill()).await.error, None);
}

#[tokio::test]
async fn covered_replicas_are_promoted_with_their_values_without_the_primary_region_and_only_once()
{
    let mut stage = promoting_stage().await;
    for name in ["prod/a", "prod/b"] {
        replicated(&stage, name);
    }
    stage.secret(SecretSeed::new(HOME, "prod/untagged").with_replica_in(IRELAND));
    let managed = SecretSeed::new(HOME, "rds!cluster-1").with_owning_service("rds");
    let managed = managed.with_tag("replicate-to", IRELAND);
    stage.secret(managed.with_replica_in(IRELAND));
    stage.secret(SecretSeed::new(IRELAND, "own").with_tag("replicate-to", "us-west-2"));
    let before: Vec<SecretView> = ["prod/a", "prod/b"]
        .map(|name| in_ireland(&stage, name))
        .into();
    stage.aws.with(|world, now| world.suspend(now, HOME));
    let done = act(&mut stage.function, &promote()).await;
    assert_eq!(done.error, None, "{:#}", done.summary);
    assert_eq!(done.recorded(), ["prod/a promoted", "prod/b promoted"]);
    let record = &done.records[0];
    assert_eq!(record["trigger"], "promote");
    assert_eq!(record["primary_region"], HOME);
    assert_eq!(record["level"], "INFO");
    assert_eq!(done.summary["primary_region"], HOME);
    assert_eq!(done.summary["region"], IRELAND);
    assert_eq!(done.summary["outcome"], "promoted");
    assert_eq!((done.count("promoted"), done.count("not_covered")), (2, 2));
    for before in before {
        let after = in_ireland(&stage, &before.name);
        assert!(!after.is_replica && after.value.is_some());
        assert_eq!(after.value, before.value);
        assert_eq!(after.version_id, before.version_id);
        assert_eq!(after.arn, before.arn);
    }
    assert_eq!(stage.calls(PROMOTE).len(), 2);
    assert!(
        stage
            .calls(PROMOTE)
            .iter()
            .all(|call| call.region == IRELAND)
    );
    for from in [Value::Null, json!(HOME)] {
        let mut promote = promote();
        promote["from"] = from;
        let again = act(&mut stage.function, &promote).await;
        assert_eq!(again.error, None);
        assert_eq!(again.summary["outcome"], "unchanged");
        assert_eq!((again.count("covered"), again.count("standalone")), (0, 3));
        assert!(again.records.is_empty());
    }
    assert_eq!(stage.calls(PROMOTE).len(), 2);
    // A practice run must not rest on secrets that are promoted already.
    let done = act(&mut stage.function, &drill()).await;
    assert_eq!(done.error_type(), "ReplicationFailed");
    assert_eq!(done.summary["reason"], "nothing-covered");
}

#[tokio::test]
async fn an_unfinished_promotion_is_an_error_and_the_next_invocation_continues() {
    let setting = promoting()
        .env("SWEEP_WRITES_PER_SECOND", "1")
        .timeout(Duration::from_secs(6));
    let mut stage = setting.start().await;
    stage.may_promote = true;
    let names: Vec<String> = (0..5).map(|index| format!("prod/{index}")).collect();
    for name in &names {
        replicated(&stage, name);
    }
    let mut promote = promote();
    promote["from"] = json!(HOME);
    let first = act(&mut stage.function, &promote).await;
    assert_eq!(
        first.error_type(),
        "ReplicationPending",
        "{:#}",
        first.summary
    );
    assert_eq!(first.summary["reason"], "unfinished");
    assert!(first.error_message().contains("send the same action again"));
    let promoted = first.count("promoted");
    assert!((1..5).contains(&promoted), "{promoted}");
    assert_eq!(first.count("left"), 5 - promoted);
    let mut invocations = 1;
    while standalone(&stage) != names {
        let next = act(&mut stage.function, &promote).await;
        assert_eq!(next.error.is_some(), next.count("left") > 0);
        invocations += 1;
        assert!(invocations < 6, "{:#}", next.summary);
    }
    assert_eq!(stage.calls(PROMOTE).len(), 5);
}

#[tokio::test]
async fn a_secret_that_cannot_be_promoted_fails_the_action_and_stops_no_other() {
    let mut stage = promoting_stage().await;
    replicated(&stage, "prod/a");
    let seed = |name: &str| SecretSeed::new(IRELAND, name).with_tag("replicate-to", IRELAND);
    stage.secret(seed("prod/empty").with_replica_of(HOME).without_value());
    stage.secret(
        seed("prod/deleted")
            .with_replica_of(HOME)
            .with_scheduled_deletion(),
    );
    replicated(&stage, "prod/denied");
    stage.aws.with(|world, _| {
        world.deny(Denial::of(PROMOTE).on_secret("prod/denied"));
    });
    let done = act(&mut stage.function, &promote()).await;
    assert_eq!(done.error_type(), "ReplicationFailed");
    assert_eq!(
        done.recorded(),
        [
            "prod/a promoted",
            "prod/deleted failed scheduled-for-deletion",
            "prod/denied failed access-denied",
            "prod/empty failed no-current-version",
        ]
    );
    assert_eq!(standalone(&stage), ["prod/a"]);
    assert_eq!(done.count("failed"), 3);
}

#[tokio::test]
async fn replicas_of_a_region_that_works_are_promoted_only_by_name() {
    let mut stage = promoting_stage().await;
    replicated(&stage, "prod/a");
    let other = SecretSeed::new("us-west-2", "prod/b").with_tag("replicate-to", IRELAND);
    stage.secret(other.with_replica_in(IRELAND));
    let done = act(&mut stage.function, &promote()).await;
    assert_eq!(done.error_type(), "BadEvent");
    let message = done.error_message();
    assert!(message.contains("us-east-1 and us-west-2"), "{message}");
    assert!(message.contains("`from`"), "{message}");
    assert!(standalone(&stage).is_empty());
    let mut promote = promote();
    promote["from"] = json!(HOME);
    let done = act(&mut stage.function, &promote).await;
    assert_eq!(done.recorded(), ["prod/a promoted"]);
    assert_eq!(standalone(&stage), ["prod/a"]);
}

#[tokio::test]
async fn two_operators_at_once_promote_each_secret_once_and_neither_fails() {
    let stage = promoting_stage().await;
    let names: Vec<String> = (0..12).map(|index| format!("prod/{index:02}")).collect();
    for name in &names {
        replicated(&stage, name);
    }
    let start = async || promoting().function(&stage.aws).await.expect("it starts");
    let (mut one, mut other) = (start().await, start().await);
    let promote = promote();
    let (one, other) = tokio::join!(act(&mut one, &promote), act(&mut other, &promote));
    assert_eq!((one.error.clone(), other.error.clone()), (None, None));
    assert_eq!(standalone(&stage), names);
    let sum = |name: &str| one.count(name) + other.count(name);
    assert!(sum("promoted") >= 12 && sum("failed") == 0);
    let succeeded = stage.calls(PROMOTE).into_iter();
    let succeeded =
        succeeded.filter(|call| call.outcome == secret_replicator_emulator::Outcome::Success);
    assert_eq!(succeeded.count(), 12);
}

#[tokio::test]
async fn a_lost_answer_is_followed_by_a_read_and_not_by_another_promotion() {
    let mut stage = promoting_stage().await;
    replicated(&stage, "prod/db");
    let lost = FaultKind::CloseConnection(Execution::Done);
    stage.aws.script(Fault::on(PROMOTE, lost));
    let done = act(&mut stage.function, &promote()).await;
    assert_eq!(done.error, None, "{:#}", done.summary);
    assert_eq!(done.recorded(), ["prod/db promoted"]);
    assert_eq!(stage.calls(PROMOTE).len(), 1);
}

#[tokio::test]
async fn the_functions_own_promotions_lead_to_no_write() {
    let mut stage = promoting_stage().await;
    replicated(&stage, "prod/db");
    act(&mut stage.function, &promote()).await;
    let mut event = sample("stop-replication-to-replica.json");
    event["region"] = json!(IRELAND);
    event["detail"]["awsRegion"] = json!(IRELAND);
    let arn = json!(in_ireland(&stage, "prod/db").arn);
    event["detail"]["requestParameters"]["secretId"] = arn;
    let calls = stage.aws.calls().len();
    let done = act(&mut stage.function, &event).await;
    assert_eq!(done.summary["outcome"], "skipped");
    assert_eq!(stage.aws.calls().len(), calls, "no call at all");
}

#[tokio::test]
async fn a_list_that_takes_long_leaves_time_to_promote_what_it_has_shown() {
    let mut stage = promoting().timeout(Duration::from_secs(20)).start().await;
    stage.may_promote = true;
    series(&stage, "prod/", 800);
    let slow = FaultKind::Latency(Duration::from_millis(1200));
    stage.aws.script(Fault::on("ListSecrets", slow).always());
    let mut promote = promote();
    promote["from"] = json!(HOME);
    let done = act(&mut stage.function, &promote).await;
    assert_eq!(done.error_type(), "ReplicationPending");
    let message = done.error_message();
    assert!(
        message.contains("the list of eu-west-1 ended early"),
        "{message}"
    );
    assert!(message.contains("it continues with the replicas that are left"));
    assert!(done.count("promoted") > 0, "{:#}", done.summary);
    let standalone = standalone(&stage).len();
    assert_eq!(u64::try_from(standalone).unwrap(), done.count("promoted"));
}

#[tokio::test]
async fn a_list_that_ends_early_shows_no_primary_region() {
    let mut stage = promoting_stage().await;
    series(&stage, "prod/", 150);
    let slow = FaultKind::Hang(Execution::Skipped);
    fail_the_list(&stage, IRELAND, 1, slow);
    let done = act(&mut stage.function, &promote()).await;
    assert_eq!(done.error_type(), "BadEvent");
    let message = done.error_message();
    assert!(message.contains("too long to show"), "{message}");
    assert!(
        message.contains("name the Region of the primary secrets with `from`"),
        "{message}"
    );
    // Another failure is that of the call.
    end_the_list_early(&stage, IRELAND, 1);
    let done = act(&mut stage.function, &promote()).await;
    let message = done.error_message();
    assert!(message.contains("InvalidNextTokenException"), "{message}");
    assert!(standalone(&stage).is_empty());
}

#[tokio::test]
async fn a_complete_promotion_succeeds_again_if_a_part_of_the_list_shows_it() {
    for (promoted, is_shown) in [("a/db", true), ("z/db", false)] {
        let mut stage = promoting_stage().await;
        replicated(&stage, promoted);
        let mut promote = promote();
        promote["from"] = json!(HOME);
        let done = act(&mut stage.function, &promote).await;
        assert_eq!(done.recorded(), [format!("{promoted} promoted")]);
        let others = SecretSeries::new(SecretSeed::new(IRELAND, "b/"), 150);
        stage.aws.with(|world, now| world.seed_series(now, others));
        // The list of replicas, and a page of the list of all secrets.
        end_the_list_early(&stage, IRELAND, 2);
        let again = act(&mut stage.function, &promote).await;
        if is_shown {
            assert_eq!(again.error, None, "{:#}", again.summary);
            assert_eq!(again.count("standalone"), 1);
        } else {
            assert_eq!(again.error_type(), "ReplicationPending");
            assert!(again.error_message().contains("ended early"));
        }
    }
}

#[tokio::test]
async fn a_misspelled_primary_region_is_no_complete_promotion_if_the_list_ends_early() {
    let mut stage = promoting_stage().await;
    stage.secret(SecretSeed::new(IRELAND, "a/own").with_tag("replicate-to", "us-west-2"));
    let others = SecretSeries::new(SecretSeed::new(IRELAND, "b/"), 150);
    stage.aws.with(|world, now| world.seed_series(now, others));
    replicated(&stage, "z/db");
    let mut promote = promote();
    promote["from"] = json!("us-esat-1");
    end_the_list_early(&stage, IRELAND, 2);
    let done = act(&mut stage.function, &promote).await;
    assert_eq!(
        done.error_type(),
        "ReplicationPending",
        "{:#}",
        done.summary
    );
}

#[tokio::test]
async fn a_preview_has_the_whole_time_for_the_list() {
    let mut stage = promoting().timeout(Duration::from_secs(20)).start().await;
    series(&stage, "prod/", 350);
    let slow = FaultKind::Latency(Duration::from_millis(1200));
    stage.aws.script(Fault::on("ListSecrets", slow).always());
    let mut preview = promote();
    preview["from"] = json!(HOME);
    preview["dryRun"] = json!(true);
    let done = act(&mut stage.function, &preview).await;
    assert_eq!(done.error, None, "{:#}", done.summary);
    assert_eq!(done.count("planned"), 350);
}

#[tokio::test]
async fn an_unfinished_promotion_names_the_records_of_the_failed_secrets() {
    let mut stage = promoting_stage().await;
    series(&stage, "prod/", 150);
    end_the_list_early(&stage, IRELAND, 1);
    stage.aws.with(|world, _| world.deny(Denial::of(PROMOTE)));
    let mut promote = promote();
    promote["from"] = json!(HOME);
    let done = act(&mut stage.function, &promote).await;
    assert_eq!(done.count("failed"), 100);
    let message = done.error_message();
    let remediation =
        "the records of the failed secrets say what to do; then send the same action again";
    assert!(message.contains(remediation), "{message}");
}
