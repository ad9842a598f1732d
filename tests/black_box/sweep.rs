//! Tests of the sweep over all secrets of the Region, with one slice per invocation.

use std::time::Duration;

use secret_replicator_emulator::{Answer, Denial, Fault, FaultKind, Outcome, SecretSeed};
use serde_json::{Value, json};

use crate::record_schema::invoke;
use crate::stage::{HOME, Setting, Stage, setting, tagged};
use crate::sweep_slices::short;

/// The results of a slice.
pub(crate) struct Slice {
    /// The response: the summary of the sweep so far.
    pub(crate) summary: Value,
    /// The records of single secrets.
    pub(crate) records: Vec<Value>,
    /// The EMF lines.
    pub(crate) metrics: Vec<Value>,
}

impl Slice {
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.summary[name]
            .as_u64()
            .unwrap_or_else(|| panic!("no {name} in {:#}", self.summary))
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.summary["nextToken"].is_null()
    }

    pub(crate) fn metric(&self, name: &str) -> u64 {
        let values = self.metrics.iter().filter_map(|line| line[name].as_u64());
        values.sum()
    }

    /// Returns the secrets with their own records, and their outcomes.
    pub(crate) fn recorded(&self) -> Vec<(&str, &str)> {
        let mut recorded: Vec<_> = self
            .records
            .iter()
            .map(|record| {
                let text = |key: &str| record[key].as_str().expect("a text");
                assert_eq!(text("trigger"), "sweep");
                (text("secret_name"), text("outcome"))
            })
            .collect();
        recorded.sort_unstable();
        recorded
    }
}

/// Runs one slice, which must succeed.
pub(crate) async fn slice(stage: &mut Stage, action: &Value) -> Slice {
    let invocation = invoke(&mut stage.function, action)
        .await
        .expect("it is there");
    let Answer::Success(summary) = invocation.answer else {
        panic!("no answer: {invocation:#?}");
    };
    let lines = invocation.log.iter().map(|line| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON line: {line}"))
    });
    let (metrics, lines): (Vec<Value>, Vec<Value>) =
        lines.partition(|line| line.get("_aws").is_some());
    let records = lines
        .into_iter()
        .filter(|line| line.get("outcome").is_some());
    let (summaries, records): (Vec<Value>, Vec<Value>) =
        records.partition(|record| record.get("seen").is_some());
    assert_eq!(
        summaries,
        std::slice::from_ref(&summary),
        "one summary, which is the answer"
    );
    Slice {
        summary,
        records,
        metrics,
    }
}

/// Runs slices until the sweep is complete. Returns all of them.
pub(crate) async fn sweep(stage: &mut Stage, mut action: Value) -> Vec<Slice> {
    let mut slices = Vec::new();
    loop {
        let slice = slice(stage, &action).await;
        action["nextToken"] = slice.summary["nextToken"].clone();
        let is_complete = slice.is_complete();
        slices.push(slice);
        if is_complete {
            return slices;
        }
        assert!(slices.len() < 100, "the sweep does not end");
    }
}

pub(crate) async fn whole(stage: &mut Stage, action: Value) -> Slice {
    let mut slices = sweep(stage, action).await;
    assert_eq!(slices.len(), 1, "one slice is enough");
    slices.remove(0)
}

pub(crate) fn action() -> Value {
    json!({ "action": "sweep" })
}

/// Returns settings with a write rate that does not slow down the test.
pub(crate) fn quick() -> Setting {
    setting()
        .env("SWEEP_WRITES_PER_SECOND", "1000")
        .world(|world| {
            world.writes_per_second = None;
        })
}

pub(crate) fn seed(stage: &Stage, name: &str, replicate_to: &str) {
    stage.secret(tagged(name, replicate_to));
}

pub(crate) fn writes(stage: &Stage) -> usize {
    stage.calls("ReplicateSecretToRegions").len()
        + stage.calls("RemoveRegionsFromReplication").len()
}

#[tokio::test]
async fn secrets_that_were_there_before_the_stack_are_replicated() {
    let mut stage = quick().start().await;
    for index in 0..250 {
        seed(&stage, &format!("old/{index:03}"), "eu-west-1");
    }
    stage.secret(SecretSeed::new(HOME, "untagged"));
    let first = whole(&mut stage, json!({ "action": "sweep", "maxChanges": 1000 })).await;
    for (name, count) in [("covered", 250), ("drifted", 250), ("repaired", 250)] {
        assert_eq!(first.count(name), count, "{name}");
    }
    assert_eq!(first.summary["regions"]["eu-west-1"]["repaired"], 250);
    assert_eq!(first.records.len(), 250);
    assert_eq!(first.metric("SweepDrift"), 250);
    assert_eq!(writes(&stage), 250);
    let second = whole(&mut stage, action()).await;
    assert_eq!(second.count("in_sync"), 250);
    assert_eq!((second.count("drifted"), second.records.len()), (0, 0));
    assert_eq!(writes(&stage), 250, "the second time changes nothing");
}

