//! Access to an account that fails, and the message that says what to type.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use secret_replicator_emulator::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::account::{Account, HOME, isolated, secret};
use crate::services::Services;
use crate::{Called, Files, called};

/// A profile of IAM Identity Center.
const CONFIG: &str = "\
[profile prod]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Reader
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.awsapps.com/start
sso_registration_scopes = sso:account:access
[profile bare]
region = us-east-1
[profile plain]
aws_access_key_id = of-the-profile
aws_secret_access_key = test
";

/// The file of the token: the SHA-1 hash of the session's name.
const TOKEN_FILE: &str = "ee0bfd2552fbd840c02cc48b6e823320543c450f.json";

const EXPIRED: &str = r#"{"accessToken": "token", "expiresAt": "2024-01-01T00:00:00Z"}"#;

/// Returns a call of the tool in this home directory.
fn at_home(home: &Files, arguments: &[&str]) -> Command {
    let mut command = isolated(arguments);
    command
        .env("HOME", home.path(""))
        .env("AWS_CONFIG_FILE", home.path("config"));
    command
}

fn fails(called: &Called, parts: &[&str]) {
    assert_eq!(called.code, Some(1), "{}{}", called.stdout, called.stderr);
    assert_eq!(called.stdout, "");
    for part in parts {
        assert!(called.stderr.contains(part), "{part}\n{}", called.stderr);
    }
}

#[test]
fn an_expired_or_missing_sso_token_names_the_command_with_the_profile() {
    let sign_in = "sign in again: `aws sso login --profile prod`";
    let home = Files::new(&[("config", CONFIG)]);
    for command in ["plan", "status"] {
        let arguments = [command, "--region", HOME, "--profile", "prod"];
        let output = at_home(&home, &arguments).output().unwrap();
        fails(&called(&output), &[sign_in]);
    }
    let cache = home.path(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    std::fs::write(format!("{cache}/{TOKEN_FILE}"), EXPIRED).unwrap();
    let expired = "the SSO token has expired";
    let mut command = at_home(&home, &["plan", "--region", HOME, "--profile", "prod"]);
    fails(&called(&command.output().unwrap()), &[expired, sign_in]);
    let mut command = at_home(&home, &["plan", "--region", HOME]);
    command.env("AWS_PROFILE", "prod");
    fails(&called(&command.output().unwrap()), &[expired, sign_in]);
    let doctor = [
        "doctor",
        "--stack-name",
        "s",
        "--region",
        HOME,
        "--profile",
        "prod",
    ];
    let output = at_home(&home, &doctor).output().unwrap();
    fails(&called(&output), &[sign_in]);
}

#[test]
fn a_profile_without_a_region_gets_each_way_to_name_one() {
    let home = Files::new(&[("config", CONFIG)]);
    let output = at_home(&home, &["status", "--profile", "plain"]).output();
    fails(
        &called(&output.unwrap()),
        &[
            "add `--region us-east-1`",
            "AWS_REGION",
            "aws configure set region us-east-1",
        ],
    );
}

#[test]
fn a_denied_call_names_the_action_to_allow() {
    let account = Account::new([secret("a").with_tag("replicate-to", "eu-west-1")]);
    let message = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: it";
    let denied = |operation: &str| {
        let denied = FaultKind::answer(400, "AccessDeniedException", message);
        Fault::on(operation, denied).always()
    };
    account.aws.script(denied("DescribeSecret"));
    let called = account.call(&["plan", "--region", HOME, "--output", "json"]);
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    let cell = &called.json()["secrets"][0]["regions"][0];
    assert_eq!(cell["state"], "unreadable");
    let detail = cell["detail"].as_str().unwrap();
    assert!(
        detail.contains("allow `secretsmanager:DescribeSecret`"),
        "{detail}"
    );
    account.aws.script(denied("ListSecrets"));
    for command in ["plan", "status"] {
        let called = account.call(&[command, "--region", HOME]);
        fails(
            &called,
            &["allow `secretsmanager:ListSecrets`", "docs/CLI.md"],
        );
    }
}

#[test]
fn an_endpoint_without_the_service_is_named_as_the_cause() {
    let account = Account::new([secret("a").with_tag("replicate-to", "eu-west-1")]);
    let remediation =
        "check that the server of `--endpoint-url` or AWS_ENDPOINT_URL has this service";
    let called = account.call(&["doctor", "--stack-name", "s", "--region", HOME]);
    let problem = "expected an error of AWS, found HTTP status 400";
    fails(
        &called,
        &["cloudformation:DescribeStacks", problem, remediation],
    );
    let called = account.call(&["plan", "--region", HOME]);
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    for part in ["account:ListRegions", remediation] {
        assert!(called.stderr.contains(part), "{part}\n{}", called.stderr);
    }
}

#[test]
fn a_profile_wins_over_the_credentials_of_the_environment() {
    let home = Files::new(&[("config", CONFIG)]);
    let services = Services::start(|call| {
        assert_eq!(call.access_key, "of-the-profile");
        Ok(json!({"SecretList": []}))
    });
    let call = |profile| {
        let arguments = ["status", "--region", HOME, "--profile", profile];
        let mut command = at_home(&home, &arguments);
        command
            .args(["--endpoint-url", &services.endpoint])
            .env("AWS_ACCESS_KEY_ID", "of-the-environment")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        called(&command.output().unwrap())
    };
    let found = call("plain");
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    assert!(services.seen().contains("secretsmanager:ListSecrets"));
    fails(&call("other"), &["`other`", "aws configure list-profiles"]);
}

/// Returns the address of the credentials of a container.
fn container() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).unwrap();
            let body = json!({
                "AccessKeyId": "of-the-container", "SecretAccessKey": "test", "Token": "test",
                "Expiration": "2099-01-01T00:00:00Z",
            });
            let body = body.to_string();
            let length = body.len();
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json";
            write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        }
    });
    format!("http://{address}/credentials")
}

