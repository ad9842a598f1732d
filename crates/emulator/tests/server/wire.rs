//! Requests that no SDK sends.

use secret_replicator_emulator::Emulator;
use serde_json::json;

use crate::support::{HOME, call, emulator, is_answer, post, raw, signed};

const TARGET: (&str, &str) = ("X-Amz-Target", "secretsmanager.ListSecrets");

/// Sends a request with this target and body, signed for the home Region.
fn post_signed(emulator: &Emulator, target: &str, body: &str) -> String {
    let headers = [("X-Amz-Target", target), ("Authorization", &signed(HOME))];
    post(emulator, &headers, body)
}

fn assert_refused(answer: &str, code: &str) {
    let end = format!("\"__type\":\"{code}\"}}");
    assert!(is_answer(answer, 400, &end), "{answer}");
    assert!(answer.contains("x-amzn-requestid: "), "{answer}");
}

#[tokio::test]
async fn an_answer_is_aws_json_with_a_request_id() {
    let emulator = emulator().await;
    let answer = post_signed(&emulator, TARGET.1, "{}");
    assert!(
        is_answer(&answer, 200, "\r\n\r\n{\"SecretList\":[]}"),
        "{answer}"
    );
    assert!(
        answer.contains("content-type: application/x-amz-json-1.1\r\n"),
        "{answer}"
    );
    assert!(answer.contains("x-amzn-requestid: "), "{answer}");
}

#[tokio::test]
async fn an_unknown_operation_or_service_is_rejected_as_such() {
    let emulator = emulator().await;
    for target in ["secretsmanager.MakeCoffee", "dynamodb.ListSecrets", "x"] {
        let answer = post_signed(&emulator, target, "{}");
        assert_refused(&answer, "UnknownOperationException");
    }
    let answer = post(&emulator, &[("Authorization", &signed(HOME))], "{}");
    assert_refused(&answer, "UnknownOperationException");
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_a_serialization_error() {
    let emulator = emulator().await;
    let deep = "[".repeat(100_000);
    for body in ["{", "[]", "null", "\"x\"", "{\"MaxResults\": \"x\"}", &deep] {
        let answer = post_signed(&emulator, TARGET.1, body);
        assert_refused(&answer, "SerializationException");
    }
}

#[tokio::test]
async fn a_call_without_a_region_in_its_credential_scope_is_refused() {
    let emulator = emulator().await;
    let answer = post(&emulator, &[TARGET], "{}");
    assert_refused(&answer, "MissingAuthenticationTokenException");
    for value in [
        "",
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=AKIA",
        "Credential=a//b/c",
    ] {
        let answer = post(&emulator, &[TARGET, ("Authorization", value)], "{}");
        assert_refused(&answer, "IncompleteSignatureException");
    }
}

#[tokio::test]
async fn invalid_requests_do_not_stop_the_server() {
    let emulator = emulator().await;
    post_signed(&emulator, TARGET.1, &"x".repeat(3 * 1024 * 1024));
    post_signed(&emulator, "secretsmanager.\u{e9}", "{}");
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01".as_slice(),
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        raw(&emulator, bytes);
    }
    for operation in [
        "DescribeSecret",
        "ReplicateSecretToRegions",
        "DeleteSecret",
        "ListSecrets",
        "CreateSecret",
    ] {
        for body in [
            json!({"SecretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:"}),
            json!({"SecretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:-é-éééé"}),
            json!({"SecretId": "", "AddReplicaRegions": [null, 1]}),
            json!({"SecretId": "x", "RecoveryWindowInDays": i64::MIN}),
            json!({"NextToken": "99999999999999999999999/", "MaxResults": 1}),
            json!({"NextToken": "18446744073709551615/x"}),
        ] {
            let answer = call(&emulator, HOME, operation, &body);
            assert!(answer.starts_with("HTTP/1.1 "), "{operation} {body}");
        }
    }
    let answer = call(&emulator, HOME, "ListSecrets", &json!({}));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
