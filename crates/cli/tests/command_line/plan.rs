//! Tests of `plan`.

use std::collections::BTreeSet;

use secret_replicator_emulator::SecretSeed;
use serde_json::{Value, json};

use crate::Files;
use crate::account::{Account, HOME, OLD, secret};

const POLICY: &str = r#"
version: 1
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [us-west-2, eu-west-1]
"#;

fn covered(name: &str) -> SecretSeed {
    secret(name).with_tag("tier", "1")
}

fn both(name: &str) -> SecretSeed {
    covered(name)
        .with_replica_in("us-west-2")
        .with_replica_in("eu-west-1")
}

#[test]
fn a_replicated_account_has_nothing_to_do_and_is_not_described() {
    let account = Account::new([both("a"), both("b"), secret("not-covered")]);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let called = account.call(&["plan", &files.path("policy.yaml"), "--region", HOME]);
    assert_eq!(called.code, Some(0), "{}{}", called.stdout, called.stderr);
    assert!(
        called
            .stdout
            .contains("The policy covers 2 secrets: 2 in sync.")
    );
    assert!(called.stdout.contains("Nothing to do."));
    assert!(account.aws.calls_to("DescribeSecret").is_empty());
}

#[test]
fn secrets_of_the_same_names_in_several_primary_regions_are_not_described() {
    let elsewhere = |name: &str| SecretSeed::new("ap-southeast-2", name).with_age(OLD);
    let secrets = ["a", "b"].map(|name| {
        [
            both(name),
            elsewhere(name)
                .with_tag("tier", "1")
                .with_replica_in("ap-northeast-1"),
        ]
    });
    let account = Account::new(secrets.into_iter().flatten());
    let policy = "\
version: 1
rules:
  - { name: us, when: { primary-region: us-east-1 }, replicate-to: [us-west-2, eu-west-1] }
  - { name: ap, when: { primary-region: ap-southeast-2 }, replicate-to: [ap-northeast-1] }
";
    let files = Files::new(&[("policy.yaml", policy)]);
    let path = files.path("policy.yaml");
    let regions = "us-west-2 eu-west-1 ap-northeast-1 ap-southeast-2 us-east-1";
    let mut arguments = vec!["plan", &path, "--region", "us-east-1,ap-southeast-2"];
    arguments.extend(["--allowed-replica-regions", regions]);
    let called = account.call(&arguments);
    assert_eq!(called.code, Some(0), "{}{}", called.stdout, called.stderr);
    assert!(
        called
            .stdout
            .contains("The policy covers 4 secrets: 4 in sync.")
    );
    assert!(account.aws.calls_to("DescribeSecret").is_empty());
}

