//! Tests of the function with recorded responses of AWS, byte for byte, through the SDK's real client.

#[path = "recorded_answers/cases.rs"]
mod cases;
#[path = "recorded_answers/fixed_answer.rs"]
mod fixed_answer;
#[path = "recorded_answers/stuck.rs"]
mod stuck;

use std::time::Duration;

use fixed_answer::FixedAnswer;
use secret_replicator::change_budget::ChangeBudget;
use secret_replicator::deadlines::Deadlines;
use secret_replicator::reconcile::{Mode, Occasion, Reconciler, RegionState, SecretOutcome};
use secret_replicator_aws::{CallErrorKind, Endpoints, SecretsManager};
use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::plan::{Decision, decide};
use secret_replicator_core::policy::{self, Policy};
use secret_replicator_core::reason::{FailureReason, SkipReason};
use secret_replicator_core::request::{Cause, Wait};
use secret_replicator_core::secret::{
    Region, RegionalSecret, ReplicaStatus, Secret, SecretArn, SecretId,
};
use tokio::time::Instant;

fn recorded(file: &str) -> Vec<u8> {
    let path = format!("{}/tests/api-responses/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn answering(status: u16, body: Vec<u8>) -> SecretsManager {
    FixedAnswer::new(status, body).secrets_manager()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

/// Returns a policy that replicates every recorded secret to `eu-west-1`.
fn policy() -> Policy {
    let text = "{version: 1, rules: [{name: all, when: all, replicate-to: eu-west-1}]}";
    policy::check(text, &AllowedRegions::Any)
        .expect("a policy")
        .policy
}

const LIMITS: Limits = Limits {
    allowed_regions: AllowedRegions::Any,
    overwrite: Overwrite::Never,
    removal: RemovalLimit::Never,
};

async fn described(file: &str) -> Secret {
    let aws = answering(200, recorded(file));
    let id = SecretId::new("any");
    aws.describe(&id, soon())
        .await
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn decided(secret: &Secret) -> Decision {
    decide(secret, &policy(), &LIMITS)
}

fn region(code: &str) -> Region {
    Region::parse(code).expect("a Region")
}

#[tokio::test]
async fn a_primary_secret_with_a_replica_in_sync_is_as_wanted() {
    let aws = answering(200, recorded("real-describesecret-primary-insync.json"));
    let reconciler = Reconciler {
        secrets_manager: aws,
        policy: policy(),
        limits: LIMITS,
    };
    let deadlines = Deadlines::new(Duration::from_mins(1), Duration::ZERO, Wait::Never);
    let id = SecretId::new("c7n");

    let done = reconciler
        .reconcile(
            &id,
            Mode::Act,
            Occasion::Request(Cause::Action, None),
            &deadlines,
            &ChangeBudget::unlimited(),
        )
        .await;

    // A write would receive the same response, and the outcome would show a new replica.
    let SecretOutcome::Covered {
        secret, regions, ..
    } = &done
    else {
        panic!("{done:?}");
    };
    let [only] = &regions[..] else {
        panic!("{done:?}")
    };
    assert!(matches!(only.state, RegionState::InSync(None)), "{done:?}");
    assert_eq!(secret.primary_region, Some(region("us-east-1")));
    let replica = &secret.replicas[&region("eu-west-1")];
    assert_eq!(replica.status, ReplicaStatus::InSync);
    assert_eq!(replica.message.as_deref(), Some("Replication succeeded"));
    assert_eq!(replica.kms_key.as_deref(), Some("alias/aws/secretsmanager"));
}

#[tokio::test]
async fn a_replica_is_left_to_its_primary_secret() {
    let secret = described("real-describesecret-replica.json").await;

    assert_eq!(secret.arn.region(), &region("eu-west-1"));
    assert_eq!(secret.primary_region, Some(region("us-east-1")));
    let Decision::Skip(SkipReason::IsReplica { .. }) = decided(&secret) else {
        panic!("{:?}", decided(&secret));
    };
}

#[tokio::test]
async fn a_secret_that_is_scheduled_for_deletion_is_left_alone() {
    let secret = described("real-describesecret-scheduled-for-deletion.json").await;

    assert!(secret.scheduled_for_deletion);
    assert!(secret.has_value());
    let decision = decided(&secret);
    assert!(
        matches!(decision, Decision::Skip(SkipReason::ScheduledForDeletion)),
        "{decision:?}"
    );
}

#[tokio::test]
async fn a_secret_on_a_customer_key_that_was_never_replicated_gets_no_weaker_replica() {
    let secret = described("real-describesecret-not-replicated.json").await;

    assert_eq!(secret.primary_region, None);
    assert!(secret.replicas.is_empty() && secret.tags.is_empty());
    let Decision::Act(plan) = decided(&secret) else {
        panic!("{:?}", decided(&secret));
    };
    assert_eq!(plan.targets().count(), 0);
    insta::assert_debug_snapshot!(plan.steps);
}

#[tokio::test]
async fn an_entry_without_an_arn_does_not_fail_the_list() {
    let aws = answering(200, recorded("docs-listsecrets-rds-managed.partial.json"));

    let page = aws.list(None, None, soon()).await.expect("a page");

    assert_eq!(page.next_token, None);
    let [entry] = &page.secrets[..] else {
        panic!("{page:?}")
    };
    let unreadable = entry.as_ref().expect_err("it has no ARN");
    let name = "rds!cluster-a1b2c3d4-5678-90ab-cdef-EXAMPLE11111";
    assert_eq!(unreadable.id, SecretId::new(name));
}

#[tokio::test]
async fn a_managed_secret_is_known_by_its_entry_in_the_list() {
    let name = "rds!cluster-a1b2c3d4-5678-90ab-cdef-EXAMPLE11111";
    let arn =
        format!("\"ARN\": \"arn:aws:secretsmanager:us-west-2:123456789012:secret:{name}-abcdef\",");
    let text = String::from_utf8(recorded("docs-listsecrets-rds-managed.partial.json")).unwrap();
    let completed = text.replacen("\"Name\":", &format!("{arn} \"Name\":"), 1);
    let aws = answering(200, completed.into_bytes());

    let page = aws.list(None, None, soon()).await.expect("a page");

    let secret = page.secrets[0].as_ref().expect("it has an ARN");
    assert_eq!(secret.managed_by(), Some("rds"));
    let decision = decided(secret);
    assert!(
        matches!(decision, Decision::Skip(SkipReason::ManagedByService(_))),
        "{decision:?}"
    );
}

#[tokio::test]
async fn a_request_for_a_replica_is_accepted_with_a_replica_in_progress() {
    let connection = FixedAnswer::new(200, recorded("real-describesecret-primary-insync.json"));
    let aws = connection.secrets_manager();
    let (secret, read) = aws.read(&SecretId::new("c7n"), soon()).await.expect("read");
    let text = "{version: 1, rules: [{name: all, when: all, replicate-to: eu-west-3}]}";
    let policy = policy::check(text, &AllowedRegions::Any)
        .expect("a policy")
        .policy;
    let Decision::Act(plan) = decide(&secret, &policy, &LIMITS) else {
        panic!("it is covered");
    };
    let targets: Vec<_> = plan.targets().cloned().collect();
    let answer = recorded("docs-replicatesecrettoregions-inprogress.json");
    connection.change_to(200, answer);

    let slot = aws.write_slot(soon()).await.expect("no limit");
    aws.replicate(&secret.arn, &targets, read, slot, soon())
        .await
        .expect("accepted");

    insta::assert_snapshot!(connection.requests().join("\n"));
}

#[tokio::test]
async fn a_removal_is_accepted_with_the_replicas_that_remain() {
    let connection = FixedAnswer::new(200, recorded("real-describesecret-primary-insync.json"));
    let aws = connection.secrets_manager();
    let (_, read) = aws.read(&SecretId::new("c7n"), soon()).await.expect("read");
    let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:MyTestDatabaseSecret-a1b2c3";
    let secret = SecretArn::parse(arn).expect("an ARN");
    connection.change_to(200, recorded("docs-removeregionsfromreplication.json"));

    let slot = aws.write_slot(soon()).await.expect("no limit");
    let removed = aws
        .remove(&secret, &[region("eu-central-1")], read, slot, soon())
        .await;

    assert!(removed.is_ok(), "{removed:?}");
    insta::assert_snapshot!(connection.requests().join("\n"));
}

/// Uses error responses as AWS documents them, with both spellings of the message field, and with and
/// without the namespace that other services put before the code.
#[tokio::test]
async fn errors_are_told_apart_by_their_code() {
    let cases = [
        (400, "ResourceNotFoundException", CallErrorKind::NotFound),
        (400, "AccessDeniedException", CallErrorKind::AccessDenied),
        (400, "ThrottlingException", CallErrorKind::Throttled),
        (400, "InvalidParameterException", CallErrorKind::Refused),
        (400, "InvalidRequestException", CallErrorKind::Refused),
        (500, "InternalServiceError", CallErrorKind::Unanswered),
    ];
    let connection = FixedAnswer::new(200, Vec::new());
    let aws = connection.secrets_manager();
    for (status, code, kind) in cases {
        for (prefix, message) in [("", "Message"), ("", "message"), ("com.amazon#", "message")] {
            let body = format!(r#"{{"__type":"{prefix}{code}","{message}":"why"}}"#);
            connection.change_to(status, body.into_bytes());
            let described = aws.describe(&SecretId::new("any"), soon()).await;
            let error = described.expect_err("it is an error");
            assert_eq!((error.kind, error.code.as_str()), (kind, code));
            assert_eq!(error.message, "why");
        }
    }
}

#[tokio::test]
async fn the_code_alone_tells_an_error_of_the_key() {
    for (code, reason) in [
        ("EncryptionFailure", FailureReason::KmsKeyUnavailable),
        ("DecryptionFailure", FailureReason::KmsKeyUnavailable),
        ("LimitExceededException", FailureReason::RequestRejected),
    ] {
        let body = format!(r#"{{"__type":"{code}","Message":"why"}}"#);
        let aws = answering(400, body.into_bytes());
        let described = aws.describe(&SecretId::new("any"), soon()).await;
        let error = described.expect_err("it is an error");
        assert_eq!(error.reason(), reason, "{code}");
    }
}

#[tokio::test]
async fn an_endpoint_of_the_home_region_is_not_used_for_other_regions() {
    let home_only = "https://vpce-1.secretsmanager.us-east-1.vpce.amazonaws.com";
    let other = "https://vpce-2.secretsmanager.eu-west-1.vpce.amazonaws.com";
    let general = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
    let of_region = "AWS_ENDPOINT_URL_SECRETS_MANAGER_EU_WEST_1";
    let cases = [
        (
            vec![(general, home_only)],
            "secretsmanager.eu-west-1.amazonaws.com",
        ),
        (
            vec![("AWS_ENDPOINT_URL", home_only)],
            "secretsmanager.eu-west-1.amazonaws.com",
        ),
        (vec![(general, "http://localhost:4566")], "localhost:4566"),
        (
            vec![(general, home_only), (of_region, other)],
            "vpce-2.secretsmanager.eu-west-1.vpce.amazonaws.com",
        ),
    ];
    let secret = described("real-describesecret-primary-insync.json").await;
    for (variables, host) in cases {
        let connection = FixedAnswer::new(200, recorded("real-describesecret-replica.json"));
        let variables = variables.into_iter();
        let owned = variables
            .clone()
            .map(|(name, url)| (name.to_owned(), url.to_owned()));
        let endpoints = Endpoints::read("us-east-1", owned);
        let endpoint = variables.map(|(_, url)| url).next();
        let aws = connection
            .secrets_manager_at(endpoint)
            .with_endpoints(endpoints);

        let found = aws
            .probe_region(&region("eu-west-1"), &secret, soon())
            .await;

        assert!(
            matches!(found, Ok(RegionalSecret::Replica { .. })),
            "{found:?}"
        );
        assert_eq!(connection.hosts(), [host]);
    }
}
