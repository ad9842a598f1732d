//! Runs the commands of docs/FAILOVER.md, in their order.

use serde_json::json;

use crate::Files;
use crate::account::{Account, HOME, secret};

const PAGE: &str = include_str!("../../../../docs/FAILOVER.md");
const THERE: &str = "eu-west-1";
const POLICY: &str = r#"
version: 1
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [eu-west-1]
"#;

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
    let seed = |name| secret(name).with_tag("tier", "1").with_replica_in(THERE);
    let account = Account::new(["shop/db", "shop/key", "shop/mail"].map(seed));
    let files = Files::new(&[("policy.yaml", POLICY)]);
    assert_eq!(run(&account, &files, "Before").0, [0]);

    account.aws.with(|world, now| world.suspend(now, HOME));
    // The dry run, the first secret, the others.
    assert_eq!(run(&account, &files, "During").0, [0, 0, 0]);
    let names = ["shop/db", "shop/key", "shop/mail"];
    assert!(names.iter().all(|name| is_promoted(&account, name)));
    account.make(
        THERE,
        "PutSecretValue",
        &json!({"SecretId": "shop/db", "SecretString": "newer"}),
    );

    account.aws.with(|world, now| world.resume(now, HOME));
    let after = commands("After");
    let [failback, drill] = &after[..] else {
        panic!("{after:?}")
    };
    let called = account.call_writing_in(&files.path(""), failback);
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
    let called = account.call_writing_in(&files.path(""), failback);
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
        let delete = json!({"SecretId": name, "ForceDeleteWithoutRecovery": true});
        account.make(THERE, "DeleteSecret", &delete);
        // The primary Region was unavailable during the promotion, and still lists the replica.
        let remove = json!({"SecretId": name, "RemoveReplicaRegions": [THERE]});
        account.make(HOME, "RemoveRegionsFromReplication", &remove);
        let replicate = json!({"SecretId": name, "AddReplicaRegions": [{"Region": THERE}]});
        account.make(HOME, "ReplicateSecretToRegions", &replicate);
    }
    std::thread::sleep(std::time::Duration::from_millis(1200));
    let called = account.call_writing_in(&files.path(""), failback);
    assert_eq!(called.code, Some(0), "{}{}", called.stdout, called.stderr);
    let called = account.call_writing_in(&files.path(""), drill);
    assert_eq!(called.code, Some(0), "{}{}", called.stdout, called.stderr);
    let there = account
        .aws
        .with(|world, now| world.secret(now, THERE, "shop/db"));
    assert_eq!(there.unwrap().value.as_deref(), Some("newer"));
}
