//! The Runtime API around a real process, `examples/fake-bootstrap.rs`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secret_replicator_emulator::{Answer, InitFailure, Lambda, LambdaSettings};
use serde_json::{Value, json};

fn settings() -> LambdaSettings {
    LambdaSettings::new(fake_bootstrap(), "eu-west-1")
}

/// Cargo builds examples beside the tests, but names them to neither.
fn fake_bootstrap() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/fake-bootstrap");
    assert!(
        path.exists(),
        "{} is missing: run `cargo build -p secret-replicator-emulator --examples`",
        path.display()
    );
    path
}

async fn init_failure(settings: LambdaSettings) -> InitFailure {
    let error = Lambda::start(settings).await.unwrap_err();
    error.downcast().expect("an InitFailure")
}

#[tokio::test]
async fn an_event_reaches_the_function_byte_by_byte_and_its_answer_comes_back() {
    let mut lambda = Lambda::start(settings()).await.unwrap();
    assert_eq!(lambda.idle_log(), ["starting"]);
    let event = json!({"name": "ärger"});
    let first = lambda.invoke(&event).await.unwrap();
    let echoed = json!({"event": event.to_string()});
    assert_eq!(first.answer, Answer::Success(echoed));
    let second = lambda.invoke_bytes(b"{ not JSON").await.unwrap();
    assert_eq!(
        second.answer,
        Answer::Success(json!({"event": "{ not JSON"}))
    );
    assert_ne!(first.request_id, second.request_id);
}

#[tokio::test]
async fn an_invocation_holds_exactly_its_own_lines() {
    let mut lambda = Lambda::start(settings()).await.unwrap();
    for (word, lines) in [("a", 3), ("b", 5000), ("c", 0)] {
        let event = json!({"do": "print", "word": word, "lines": lines});
        let invocation = lambda.invoke(&event).await.unwrap();
        let mut expected: Vec<String> = (0..lines).map(|n| format!("{word} {n}")).collect();
        expected.push(format!("{word} done"));
        assert_eq!(invocation.log, expected);
        assert_eq!(invocation.stderr, [format!("{word} without a line feed")]);
    }
}

#[tokio::test]
async fn the_function_sees_lambda_s_environment_and_the_caller_s_and_nothing_else() {
    let settings = settings().with_env("DRY_RUN", "true").with_env("TZ", "CET");
    let mut lambda = Lambda::start(settings).await.unwrap();
    let invocation = lambda.invoke(&json!({"do": "environment"})).await.unwrap();
    let Answer::Success(Value::Object(variables)) = invocation.answer else {
        panic!("{:?}", invocation.answer);
    };
    let variable = |name: &str| variables.get(name)?.as_str();
    assert_eq!(variable("AWS_REGION"), Some("eu-west-1"));
    assert_eq!(variable("AWS_LAMBDA_LOG_FORMAT"), Some("JSON"));
    assert_eq!(variable("DRY_RUN"), Some("true"));
    assert_eq!(variable("TZ"), Some("CET"));
    assert_eq!(variable("CARGO_MANIFEST_DIR"), None);
    assert_eq!(variable("HOME"), None);
}

#[tokio::test]
async fn an_event_comes_with_the_headers_of_lambda_and_a_deadline_in_reach() {
    let settings = settings().with_timeout(Duration::from_secs(20));
    let mut lambda = Lambda::start(settings).await.unwrap();
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let call = async move { lambda.invoke(&json!({"do": "headers"})).await.unwrap() };
    let invocation = tokio::spawn(call).await.unwrap();
    let Answer::Success(headers) = invocation.answer else {
        panic!("{:?}", invocation.answer);
    };
    assert_eq!(
        headers["lambda-runtime-aws-request-id"],
        invocation.request_id
    );
    assert_eq!(
        headers["lambda-runtime-invoked-function-arn"],
        "arn:aws:lambda:eu-west-1:123456789012:function:secret-replicator"
    );
    assert!(headers["lambda-runtime-trace-id"].is_string());
    let deadline = headers["lambda-runtime-deadline-ms"].as_str().unwrap();
    let deadline: u128 = deadline.parse().unwrap();
    let earliest = before.as_millis() + 20_000;
    assert!(
        (earliest..earliest + 5_000).contains(&deadline),
        "{deadline}"
    );
}

