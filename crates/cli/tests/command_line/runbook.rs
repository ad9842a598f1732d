//! Runs the commands of docs/FAILOVER.md, in their order.

use serde_json::json;

use crate::Files;
use crate::account::{Account, HOME};
use crate::failover::{POLICY, THERE, covered, delete_promoted, end_recovery_window, put};

const PAGE: &str = include_str!("../../../../docs/FAILOVER.md");

/// Returns the commands of a section, in their order.
fn commands(section: &str) -> Vec<Vec<&'static str>> {
    let text = PAGE.split(&format!("\n## {section}\n")).nth(1).unwrap();
    let text = text.split("\n## ").next().unwrap();
    let lines = text.lines().map(str::trim_start);
    let commands = lines.filter_map(|line| line.strip_prefix("secret-replicator "));
    commands.map(|line| line.split(' ').collect()).collect()
}

/// Runs the commands of a section. Returns their exit codes and the last output.
fn run(account: &Account, files: &Files, section: &str) -> (Vec<i32>, String) {
    let mut codes = Vec::new();
    let mut last = String::new();
    for command in commands(section) {
        let called = account.call_writing_in(&files.path(""), &command);
        let code = called.code.unwrap();
        assert_ne!(code, 1, "{command:?}: {}", called.stderr);
        codes.push(code);
        last = called.stdout;
    }
    (codes, last)
}

fn is_promoted(account: &Account, name: &str) -> bool {
    let there = account
        .aws
        .with(|world, now| world.secret(now, THERE, name));
    !there.unwrap().is_replica
}

#[test]
fn the_runbook_promotes_without_the_primary_region_and_leads_back_without_losing_a_value() {
    let seed = |name| covered(name).with_replica_in(THERE);
    let account = Account::new(["shop/db", "shop/key", "shop/mail"].map(seed));
    let files = Files::new(&[("policy.yaml", POLICY)]);
    assert_eq!(run(&account, &files, "Before").0, [0]);

    account.aws.with(|world, now| world.suspend(now, HOME));
    // The dry run, the first secret, the others.
    assert_eq!(run(&account, &files, "During").0, [0, 0, 0]);
    let names = ["shop/db", "shop/key", "shop/mail"];
    assert!(names.iter().all(|name| is_promoted(&account, name)));
    put(&account, THERE, "shop/db", "newer");

    account.aws.with(|world, now| world.resume(now, HOME));
    let after = commands("After");
    let [failback, perform, drill] = &after[..] else {
        panic!("{after:?}")
    };
    let called = account.call_reading_in(&files.path(""), failback);
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    let title = "shop/db: the promoted secret has the newer value";
    assert!(called.stdout.contains(title), "{}", called.stdout);
    // The steps of the report, which the owners run.
    let there = account
        .aws
        .with(|world, now| world.secret(now, THERE, "shop/db"));
    let token = there.unwrap().version_id;
    let newer =
        json!({"SecretId": "shop/db", "SecretString": "newer", "ClientRequestToken": token});
    account.make(HOME, "PutSecretValue", &newer);
    let called = account.call_reading_in(&files.path(""), failback);
    assert_eq!(
        called
            .stdout
            .matches("both sides have the same value")
            .count(),
        3,
        "{}",
        called.stdout
    );
    for name in names {
        delete_promoted(&account, name);
    }
    // The names are not free yet, so nothing is performed.
    let called = account.call_performing_in(&files.path(""), perform);
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    assert!(account.aws.calls_to("ReplicateSecretToRegions").is_empty());
    for name in names {
        end_recovery_window(&account, name);
        // The primary Region was unavailable during the promotion, and still lists the replica.
        let remove = json!({"SecretId": name, "RemoveReplicaRegions": [THERE]});
        account.make(HOME, "RemoveRegionsFromReplication", &remove);
    }
    let called = account.call_performing_in(&files.path(""), perform);
    assert_eq!(called.code, Some(0), "{}{}", called.stdout, called.stderr);
    let called = account.call_writing_in(&files.path(""), drill);
    assert_eq!(called.code, Some(0), "{}{}", called.stdout, called.stderr);
    let there = account
        .aws
        .with(|world, now| world.secret(now, THERE, "shop/db"));
    assert_eq!(there.unwrap().value.as_deref(), Some("newer"));
}