#[test]
fn a_plan_shows_what_changes_what_is_in_the_way_and_what_it_costs() {
    let stranger = SecretSeed::new("eu-west-1", "prod/taken").with_age(OLD);
    let account = Account::new([
        both("prod/done"),
        covered("prod/half").with_replica_in("us-west-2"),
        covered("prod/none"),
        covered("prod/taken").with_replica_in("us-west-2"),
        covered("prod/key").with_kms_key_id("alias/mine"),
        stranger,
    ]);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let called = account.call(&["plan", &path, "--region", HOME, "--output", "json"]);
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    let report = called.json();
    let expected = json!({
        "covered": 5, "in_sync": 1, "planned": 3, "pending": 0, "refused": 1, "failed": 0,
        "regions": {
            "eu-west-1": {
                "in_sync": 1, "behind": 0, "in_progress": 0, "create": 3, "name_taken": 1,
                "overwrite": 0, "repair": 0, "remove": 0, "refused": {"weaker-encryption": 1},
                "failed": {},
            },
            "us-west-2": {
                "in_sync": 3, "behind": 0, "in_progress": 0, "create": 1, "name_taken": 0,
                "overwrite": 0, "repair": 0, "remove": 0, "refused": {"weaker-encryption": 1},
                "failed": {},
            },
        },
    });
    assert_eq!(report["summary"], expected);
    // Three of four requests succeed.
    let cost = &report["cost"];
    assert_eq!(
        (
            &cost["replicas_today"],
            &cost["replicas_after"],
            &cost["difference"]
        ),
        (&json!(4), &json!(7), &json!(1.2))
    );
    let names = report["secrets"].as_array().unwrap().iter();
    let names: Vec<&str> = names
        .map(|secret| secret["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["prod/half", "prod/key", "prod/none", "prod/taken"]);

    let called = account.call(&["plan", &path, "--region", HOME]);
    assert_eq!(called.code, Some(2));
    insta::assert_snapshot!(called.stdout);

    let called = account.call(&["plan", &path, "--region", HOME, "--output", "csv"]);
    let lines: Vec<&str> = called.stdout.lines().collect();
    assert_eq!(lines.len(), 9, "{}", called.stdout);
    assert!(
        lines[1].starts_with("123456789012,us-east-1,prod/half,eu-west-1,missing,false,create,")
    );
}

#[test]
fn a_screen_is_enough_without_all() {
    let account = Account::new((0..40).map(|number| covered(&format!("app-{number:02}"))));
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let called = account.call(&["plan", &path, "--region", HOME]);
    assert!(called.stdout.lines().count() <= 24, "{}", called.stdout);
    assert!(called.stdout.contains("and 35 more") && !called.stdout.contains("app-39"));
    let called = account.call(&["plan", &path, "--region", HOME, "--all"]);
    assert!(called.stdout.contains("app-39"));
}

#[test]
fn each_region_that_is_not_known_is_a_warning() {
    let account = Account::new([
        secret("a").with_tag("replicate-to", "eu-wset-1"),
        secret("b").with_tag("replicate-to", "eu-wset-1 us-west-2"),
    ]);
    for command in ["plan", "status"] {
        let called = account.call(&[command, "--region", HOME, "--output", "json"]);
        let warning = "warning: `eu-wset-1` is not a known Region; did you mean `eu-west-1`?\n";
        assert!(
            called.stderr.starts_with(warning),
            "{command}: {}",
            called.stderr
        );
        assert_eq!(called.stderr.matches("not a known Region").count(), 1);
        assert_eq!(called.json()["unknown_regions"], json!(["eu-wset-1"]));
        let called = account.call(&[
            command,
            "--region",
            "us-esat-1,us-east-1",
            "--allowed-replica-regions",
            "eu-wset-1 us-west-2",
        ]);
        let warnings = "warning: --region: `us-esat-1` is not a known Region; did you mean `us-east-1`?\n\
             warning: --allowed-replica-regions: `eu-wset-1` is not a known Region; did you mean `eu-west-1`?\n";
        assert!(called.stderr.starts_with(warnings), "{}", called.stderr);
        assert_eq!(called.stderr.matches("not a known Region").count(), 2);
        let called = account.call(&[command, "--region", "us-esat-1"]);
        assert_eq!(called.code, Some(1));
        assert!(
            called.stderr.starts_with(
                "warning: --region: `us-esat-1` is not a known Region; did you mean `us-east-1`?\nerror: "
            ),
            "{}",
            called.stderr
        );
    }
    let known = Account::new([secret("a").with_tag("replicate-to", "eu-west-1")]);
    let called = known.call(&[
        "plan",
        "--region",
        HOME,
        "--allowed-replica-regions",
        "eu-west-1",
    ]);
    assert!(
        !called.stderr.contains("not a known Region"),
        "{}",
        called.stderr
    );
}

#[test]
fn the_documented_permissions_are_the_calls_of_plan_and_status() {
    let account = Account::new([both("a"), covered("b")]);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    for command in ["plan", "status"] {
        account.call(&[command, &path, "--region", HOME, "--thorough"]);
    }
    let calls = account.aws.calls();
    let seen = calls
        .iter()
        .map(|call| format!("secretsmanager:{}", call.operation));
    let seen: BTreeSet<String> = seen.collect();

    let page = include_str!("../../../../docs/CLI.md");
    let block = page.split("```json\n").nth(1).unwrap();
    let policy: Value = serde_json::from_str(block.split("```").next().unwrap()).unwrap();
    let allowed = policy["Statement"][0]["Action"].as_array().unwrap().iter();
    let allowed: BTreeSet<String> = allowed
        .map(|action| action.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(seen, allowed);
}