#[tokio::test]
async fn a_reported_error_is_no_end_of_the_sandbox() {
    let mut lambda = Lambda::start(settings()).await.unwrap();
    let failed = lambda.invoke(&json!({"do": "error"})).await.unwrap();
    let expected = Answer::Error {
        error_type: "Throttled".to_owned(),
        error_message: "Rate exceeded".to_owned(),
    };
    assert_eq!(failed.answer, expected);
    let next = lambda.invoke(&json!({"do": "answer text"})).await.unwrap();
    assert_eq!(next.answer, Answer::Success(json!("not JSON")));
}

#[tokio::test]
async fn only_the_first_answer_to_an_invocation_counts() {
    let mut lambda = Lambda::start(settings()).await.unwrap();
    let twice = lambda.invoke(&json!({"do": "answer twice"})).await.unwrap();
    assert_eq!(twice.answer, Answer::Success(json!(1)));
    let never = lambda.invoke(&json!({"do": "nothing"})).await.unwrap();
    assert!(
        matches!(&never.answer, Answer::Error { error_type, .. } if error_type == "Runtime.NoResponse"),
        "{never:?}"
    );
}

#[tokio::test]
async fn an_invocation_over_its_deadline_is_killed_with_its_process() {
    let settings = settings().with_timeout(Duration::from_millis(200));
    let mut lambda = Lambda::start(settings).await.unwrap();
    let late = lambda.invoke(&json!({"do": "hang"})).await.unwrap();
    assert_eq!(late.answer, Answer::TimedOut);
    assert_eq!(late.log, ["hanging"]);
    assert!(late.duration >= Duration::from_millis(200));
    assert_eq!(lambda.pid(), None);
    let error = lambda.invoke(&json!({})).await.unwrap_err();
    assert!(error.to_string().contains("deadline"), "{error}");
}

#[tokio::test]
async fn an_exit_in_the_middle_is_an_answer_with_the_exit_status() {
    let mut lambda = Lambda::start(settings()).await.unwrap();
    let gone = lambda.invoke(&json!({"do": "exit"})).await.unwrap();
    assert_eq!(gone.answer, Answer::Exited("exit status: 7".to_owned()));
    assert_eq!(gone.log, ["going"]);
    assert!(lambda.invoke(&json!({})).await.is_err());
}

#[tokio::test]
async fn an_answer_given_before_an_exit_still_counts() {
    let mut lambda = Lambda::start(settings()).await.unwrap();
    let event = json!({"do": "answer and exit"});
    let last = lambda.invoke(&event).await.unwrap();
    assert_eq!(last.answer, Answer::Success(json!("last words")));
    assert!(lambda.invoke(&json!({})).await.is_err());
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_waits_is_noticed_at_the_next_event() {
    let mut lambda = Lambda::start(settings()).await.unwrap();
    let pid = lambda.pid().unwrap().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-9", &pid])
        .status();
    assert!(killed.unwrap().success());
    let invocation = lambda.invoke(&json!({})).await.unwrap();
    let expected = Answer::Exited("signal: 9 (SIGKILL)".to_owned());
    assert_eq!(invocation.answer, expected);
}

#[tokio::test]
async fn an_init_error_comes_with_type_message_exit_and_output() {
    let failure = init_failure(settings().with_env("FAKE_INIT", "error")).await;
    assert_eq!(failure.error_type, "PolicyInvalid");
    assert_eq!(failure.error_message, "two problems");
    assert_eq!(failure.exit.as_deref(), Some("exit status: 1"));
    assert_eq!(failure.log, ["starting"]);
    assert_eq!(failure.stderr, ["giving up"]);
}

#[tokio::test]
async fn an_exit_before_the_first_event_is_an_init_failure() {
    let failure = init_failure(settings().with_env("FAKE_INIT", "exit")).await;
    assert_eq!(failure.error_type, "Runtime.ExitError");
    assert_eq!(failure.exit.as_deref(), Some("exit status: 3"));
    assert_eq!(failure.stderr, ["no report"]);
}

#[tokio::test]
async fn a_start_that_takes_too_long_is_an_init_failure() {
    let settings = settings()
        .with_env("FAKE_INIT", "hang")
        .with_init_timeout(Duration::from_millis(200));
    let failure = init_failure(settings).await;
    assert_eq!(failure.error_type, "Sandbox.Timedout");
    assert_eq!(failure.exit, None);
}

#[tokio::test]
async fn a_bootstrap_that_does_not_exist_is_an_error_that_names_it() {
    let settings = LambdaSettings::new("/nowhere/bootstrap", "eu-west-1");
    let error = Lambda::start(settings).await.unwrap_err();
    assert!(error.downcast_ref::<InitFailure>().is_none());
    assert!(error.to_string().contains("/nowhere/bootstrap"), "{error}");
}