#[tokio::test]
async fn the_summary_counts_each_kind_of_secret() {
    let mut stage = quick().start().await;
    stage.secret(tagged("in-sync", "eu-west-1").with_replica_in("eu-west-1"));
    seed(&stage, "missing", "eu-west-1 us-west-2");
    seed(&stage, "refused", "frankfurt");
    seed(&stage, "taken", "eu-west-1");
    stage.secret(SecretSeed::new("eu-west-1", "taken"));
    stage.secret(tagged("empty", "eu-west-1").without_value());
    stage.secret(tagged("replica", "eu-west-1").with_replica_of("sa-east-1"));
    stage.secret(tagged("deleted", "eu-west-1").with_scheduled_deletion());
    stage.secret(tagged("rds!cluster", "eu-west-1").with_owning_service("rds"));
    stage.secret(SecretSeed::new(HOME, "untagged"));
    let slice = whole(&mut stage, action()).await;
    let mut summary = slice.summary.clone();
    for volatile in ["timestamp", "duration_ms", "sweep_duration_ms"] {
        summary[volatile] = json!("measured");
    }
    insta::assert_json_snapshot!(summary);
    assert_eq!(
        slice.recorded(),
        [
            ("empty", "pending"),
            ("missing", "replicated"),
            ("refused", "refused"),
            ("taken", "failed"),
        ]
    );
}

#[tokio::test]
async fn the_metrics_of_a_sweep_are_counted_by_slice_and_its_duration_once() {
    let mut stage = quick().start().await;
    seed(&stage, "a", "eu-west-1");
    seed(&stage, "b", "eu-west-1");
    let slice = whole(&mut stage, json!({ "action": "sweep", "maxChanges": 1 })).await;
    assert_eq!(slice.metric("SweepSecrets"), 2);
    assert_eq!(slice.metric("SweepDrift"), 2);
    assert_eq!(slice.metric("SweepLimited"), 1);
    assert_eq!(slice.metric("SweepFailures"), 0);
    assert_eq!(slice.metric("SweepRepaired"), 1);
    let durations = slice
        .metrics
        .iter()
        .filter(|line| !line["SweepDuration"].is_null());
    assert_eq!(durations.count(), 1);
}

