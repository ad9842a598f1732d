//! Tests of malformed and malicious events. Each ends in one record and one error, and the function keeps
//! running.

use secret_replicator_emulator::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::stage::{Stage, create_secret_event, setting, tagged};

#[tokio::test]
async fn an_event_of_an_unexpected_form_names_the_place_and_the_remediation() {
    let no_name = || {
        let mut event = create_secret_event("", "");
        event["detail"]["requestParameters"] = Value::Null;
        event
    };
    let events = [
        json!(null),
        json!(42),
        json!("CreateSecret"),
        json!([]),
        json!(["reconcile"]),
        json!(["reconcile", "prod/db"]),
        json!({}),
        json!({"action": "replicate"}),
        json!({"action": "reconcile"}),
        json!({"action": "reconcile", "secretId": ""}),
        json!({"action": "reconcile", "secretId": 7}),
        json!({"action": "reconcile", "secretId": "a", "dryRun": "yes"}),
        json!({"action": "reconcile", "secretId": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-a1b2c3"}),
        json!({"action": "reconcile", "secretId": "a", "secretid": "b"}),
        json!({"action": "reconcile", "SECRETID": "a"}),
        json!({"action": "reconcile", "secret_id": "a", "dryRun": true}),
        json!({"action": "Reconcile", "secretId": "a"}),
        json!({"action": "sweep", "DryRun": true}),
        json!({"Action": "reconcile", "SecretId": "a"}),
        json!({"ACTION": "explain", "secretId": "a"}),
        json!({"acton": "sweep"}),
        json!({"secretId": "a", "dryRun": true}),
        json!({"action": null, "secretId": "a"}),
        json!({"action": {"reconcile": {}}}),
        json!({"detailType": "AWS API Call via CloudTrail"}),
        json!({"detail-type": "AWS API Call via CloudTrail"}),
        json!({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}),
        json!({"detail-type": "AWS API Call via CloudTrail", "source": "aws.secretsmanager", "detail": {}}),
        json!({"detail-type": "AWS API Call via CloudTrail", "source": "aws.secretsmanager", "detail": null}),
        json!({"detail-type": "AWS API Call via CloudTrail", "source": "aws.secretsmanager", "detail": {"eventName": 7}}),
        no_name(),
    ];
    let mut stage = Stage::new().await;
    let mut messages = Vec::new();
    for event in events {
        let delivery = stage.deliver(&event).await;
        delivery.ends_in_error("failed", "BadEvent");
        assert_eq!(delivery.reason(), "bad-event");
        messages.push(delivery.error_message.unwrap());
    }
    insta::assert_snapshot!(messages.join("\n"));
    assert!(stage.aws.calls().is_empty());
    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
}

#[tokio::test]
async fn every_shape_of_identity_and_every_unknown_field_is_tolerated() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "none"));
    let identities = [
        Value::Null,
        json!({}),
        json!("root"),
        json!({"accountId": "123456789012", "invokedBy": "secretsmanager.amazonaws.com"}),
        json!({"type": "AssumedRole", "sessionContext": {"sessionIssuer": {}, "webIdFederationData": {}}}),
    ];
    for identity in identities {
        let mut event = create_secret_event("prod/db", &arn);
        event["detail"]["userIdentity"] = identity;
        event["detail"]["sessionCredentialFromConsole"] = json!("true");
        event["detail"]["aFieldOfTheFuture"] = json!({"a": [1, 2.5, null]});
        event["detail"]["eventTime"] = json!("yesterday");
        event["aFieldOfTheFuture"] = json!(true);
        event["detail"].as_object_mut().unwrap().remove("userAgent");
        stage.deliver(&event).await.ends_well("unchanged");
    }
}

#[tokio::test]
async fn names_and_tags_of_any_characters_are_carried_through() {
    let mut stage = Stage::new().await;
    for name in [
        "prod/db",
        "ünï/ço∂é",
        "a\"b\\c",
        "line\nbreak",
        "{}",
        &"x".repeat(512),
    ] {
        let seed = tagged(name, "eu-west-1").with_tag("owner", "\u{202e}\u{0}\u{7f}");
        let delivery = stage.create(seed).await;
        delivery.ends_well("replicated");
        assert_eq!(delivery.record["secret_name"], name);
    }
}

#[tokio::test]
async fn a_secret_id_that_aws_refuses_is_a_bad_event() {
    let mut stage = Stage::new().await;
    let refusal = FaultKind::answer(400, "ValidationException", "1 validation error detected");
    stage.aws.script(Fault::on("DescribeSecret", refusal));
    let action = json!({"action": "reconcile", "secretId": "a b"});
    stage
        .deliver(&action)
        .await
        .ends_in_error("failed", "BadEvent");
    assert_eq!(stage.aws.calls().len(), 1);
}

