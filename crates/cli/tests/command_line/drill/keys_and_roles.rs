//! Tests of the keys of replicas, and of the role that reads them after a promotion.

use serde_json::{Value, json};

use super::{arguments, findings};
use crate::Files;
use crate::account::Account;
use crate::failover::{POLICY, THERE, covered, replica};
use crate::services::{ServiceCall, Services};

/// Returns the answers of a key that is disabled and a role that may read one secret.
fn answer(call: &ServiceCall) -> Value {
    match call.action.as_str() {
        "kms:DescribeKey" => json!({"KeyMetadata": {
            "KeyId": "1", "Arn": "arn:aws:kms:eu-west-1:123456789012:key/1", "KeyState": "Disabled",
            "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT",
        }}),
        "iam:SimulatePrincipalPolicy" => {
            let form = call.body.as_str().unwrap();
            assert!(form.contains("role%2Fshop-app"), "{form}");
            let result = |action: &str, resource: &str, decision: &str| {
                format!(
                    "<member><EvalActionName>{action}</EvalActionName><EvalResourceName>{resource}\
                     </EvalResourceName><EvalDecision>{decision}</EvalDecision></member>"
                )
            };
            let results = if form.contains("kms%3ADecrypt") {
                let key = "arn:aws:kms:eu-west-1:123456789012:key/1";
                result("kms:Decrypt", key, "implicitDeny")
            } else {
                let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret";
                let read = "secretsmanager:GetSecretValue";
                result(read, &format!("{arn}:allowed-AAAAAA"), "allowed")
                    + &result(read, &format!("{arn}:keyed-AAAAAA"), "explicitDeny")
            };
            Value::String(format!(
                "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><EvaluationResults>{results}\
                 </EvaluationResults><IsTruncated>false</IsTruncated></SimulatePrincipalPolicyResult>\
                 </SimulatePrincipalPolicyResponse>"
            ))
        }
        action => panic!("{action}"),
    }
}

fn keyed() -> Account {
    let account = Account::new([covered("allowed").with_replica_in(THERE), covered("keyed")]);
    account.seed(replica("keyed").with_kms_key_id("alias/shop"));
    account
}

#[test]
fn a_disabled_key_and_a_role_that_may_not_read_are_findings() {
    let account = keyed();
    let services = Services::start(|call| Ok(answer(call)));
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let more = ["--reader-role", "shop-app", "--output", "json"];
    let called = account.call_with(&services, &arguments(&path, &more));
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    let report = called.json();
    let found = findings(&report);
    let codes = &found["keyed"];
    assert!(
        codes.contains(&"kms-key-unavailable".to_owned()),
        "{found:?}"
    );
    assert!(codes.contains(&"reader-denied".to_owned()), "{found:?}");
    assert!(!found.contains_key("allowed"), "{found:?}");
    let text = called.stdout.as_str();
    for expected in [
        "kms:Decrypt",
        "secretsmanager:GetSecretValue",
        "aws kms enable-key",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_key_or_a_role_that_cannot_be_checked_is_a_finding_with_the_action_to_allow() {
    let account = keyed();
    let services = Services::start(|call| match call.action.as_str() {
        "iam:SimulatePrincipalPolicy" => Err("AccessDenied"),
        _ => Err("AccessDeniedException"),
    });
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let more = ["--reader-role", "shop-app", "--output", "json"];
    let called = account.call_with(&services, &arguments(&path, &more));
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    let found = findings(&called.json());
    assert_eq!(found["allowed"], ["reader-unchecked"]);
    assert!(
        found["keyed"].contains(&"kms-key-unchecked".to_owned()),
        "{found:?}"
    );
    for action in ["kms:DescribeKey", "iam:SimulatePrincipalPolicy"] {
        let allow = format!("allow `{action}`");
        assert!(called.stdout.contains(&allow), "{}", called.stdout);
    }
}
