//! Scripted faults.

use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::replicate_secret_to_regions::{
    ReplicateSecretToRegionsError, ReplicateSecretToRegionsOutput,
};
use aws_sdk_secretsmanager::types::ReplicaRegionType;
use secret_replicator_emulator::{Emulator, Execution, Fault, FaultKind, Outcome, SecretSeed};

use crate::support::{HOME, IRELAND, client, client_with, emulator};

const REPLICATE: &str = "ReplicateSecretToRegions";

async fn with_secret() -> Emulator {
    let emulator = emulator().await;
    emulator.with(|world, now| world.seed(now, SecretSeed::new(HOME, "app")));
    emulator
}

async fn replicate(
    client: &Client,
    region: &str,
) -> Result<ReplicateSecretToRegionsOutput, SdkError<ReplicateSecretToRegionsError>> {
    let replica = ReplicaRegionType::builder().region(region).build();
    let call = client.replicate_secret_to_regions().secret_id("app");
    call.add_replica_regions(replica).send().await
}

fn rows(emulator: &Emulator) -> usize {
    emulator.with(|world, now| world.replicas(now, HOME, "app").len())
}

#[tokio::test]
async fn a_throttled_call_is_tried_again_by_the_sdk() {
    let emulator = with_secret().await;
    emulator.script(Fault::on(REPLICATE, FaultKind::Throttle).times(2));
    let retry = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(1));
    let client = client_with(&emulator, HOME, retry).await;
    replicate(&client, IRELAND).await.unwrap();
    let outcomes: Vec<_> = emulator
        .calls()
        .into_iter()
        .map(|call| call.outcome)
        .collect();
    let throttled = || Outcome::Error("ThrottlingException".to_owned());
    assert_eq!(outcomes, [throttled(), throttled(), Outcome::Success]);
}

#[tokio::test]
async fn an_error_answer_comes_without_or_after_execution() {
    for (execution, expected) in [(Execution::Skipped, 0), (Execution::Done, 1)] {
        let emulator = with_secret().await;
        let kind = FaultKind::Answer {
            status: 500,
            code: "InternalServiceError".to_owned(),
            message: "An error occurred on the server side.".to_owned(),
            execution,
        };
        emulator.script(Fault::on(REPLICATE, kind));
        let client = client(&emulator, HOME).await;
        let error = replicate(&client, IRELAND).await.unwrap_err();
        assert_eq!(error.code(), Some("InternalServiceError"));
        assert_eq!(rows(&emulator), expected);
    }
}

#[tokio::test]
async fn a_connection_is_closed_before_or_after_execution() {
    for (execution, expected) in [(Execution::Skipped, 0), (Execution::Done, 1)] {
        let emulator = with_secret().await;
        emulator.script(Fault::on(REPLICATE, FaultKind::CloseConnection(execution)));
        let client = client(&emulator, HOME).await;
        let error = replicate(&client, IRELAND).await.unwrap_err();
        assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
        assert_eq!(rows(&emulator), expected);
        assert_eq!(emulator.calls()[0].outcome, Outcome::Closed);
    }
}

#[tokio::test]
async fn a_hanging_call_runs_into_the_client_s_timeout() {
    for (execution, expected) in [(Execution::Skipped, 0), (Execution::Done, 1)] {
        let emulator = with_secret().await;
        emulator.script(Fault::on(REPLICATE, FaultKind::Hang(execution)));
        let client = client(&emulator, HOME).await;
        let call = replicate(&client, IRELAND);
        let result = tokio::time::timeout(Duration::from_millis(200), call).await;
        assert!(result.is_err());
        assert_eq!(rows(&emulator), expected);
        assert_eq!(emulator.calls()[0].outcome, Outcome::Pending);
    }
}

#[tokio::test]
async fn a_malformed_body_is_no_answer_although_the_status_is_good() {
    let emulator = with_secret().await;
    let kind = FaultKind::MalformedBody(Execution::Done);
    emulator.script(Fault::on(REPLICATE, kind));
    let client = client(&emulator, HOME).await;
    let error = replicate(&client, IRELAND).await.unwrap_err();
    let status = error.raw_response().map(|raw| raw.status().as_u16());
    assert_eq!((status, error.code()), (Some(200), None));
    assert_eq!(rows(&emulator), 1);
}

#[tokio::test]
async fn latency_delays_the_answer() {
    let emulator = with_secret().await;
    let delay = Duration::from_millis(50);
    emulator.script(Fault::on_any(FaultKind::Latency(delay)));
    let client = client(&emulator, HOME).await;
    let started = Instant::now();
    replicate(&client, IRELAND).await.unwrap();
    assert!(started.elapsed() >= delay);
}

#[tokio::test]
async fn a_fault_takes_only_the_calls_that_match_all_of_it() {
    let emulator = with_secret().await;
    let denied = || FaultKind::answer(400, "AccessDeniedException", "no");
    emulator.script(
        Fault::on(REPLICATE, denied())
            .on_replica_region("us-west-2")
            .always(),
    );
    emulator.script(Fault::on(REPLICATE, denied()).in_region(IRELAND).always());
    emulator.script(Fault::on("DescribeSecret", denied()).on_secret("other"));
    let client = client(&emulator, HOME).await;
    replicate(&client, IRELAND).await.unwrap();
    for _ in 0..2 {
        replicate(&client, "us-west-2").await.unwrap_err();
    }
    client
        .describe_secret()
        .secret_id("app")
        .send()
        .await
        .unwrap();
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:other-AbCdEf";
    let error = client
        .describe_secret()
        .secret_id(arn)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
}

#[tokio::test]
async fn faults_are_used_up_in_the_order_they_were_scripted() {
    let emulator = with_secret().await;
    for code in ["First", "Second"] {
        emulator.script(Fault::on_any(FaultKind::answer(400, code, "")));
    }
    let client = client(&emulator, HOME).await;
    for expected in [Some("First"), Some("Second")] {
        let error = client.list_secrets().send().await.unwrap_err();
        assert_eq!(error.code(), expected);
    }
    client.list_secrets().send().await.unwrap();
}
