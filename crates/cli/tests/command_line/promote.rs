//! Tests of `promote`, with the primary Region unreachable.

mod several_runs;

use std::collections::BTreeMap;
use std::time::Duration;

use secret_replicator_emulator::{Execution, Fault, FaultKind, SecretSeed};
use serde_json::{Value, json};

use crate::account::{Account, HOME, OLD};
use crate::failover::{POLICY, THERE, covered, replica};
use crate::{Called, Files};

const STOP: &str = "StopReplicationToReplica";

fn name(number: usize) -> String {
    format!("shop/{number:02}")
}

/// Returns an account with these numbers of replicas.
fn account(replicas: usize) -> Account {
    let seeds = (0..replicas).map(|number| covered(&name(number)).with_replica_in(THERE));
    Account::new(seeds)
}

/// Calls `promote` for the failover Region with the state file `state.json`.
fn promote(account: &Account, files: &Files, more: &[&str]) -> Called {
    let state = files.path("state.json");
    let base = [
        "promote", "--to", THERE, "--state", &state, "--output", "json",
    ];
    account.call_writing(&[&base[..], more].concat())
}

fn suspend(account: &Account) {
    account.aws.with(|world, now| world.suspend(now, HOME));
}

fn outcomes(report: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let secrets = report["secrets"].as_array().unwrap().iter();
    let done = secrets.map(|row| (text(&row["name"]), text(&row["outcome"])));
    let left = report["left"].as_array().unwrap().iter();
    let left = left.map(|row| (text(&row["name"]), text(&row["reason"])));
    done.chain(left).collect()
}

/// Returns the last entry of each secret in the state file, by ARN.
fn state(files: &Files) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(files.path("state.json")).unwrap();
    let lines = text.lines().skip(1);
    let entries = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let entries = entries.map(|entry| (entry["arn"].as_str().unwrap().to_owned(), entry));
    entries.collect()
}

fn is_standalone(account: &Account, name: &str) -> bool {
    let secret = account
        .aws
        .with(|world, now| world.secret(now, THERE, name))
        .unwrap();
    !secret.is_replica && secret.value.is_some()
}

#[test]
fn without_the_primary_region_41_of_43_are_promoted_and_two_are_named() {
    let account = account(41);
    account.seed(covered("failed"));
    account.seed(replica("failed").without_value());
    account.seed(covered("missing"));
    account.make(
        HOME,
        "RotateSecret",
        &json!({
            "SecretId": name(0), "RotationLambdaARN": "arn:aws:lambda:us-east-1:123456789012:function:rotate",
            "RotationRules": {"AutomaticallyAfterDays": 30}, "RotateImmediately": false,
        }),
    );
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let (policy, inventory) = (files.path("policy.yaml"), files.path("inventory.json"));
    let drill = [
        "drill", &policy, "--to", THERE, "--region", HOME, "--save", &inventory,
    ];
    assert_eq!(account.call(&drill).code, Some(2));
    suspend(&account);

    let options = ["--inventory", &inventory, "--policy", &policy];
    let before = account.aws.calls().len();
    let dry = promote(&account, &files, &[&options[..], &["--dry-run"]].concat());
    assert_eq!(dry.code, Some(2), "{}", dry.stderr);
    assert_eq!(dry.json()["secrets"].as_array().unwrap().len(), 41);
    assert!(account.aws.calls_to(STOP).is_empty());

    let done = promote(&account, &files, &[&options[..], &["--yes"]].concat());
    assert_eq!(done.code, Some(2), "{}{}", done.stdout, done.stderr);
    let report = done.json();
    let found = outcomes(&report);
    assert_eq!(found.len(), 43);
    assert_eq!(found["failed"], "no-current-version");
    assert_eq!(found["missing"], "replica-missing");
    assert_eq!(
        found
            .values()
            .filter(|outcome| *outcome == "promoted")
            .count(),
        41
    );
    for left in report["left"].as_array().unwrap() {
        assert_eq!(left["fault"], true, "{left}");
        assert!(left["detail"].as_str().unwrap().len() > 40, "{left}");
    }
    assert!((0..41).all(|number| is_standalone(&account, &name(number))));

    // What changes: the rotation, the ARN, and what the policy of a stack there does.
    let first = &report["secrets"][0];
    assert_eq!(first["rotation"]["state"], "only-in-old-primary");
    assert_eq!(first["rotation"]["rules"]["after_days"], 30);
    assert_eq!(
        first["arn"],
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/00-AAAAAA"
    );
    assert_eq!(report["secrets"][1]["rotation"]["state"], "none");
    assert_eq!(first["policy"]["covered"], true);

    // The state file has each promotion, for `failback`.
    let recorded = state(&files);
    assert_eq!(recorded.len(), 41);
    assert!(
        recorded
            .values()
            .all(|secret| secret["status"] == "promoted"
                && secret["promoted"].is_string()
                && secret["version_id"].is_string())
    );

    // Nothing of it asked the primary Region, or read a value.
    let calls = account.aws.calls();
    for call in &calls[before..] {
        assert_eq!(call.region, THERE);
        assert!(["ListSecrets", "DescribeSecret", STOP].contains(&call.operation.as_str()));
    }
    assert_eq!(account.aws.calls_to(STOP).len(), 41);

    let again = promote(&account, &files, &[&options[..], &["--yes"]].concat());
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    let found = outcomes(&again.json());
    assert_eq!(found["shop/00"], "already-standalone");
    assert_eq!(found["missing"], "replica-missing");
    assert_eq!(account.aws.calls_to(STOP).len(), 41);
    assert_eq!(state(&files), recorded);
}

