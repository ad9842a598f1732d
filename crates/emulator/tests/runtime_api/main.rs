//! The Runtime API around a real process, `examples/fake-bootstrap.rs`.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secret_replicator_emulator::{Answer, InitFailure, Invocation, Lambda, LambdaSettings};
use serde_json::{Value, json};

fn settings() -> LambdaSettings {
    LambdaSettings::new(fake_bootstrap(), "eu-west-1")
}

/// Finds the example, which Cargo builds beside the tests without passing its path to them.
fn fake_bootstrap() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(2).unwrap();
    let path = target.join("examples/fake-bootstrap");
    assert!(
        path.exists(),
        "{} is missing: run `cargo build -p secret-replicator-emulator --examples`",
        path.display()
    );
    path
}

async fn start() -> Lambda {
    Lambda::start(settings()).await.unwrap()
}

/// Makes the function do what `action` means in `examples/fake-bootstrap.rs`.
async fn invoke(lambda: &mut Lambda, action: &str) -> Invocation {
    lambda.invoke(&json!({ "do": action })).await.unwrap()
}

async fn init_failure(settings: LambdaSettings) -> InitFailure {
    let error = Lambda::start(settings).await.unwrap_err();
    error.downcast().expect("an InitFailure")
}

#[tokio::test]
async fn an_event_reaches_the_function_byte_by_byte_and_its_answer_comes_back() {
    let mut lambda = start().await;
    assert_eq!(lambda.idle_log(), ["starting"]);
    let event = json!({ "name": "ärger" });
    let first = lambda.invoke(&event).await.unwrap();
    let echoed = json!({ "event": event.to_string() });
    assert_eq!(first.answer, Answer::Success(echoed));
    let second = invoke(&mut lambda, "answer text").await;
    assert_eq!(second.answer, Answer::Success(json!("not JSON")));
    assert_ne!(first.request_id, second.request_id);
}

#[tokio::test]
async fn an_invocation_holds_exactly_its_own_lines() {
    let mut lambda = start().await;
    for (word, lines) in [("a", 3), ("b", 5000), ("c", 0)] {
        let event = json!({ "do": "print", "word": word, "lines": lines });
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
    let Answer::Success(variables) = invoke(&mut lambda, "environment").await.answer else {
        panic!("the function failed");
    };
    for (name, expected) in [
        ("AWS_REGION", json!("eu-west-1")),
        ("AWS_LAMBDA_LOG_FORMAT", json!("JSON")),
        ("DRY_RUN", json!("true")),
        ("TZ", json!("CET")),
        ("CARGO_MANIFEST_DIR", Value::Null),
        ("HOME", Value::Null),
    ] {
        assert_eq!(variables[name], expected, "{name}");
    }
}

#[tokio::test]
async fn an_event_comes_with_the_headers_of_lambda_and_a_deadline_in_reach() {
    let settings = settings().with_timeout(Duration::from_secs(20));
    let mut lambda = Lambda::start(settings).await.unwrap();
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let invocation = invoke(&mut lambda, "headers").await;
    let Answer::Success(headers) = invocation.answer else {
        panic!("{:?}", invocation.answer);
    };
    let id = &headers["lambda-runtime-aws-request-id"];
    assert_eq!(*id, invocation.request_id);
    assert_eq!(
        headers["lambda-runtime-invoked-function-arn"],
        "arn:aws:lambda:eu-west-1:123456789012:function:secret-replicator"
    );
    assert!(headers["lambda-runtime-trace-id"].is_string());
    let deadline = headers["lambda-runtime-deadline-ms"].as_str().unwrap();
    let deadline: u128 = deadline.parse().unwrap();
    let earliest = before.as_millis() + 20_000;
    let range = earliest..earliest + 5_000;
    assert!(range.contains(&deadline), "{deadline}");
}

#[tokio::test]
async fn a_reported_error_does_not_end_the_sandbox() {
    let mut lambda = start().await;
    let expected = Answer::Error {
        error_type: "Throttled".to_owned(),
        error_message: "Rate exceeded".to_owned(),
    };
    for _ in 0..2 {
        assert_eq!(invoke(&mut lambda, "error").await.answer, expected);
    }
}

#[tokio::test]
async fn only_the_first_answer_to_an_invocation_counts() {
    let mut lambda = start().await;
    let twice = invoke(&mut lambda, "answer twice").await;
    assert_eq!(twice.answer, Answer::Success(json!(1)));
    let never = invoke(&mut lambda, "nothing").await;
    assert!(
        matches!(&never.answer, Answer::Error { error_type, .. } if error_type == "Runtime.NoResponse"),
        "{never:?}"
    );
}

#[tokio::test]
async fn an_invocation_over_its_deadline_is_killed_with_its_process() {
    let settings = settings().with_timeout(Duration::from_millis(200));
    let mut lambda = Lambda::start(settings).await.unwrap();
    let late = invoke(&mut lambda, "hang").await;
    assert_eq!(late.answer, Answer::TimedOut);
    assert_eq!(late.log, ["hanging"]);
    assert!(late.duration >= Duration::from_millis(200));
    assert_eq!(lambda.pid(), None);
    let error = lambda.invoke(&json!({})).await.unwrap_err();
    assert!(error.to_string().contains("deadline"), "{error}");
}

#[tokio::test]
async fn an_exit_in_the_middle_is_an_answer_unless_one_was_given_before() {
    for (action, expected, log) in [
        ("exit", Answer::Exited("exit status: 7".to_owned()), "going"),
        ("answer and exit", Answer::Success(json!("last words")), ""),
    ] {
        let mut lambda = start().await;
        let invocation = invoke(&mut lambda, action).await;
        assert_eq!(invocation.answer, expected);
        assert_eq!(invocation.log.concat(), log);
        assert!(lambda.invoke(&json!({})).await.is_err());
    }
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_waits_is_noticed_at_the_next_event() {
    let mut lambda = start().await;
    let pid = lambda.pid().unwrap().to_string();
    let killed = Command::new("kill").args(["-9", &pid]).status();
    assert!(killed.unwrap().success());
    let invocation = lambda.invoke(&json!({})).await.unwrap();
    let expected = Answer::Exited("signal: 9 (SIGKILL)".to_owned());
    assert_eq!(invocation.answer, expected);
}

#[tokio::test]
async fn a_failed_start_comes_with_type_message_exit_and_output() {
    for (init, error_type, error_message, exit, stderr) in [
        ("error", "PolicyInvalid", "two problems", 1, "giving up"),
        (
            "exit",
            "Runtime.ExitError",
            "Runtime exited with error: exit status: 3",
            3,
            "no report",
        ),
    ] {
        let failure = init_failure(settings().with_env("FAKE_INIT", init)).await;
        let expected = InitFailure {
            error_type: error_type.to_owned(),
            error_message: error_message.to_owned(),
            exit: Some(format!("exit status: {exit}")),
            log: vec!["starting".to_owned()],
            stderr: vec![stderr.to_owned()],
        };
        assert_eq!(failure, expected);
    }
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
