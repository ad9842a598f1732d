//! Tests of the inventory that `drill --save` writes, and that `drill` and `promote` read.

use serde_json::json;

use crate::Files;
use crate::account::{Account, HOME, secret};
use crate::drill::{arguments, fails};
use crate::failover::{POLICY, THERE, covered};
use crate::services::Services;

#[test]
fn a_selection_does_not_replace_an_inventory_of_other_secrets() {
    let account = Account::new(["a", "b"].map(|name| covered(name).with_replica_in(THERE)));
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let (policy, all) = (files.path("policy.yaml"), files.path("inventory.json"));
    let save = |more: &[&str]| account.call(&arguments(&policy, more));
    assert_eq!(save(&["--save", &all]).code, Some(0));
    let before = std::fs::read_to_string(&all).unwrap();
    let refused = save(&["--save", &all, "--name", "a"]);
    fails(
        &refused,
        "is an inventory of other secrets than those of `--name a`",
    );
    assert_eq!(std::fs::read_to_string(&all).unwrap(), before);
    // A file of its own, as of a weekly pipeline of one team.
    let own = files.path("own.json");
    for _ in 0..2 {
        let saved = save(&["--save", &own, "--name", "a"]);
        assert_eq!(saved.code, Some(0), "{}", saved.stderr);
    }
    assert_eq!(save(&["--save", &own, "--name", "b"]).code, Some(1));
    assert_eq!(save(&["--save", &own]).code, Some(0));
}

#[test]
fn secrets_of_the_inventory_that_vanished_are_named_with_the_reason() {
    let names = ["deleted", "kept", "stranded", "untagged", "window"];
    let account = Account::new(names.map(|name| covered(name).with_replica_in(THERE)));
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let (policy, inventory) = (files.path("policy.yaml"), files.path("inventory.json"));
    let saved = account.call(&arguments(&policy, &["--save", &inventory]));
    assert_eq!(saved.code, Some(0), "{}", saved.stderr);
    for name in ["deleted", "stranded", "window"] {
        account.make(
            THERE,
            "StopReplicationToReplica",
            &json!({"SecretId": name}),
        );
        if name != "stranded" {
            let delete = json!({"SecretId": name, "ForceDeleteWithoutRecovery": true});
            account.make(THERE, "DeleteSecret", &delete);
        }
        let window = json!({"SecretId": name, "RecoveryWindowInDays": 7});
        let force = json!({"SecretId": name, "ForceDeleteWithoutRecovery": true});
        let delete = if name == "window" { window } else { force };
        account.make(HOME, "DeleteSecret", &delete);
    }
    let untag = json!({"SecretId": "untagged", "TagKeys": ["tier"]});
    account.make(HOME, "UntagResource", &untag);
    let drill = |more: &[&str]| {
        let base = ["--inventory", &inventory];
        account.call(&arguments(&policy, &[&base[..], more].concat()))
    };
    let called = drill(&["--output", "json"]);
    assert_eq!(called.code, Some(0), "{}{}", called.stdout, called.stderr);
    let report = called.json();
    assert_eq!(report["gone_since"], json!(["deleted", "window"]));
    assert_eq!(report["without_primary"], json!(["stranded"]));
    assert_eq!(report["no_longer_expected"], json!(["untagged"]));
    let text = drill(&[]).stdout;
    assert!(text.contains("gone since: deleted, window;"), "{text}");
}

#[test]
fn without_a_policy_the_one_of_the_inventory_judges() {
    let account = Account::new([
        covered("a").with_replica_in(THERE),
        secret("other").with_replica_in(THERE),
    ]);
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let (policy, inventory) = (files.path("policy.yaml"), files.path("inventory.json"));
    let saved = account.call(&arguments(&policy, &["--save", &inventory]));
    assert_eq!(saved.code, Some(0), "{}", saved.stderr);
    let drill = [
        "drill",
        "--to",
        THERE,
        "--region",
        HOME,
        "--inventory",
        &inventory,
    ];
    let drill = [&drill[..], &["--output", "json"]].concat();
    // A secret of the policy that the inventory does not have yet.
    account.seed(covered("b").with_replica_in(THERE));
    let called = account.call(&drill);
    assert_eq!(called.code, Some(0), "{}{}", called.stdout, called.stderr);
    assert_eq!(called.json()["summary"]["expected"], 2);
    assert_eq!(called.json()["no_longer_expected"], json!([]));
    account.aws.with(|world, now| world.suspend(now, HOME));
    let called = account.call(&drill);
    assert_eq!(called.code, Some(0), "{}{}", called.stdout, called.stderr);
    assert_eq!(called.json()["summary"]["expected"], 1);
}

#[test]
fn a_stack_whose_region_does_not_answer_names_the_inventory() {
    let account = Account::new([covered("a").with_replica_in(THERE)]);
    let services = Services::start(|call| match call.action.as_str() {
        "cloudformation:DescribeStacks" => Err("ServiceUnavailable"),
        action => panic!("{action}"),
    });
    let drill = [
        "drill",
        "--from-stack",
        "s",
        "--to",
        THERE,
        "--region",
        HOME,
    ];
    let called = account.call_with(&services, &drill);
    assert_eq!(called.code, Some(1), "{}", called.stdout);
    let remediation = "use `--inventory FILE` without `--from-stack`";
    assert!(called.stderr.contains(remediation), "{}", called.stderr);
}

#[test]
fn a_promotion_says_which_secrets_an_inventory_of_a_selection_has() {
    let account = Account::new(["a", "b"].map(|name| covered(name).with_replica_in(THERE)));
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let (policy, inventory) = (files.path("policy.yaml"), files.path("inventory.json"));
    for (selection, words) in [
        (&["--name", "a"][..], "only the secrets of `--name a`"),
        (&[], ""),
    ] {
        let saved = account.call(&arguments(
            &policy,
            &[&["--save", &inventory], selection].concat(),
        ));
        assert_eq!(saved.code, Some(0), "{}", saved.stderr);
        let promote = [
            "promote",
            "--to",
            THERE,
            "--dry-run",
            "--inventory",
            &inventory,
        ];
        let planned = account.call(&promote);
        let text = planned.stdout.replace('\n', " ");
        assert!(text.contains(words), "{text}");
        assert_eq!(
            text.contains("others are unknown"),
            !selection.is_empty(),
            "{text}"
        );
        let report = account
            .call(&[&promote[..], &["--output", "json"]].concat())
            .json();
        let expected = if selection.is_empty() {
            json!(null)
        } else {
            json!(["--name a"])
        };
        assert_eq!(report["inventory_selection"], expected);
    }
}

#[test]
fn an_inventory_and_a_page_never_replace_another_file() {
    let account = Account::new([covered("db")]);
    let files = Files::new(&[("policy.yaml", POLICY), ("notes.txt", "notes")]);
    let [policy, notes, both] = ["policy.yaml", "notes.txt", "both"].map(|name| files.path(name));
    let also_both = files.path("./both");
    let refused = |options: &[&str], problem: &str| {
        let called = account.call(&arguments(&policy, options));
        assert_eq!(called.code, Some(1), "{}", called.stdout);
        assert!(called.stderr.contains(problem), "{}", called.stderr);
    };
    refused(&["--save", &notes], "--save must name a new file");
    refused(&["--html", &policy], "--html must name a new file");
    refused(
        &["--save", &both, "--html", &also_both],
        "name the same file",
    );
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "notes");
    assert!(account.aws.calls().is_empty());
}
