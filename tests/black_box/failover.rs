//! Tests of the actions `drill` and `promote`, at the function of the Region that survives.

use std::time::Duration;

use secret_replicator_emulator::{
    Answer, Denial, Execution, Fault, FaultKind, Lambda, SecretSeed, SecretView,
};
use serde_json::{Value, json};

use crate::record_schema::invoke;
use crate::stage::{HOME, Setting, Stage, sample, setting, tagged};

const IRELAND: &str = "eu-west-1";
const PROMOTE: &str = "StopReplicationToReplica";

/// The results of an action.
struct Done {
    /// The summary: the response, or the last line of the log if the action failed.
    summary: Value,
    /// The records of single secrets.
    records: Vec<Value>,
    /// `errorType` and `errorMessage`, if the action failed.
    error: Option<(String, String)>,
}

impl Done {
    fn count(&self, name: &str) -> u64 {
        let count = self.summary[name].as_u64();
        count.unwrap_or_else(|| panic!("no {name} in {:#}", self.summary))
    }

    /// Returns the secrets with records of their own: name, outcome and reason.
    fn recorded(&self) -> Vec<String> {
        let records = self.records.iter().map(|record| {
            let fields = ["secret_name", "outcome", "reason"].iter();
            let texts: Vec<&str> = fields.filter_map(|field| record[field].as_str()).collect();
            texts.join(" ")
        });
        let mut recorded: Vec<String> = records.collect();
        recorded.sort_unstable();
        recorded
    }

    fn error_type(&self) -> &str {
        self.error.as_ref().map_or("", |(error, _)| error)
    }

    fn error_message(&self) -> &str {
        self.error.as_ref().map_or("", |(_, message)| message)
    }
}

/// Sends an action. The response is the last record of the log.
async fn act(function: &mut Lambda, action: &Value) -> Done {
    let invocation = invoke(function, action).await.expect("it is there");
    let lines = invocation.log.iter();
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let mut records: Vec<Value> = lines.filter(|line| line.get("outcome").is_some()).collect();
    let summary = records.pop().expect("a record");
    let error = match invocation.answer {
        Answer::Success(answer) => {
            assert_eq!(answer, summary);
            None
        }
        Answer::Error {
            error_type,
            error_message,
        } => Some((error_type, error_message)),
        other => panic!("{other:?}"),
    };
    Done {
        summary,
        records,
        error,
    }
}

fn drill() -> Value {
    json!({ "action": "drill", "region": IRELAND })
}

fn promote() -> Value {
    json!({ "action": "promote", "region": IRELAND })
}

/// A function in Ireland that may promote.
fn promoting() -> Setting {
    setting()
        .region(IRELAND)
        .env("ALLOW_PROMOTION", "true")
        .env("REPLICATION_WAIT_SECONDS", "5")
}

async fn promoting_stage() -> Stage {
    let mut stage = promoting().start().await;
    stage.may_promote = true;
    stage
}

/// Creates a secret that has not changed for an hour, with a replica in Ireland.
fn replicated(stage: &Stage, name: &str) {
    let seed = tagged(name, IRELAND).with_age(Duration::from_hours(1));
    stage.secret(seed.with_replica_in(IRELAND));
}

fn in_ireland(stage: &Stage, name: &str) -> SecretView {
    let found = stage
        .aws
        .with(|world, now| world.secret(now, IRELAND, name));
    found.expect("the secret is there")
}

/// Returns the names of the secrets in Ireland that are not replicas.
fn standalone(stage: &Stage) -> Vec<String> {
    let secrets = stage.aws.with(|world, now| world.secrets(now, IRELAND));
    let standalone = secrets.into_iter().filter(|secret| !secret.is_replica);
    standalone.map(|secret| secret.name).collect()
}

