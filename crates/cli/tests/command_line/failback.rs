//! Tests of `failback`.

use std::collections::BTreeSet;

use secret_replicator_emulator::SecretSeed;
use serde_json::{Value, json};

use crate::account::{Account, HOME, OLD, secret};
use crate::failover::{SUFFIX, THERE, delete_promoted, end_recovery_window, put};
use crate::{Called, Files};

/// Returns an account in which these secrets were promoted.
pub(crate) fn promoted(names: &[&str], files: &Files) -> Account {
    let seed = |name: &&str| secret(name).with_suffix(SUFFIX).with_replica_in(THERE);
    let account = Account::new(names.iter().map(seed));
    let state = files.path("state.json");
    let done = account.call_writing(&["promote", "--to", THERE, "--yes", "--state", &state]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    account
}

fn failback(account: &Account, files: &Files, more: &[&str]) -> Called {
    let state = files.path("state.json");
    let base = ["failback", "--to", HOME, "--from", THERE, "--state", &state];
    account.call_reading(&[&base[..], more].concat())
}

pub(crate) fn row(report: &Value, name: &str) -> Value {
    let secrets = report["secrets"].as_array().unwrap().iter();
    let mut rows = secrets.filter(|row| row["name"] == name);
    rows.next().unwrap().clone()
}

#[test]
fn the_report_says_which_value_is_newer_and_moves_it_before_anything_is_deleted() {
    let files = Files::new(&[]);
    let account = promoted(&["both", "new", "old", "same"], &files);
    put(&account, THERE, "new", "newer");
    put(&account, HOME, "old", "newer");
    put(&account, THERE, "both", "one");
    put(&account, HOME, "both", "other");
    let called = failback(&account, &files, &["--output", "json"]);
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    let report = called.json();
    for (name, newer) in [
        ("both", "unknown"),
        ("new", "promoted"),
        ("old", "old-primary"),
        ("same", "same"),
    ] {
        let row = row(&report, name);
        assert_eq!(row["state"], "apart", "{row}");
        assert_eq!(row["newer"], newer, "{name}: {row}");
        assert!(!row["evidence"].as_str().unwrap().is_empty());
        let steps = row["steps"].as_array().unwrap();
        let destroys = steps.iter().any(|step| step["destroys"] == true);
        assert_eq!(destroys, ["same", "old-primary"].contains(&newer), "{row}");
        for side in ["old_primary", "promoted"] {
            assert!(row[side]["version_created"].is_string(), "{row}");
        }
    }
    let text = failback(&account, &files, &[]).stdout;
    assert!(
        text.contains("us-east-1 again for 0 of 4 secrets"),
        "{text}"
    );
    assert!(
        text.contains("put-secret-value --region us-east-1"),
        "{text}"
    );
    assert!(
        !text.contains("newer\"") && !text.contains("seeded"),
        "{text}"
    );
}

#[test]
fn without_a_state_file_the_lists_of_both_regions_show_the_promoted_secrets() {
    let files = Files::new(&[]);
    let account = promoted(&["a"], &files);
    account.seed(SecretSeed::new(THERE, "own").with_age(OLD));
    put(&account, THERE, "a", "newer");
    let directory = files.path("");
    let arguments = [
        "failback", "--to", HOME, "--from", THERE, "--output", "json",
    ];
    let called = account.call_reading_in(&directory, &arguments);
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    let report = called.json();
    assert_eq!(report["state_file"], Value::Null);
    assert_eq!(report["secrets"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(row(&report, "a")["newer"], "promoted");
}

#[test]
fn without_a_state_file_a_secret_in_its_recovery_window_is_seen() {
    let files = Files::new(&[]);
    let account = promoted(&["here", "there"], &files);
    delete_promoted(&account, "here");
    let delete = json!({"SecretId": "there", "RecoveryWindowInDays": 7});
    account.make(HOME, "DeleteSecret", &delete);
    let arguments = [
        "failback", "--to", HOME, "--from", THERE, "--output", "json",
    ];
    let called = account.call_reading_in(&files.path(""), &arguments);
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    for name in ["here", "there"] {
        let row = row(&called.json(), name);
        assert_eq!(row["state"], "scheduled-for-deletion", "{row}");
    }
}

#[test]
fn tags_select_the_secrets_of_the_state_file_too() {
    let files = Files::new(&[]);
    let account = promoted(&["a", "b"], &files);
    let tag = json!({"SecretId": "a", "Tags": [{"Key": "team", "Value": "x"}]});
    account.make(HOME, "TagResource", &tag);
    let names = |more: &[&str]| {
        let report = failback(&account, &files, &[more, &["--output", "json"]].concat());
        let secrets = report.json()["secrets"].as_array().unwrap().clone();
        let names = secrets.into_iter().map(|row| row["name"].clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["a", "b"]);
    assert_eq!(names(&["--tag", "team=x"]), ["a"]);
}

#[test]
fn the_steps_lead_back_without_losing_the_newer_value() {
    let files = Files::new(&[]);
    let account = promoted(&["a"], &files);
    put(&account, THERE, "a", "newer");
    let report = failback(&account, &files, &["--output", "json"]).json();
    let version = row(&report, "a")["promoted"]["version_id"].clone();

    // The owner moves the value with the version ID as the token, as the command does.
    let token = json!({"SecretId": "a", "SecretString": "newer", "ClientRequestToken": version});
    account.make(HOME, "PutSecretValue", &token);
    let report = failback(&account, &files, &["--output", "json"]).json();
    assert_eq!(row(&report, "a")["newer"], "same");

    delete_promoted(&account, "a");
    let report = failback(&account, &files, &["--output", "json"]).json();
    let waiting = row(&report, "a");
    assert_eq!(waiting["state"], "scheduled-for-deletion");
    let first = waiting["steps"][0]["text"].as_str().unwrap();
    assert!(first.contains("Wait until the recovery window"), "{first}");
    end_recovery_window(&account, "a");
    let report = failback(&account, &files, &["--output", "json"]).json();
    assert_eq!(row(&report, "a")["state"], "no-promoted");

    let replicate = json!({"SecretId": "a", "AddReplicaRegions": [{"Region": THERE}]});
    account.make(HOME, "ReplicateSecretToRegions", &replicate);
    std::thread::sleep(std::time::Duration::from_millis(1200));
    let called = failback(&account, &files, &["--output", "json"]);
    assert_eq!(row(&called.json(), "a")["state"], "restored");
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    let there = account.aws.with(|world, now| world.secret(now, THERE, "a"));
    assert_eq!(there.unwrap().value.as_deref(), Some("newer"));
}

#[test]
fn a_region_that_does_not_answer_is_an_error_and_not_a_guess() {
    let files = Files::new(&[]);
    let account = promoted(&["a"], &files);
    account.aws.with(|world, now| world.suspend(now, HOME));
    let called = failback(&account, &files, &[]);
    assert_eq!(called.code, Some(1), "{}", called.stdout);
    assert!(
        called.stderr.contains("a way back needs both Regions"),
        "{}",
        called.stderr
    );
}

#[test]
fn the_documented_policies_allow_the_calls_and_nothing_else() {
    let page = include_str!("../../../../docs/CLI.md");
    let mut blocks = page.split("```json\n").skip(1);
    let block = blocks.find(|block| block.contains("StopReplicationToReplica"));
    let block = block.unwrap().split("```").next().unwrap();
    let policy: Value = serde_json::from_str(block).unwrap();
    let allowed = |ids: &[&str]| -> BTreeSet<String> {
        let statements = policy["Statement"].as_array().unwrap().iter();
        let selected =
            statements.filter(|statement| ids.contains(&statement["Sid"].as_str().unwrap()));
        let actions = selected.flat_map(|statement| match &statement["Action"] {
            Value::Array(actions) => actions.clone(),
            action => vec![action.clone()],
        });
        let actions = actions.map(|action| action.as_str().unwrap().to_owned());
        actions.collect()
    };
    let seen = |account: &Account, after: usize| -> BTreeSet<String> {
        let calls = account.aws.calls().into_iter().skip(after);
        let seen = calls.map(|call| format!("secretsmanager:{}", call.operation));
        seen.collect()
    };
    let perform = |account: &Account, files: &Files| {
        let state = files.path("state.json");
        let base = ["failback", "--to", HOME, "--from", THERE, "--state", &state];
        account.call_performing_in(".", &[&base[..], &["--perform", "--yes"]].concat())
    };
    let files = Files::new(&[]);
    let account = promoted(&["a"], &files);
    let reads = "PromoteAndFailbackReads";
    assert_eq!(seen(&account, 0), allowed(&[reads, "Promote"]));
    let before = account.aws.calls().len();
    failback(&account, &files, &[]);
    assert_eq!(seen(&account, before), allowed(&[reads, "Failback"]));

    // A secret to replicate, and one to restore.
    let account = promoted(&["a", "b"], &files);
    put(&account, THERE, "b", "newer");
    for name in ["a", "b"] {
        delete_promoted(&account, name);
    }
    end_recovery_window(&account, "a");
    let before = account.aws.calls().len();
    let called = perform(&account, &files);
    let expected = allowed(&[reads, "Failback", "FailbackPerform"]);
    assert_eq!(seen(&account, before), expected, "{}", called.stdout);
}

#[test]
fn a_selection_of_nothing_does_not_pass_for_a_complete_way_back() {
    let account = Account::new([secret("db").with_replica_in(THERE)]);
    let call = |more: &[&str]| {
        let base = ["failback", "--to", HOME, "--from", THERE];
        account.call_reading(&[&base[..], more].concat())
    };
    // The replica shows that the way back is complete.
    let complete = call(&[]);
    assert_eq!(complete.code, Some(0), "{}", complete.stderr);
    for more in [
        &["--name", "other"][..],
        &["--name", "other", "--perform", "--yes"],
    ] {
        let nothing = call(more);
        assert_eq!(nothing.code, Some(2), "{}", nothing.stderr);
        assert!(
            nothing.stderr.contains("check `--to`, `--from`"),
            "{}",
            nothing.stderr
        );
    }
}

#[test]
fn a_state_file_of_the_other_direction_stops_the_way_back() {
    let files = Files::new(&[]);
    let seed = secret("db").with_suffix(SUFFIX).with_replica_in(THERE);
    let account = Account::new([seed]);
    let directory = files.path("");
    let promoted = account.call_writing_in(&directory, &["promote", "--to", THERE, "--yes"]);
    assert_eq!(promoted.code, Some(0), "{}", promoted.stderr);
    let failback =
        |to, from| account.call_reading_in(&directory, &["failback", "--to", to, "--from", from]);
    let swapped = failback(THERE, HOME);
    assert_eq!(swapped.code, Some(1), "{}", swapped.stdout);
    let hint = "use `--to us-east-1 --from eu-west-1`";
    assert!(swapped.stderr.contains(hint), "{}", swapped.stderr);
    assert_eq!(failback(HOME, THERE).code, Some(2));
}