#[tokio::test]
async fn no_log_holds_a_value_a_request_token_or_a_tag() {
    let mut stage = setting().env("AWS_LAMBDA_LOG_LEVEL", "TRACE").start().await;
    let seed = tagged("prod/db", "eu-west-1")
        .with_value("hunter2-the-value")
        .with_tag("owner", "the-owners-tag-value");
    let arn = stage.secret(seed);
    let mut event = create_secret_event("prod/db", &arn);
    event["detail"]["requestParameters"]["clientRequestToken"] = json!("the-request-token");
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("replicated");
    for secret in [
        "hunter2-the-value",
        "the-owners-tag-value",
        "the-request-token",
    ] {
        assert!(!delivery.log.contains(secret), "{secret} is in the log");
    }
    // At these levels, the SDK and the runtime log whole responses and events.
    for level in ["DEBUG", "TRACE"] {
        let level = format!("\"level\":\"{level}\"");
        assert!(!delivery.log.contains(&level), "{}", delivery.log);
    }
}

#[tokio::test]
async fn a_nesting_without_end_is_a_bad_event() {
    let mut stage = Stage::new().await;
    let mut deep = json!(1);
    for _ in 0..500 {
        deep = json!([deep]);
    }
    let mut event = create_secret_event("prod/db", "");
    event["detail"]["requestParameters"] = deep;
    stage
        .deliver(&event)
        .await
        .ends_in_error("failed", "BadEvent");
    stage
        .create(tagged("prod/db", "eu-west-1"))
        .await
        .ends_well("replicated");
}

#[tokio::test]
async fn a_huge_text_in_an_event_never_makes_a_huge_log() {
    let mut stage = Stage::new().await;
    stage.secret(tagged("prod/db", "none"));
    let much = "x".repeat(20_000);
    let arn = format!("arn:aws:secretsmanager:us-east-1:{much}:secret:{much}");
    let mut events = vec![
        json!({"action": much}),
        json!({"action": "reconcile", "secretId": much}),
    ];
    let detail = create_secret_event("prod/db", "")["detail"].clone();
    let fields = detail.as_object().unwrap().keys().map(String::as_str);
    for field in fields.chain(["errorCode"]) {
        for response in [Value::Null, json!({ "arn": arn })] {
            let mut event = create_secret_event("prod/db", "");
            event["detail"]["responseElements"] = response;
            event["detail"][field] = json!(much);
            events.push(event);
        }
    }
    for event in events {
        let delivery = stage.deliver(&event).await;
        assert!(
            delivery.log.len() < 4096,
            "{} bytes of log",
            delivery.log.len()
        );
    }
}

#[tokio::test]
async fn what_a_misshapen_event_holds_stays_out_of_log_and_error() {
    let mut stage = Stage::new().await;
    let detail = json!({"requestParameters": {"clientRequestToken": "the-request-token"}});
    let event = |detail: Value| {
        let api_call = "AWS API Call via CloudTrail";
        json!({"detail-type": api_call, "source": "aws.secretsmanager", "detail": detail})
    };
    let events = [
        event(json!(detail.to_string())),
        event(json!(["the-request-token"])),
        json!(detail.to_string()),
        json!({"action": "reconcile", "secretId": {"a": "the-request-token"}}),
        json!({"action": "reconcile", "secretId": "a", "dryRun": "the-request-token"}),
    ];
    for event in events {
        let delivery = stage.deliver(&event).await;
        delivery.ends_in_error("failed", "BadEvent");
        let error = delivery.error_message.unwrap();
        assert!(
            !(delivery.log + &error).contains("the-request-token"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_event_that_is_not_handled_is_skipped_in_any_shape() {
    let mut stage = Stage::new().await;
    let event = |change: fn(&mut Value)| {
        let mut event = create_secret_event("prod/db", "");
        event["detail"]["eventName"] = json!("PutSecretValue");
        change(&mut event);
        event
    };
    let events = [
        event(|event| event["time"] = json!("yesterday")),
        event(|event| event["account"] = json!(123_456_789_012_u64)),
        event(|event| event["resources"] = json!("none")),
        event(|event| {
            event["detail-type"] = json!("AWS Service Event via CloudTrail");
            event["detail"] = Value::Null;
        }),
    ];
    for event in events {
        let delivery = stage.deliver(&event).await;
        delivery.ends_well("skipped");
        assert_eq!(delivery.reason(), "unsupported-event");
    }
}