#[test]
fn the_promotions_stay_below_the_write_quota() {
    let account = account(41);
    suspend(&account);
    let files = Files::new(&[]);
    assert_eq!(promote(&account, &files, &["--yes"]).code, Some(0));
    let calls = account.aws.calls_to(STOP);
    assert_eq!(calls.len(), 41);
    for (number, call) in calls.iter().enumerate() {
        let end = call.time + Duration::from_secs(1);
        let second = calls[number..].iter().filter(|other| other.time < end);
        let second = second.count();
        assert!(second <= 28, "{second} promotions in a second");
    }
}

#[test]
fn a_confirmed_run_shows_its_plan_too() {
    let account = account(2);
    let files = Files::new(&[]);
    let done = promote(&account, &files, &["--yes"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let plan = "2 secrets to promote in eu-west-1, replicas of us-east-1.";
    assert!(done.stderr.contains(plan), "{}", done.stderr);
    assert!(done.stderr.contains("shop/00, shop/01"), "{}", done.stderr);
}

#[test]
fn filters_and_a_limit_select() {
    let account = account(4);
    account.seed(
        covered("other")
            .with_tag("team", "x")
            .with_replica_in(THERE),
    );
    let files = Files::new(&[]);
    let done = promote(
        &account,
        &files,
        &["--yes", "--name", "shop/", "--limit", "1"],
    );
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(outcomes(&done.json())["shop/01"], "limit-reached");
    let done = promote(&account, &files, &["--yes", "--tag", "team=x"]);
    assert_eq!(outcomes(&done.json())["other"], "promoted");
    let only = ["--yes", "--only", "shop/02,shop/99"];
    let done = promote(&account, &files, &only);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let found = outcomes(&done.json());
    assert_eq!(
        (&*found["shop/02"], &*found["shop/99"]),
        ("promoted", "replica-missing")
    );
    let promoted: Vec<bool> = (0..4)
        .map(|number| is_standalone(&account, &name(number)))
        .collect();
    assert_eq!(promoted, [true, false, true, false]);
}

#[test]
fn replicas_of_a_primary_region_that_works_are_not_promoted() {
    let account = account(2);
    let other = SecretSeed::new("us-west-2", "west")
        .with_age(OLD)
        .with_replica_in(THERE);
    account.seed(other);
    let files = Files::new(&[]);
    let refused = promote(&account, &files, &["--yes"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(
        refused.stderr.contains("us-west-2 (1 replica)"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("`--from us-east-1`"),
        "{}",
        refused.stderr
    );
    let limited = promote(&account, &files, &["--yes", "--limit", "1"]);
    assert_eq!(limited.code, Some(1), "{}", limited.stdout);
    assert!(account.aws.calls_to(STOP).is_empty());
    let done = promote(&account, &files, &["--yes", "--from", HOME]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(outcomes(&done.json())["west"], "other-primary-region");
    assert!(!is_standalone(&account, "west"));
}

#[test]
fn a_selection_of_nothing_is_a_finding() {
    let account = account(2);
    let files = Files::new(&[]);
    for selection in [["--name", "shpo/"], ["--from", "us-west-2"]] {
        let nothing = promote(&account, &files, &[&selection[..], &["--yes"]].concat());
        assert_eq!(nothing.code, Some(2), "{}", nothing.stdout);
        assert!(
            nothing.stderr.contains("nothing is selected"),
            "{}",
            nothing.stderr
        );
    }
}

#[test]
fn spaces_around_the_names_of_only_do_not_matter() {
    let account = account(3);
    let files = Files::new(&[]);
    let only = format!("{}, {}", name(0), name(1));
    let report = promote(&account, &files, &["--only", &only, "--dry-run"]).json();
    let planned = report["secrets"].as_array().unwrap().len();
    assert_eq!(planned, 2, "{report:#}");
}

#[test]
fn a_named_secret_that_the_inventory_lacks_is_named_and_not_promoted() {
    let account = account(1);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let (policy, inventory) = (files.path("policy.yaml"), files.path("inventory.json"));
    let drill = [
        "drill", &policy, "--to", THERE, "--region", HOME, "--save", &inventory,
    ];
    assert_eq!(account.call(&drill).code, Some(0));
    account.seed(covered("later").with_replica_in(THERE));
    let only = format!("{},later", name(0));
    let options = ["--yes", "--inventory", &inventory, "--only", &only];
    let done = promote(&account, &files, &options);
    assert_eq!(done.code, Some(2), "{}{}", done.stdout, done.stderr);
    let found = outcomes(&done.json());
    assert_eq!(found[&name(0)], "promoted");
    assert_eq!(found["later"], "not-in-inventory");
    assert_eq!(done.json()["left"][0]["fault"], true);
    assert!(!is_standalone(&account, "later"));
}

#[test]
fn a_secret_that_cannot_be_read_does_not_stop_the_others() {
    let account = account(2);
    account.seed(covered("missing"));
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let (policy, inventory) = (files.path("policy.yaml"), files.path("inventory.json"));
    let drill = [
        "drill", &policy, "--to", THERE, "--region", HOME, "--save", &inventory,
    ];
    assert_eq!(account.call(&drill).code, Some(2));
    let denied = FaultKind::answer(400, "AccessDeniedException", "denied");
    account
        .aws
        .script(Fault::on("DescribeSecret", denied).on_secret("missing"));
    let done = promote(&account, &files, &["--yes", "--inventory", &inventory]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let found = outcomes(&done.json());
    assert_eq!(found["missing"], "unreadable");
    assert_eq!(
        (&*found[&name(0)], &*found[&name(1)]),
        ("promoted", "promoted")
    );
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_promoted() {
    let account = account(2);
    let files = Files::new(&[]);
    let asked = promote(&account, &files, &[]);
    assert_eq!(asked.code, Some(1), "{}", asked.stdout);
    assert!(
        asked.stderr.contains("2 secrets to promote in eu-west-1"),
        "{}",
        asked.stderr
    );
    assert!(
        asked.stderr.contains("Absent secrets are unknown"),
        "{}",
        asked.stderr
    );
    assert!(asked.stderr.contains("add `--yes`"), "{}", asked.stderr);
    assert!(account.aws.calls_to(STOP).is_empty());
    assert!(!std::path::Path::new(&files.path("state.json")).exists());
}

#[test]
fn an_answer_that_is_lost_and_a_throttled_call_do_not_fail_a_promotion() {
    let account = account(3);
    let lost = FaultKind::CloseConnection(Execution::Done);
    account.aws.script(Fault::on(STOP, lost).on_secret(name(0)));
    account
        .aws
        .script(Fault::on(STOP, FaultKind::Throttle).on_secret(name(1)));
    let failed = FaultKind::CloseConnection(Execution::Skipped);
    account
        .aws
        .script(Fault::on(STOP, failed).on_secret(name(2)));
    let files = Files::new(&[]);
    let done = promote(&account, &files, &["--yes"]);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    // The lost answer is read, not repeated.
    assert_eq!(account.aws.calls_to(STOP).len(), 5);
}

#[test]
fn the_text_names_what_changes() {
    let account = account(2);
    suspend(&account);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let (state, policy) = (files.path("state.json"), files.path("policy.yaml"));
    let arguments = [
        "promote", "--to", THERE, "--yes", "--state", &state, "--policy", &policy,
    ];
    let done = account.call_writing(&arguments);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for part in [
        "2 secrets promoted in eu-west-1.",
        "Absent secrets are unknown",
        "Rotation of 2 secrets is unknown",
        "secret:shop/00-AAAAAA",
        "Resource policies",
        "covers 2 of 2 secrets as primary secrets",
        "failback",
    ] {
        let text = done.stdout.replace("\n    ", " ");
        assert!(text.contains(part), "{part}: {text}");
    }
}
