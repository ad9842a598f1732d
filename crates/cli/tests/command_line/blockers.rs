//! `plan` names what stands in the way in a Region: Regions that are not enabled, and keys that do not work.

use std::collections::BTreeSet;

use secret_replicator_emulator::SecretSeed;
use serde_json::{Value, json};

use crate::Files;
use crate::account::{Account, HOME, secret};
use crate::services::{ServiceCall, Services};

const POLICY: &str = r#"
version: 1
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [us-west-2, eu-west-1, eu-south-1]
    kms-key: { eu-west-1: alias/eu, us-west-2: alias/us, "*": aws/secretsmanager }
"#;

fn covered(name: &str) -> SecretSeed {
    secret(name).with_tag("tier", "1")
}

/// An account without eu-south-1, in which one key is disabled and the other one does not exist.
fn answer(call: &ServiceCall) -> Result<Value, &'static str> {
    match (call.action.as_str(), call.region.as_str()) {
        ("account:ListRegions", _) => {
            let enabled = ["us-east-1", "us-west-2", "eu-west-1"];
            let regions = enabled
                .map(|code| json!({"RegionName": code, "RegionOptStatus": "ENABLED_BY_DEFAULT"}));
            Ok(json!({"Regions": regions}))
        }
        ("kms:DescribeKey", "us-west-2") => {
            assert_eq!(call.body["KeyId"], "alias/us");
            Ok(json!({"KeyMetadata": {
                "KeyId": "1", "KeyState": "Disabled", "KeySpec": "SYMMETRIC_DEFAULT",
                "KeyUsage": "ENCRYPT_DECRYPT",
            }}))
        }
        ("kms:DescribeKey", "eu-west-1") => Err("NotFoundException"),
        (action, region) => panic!("{action} in {region}"),
    }
}

#[test]
fn regions_that_are_not_enabled_and_keys_that_do_not_work_are_named_with_the_remediation() {
    let account = Account::new([covered("a"), covered("b")]);
    let services = Services::start(answer);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let arguments = ["plan", &path, "--region", HOME];
    let called = account.call_with(&services, &[&arguments[..], &["--output", "json"]].concat());
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    assert!(
        !called.stderr.contains("failed to check"),
        "{}",
        called.stderr
    );
    let blocker = |region: &str, problem: &str, remediation: &str| {
        json!({
            "account": "123456789012", "region": region, "problem": problem,
            "remediation": remediation,
        })
    };
    assert_eq!(
        called.json()["blockers"],
        json!([
            blocker(
                "eu-south-1",
                "the account has not enabled eu-south-1, so no replica can be created there",
                "run `aws account enable-region --region-name eu-south-1`, or exclude the Region in the policy",
            ),
            blocker(
                "eu-west-1",
                "the key alias/eu does not exist in eu-west-1",
                "create the key or the alias in eu-west-1, or name another key in the policy",
            ),
            blocker(
                "us-west-2",
                "the key alias/us in us-west-2 is Disabled",
                "run `aws kms enable-key --region us-west-2 --key-id alias/us`",
            ),
        ])
    );
    let called = account.call_with(&services, &arguments);
    let shown = called.stdout.split("In the way\n").nth(1).unwrap();
    let expected = "  123456789012: the account has not enabled eu-south-1, so no replica can be created there\n    \
                    run `aws account enable-region --region-name eu-south-1`";
    assert!(shown.starts_with(expected), "{}", called.stdout);

    let page = include_str!("../../../../docs/CLI.md");
    let block = page.split("```json\n").nth(1).unwrap();
    let policy: Value = serde_json::from_str(block.split("```").next().unwrap()).unwrap();
    let documented = policy["Statement"][1]["Action"].as_array().unwrap().iter();
    let documented: BTreeSet<String> = documented
        .map(|action| action.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(services.seen(), documented);
}

#[test]
fn what_could_not_be_checked_is_named_with_the_action_to_allow() {
    let account = Account::new([covered("a")]);
    let services = Services::start(|_| Err("AccessDeniedException"));
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let called = account.call_with(&services, &["plan", &path, "--region", HOME]);
    assert_eq!(called.code, Some(2));
    assert!(!called.stdout.contains("In the way"), "{}", called.stdout);
    for (what, action) in [
        (
            "whether the account has enabled the Regions",
            "account:ListRegions",
        ),
        ("the keys", "kms:DescribeKey"),
    ] {
        let warning = format!("warning: failed to check {what}: {action} failed");
        assert!(called.stderr.contains(&warning), "{}", called.stderr);
        let allow = format!("allow `{action}`");
        assert_eq!(
            called.stderr.matches(&allow).count(),
            1,
            "{}",
            called.stderr
        );
    }
}

#[test]
fn a_plan_without_new_replicas_makes_no_other_calls() {
    let replicated = covered("a")
        .with_replica_in("us-west-2")
        .with_replica_in("eu-west-1");
    let policy = POLICY.replace("    kms-key", "    # kms-key");
    let policy = policy.replace(", eu-south-1", "");
    let account = Account::new([replicated]);
    let services = Services::start(|call| panic!("{}", call.action));
    let files = Files::new(&[("policy.yaml", &policy)]);
    let path = files.path("policy.yaml");
    let called = account.call_with(&services, &["plan", &path, "--region", HOME]);
    assert_eq!(
        (called.code, called.stderr.as_str()),
        (Some(0), ""),
        "{}",
        called.stdout
    );
    assert!(services.seen().is_empty());
}
