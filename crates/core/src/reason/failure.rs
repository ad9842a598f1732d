//! The causes of failed replications and calls.

use super::denial::PolicyType;
use super::wording;

/// Why a replica could not be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// A secret of the same name exists in the target Region.
    NameAlreadyExists,
    /// A former replica of the same name, detached from its primary secret, exists in the target
    /// Region. Overwriting does not help.
    OrphanedReplica,
    /// The key is missing, disabled, or still being created.
    KmsKeyUnavailable,
    /// The function's role is not allowed to use the key.
    KmsAccessDenied(PolicyType),
    /// The account has not enabled the Region, or the Region does not exist.
    RegionNotEnabled,
    /// The function's role is not allowed to make the call.
    AccessDenied(PolicyType),
    /// AWS throttled the call.
    Throttled,
    /// AWS did not respond, or responded with an internal error.
    ServiceUnavailable,
    /// The secret does not exist.
    SecretNotFound,
    /// AWS rejected the call for another reason.
    RequestRejected,
    /// AWS reports a failed replication for another reason.
    ReplicationFailed,
    /// AWS has reported the replica as in progress for much longer than a replication takes.
    ReplicationStuck,
    /// The removal left a standalone secret in the Region: the primary secret no longer lists the
    /// replica, and the Region still has it.
    ReplicaStranded,
}

impl FailureReason {
    /// Classifies a message of AWS: a `StatusMessage`, or the message of an error. Returns `None` if the
    /// message holds no known phrase.
    #[must_use]
    pub fn from_message(message: &str) -> Option<Self> {
        wording::classify(message)
    }

