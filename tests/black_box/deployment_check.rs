//! Tests of the check of a deployment: the function answers CloudFormation at a URL of S3.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{Setting, Stage, setting, text};

/// A policy with a misspelled field.
const MISSPELLED: &str =
    "version: 1\nrules:\n  - name: dr\n    when: all\n    replicate_to: [eu-west-1]\n";

/// The part of a URL that is a credential.
const SIGNATURE: &str = "X-Amz-Signature=9f2c4d";

/// A local S3. It answers each request with the next status, and the last one again.
struct Bucket {
    endpoint: String,
    requests: Arc<Mutex<Vec<Put>>>,
}

/// A request as the bucket received it.
#[derive(Clone, Debug)]
struct Put {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Bucket {
    fn start(statuses: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let received = requests.clone();
        std::thread::spawn(move || {
            for index in 0.. {
                let (mut connection, _) = listener.accept().expect("a client connects");
                let status = statuses[index.min(statuses.len() - 1)];
                let Some(request) = receive(&mut connection) else {
                    continue;
                };
                received.lock().expect("the requests").push(request);
                let answer =
                    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                let _ = connection.write_all(answer.as_bytes());
            }
        });
        Self { endpoint, requests }
    }

    fn url(&self) -> String {
        format!("{}/key?{SIGNATURE}", self.endpoint)
    }

    fn requests(&self) -> Vec<Put> {
        self.requests.lock().expect("the requests").clone()
    }

    /// Returns the only answer of the function.
    fn answer(&self) -> Value {
        let [put] = &self.requests()[..] else {
            panic!("{:#?}", self.requests())
        };
        put.json()
    }

    /// Starts a function that may send answers to this bucket.
    async fn stage(&self, setting: Setting) -> Stage {
        let setting = setting.env("AWS_ENDPOINT_URL_S3", &self.endpoint);
        setting.start().await
    }
}

impl Put {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// Reads a request with a `Content-Length`.
fn receive(connection: &mut TcpStream) -> Option<Put> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte).ok()?;
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).expect("ASCII");
    let mut lines = head.trim_end().split("\r\n").map(str::to_owned);
    let line = lines.next()?;
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').expect("a header");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        })
        .collect();
    let mut put = Put {
        line,
        headers,
        body: String::new(),
    };
    let length = put.header("content-length")?.parse().expect("a number");
    let mut body = vec![0; length];
    connection.read_exact(&mut body).ok()?;
    put.body = String::from_utf8(body).expect("UTF-8");
    Some(put)
}

fn event(request_type: &str, url: &str) -> Value {
    json!({
        "RequestType": request_type,
        "RequestId": "5d478078-13e9-baf0-464a-7ef285ecc786",
        "ResponseURL": url,
        "ResourceType": "Custom::PolicyCheck",
        "LogicalResourceId": "PolicyCheck",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/secret-replicator/1a2b",
        "ResourceProperties": { "ServiceToken": "arn", "Version": "0.1.0" },
    })
}

#[tokio::test]
async fn valid_settings_are_accepted() {
    let bucket = Bucket::start(&["200 OK"]);
    let mut stage = bucket.stage(setting()).await;

    let delivery = stage.deliver(&event("Create", &bucket.url())).await;

    delivery.ends_well("skipped");
    assert_eq!(delivery.reason(), "deployment-accepted");
    assert_eq!(delivery.record["trigger"], "PolicyCheck");
    assert_eq!(
        delivery.record["event_id"],
        event("Create", "")["RequestId"]
    );
    let [put] = &bucket.requests()[..] else {
        panic!("{:#?}", bucket.requests())
    };
    assert_eq!(put.line, format!("PUT /key?{SIGNATURE} HTTP/1.1"));
    // Another content type does not match the signature.
    assert_eq!(put.header("content-type"), Some(""));
    assert_eq!(put.header("transfer-encoding"), None);
    assert_eq!(put.header("authorization"), None);
    let answer = put.json();
    assert_eq!(answer["Status"], "SUCCESS");
    for field in ["StackId", "RequestId", "LogicalResourceId"] {
        assert_eq!(answer[field], event("Create", "")[field]);
    }
    assert!(stage.aws.calls().is_empty());
}

#[tokio::test]
async fn an_invalid_policy_fails_the_deployment_and_the_invocation_succeeds() {
    for request_type in ["Create", "Update"] {
        let bucket = Bucket::start(&["200 OK"]);
        let setting = setting()
            .env("REPLICATION_POLICY", MISSPELLED)
            .env("DRY_RUN", "yes");
        let mut stage = bucket.stage(setting).await;

        let delivery = stage.deliver(&event(request_type, &bucket.url())).await;

        delivery.ends_well("refused");
        assert_eq!(delivery.reason(), "policy-invalid");
        assert_eq!(delivery.record["level"], "WARN");
        let answer = bucket.answer();
        assert_eq!(answer["Status"], "FAILED");
        let reason = text(&answer["Reason"]);
        for part in [
            "REPLICATION_POLICY: line 5",
            "replicate_to",
            "DRY_RUN: must be",
        ] {
            assert!(reason.contains(part), "{part}: {reason}");
            assert!(
                text(&delivery.record["detail"])
                    .contains(part.trim_start_matches("REPLICATION_POLICY: "))
            );
        }
        assert!(stage.aws.calls().is_empty());
    }
}