#[tokio::test]
async fn drift_that_each_sweep_repairs_counts_also_if_another_region_is_refused_or_fails() {
    let mut stage = quick().start().await;
    seed(&stage, "refused", "eu-west-1 nowhere");
    stage.secret(SecretSeed::new("us-west-2", "failed"));
    seed(&stage, "failed", "eu-west-1 us-west-2");
    for _ in 0..3 {
        let slice = whole(&mut stage, action()).await;
        assert_eq!(slice.count("repaired"), 0);
        assert_eq!(slice.count("secrets_changed"), 2);
        assert_eq!(slice.metric("SweepRepaired"), 2);
        for name in ["refused", "failed"] {
            let body = json!({ "SecretId": name, "RemoveReplicaRegions": ["eu-west-1"] });
            stage.owner("RemoveRegionsFromReplication", &body);
        }
        while stage.is_in("eu-west-1", "refused") || stage.is_in("eu-west-1", "failed") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    // A retry that fails again in each sweep is not drift.
    whole(&mut stage, action()).await;
    let failing = whole(&mut stage, action()).await;
    assert_eq!(failing.count("failed"), 1);
    assert_eq!(failing.metric("SweepRepaired"), 0);
}

#[tokio::test]
async fn a_dry_run_plans_everything_and_writes_nothing() {
    let mut stage = quick().start().await;
    for index in 0..5 {
        seed(&stage, &format!("s{index}"), "eu-west-1");
    }
    let dry_run = json!({ "action": "sweep", "dryRun": true, "maxChanges": 1 });
    let slice = whole(&mut stage, dry_run).await;
    assert_eq!((slice.count("planned"), slice.count("limited")), (5, 0));
    assert_eq!(slice.summary["dry_run"], true);
    assert_eq!(slice.recorded().len(), 5);
    assert_eq!(writes(&stage), 0);
}

#[tokio::test]
async fn writes_keep_their_pace_below_the_quota() {
    let mut stage = setting().env("SWEEP_WRITES_PER_SECOND", "20").start().await;
    for index in 0..30 {
        seed(&stage, &format!("s{index}"), "eu-west-1");
    }
    let slice = whole(&mut stage, action()).await;
    assert_eq!(slice.count("repaired"), 30);
    let calls = stage.calls("ReplicateSecretToRegions");
    let (first, last) = (calls.first().unwrap().time, calls.last().unwrap().time);
    let took = last.since(first);
    // 30 writes at 20 per second have 29 pauses of 50 ms.
    assert!(took >= Duration::from_millis(1400), "{took:?}");
    assert!(calls.iter().all(|call| call.outcome == Outcome::Success));
}

#[tokio::test]
async fn one_bad_secret_never_stops_the_sweep() {
    let mut stage = quick().start().await;
    for name in ["a", "b", "c"] {
        seed(&stage, name, "eu-west-1");
    }
    stage.aws.with(|world, _| {
        world.deny(Denial::of("DescribeSecret").on_secret("a"));
        world.deny(Denial::of("ReplicateSecretToRegions").on_secret("b"));
    });
    let slice = whole(&mut stage, action()).await;
    assert_eq!((slice.count("failed"), slice.count("repaired")), (2, 1));
    // The unreadable secret has no Region in which a failed replica could be counted.
    assert_eq!(slice.metric("SweepFailures"), 2);
    assert_eq!(stage.in_sync("c"), ["eu-west-1"]);
}

#[tokio::test]
async fn a_list_that_iam_denies_is_an_error_with_one_record() {
    let mut stage = quick().start().await;
    stage
        .aws
        .with(|world, _| world.deny(Denial::of("ListSecrets")));
    let delivery = stage.deliver(&action()).await;
    delivery.ends_in_error("failed", "AccessDenied");
    assert_eq!(delivery.reason(), "access-denied");
    assert!(
        delivery.record["detail"]
            .as_str()
            .unwrap()
            .contains("ListSecrets")
    );
}

#[tokio::test]
async fn a_list_that_breaks_off_is_gone_on_with_from_there() {
    let mut stage = quick().start().await;
    for index in 0..150 {
        seed(&stage, &format!("s{index:03}"), "eu-west-1");
    }
    let all = json!({ "action": "sweep", "maxChanges": 1000 });
    let untouched = FaultKind::Latency(Duration::ZERO);
    stage.aws.script(Fault::on("ListSecrets", untouched));
    let throttled = Fault::on("ListSecrets", FaultKind::Throttle);
    stage.aws.script(throttled.times(4));
    let first = slice(&mut stage, &all).await;
    assert_eq!((first.count("seen"), first.is_complete()), (100, false));
    let mut rest = all.clone();
    rest["nextToken"] = first.summary["nextToken"].clone();
    let second = slice(&mut stage, &rest).await;
    assert_eq!((second.count("seen"), second.is_complete()), (150, true));
    assert_eq!(writes(&stage), 150);
}

#[tokio::test]
async fn only_secrets_that_the_policy_may_cover_are_asked_for() {
    let mut stage = quick().start().await;
    seed(&stage, "tagged", "eu-west-1");
    stage.secret(SecretSeed::new(HOME, "untagged"));
    let first = whole(&mut stage, action()).await;
    assert_eq!(first.count("seen"), 1);
    let list = &stage.calls("ListSecrets")[0].body;
    assert_eq!(
        list["Filters"],
        json!([{ "Key": "tag-key", "Values": ["replicate-to"] }])
    );
}

#[tokio::test]
async fn a_token_that_no_sweep_answered_is_a_bad_event() {
    let mut stage = quick().start().await;
    let token = json!({ "action": "sweep", "nextToken": "made-up" });
    let delivery = stage.deliver(&token).await;
    delivery.ends_in_error("failed", "BadEvent");
    insta::assert_snapshot!(delivery.error_message.unwrap());
}

#[tokio::test]
async fn a_dry_run_is_never_gone_on_with_as_a_real_one() {
    let mut stage = short(300).await;
    let dry_run = json!({ "action": "sweep", "dryRun": true });
    let first = slice(&mut stage, &dry_run).await;
    assert!(!first.is_complete());
    let token = first.summary["nextToken"].clone();
    let real = json!({ "action": "sweep", "nextToken": token });
    let delivery = stage.deliver(&real).await;
    delivery.ends_in_error("failed", "BadEvent");
    assert_eq!(writes(&stage), 0);
}

#[tokio::test]
async fn wrong_fields_are_bad_events_that_name_the_field() {
    let mut stage = quick().start().await;
    let wrong = [
        (json!({ "action": "sweep", "dryrun": true }), "`dryrun`"),
        (
            json!({ "action": "sweep", "maxChanges": 0 }),
            "`maxChanges`",
        ),
        (
            json!({ "action": "sweep", "maxChanges": "5" }),
            "`maxChanges`",
        ),
        (json!({ "action": "sweep", "dryRun": "yes" }), "`dryRun`"),
        (json!({ "action": "sweep", "nextToken": 5 }), "`nextToken`"),
        (json!({ "action": "sweep", "secretId": "a" }), "`secretId`"),
    ];
    for (action, field) in wrong {
        let delivery = stage.deliver(&action).await;
        delivery.ends_in_error("failed", "BadEvent");
        let message = delivery.error_message.unwrap();
        assert!(message.contains(field), "{message}");
    }
    assert!(stage.aws.calls().is_empty());
}