/// Creates a primary secret and its replica with another version.
fn behind(stage: &Stage, name: &str) {
    let age = Duration::from_hours(1);
    let primary = tagged(name, IRELAND).with_suffix("AbCdEf").with_age(age);
    stage.secret(primary);
    let replica = SecretSeed::new(IRELAND, name).with_tag("replicate-to", IRELAND);
    stage.secret(
        replica
            .with_suffix("AbCdEf")
            .with_age(age)
            .with_replica_of(HOME),
    );
}

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
async fn both_actions_say_what_the_stack_does_with_the_promoted_secrets() {
    let lists = "eu-west-1 us-west-2";
    let setting = promoting().env("ALLOWED_REPLICA_REGIONS", "us-east-1 us-west-2");
    let mut stage = setting.env("ALLOW_OVERWRITE", "true").start().await;
    stage.may_promote = true;
    let age = Duration::from_hours(1);
    for (name, replicate_to) in [
        ("a", lists),
        ("b", "us-east-1 us-west-2"),
        ("c", "eu-west-1"),
    ] {
        let seed = tagged(name, replicate_to).with_age(age);
        stage.secret(seed.with_replica_in(IRELAND));
    }
    stage.secret(
        SecretSeed::new(IRELAND, "empty")
            .with_tag("replicate-to", lists)
            .with_replica_of(HOME)
            .without_value(),
    );
    let expected = json!({
        "secrets": 3, "covered": 3, "replicates_to": {"us-west-2": 2},
        "refuses": {"us-east-1": {"promoted-replica": 1}}, "without_replica": 1,
    });
    for action in [drill(), promote()] {
        let done = act(&mut stage.function, &action).await;
        assert_eq!(
            done.summary["after_promotion"], expected,
            "{:#}",
            done.summary
        );
    }
    // The function does what it said.
    let sweep = json!({ "action": "sweep", "thorough": true });
    let swept = act(&mut stage.function, &sweep).await;
    assert_eq!(swept.summary["regions"]["us-west-2"]["repaired"], 2);
    assert_eq!(swept.summary["regions"]["us-east-1"]["refused"], 1);
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

/// Sends the actions that must not succeed if nothing is covered: `drill`, `promote` and a preview of it. Checks that
/// each has the same error. Returns it.
async fn covers_nothing(stage: &mut Stage, from: Option<&str>) -> (String, String) {
    let mut preview = promote();
    preview["dryRun"] = json!(true);
    let mut errors = Vec::new();
    for mut action in [drill(), preview, promote()] {
        action["from"] = json!(from);
        let done = act(&mut stage.function, &action).await;
        assert_eq!(done.summary["outcome"], "failed", "{:#}", done.summary);
        assert_eq!(done.summary["reason"], "nothing-covered");
        assert_eq!((done.count("covered"), done.records.len()), (0, 0));
        let (error_type, message) = done.error.expect("an error");
        let (_, message) = message.split_once("; ").expect("a detail");
        errors.push((error_type, message.to_owned()));
    }
    errors.dedup();
    let [error] = &errors[..] else {
        panic!("{errors:#?}")
    };
    error.clone()
}

#[tokio::test]
async fn an_action_that_covers_nothing_is_an_error_and_says_why() {
    let mut stage = promoting_stage().await;
    let (error_type, message) = covers_nothing(&mut stage, None).await;
    assert_eq!(error_type, "ReplicationFailed");
    assert_eq!(
        message,
        "eu-west-1 has no replicas; remediation: check `from`, the account, and that the stack in the primary Region \
         replicates to this Region; `secret-replicator drill` and `promote` with an inventory name each absent secret"
    );
    stage.secret(SecretSeed::new(HOME, "prod/untagged").with_replica_in(IRELAND));
    let (error_type, message) = covers_nothing(&mut stage, Some(HOME)).await;
    assert_eq!(error_type, "ReplicationFailed");
    assert_eq!(
        message,
        "the policy of this function covers none of the replicas in eu-west-1 of primary secrets in us-east-1 (1); \
         remediation: deploy this stack with a policy that covers these replicas, for example the policy of the stack \
         in their primary Region; then send the same action again"
    );
    replicated(&stage, "prod/db");
    let (error_type, message) = covers_nothing(&mut stage, Some("us-west-2")).await;
    assert_eq!(error_type, "BadEvent");
    assert_eq!(
        message,
        "eu-west-1 has no replicas of primary secrets in us-west-2; its covered replicas have their primary secrets in \
         us-east-1; remediation: name the Region of the primary secrets with `from`, and send the action again"
    );
    assert!(standalone(&stage).is_empty());
}

#[tokio::test]
async fn a_misspelled_primary_region_is_an_error_beside_secrets_of_the_region_itself() {
    let mut stage = promoting_stage().await;
    replicated(&stage, "prod/db");
    stage.secret(SecretSeed::new(IRELAND, "own").with_tag("replicate-to", "us-west-2"));
    let (error_type, message) = covers_nothing(&mut stage, Some("us-esat-1")).await;
    assert_eq!(error_type, "BadEvent");
    assert!(message.contains("did you mean `us-east-1`?"), "{message}");
    assert_eq!(standalone(&stage), ["own"]);
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
async fn the_region_must_be_the_functions_own_and_arc_may_add_its_fields() {
    let mut stage = promoting_stage().await;
    replicated(&stage, "prod/db");
    let mut event = sample("promote-by-arc-region-switch.json");
    for action in ["drill", "promote"] {
        let other = json!({ "action": action, "region": HOME });
        let done = act(&mut stage.function, &other).await;
        assert_eq!(done.error_type(), "BadEvent");
        let message = done.error_message();
        let named = "call the function of the stack in us-east-1";
        assert!(message.contains(named), "{message}");
        let unknown = json!({ "action": action, "region": IRELAND, "StepNames": "x" });
        let done = act(&mut stage.function, &unknown).await;
        assert!(done.error_message().contains("did you mean `StepName`?"));
        let missing = json!({ "action": action, "StepName": "x" });
        let done = act(&mut stage.function, &missing).await;
        assert!(done.error_message().contains("`region` is missing"));
    }
    let reconcile = json!({ "action": "reconcile", "secretId": "a", "InvokedBy": "ARC" });
    let done = act(&mut stage.function, &reconcile).await;
    assert!(done.error_message().contains("unknown field `InvokedBy`"));
    event["dryRun"] = Value::Null;
    let done = act(&mut stage.function, &event).await;
    assert_eq!(done.recorded(), ["prod/db promoted"]);
    for line in [&done.summary, &done.records[0]] {
        assert_eq!(line["event_id"], event["ExecutionId"]);
    }
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
