//! Tests of `secret-replicator export`.

use serde_json::{Value, json};

use super::{BROKEN, Called, call_with_input};

const TIERS: &str = "version: 1
rules:
  - name: tier-1
    when: {tags: {Tier: '1'}, not: {tags: {replicate: 'no'}}}
    replicate-to: [eu-west-1, us-west-2]
";

const BY_TAG: &str =
    "{version: 1, rules: [{name: a, when: all, replicate-to: {tag: replicate-to}}]}";

fn export(document: &str, policy: &str, options: &[&str]) -> Called {
    let mut arguments = vec!["export", document, "-"];
    arguments.extend(options);
    call_with_input(&arguments, policy)
}

fn statement(document: &Value, sid: &str) -> Value {
    let statements = document["Statement"].as_array().expect("statements");
    let found = statements.iter().find(|statement| statement["Sid"] == sid);
    found.cloned().unwrap_or_default()
}

#[test]
fn the_service_control_policy_denies_every_other_region_to_both_calls_that_create_replicas() {
    let called = export("scp", TIERS, &[]);
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    assert_eq!(
        called.json()["Statement"],
        json!([{
            "Sid": "ReplicateSecretsToAllowedRegions",
            "Effect": "Deny",
            "Action": ["secretsmanager:CreateSecret", "secretsmanager:ReplicateSecretToRegions"],
            "Resource": "*",
            "Condition": { "ForAnyValue:StringNotEquals": {
                "secretsmanager:AddReplicaRegions": ["eu-west-1", "us-west-2"]
            } }
        }])
    );
}

#[test]
fn the_allowed_regions_come_before_those_of_the_policy() {
    let options = ["--allowed-replica-regions", "eu-central-1"];
    for (document, sid, operator) in [
        (
            "scp",
            "ReplicateSecretsToAllowedRegions",
            "ForAnyValue:StringNotEquals",
        ),
        (
            "iam",
            "ReplicateToAllowedRegions",
            "ForAllValues:StringEquals",
        ),
    ] {
        let printed = export(document, BY_TAG, &options).json();
        let condition = &statement(&printed, sid)["Condition"][operator];
        assert_eq!(
            condition,
            &json!({ "secretsmanager:AddReplicaRegions": ["eu-central-1"] }),
            "{document}"
        );
    }
}

#[test]
fn a_policy_that_does_not_limit_its_regions_needs_the_allowed_ones() {
    for document in ["scp", "iam"] {
        let called = export(document, BY_TAG, &[]);
        assert_eq!((called.code, called.stdout.as_str()), (Some(2), ""));
        assert!(
            called.stderr.contains("the tag `replicate-to`"),
            "{}",
            called.stderr
        );
        assert!(
            called.stderr.contains("--allowed-replica-regions"),
            "{}",
            called.stderr
        );
    }
}

#[test]
fn the_tag_policy_fixes_the_spelling_of_each_tag_that_a_rule_reads() {
    let entry = |key: &str| {
        json!({
            "tag_key": { "@@assign": key },
            "enforced_for": { "@@assign": ["secretsmanager:secret"] }
        })
    };
    assert_eq!(
        export("tag-policy", TIERS, &[]).json(),
        json!({ "tags": { "tier": entry("Tier"), "replicate": entry("replicate") } })
    );
    let by_tag = export("tag-policy", BY_TAG, &[]).json();
    assert_eq!(
        by_tag,
        json!({ "tags": { "replicate-to": entry("replicate-to") } })
    );
}

#[test]
fn a_tag_policy_needs_a_tag_in_one_spelling() {
    let no_tag = "{version: 1, rules: [{name: a, when: all, replicate-to: eu-west-1}]}";
    let two = "{version: 1, rules: [{name: a, when: {tags: {tier: x, Tier: y}}, replicate-to: eu-west-1}]}";
    for (policy, message) in [
        (no_tag, "reads no tag"),
        (two, "two spellings of the tag `tier`"),
    ] {
        let called = export("tag-policy", policy, &[]);
        assert_eq!(called.code, Some(2), "{}", called.stdout);
        assert!(called.stderr.contains(message), "{}", called.stderr);
    }
}

#[test]
fn the_identity_policy_overwrites_and_removes_only_if_that_is_allowed() {
    let careful = export("iam", TIERS, &[]).json();
    let replicate = statement(&careful, "ReplicateToAllowedRegions");
    let flag = &replicate["Condition"]["BoolIfExists"];
    assert_eq!(
        flag,
        &json!({ "secretsmanager:ForceOverwriteReplicaSecret": "false" })
    );
    assert_eq!(statement(&careful, "RemoveReplicas"), Value::Null);

    let allowed = export("iam", TIERS, &["--allow-overwrite", "--allow-removal"]).json();
    let replicate = statement(&allowed, "ReplicateToAllowedRegions");
    assert_eq!(replicate["Condition"]["BoolIfExists"], Value::Null);
    assert_ne!(statement(&allowed, "RemoveReplicas"), Value::Null);
    assert!(!allowed.to_string().contains("GetSecretValue"));
}

#[test]
fn a_service_control_policy_that_is_too_long_is_refused() {
    let regions: Vec<String> = (0..400).map(|number| format!("eu-west-{number}")).collect();
    let called = export(
        "scp",
        TIERS,
        &["--allowed-replica-regions", &regions.join(" ")],
    );
    assert_eq!(called.code, Some(2));
    assert!(
        called.stderr.contains("AWS accepts 5120"),
        "{}",
        called.stderr
    );
}

#[test]
fn a_wrong_policy_has_no_guardrails() {
    let called = export("scp", BROKEN, &[]);
    assert_eq!((called.code, called.stdout.as_str()), (Some(2), ""));
}
