//! The calls of Secrets Manager that the function makes.

use std::collections::BTreeSet;

use secret_replicator_core::limits::{Overwrite, RemovalLimit};
use secret_replicator_core::secret::Region;

use super::super::settings::Settings;
use super::{Account, FUNCTION_ROLE, Request, text};
use crate::simulator::{Context, ContextValue};

/// Returns the calls for the secrets of the stack's Region and their replicas.
pub(super) fn calls(
    account: &Account,
    settings: &Settings,
    replica_regions: &BTreeSet<Region>,
) -> Vec<Request> {
    let limits = &settings.limits;
    let home = &account.region;
    let mut calls = Vec::new();
    for region in [home].into_iter().chain(replica_regions) {
        let secret = any_secret(account, region);
        calls.push(call("secretsmanager:DescribeSecret", secret, region));
        calls.push(call("secretsmanager:ListSecrets", "*".to_owned(), region));
    }
    let write = |action| call(action, any_secret(account, home), home);
    for region in replica_regions {
        calls.push(replication(account, region));
        if limits.overwrite == Overwrite::Allowed {
            calls.push(replication(account, region).with(Context {
                key: "secretsmanager:ForceOverwriteReplicaSecret",
                value: ContextValue::Boolean(true),
            }));
        }
    }
    if limits.removal == RemovalLimit::Allowed {
        calls.push(write("secretsmanager:RemoveRegionsFromReplication"));
    }
    if settings.allow_promotion {
        // A replica of this Region has its primary secret in another one. The role's condition accepts any other.
        let from = replica_regions.first().map_or("another", Region::as_str);
        let primary_region = text("secretsmanager:SecretPrimaryRegion", from);
        calls.push(write("secretsmanager:StopReplicationToReplica").with(primary_region));
    }
    calls
}

/// Returns the call that requests a replica in a Region.
fn replication(account: &Account, region: &Region) -> Request {
    let home = &account.region;
    let request = call(
        "secretsmanager:ReplicateSecretToRegions",
        any_secret(account, home),
        home,
    );
    let regions = Context {
        key: "secretsmanager:AddReplicaRegions",
        value: ContextValue::List(vec![region.to_string()]),
    };
    Request {
        on: region.to_string(),
        ..request.with(regions)
    }
}

/// Returns the ARN of a secret. The policy of the role names none.
fn any_secret(account: &Account, region: &Region) -> String {
    account.arn_in("secretsmanager", region.as_str(), "secret:any-AbCdEf")
}

/// Returns a call in a Region.
fn call(action: &'static str, resource: String, region: &Region) -> Request {
    Request {
        role: FUNCTION_ROLE,
        actions: vec![action],
        resource,
        on: region.to_string(),
        context: vec![text("aws:RequestedRegion", region.as_str())],
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{count, of_function, of_settings, settings};
    use super::*;
    use crate::options::{allowed_regions, limits};

    #[test]
    fn each_region_is_read_and_replicated_to() {
        let requests = of_function(false, false, &[]);
        assert_eq!(count(&requests, "secretsmanager:DescribeSecret"), 2);
        assert_eq!(count(&requests, "secretsmanager:ListSecrets"), 2);
        assert_eq!(
            count(&requests, "secretsmanager:RemoveRegionsFromReplication"),
            0
        );
        let replicate = "secretsmanager:ReplicateSecretToRegions";
        let [replicate] = requests
            .iter()
            .filter(|request| request.actions == [replicate])
            .collect::<Vec<_>>()[..]
        else {
            panic!("{requests:?}");
        };
        assert!(
            replicate
                .resource
                .starts_with("arn:aws:secretsmanager:us-east-1:123456789012:secret:")
        );
        let regions = ContextValue::List(vec!["eu-west-1".to_owned()]);
        assert!(
            replicate
                .context
                .iter()
                .any(|context| context.value == regions)
        );
    }

    #[test]
    fn the_limits_add_calls() {
        let requests = of_function(true, true, &[]);
        assert_eq!(
            count(&requests, "secretsmanager:ReplicateSecretToRegions"),
            2
        );
        assert_eq!(
            count(&requests, "secretsmanager:RemoveRegionsFromReplication"),
            1
        );
    }

    #[test]
    fn a_function_that_may_promote_calls_it_for_replicas_of_its_own_region() {
        let promote = "secretsmanager:StopReplicationToReplica";
        assert_eq!(count(&of_function(true, true, &[]), promote), 0);
        for (allowed, from) in [("eu-west-1", "eu-west-1"), ("", "another")] {
            let limits = limits(allowed_regions(allowed).unwrap(), false, false);
            let requests = of_settings(&settings(limits, true), &[]);
            let is_promotion = |request: &&Request| request.actions == [promote];
            let found: Vec<&Request> = requests.iter().filter(is_promotion).collect();
            let [request] = found[..] else {
                panic!("{requests:?}");
            };
            let resource = "arn:aws:secretsmanager:us-east-1:123456789012:secret:any-AbCdEf";
            assert_eq!(request.resource, resource);
            let context = [
                text("aws:RequestedRegion", "us-east-1"),
                text("secretsmanager:SecretPrimaryRegion", from),
            ];
            assert_eq!(request.context, context);
        }
    }
}
