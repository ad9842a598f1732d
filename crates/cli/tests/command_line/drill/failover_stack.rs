//! Tests of what a stack in the failover Region does with the promoted secrets.

use serde_json::{Value, json};

use super::arguments;
use crate::Files;
use crate::account::Account;
use crate::failover::{POLICY, THERE, covered};
use crate::services::{ServiceCall, Services};

/// Answers for a stack in the failover Region.
fn stack_there(call: &ServiceCall) -> Value {
    assert_eq!(call.action, "cloudformation:DescribeStacks");
    assert_eq!(call.region, THERE);
    let policy = "{version: 1, rules: [{name: a, when: {tags: {tier: '1'}, secret-name: 'shop/*'}, \
                  replicate-to: [us-east-1, us-west-2]}]}";
    let parameters = [
        ("AllowedReplicaRegions", "us-east-1,us-west-2"),
        ("ReplicationPolicy", policy),
        ("AllowOverwrite", "true"),
        ("AllowRemoval", "false"),
    ];
    let members = parameters.map(|(key, value)| {
        format!("<member><ParameterKey>{key}</ParameterKey><ParameterValue>{value}</ParameterValue></member>")
    });
    Value::String(format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>there</StackName>\
         <StackStatus>UPDATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime><Parameters>{}\
         </Parameters></member></Stacks></DescribeStacksResult></DescribeStacksResponse>",
        members.concat()
    ))
}

#[test]
fn a_drill_says_what_a_stack_there_will_do_with_the_promoted_secrets() {
    let names = ["shop/a", "shop/b", "other"];
    let account = Account::new(names.map(|name| covered(name).with_replica_in(THERE)));
    let services = Services::start(|call| Ok(stack_there(call)));
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let stack = ["--failover-stack", "there"];
    let called = account.call_with(&services, &arguments(&path, &stack));
    assert_eq!(called.code, Some(0), "{}{}", called.stdout, called.stderr);
    let (_, after) = called.stdout.split_once("After a promotion\n").unwrap();
    assert_eq!(
        after,
        "  * The policy of the stack in eu-west-1 covers 2 of 3 secrets as primary secrets.\n  \
           * It replicates 2 secrets to us-west-2.\n  \
           * It refuses us-east-1 for 2 secrets (promoted-replica): nothing there is overwritten.\n  \
           * It leaves 1 secret without a replica.\n"
    );
    let json_of_stack = [&stack[..], &["--output", "json"]].concat();
    let called = account.call_with(&services, &arguments(&path, &json_of_stack));
    assert_eq!(
        called.json()["after_promotion"],
        json!({
            "secrets": 3, "covered": 2, "replicates_to": {"us-west-2": 2},
            "refuses": {"us-east-1": {"promoted-replica": 2}}, "without_replica": 1,
        })
    );

    // Its own policy wants a replica in this Region only.
    let called = account.call(&arguments(&path, &["--failover-policy", &path]));
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    let sentence = "It leaves 3 secrets without a replica.";
    assert!(called.stdout.contains(sentence), "{}", called.stdout);

    let called = account.call(&arguments(&path, &[]));
    let unknown = called.stdout.replace("\n    ", " ");
    assert!(
        unknown.contains("What it does is not known here: `--failover-stack STACK`"),
        "{}",
        called.stdout
    );
}

#[test]
fn a_failover_stack_that_does_not_exist_is_an_error() {
    let account = Account::new([covered("a").with_replica_in(THERE)]);
    let services = Services::start(|_| Err("ValidationError"));
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let path = files.path("policy.yaml");
    let called = account.call_with(&services, &arguments(&path, &["--failover-stack", "gone"]));
    assert_eq!(called.code, Some(1), "{}", called.stdout);
    let error = "failed to read the stack `gone` in eu-west-1; check its name and its Region";
    assert!(called.stderr.contains(error), "{}", called.stderr);
}
