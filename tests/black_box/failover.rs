//! Tests of the actions `drill` and `promote`, at the function of the Region that survives.

mod drill;
mod promotion;

use std::time::Duration;

use secret_replicator_emulator::{
    Answer, Fault, FaultKind, Lambda, SecretSeed, SecretSeries, SecretView,
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

/// Creates many secrets that have not changed for an hour, with replicas in Ireland.
fn series(stage: &Stage, names: &str, count: usize) {
    let seed = tagged(names, IRELAND).with_age(Duration::from_hours(1));
    let series = SecretSeries::new(seed.with_replica_in(IRELAND), count);
    stage.aws.with(|world, now| world.seed_series(now, series));
}

/// Refuses the token of a Region's list after some answers.
fn end_the_list_early(stage: &Stage, region: &str, answers: u32) {
    let refused = FaultKind::answer(400, "InvalidNextTokenException", "The token is invalid.");
    fail_the_list(stage, region, answers, refused);
}

/// Makes one call for a Region's list fail after some answers.
fn fail_the_list(stage: &Stage, region: &str, answers: u32, failure: FaultKind) {
    let on_list = |kind| Fault {
        region: Some(region.to_owned()),
        ..Fault::on("ListSecrets", kind)
    };
    let answered = on_list(FaultKind::Latency(Duration::ZERO)).times(answers);
    stage.aws.script(answered);
    stage.aws.script(on_list(failure));
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
