//! What no SDK would send.

use secret_replicator_emulator::Emulator;

use crate::support::{HOME, client, emulator, post, raw};

const TARGET: (&str, &str) = ("X-Amz-Target", "secretsmanager.ListSecrets");
const SIGNED: (&str, &str) = (
    "Authorization",
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/secretsmanager/\
     aws4_request, SignedHeaders=host, Signature=00",
);

fn assert_refused(answer: &str, code: &str) {
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.contains(&format!("\"__type\":\"{code}\"")),
        "{answer}"
    );
    assert!(answer.contains("x-amzn-requestid: "), "{answer}");
}

async fn assert_still_alive(emulator: &Emulator) {
    let client = client(emulator, HOME).await;
    client.list_secrets().send().await.unwrap();
}

#[tokio::test]
async fn an_answer_is_aws_json_with_a_request_id() {
    let emulator = emulator().await;
    let answer = post(&emulator, &[TARGET, SIGNED], "{}");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("content-type: application/x-amz-json-1.1\r\n"),
        "{answer}"
    );
    assert!(answer.contains("x-amzn-requestid: "), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{\"SecretList\":[]}"), "{answer}");
}

#[tokio::test]
async fn an_operation_or_service_that_is_not_known_is_told_so() {
    let emulator = emulator().await;
    for target in ["secretsmanager.MakeCoffee", "dynamodb.ListSecrets", "x"] {
        let answer = post(&emulator, &[("X-Amz-Target", target), SIGNED], "{}");
        assert_refused(&answer, "UnknownOperationException");
    }
    assert_refused(
        &post(&emulator, &[SIGNED], "{}"),
        "UnknownOperationException",
    );
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_a_serialization_error() {
    let emulator = emulator().await;
    let deep = "[".repeat(100_000);
    for body in ["{", "[]", "null", "\"x\"", "{\"MaxResults\": \"x\"}", &deep] {
        let answer = post(&emulator, &[TARGET, SIGNED], body);
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
async fn no_nonsense_takes_the_server_down() {
    let emulator = emulator().await;
    let huge = "x".repeat(3 * 1024 * 1024);
    post(&emulator, &[TARGET, SIGNED], &huge);
    post(
        &emulator,
        &[("X-Amz-Target", "secretsmanager.\u{e9}"), SIGNED],
        "{}",
    );
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01".as_slice(),
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        raw(&emulator, bytes);
    }
    let hostile = [
        r#"{"SecretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:"}"#,
        r#"{"SecretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:-é-éééé"}"#,
        r#"{"SecretId": "", "AddReplicaRegions": [null, 1]}"#,
        r#"{"SecretId": "x", "RecoveryWindowInDays": -9223372036854775808}"#,
        r#"{"NextToken": "99999999999999999999999/", "MaxResults": 1}"#,
        r#"{"NextToken": "18446744073709551615/x"}"#,
    ];
    let operations = [
        "DescribeSecret",
        "ReplicateSecretToRegions",
        "DeleteSecret",
        "ListSecrets",
        "CreateSecret",
    ];
    for operation in operations {
        let target = format!("secretsmanager.{operation}");
        for body in hostile {
            let answer = post(&emulator, &[("X-Amz-Target", &target), SIGNED], body);
            assert!(
                answer.starts_with("HTTP/1.1 "),
                "{operation} {body}: {answer}"
            );
        }
    }
    assert_still_alive(&emulator).await;
}
