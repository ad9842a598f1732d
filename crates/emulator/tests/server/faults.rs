//! Scripted faults.

use std::time::{Duration, Instant};

use secret_replicator_emulator::{Emulator, Execution, Fault, FaultKind, Outcome, SecretSeed};
use serde_json::{Value, json};

use crate::support::{HOME, IRELAND, call, call_within, emulator, is_answer};

const REPLICATE: &str = "ReplicateSecretToRegions";

async fn with_secret() -> Emulator {
    let emulator = emulator().await;
    emulator.with(|world, now| world.seed(now, SecretSeed::new(HOME, "app")));
    emulator
}

fn replication(region: &str) -> Value {
    json!({ "SecretId": "app", "AddReplicaRegions": [{ "Region": region }] })
}

fn is_success(response: &str) -> bool {
    is_answer(response, 200, "}")
}

#[tokio::test]
async fn a_fault_comes_without_or_after_execution() {
    let error: fn(Execution) -> FaultKind = |execution| FaultKind::Answer {
        status: 500,
        code: "InternalServiceError".to_owned(),
        message: "An error occurred on the server side.".to_owned(),
        execution,
    };
    let code = Outcome::Error("InternalServiceError".to_owned());
    let body = "\r\n\r\n{\"Message\":\"An error occurred on the server side.\",\
                \"__type\":\"InternalServiceError\"}";
    for (kind, status, body, outcome) in [
        (error, 500, body, code),
        (
            FaultKind::MalformedBody,
            200,
            "{\"ARN\": \"arn:aws:secre",
            Outcome::Malformed,
        ),
        (FaultKind::CloseConnection, 0, "", Outcome::Closed),
        (FaultKind::Hang, 0, "", Outcome::Pending),
    ] {
        for (execution, rows) in [(Execution::Skipped, 0), (Execution::Done, 1)] {
            let emulator = with_secret().await;
            emulator.script(Fault::on(REPLICATE, kind(execution)));
            let timeout = Duration::from_millis(200);
            let request = replication(IRELAND);
            let response = call_within(&emulator, HOME, REPLICATE, &request, timeout);
            if status == 0 {
                assert_eq!(response, "", "{outcome:?}");
            } else {
                assert!(is_answer(&response, status, body), "{response}");
            }
            let replicas = emulator.with(|world, now| world.replicas(now, HOME, "app"));
            assert_eq!(replicas.len(), rows, "{outcome:?}");
            assert_eq!(emulator.calls()[0].outcome, outcome);
        }
    }
}

#[tokio::test]
async fn a_fault_affects_only_calls_that_match_all_of_it_and_only_so_many_times() {
    let emulator = with_secret().await;
    let denied = || FaultKind::answer(400, "AccessDeniedException", "no");
    let in_oregon = Fault::on(REPLICATE, denied()).on_replica_region("us-west-2");
    emulator.script(in_oregon.always());
    emulator.script(Fault {
        region: Some(IRELAND.to_owned()),
        ..Fault::on_any(denied()).times(2)
    });
    emulator.script(Fault::on("DescribeSecret", denied()).on_secret("other"));
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:other-AbCdEf";
    let (app, other) = (json!({ "SecretId": "app" }), json!({ "SecretId": arn }));
    let (ireland, oregon) = (replication(IRELAND), replication("us-west-2"));
    for (region, operation, body, expected) in [
        (HOME, REPLICATE, &ireland, None),
        (HOME, REPLICATE, &oregon, Some("AccessDeniedException")),
        (HOME, REPLICATE, &oregon, Some("AccessDeniedException")),
        (HOME, "DescribeSecret", &app, None),
        (
            HOME,
            "DescribeSecret",
            &other,
            Some("AccessDeniedException"),
        ),
        (
            HOME,
            "DescribeSecret",
            &other,
            Some("ResourceNotFoundException"),
        ),
        (
            IRELAND,
            "ListSecrets",
            &json!({}),
            Some("AccessDeniedException"),
        ),
        (
            IRELAND,
            "ListSecrets",
            &json!({}),
            Some("AccessDeniedException"),
        ),
        (IRELAND, "ListSecrets", &json!({}), None),
    ] {
        call(&emulator, region, operation, body);
        let last = emulator.calls().pop().unwrap();
        assert_eq!(last.outcome.code(), expected, "{last:?}");
    }
}

#[tokio::test]
async fn faults_are_used_up_in_the_order_they_were_scripted() {
    let emulator = with_secret().await;
    let list = || call(&emulator, HOME, "ListSecrets", &json!({}));
    emulator.script(Fault::on_any(FaultKind::Throttle));
    emulator.script(Fault::on_any(FaultKind::answer(400, "Second", "")));
    let throttled = "{\"Message\":\"Rate exceeded\",\"__type\":\"ThrottlingException\"}";
    assert!(is_answer(&list(), 400, throttled));
    assert!(is_answer(&list(), 400, "\"__type\":\"Second\"}"));
    assert!(is_success(&list()));
}

#[tokio::test]
async fn latency_delays_the_answer() {
    let emulator = with_secret().await;
    let delay = Duration::from_millis(50);
    emulator.script(Fault::on_any(FaultKind::Latency(delay)));
    let started = Instant::now();
    assert!(is_success(&call(
        &emulator,
        HOME,
        "ListSecrets",
        &json!({})
    )));
    assert!(started.elapsed() >= delay);
}