#[tokio::test]
async fn a_deletion_succeeds_with_an_invalid_policy() {
    let bucket = Bucket::start(&["200 OK"]);
    let mut stage = bucket
        .stage(setting().env("REPLICATION_POLICY", MISSPELLED))
        .await;

    let mut event = event("Delete", &bucket.url());
    event["PhysicalResourceId"] = json!("secret-replicator-policy-check");
    let delivery = stage.deliver(&event).await;

    delivery.ends_well("skipped");
    assert_eq!(bucket.answer()["Status"], "SUCCESS");
    assert_eq!(
        bucket.answer()["PhysicalResourceId"],
        event["PhysicalResourceId"]
    );
}

#[tokio::test]
async fn many_problems_fit_the_answer_and_name_the_log_group() {
    let bucket = Bucket::start(&["200 OK"]);
    let rule = |number| format!("  - {{name: \"r{number}\", \"replicate\\\"{number}\": x}}");
    let rules: Vec<String> = (0..90).map(rule).collect();
    let policy = format!("version: 1\nrules:\n{}\n", rules.join("\n"));
    let setting = setting()
        .env("REPLICATION_POLICY", &policy)
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/a-stack");
    let mut stage = bucket.stage(setting).await;

    stage
        .deliver(&event("Update", &bucket.url()))
        .await
        .ends_well("refused");

    let [put] = &bucket.requests()[..] else {
        panic!("one request")
    };
    assert!(put.body.len() < 4096, "{}", put.body.len());
    assert!(put.body.len() > 3500, "{}", put.body.len());
    let answer = put.json();
    let reason = text(&answer["Reason"]);
    assert!(
        reason.ends_with("problems are not shown here: see the log group /aws/lambda/a-stack)"),
        "{reason}"
    );
}

#[tokio::test]
async fn an_answer_is_sent_again_after_an_error_of_s3() {
    let bucket = Bucket::start(&["503 Slow Down", "500 Internal Server Error", "200 OK"]);
    let mut stage = bucket.stage(setting()).await;

    stage
        .deliver(&event("Create", &bucket.url()))
        .await
        .ends_well("skipped");

    let bodies: Vec<String> = bucket.requests().into_iter().map(|put| put.body).collect();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| *body == bodies[0]));
}

#[tokio::test]
async fn an_answer_that_is_not_delivered_fails_the_invocation_without_the_url() {
    for (statuses, detail, requests) in [
        (&["403 Forbidden"], "S3 answered 403", 1..=1),
        (&["307 Temporary Redirect"], "S3 answered 307", 1..=1),
        (&["503 Slow Down"], "S3 answered 503", 2..=5),
    ] {
        let bucket = Bucket::start(statuses);
        let setting = setting()
            .env("REPLICATION_POLICY", MISSPELLED)
            .timeout(Duration::from_secs(4));
        let mut stage = bucket.stage(setting).await;

        let delivery = stage.deliver(&event("Create", &bucket.url())).await;

        delivery.ends_in_error("failed", "ServiceUnavailable");
        assert_eq!(delivery.reason(), "deployment-unanswered");
        assert!(text(&delivery.record["detail"]).contains(detail));
        assert!(requests.contains(&bucket.requests().len()));
        shows_no_url(&delivery.log, delivery.error_message.as_deref());
    }
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_fails_the_invocation_before_its_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let setting = setting()
        .env("AWS_ENDPOINT_URL", &endpoint)
        .timeout(Duration::from_secs(3));
    let mut stage = setting.start().await;

    let url = format!("{endpoint}/key?{SIGNATURE}");
    let delivery = stage.deliver(&event("Create", &url)).await;

    delivery.ends_in_error("failed", "ServiceUnavailable");
    shows_no_url(&delivery.log, delivery.error_message.as_deref());
    drop(listener);
    let delivery = stage.deliver(&event("Create", &url)).await;
    delivery.ends_in_error("failed", "ServiceUnavailable");
    shows_no_url(&delivery.log, delivery.error_message.as_deref());
}

#[tokio::test]
async fn a_url_of_another_host_gets_no_answer_and_is_not_shown() {
    let bucket = Bucket::start(&["200 OK"]);
    for setting in [setting(), setting().env("REPLICATION_POLICY", MISSPELLED)] {
        let mut stage = setting.start().await;
        for url in [
            bucket.url(),
            bucket.url().replace("http:", "https:"),
            bucket
                .url()
                .replace("http://", "http://x.s3.amazonaws.com@"),
            format!("https://s3.amazonaws.com.example.com/key?{SIGNATURE}"),
        ] {
            let delivery = stage.deliver(&event("Create", &url)).await;
            delivery.ends_in_error("failed", "BadEvent");
            shows_no_url(&delivery.log, delivery.error_message.as_deref());
        }
    }
    assert!(bucket.requests().is_empty());
}

fn shows_no_url(log: &str, error: Option<&str>) {
    for text in [log, error.unwrap_or_default()] {
        for part in [SIGNATURE, "/key", "Signature"] {
            assert!(!text.contains(part), "{text}");
        }
    }
}