#[test]
fn a_profile_without_credentials_takes_those_of_the_container_and_not_of_the_environment() {
    let home = Files::new(&[("config", CONFIG)]);
    let services = Services::start(|call| {
        assert_eq!(call.access_key, "of-the-container");
        Ok(json!({"SecretList": []}))
    });
    let mut command = at_home(&home, &["status", "--profile", "bare"]);
    command
        .args(["--endpoint-url", &services.endpoint])
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", container())
        .env("AWS_ACCESS_KEY_ID", "of-the-environment")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    let found = called(&command.output().unwrap());
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    assert!(services.seen().contains("secretsmanager:ListSecrets"));
}

#[test]
fn a_profile_that_does_not_exist_is_not_replaced_by_a_container() {
    let home = Files::new(&[("config", CONFIG)]);
    let services = Services::start(|call| panic!("{}", call.action));
    let container = container();
    let of_option = ["status", "--region", HOME, "--profile", "prd"];
    for (arguments, variable) in [(&of_option[..], ""), (&of_option[..3], "prd")] {
        let mut command = at_home(&home, arguments);
        command
            .args(["--endpoint-url", &services.endpoint])
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container)
            .env("AWS_PROFILE", variable);
        fails(
            &called(&command.output().unwrap()),
            &["the profile `prd`", "does not exist", "list-profiles"],
        );
    }
}

#[test]
fn an_endpoint_at_which_nothing_listens_is_an_error_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let start = Instant::now();
    let output = isolated(&["plan", "--region", HOME, "--endpoint-url", &url]).output();
    fails(
        &called(&output.unwrap()),
        &[&url, "start the local AWS, or correct `--endpoint-url`"],
    );
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_page_of_a_proxy_is_named_as_such() {
    let services = Services::start(|_| Ok(Value::String("<html>no</html>".to_owned())));
    let output = isolated(&["status", "--region", HOME])
        .args(["--endpoint-url", &services.endpoint])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .output();
    fails(
        &called(&output.unwrap()),
        &[
            "secretsmanager:ListSecrets",
            "no proxy answers instead of AWS",
        ],
    );
}