    /// The code in the record.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NameAlreadyExists => "name-already-exists",
            Self::OrphanedReplica => "orphaned-replica",
            Self::KmsKeyUnavailable => "kms-key-unavailable",
            Self::KmsAccessDenied(_) => "kms-access-denied",
            Self::RegionNotEnabled => "region-not-enabled",
            Self::AccessDenied(_) => "access-denied",
            Self::Throttled => "throttled",
            Self::ServiceUnavailable => "service-unavailable",
            Self::SecretNotFound => "secret-not-found",
            Self::RequestRejected => "request-rejected",
            Self::ReplicationFailed => "replication-failed",
            Self::ReplicationStuck => "replication-stuck",
            Self::ReplicaStranded => "replica-stranded",
        }
    }

    /// The remediation, in one sentence.
    #[must_use]
    pub fn remediation(self) -> &'static str {
        match self {
            Self::NameAlreadyExists => {
                "delete the secret of the same name in that Region, or recreate it under another \
                 name (a deleted secret keeps its name until its recovery window ends); then \
                 reconcile the secret, or wait for the next sweep"
            }
            Self::OrphanedReplica => {
                "in that Region, call StopReplicationToReplica on the former replica and delete it; \
                 then reconcile the secret, or wait for the next sweep; overwriting does not help"
            }
            Self::KmsKeyUnavailable => {
                "check that the key exists and is enabled in that Region; if it is still being \
                 created, the next attempt succeeds"
            }
            Self::KmsAccessDenied(policy) => policy.key_remediation(),
            Self::RegionNotEnabled => {
                "check the Region code; enable the Region for the account, or remove it from the \
                 policy or the tag"
            }
            Self::AccessDenied(policy) => policy.remediation(),
            Self::Throttled => concat!(
                "no action is needed if this is rare: ",
                next_attempt!(),
                "; all callers in the account and Region share the quota of 50 writes per second"
            ),
            Self::ServiceUnavailable => concat!(
                "no action is needed if this is rare: ",
                next_attempt!(),
                "; otherwise check the network path to the Secrets Manager endpoint, and the AWS Health \
                 Dashboard"
            ),
            Self::SecretNotFound => {
                "no action is needed if the secret was deleted; otherwise check its name and \
                 Region, and reconcile it by hand"
            }
            Self::RequestRejected => "fix the cause that AWS's message names",
            Self::ReplicationFailed => {
                "fix the cause that AWS's message names; the next event of the secret and the next \
                 thorough sweep request the replica again, quick sweeps do not; to retry at once, \
                 reconcile the secret by hand"
            }
            Self::ReplicationStuck => {
                "AWS does not finish this replication, and the function does not request a replica \
                 that is in progress; call RemoveRegionsFromReplication for the Region, and when the \
                 Region has no secret of this name, reconcile the secret; if it happens again, open a \
                 case with AWS Support"
            }
            Self::ReplicaStranded => {
                "in that Region, the secret is now standalone: after checking that nothing uses it, \
                 delete it there with `aws secretsmanager delete-secret`"
            }
        }
    }

    /// Returns whether a secret of the same name in the target Region is the cause.
    #[must_use]
    pub fn is_about_the_name(self) -> bool {
        matches!(self, Self::NameAlreadyExists | Self::OrphanedReplica)
    }

    /// Returns whether the cause is in the target Region, persists until it is fixed there, and is
    /// visible to `DescribeSecret` in that Region. Other causes may disappear without an event, for
    /// example when a key becomes available or a permission is granted, so another attempt may
    /// succeed.
    #[must_use]
    pub fn needs_manual_fix(self) -> bool {
        match self {
            Self::NameAlreadyExists | Self::OrphanedReplica | Self::RegionNotEnabled => true,
            Self::KmsKeyUnavailable
            | Self::KmsAccessDenied(_)
            | Self::AccessDenied(_)
            | Self::Throttled
            | Self::ServiceUnavailable
            | Self::SecretNotFound
            | Self::RequestRejected
            | Self::ReplicationFailed
            | Self::ReplicationStuck
            | Self::ReplicaStranded => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transient_failure_says_what_an_event_a_sweep_and_a_manual_call_do_next() {
        for reason in [FailureReason::Throttled, FailureReason::ServiceUnavailable] {
            let remediation = reason.remediation();
            for next in ["retries an event", "the next sweep", "after a manual call"] {
                assert!(
                    remediation.contains(next),
                    "{}: {remediation}",
                    reason.code()
                );
            }
        }
    }

    /// Returns the remediation of a denial of this action by this policy type.
    fn denied(action: &str, policy: &str) -> &'static str {
        let message = format!(
            "User: arn:aws:sts::123456789012:assumed-role/f/f is not authorized to perform: {action} \
             on resource: any because no {policy} allows the {action} action"
        );
        let reason = FailureReason::from_message(&message);
        reason.expect("a denial").remediation()
    }

    #[test]
    fn the_remediation_of_a_denial_names_the_policy_that_denies_it() {
        let (role, key_policy) = ("the function's role", "key's policy");
        for (policy, of_call, of_key) in [
            ("identity-based policy", role, "KmsKeyArns"),
            (
                "resource-based policy",
                "secret's resource policy",
                key_policy,
            ),
            (
                "permissions boundary",
                "PermissionsBoundaryArn",
                "PermissionsBoundaryArn",
            ),
            (
                "service control policy",
                "service control policy",
                "service control policy",
            ),
            (
                "resource control policy",
                "resource control policy",
                "resource control policy",
            ),
            ("session policy", "session policy", "session policy"),
            ("VPC endpoint policy", "VPC endpoint", "VPC endpoint"),
        ] {
            let call = denied("secretsmanager:ReplicateSecretToRegions", policy);
            assert!(call.contains(of_call), "{policy}: {call}");
            let key = denied("kms:Decrypt", policy);
            assert!(key.contains(of_key), "{policy}: {key}");
        }
    }

    #[test]
    fn a_failure_of_unknown_cause_says_what_requests_the_replica_again() {
        let remediation = FailureReason::ReplicationFailed.remediation();
        for next in [
            "the next event",
            "thorough sweep request the replica again",
            "quick sweeps do not",
        ] {
            assert!(remediation.contains(next), "{remediation}");
        }
    }

    #[test]
    fn a_stuck_replica_is_removed_and_then_replicated_again() {
        let remediation = FailureReason::ReplicationStuck.remediation();
        let (removal, again) = remediation
            .split_once("RemoveRegionsFromReplication")
            .expect("the removal");
        assert!(removal.contains("does not request a replica that is in progress"));
        assert!(again.contains("reconcile the secret"), "{again}");
    }
}
