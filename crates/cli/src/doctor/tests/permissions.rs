//! Faults of roles, keys, Regions and endpoints.

use std::collections::BTreeSet;

use super::super::facts::Decision;
use super::super::finding::Link;
use super::super::finding::Severity::Error;
use super::world::*;

#[test]
fn a_role_without_a_permission() {
    let findings = with(|chain| {
        let calls = ["eu-west-1", "us-west-2"].map(|on| {
            call(
                "secretsmanager:ReplicateSecretToRegions",
                on,
                Decision::NotAllowed,
            )
        });
        chain.roles.insert("ReplicatorRole", Ok(calls.into()));
        fire(chain, &["FunctionErrors"]);
    });
    let problem = "may not call secretsmanager:ReplicateSecretToRegions for eu-west-1, us-west-2";
    assert_only(&findings, Link::Role, Error, [problem, "REVERT_DRIFT"]);
}

#[test]
fn a_role_that_other_policies_restrict() {
    for (decision, problem, remediation) in [
        (
            Decision::DeniedByOrganization,
            "organization",
            "administrators",
        ),
        (
            Decision::DeniedByBoundary,
            "permissions boundary",
            "PermissionsBoundaryArn",
        ),
        (Decision::ExplicitDeny, "denies it", "remove the statement"),
    ] {
        let findings = with(|chain| {
            let calls = vec![call("secretsmanager:ListSecrets", "eu-west-1", decision)];
            chain.roles.insert("ReplicatorRole", Ok(calls));
        });
        assert_only(&findings, Link::Role, Error, [problem, remediation]);
    }
}

#[test]
fn a_key_that_the_role_may_not_use() {
    let findings = with(|chain| {
        let actions = ["kms:Encrypt", "kms:GenerateDataKey"];
        let calls = actions.map(|action| call(action, "eu-west-1", Decision::NotAllowed));
        chain.roles.insert("ReplicatorRole", Ok(calls.into()));
    });
    assert_only(
        &findings,
        Link::Role,
        Error,
        ["kms:Encrypt, kms:GenerateDataKey", "KmsKeyArns"],
    );
}

#[test]
fn a_sweep_that_may_not_invoke_the_function() {
    let findings = with(|chain| {
        let calls = vec![call(
            "lambda:InvokeFunction",
            FUNCTION,
            Decision::NotAllowed,
        )];
        chain.roles.insert("SweepRole", Ok(calls));
        let last = chain.sweeps.as_mut().unwrap().last.as_mut().unwrap();
        last.status = "FAILED".to_owned();
        fire(chain, &["SweepFailed"]);
    });
    assert_only(&findings, Link::Role, Error, ["SweepRole", "REVERT_DRIFT"]);
}

#[test]
fn keys_that_do_not_work_in_a_region() {
    let missing = || {
        let mut key = key("Enabled");
        key.state = Ok(None);
        key
    };
    let mut alias = missing();
    alias.key = "alias/app".to_owned();
    let mut asymmetric = key("Enabled");
    asymmetric
        .state
        .as_mut()
        .unwrap()
        .as_mut()
        .unwrap()
        .encrypts = false;
    for (key, problem, remediation) in [
        (
            key("Disabled"),
            "is Disabled",
            "enable-key --region eu-west-1",
        ),
        (
            key("PendingDeletion"),
            "is PendingDeletion",
            "cancel-key-deletion",
        ),
        (missing(), "does not exist in eu-west-1", "replicate-key"),
        (
            alias,
            "alias/app does not exist",
            "create the key or the alias in eu-west-1",
        ),
        (asymmetric, "not a symmetric", "symmetric"),
    ] {
        let findings = with(|chain| {
            chain.keys = Ok(vec![key]);
            fire(chain, &["ReplicasFailing", "SweepFailures"]);
        });
        assert_only(&findings, Link::Keys, Error, [problem, remediation]);
    }
}

#[test]
fn a_region_that_the_account_has_not_enabled() {
    let findings = with(|chain| {
        chain.enabled_regions = Ok(BTreeSet::from(["us-east-1", "us-west-2"].map(region)));
        chain.unreachable.insert(
            region("eu-west-1"),
            "UnrecognizedClientException".to_owned(),
        );
    });
    assert_only(
        &findings,
        Link::Regions,
        Error,
        ["not enabled eu-west-1", "enable-region"],
    );
}

#[test]
fn an_endpoint_that_does_not_answer() {
    let findings = with(|chain| {
        chain
            .unreachable
            .insert(region("us-west-2"), "timeout".to_owned());
    });
    assert_only(
        &findings,
        Link::Endpoints,
        Error,
        ["did not answer in us-west-2: timeout", "Health"],
    );
}
