//! Steps for replicas whose key, or whose rules, contradict the policy.

use super::*;

const RELATED: &str = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab";

/// The step in ap-south-1 for a secret on a key whose replica is on another key.
fn step_for_key(
    rule: &str,
    primary: Option<&str>,
    status: &str,
    replica_key: Option<&str>,
) -> String {
    let policy =
        format!("{{version: 1, rules: [{{name: a, when: all, replicate-to: ap-south-1{rule}}}]}}");
    let mut secret = secret("", []);
    secret.encryption = Encryption::from_kms_key_id(primary);
    let replica = Replica {
        kms_key: replica_key.map(str::to_owned),
        ..replica(status, None)
    };
    secret.replicas.insert(region("ap-south-1"), replica);
    match decided(&policy, &secret, &LIMITS) {
        Decision::Act(plan) => match &plan.steps[&region("ap-south-1")] {
            Step::Refuse(refusal, Some(_)) => refusal.code().to_owned(),
            step => format!("{step:?}").split('(').next().unwrap().to_owned(),
        },
        Decision::Skip(reason) => panic!("{reason:?}"),
    }
}

#[test]
fn a_replica_on_a_key_that_contradicts_that_of_the_policy_is_refused() {
    const MANAGED: Option<&str> = Some("alias/aws/secretsmanager");
    let named = ", kms-key: alias/app";
    let managed = ", kms-key: aws/secretsmanager";
    let related = RELATED.replace("us-east-1", "ap-south-1");
    let cases = [
        (named, None, MANAGED, "kms-key-differs"),
        (named, None, Some("alias/other"), "kms-key-differs"),
        (
            named,
            None,
            Some("arn:aws:kms:ap-south-1:111122223333:alias/app"),
            "Keep",
        ),
        // Only AWS knows the key of an alias.
        (named, None, Some(CUSTOMER_KEY), "Keep"),
        (named, None, None, "Keep"),
        (
            managed,
            Some(CUSTOMER_KEY),
            Some(CUSTOMER_KEY),
            "kms-key-differs",
        ),
        (managed, Some(CUSTOMER_KEY), MANAGED, "Keep"),
        ("", Some(RELATED), Some(related.as_str()), "Keep"),
        ("", Some(RELATED), MANAGED, "kms-key-differs"),
        // A customer managed key that no rule names is not weaker.
        ("", None, Some(CUSTOMER_KEY), "Keep"),
        ("", None, MANAGED, "Keep"),
    ];
    for (rule, primary, replica_key, expected) in cases {
        for status in ["InSync", "InProgress"] {
            let step = step_for_key(rule, primary, status, replica_key);
            assert_eq!(
                step, expected,
                "{rule} {primary:?} {replica_key:?} {status}"
            );
        }
        let failed = step_for_key(rule, primary, "Failed", replica_key);
        assert_eq!(failed, "Retry", "{rule} {primary:?} {replica_key:?}");
    }
}

#[test]
fn weaker_encryption_shows_beside_a_replica_on_the_aws_managed_key_only() {
    let managed = Some("alias/aws/secretsmanager");
    for status in ["InSync", "InProgress", "Failed", "Detached"] {
        let step = |replica_key| step_for_key("", Some(CUSTOMER_KEY), status, replica_key);
        assert_eq!(step(managed), "weaker-encryption", "{status}");
        let kept = if status == "Failed" {
            "ReportFailure"
        } else {
            "Keep"
        };
        for replica_key in [None, Some("alias/app")] {
            assert_eq!(step(replica_key), kept, "{status} {replica_key:?}");
        }
    }
}

#[test]
fn a_contradiction_between_rules_shows_beside_a_failed_replica() {
    let policy = "{version: 1, rules: [
        {name: a, when: all, replicate-to: ap-south-1, kms-key: alias/a},
        {name: b, when: all, replicate-to: ap-south-1, kms-key: alias/b}]}";
    let states = [("ap-south-1", Some(("Failed", Some(NAME_TAKEN))))];
    let Decision::Act(plan) = decision(policy, "", states) else {
        panic!("it is covered");
    };
    let step = &plan.steps[&region("ap-south-1")];
    let is_refused = matches!(step, Step::Refuse(Refusal::ConflictingRules(..), Some(replica))
        if replica.status == ReplicaStatus::Failed);
    assert!(is_refused, "{step:?}");
}
