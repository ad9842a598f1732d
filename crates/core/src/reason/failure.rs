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
    KmsAccessDenied,
    /// The account has not enabled the Region, or the Region does not exist.
    RegionNotEnabled,
    /// The function's role is not allowed to make the call.
    AccessDenied,
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
}

impl FailureReason {
    /// Classifies a message of AWS: a `StatusMessage` or an error message. Returns `None` if no case
    /// matches.
    ///
    /// AWS documents the cases (user guide, "Troubleshoot AWS Secrets Manager replication") but not
    /// their wording, so each case matches as few words as possible.
    #[must_use]
    pub fn from_message(message: &str) -> Option<Self> {
        let message = message.to_ascii_lowercase();
        let has = |word: &str| message.contains(word);
        let key = has("kms") || has(" key");
        if has("different arn") {
            Some(Self::OrphanedReplica)
        } else if has("already exists") {
            Some(Self::NameAlreadyExists)
        } else if key && (has("permission") || has("access") || has("not authorized")) {
            Some(Self::KmsAccessDenied)
        } else if key {
            Some(Self::KmsKeyUnavailable)
        } else if has("invalid replica region")
            || has("region") && (has("not enabled") || has("opt-in") || has("disabled"))
        {
            Some(Self::RegionNotEnabled)
        } else {
            None
        }
    }

    /// The code in the record.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NameAlreadyExists => "name-already-exists",
            Self::OrphanedReplica => "orphaned-replica",
            Self::KmsKeyUnavailable => "kms-key-unavailable",
            Self::KmsAccessDenied => "kms-access-denied",
            Self::RegionNotEnabled => "region-not-enabled",
            Self::AccessDenied => "access-denied",
            Self::Throttled => "throttled",
            Self::ServiceUnavailable => "service-unavailable",
            Self::SecretNotFound => "secret-not-found",
            Self::RequestRejected => "request-rejected",
            Self::ReplicationFailed => "replication-failed",
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
            Self::KmsAccessDenied => {
                "allow the function's role kms:Decrypt on the primary secret's key, and \
                 kms:GenerateDataKey and kms:Encrypt on the replica's key, in the role's policy and \
                 in the key policies"
            }
            Self::RegionNotEnabled => {
                "check the Region code; enable the Region for the account, or remove it from the \
                 policy or the tag"
            }
            Self::AccessDenied => {
                "allow the function's role the call that the message names; a service control \
                 policy, or the role's list of allowed Regions (secretsmanager:AddReplicaRegions), \
                 can also deny it"
            }
            Self::Throttled => {
                "no action is needed if this is rare: Lambda retries the event; all callers in the \
                 account and Region share the quota of 50 writes per second"
            }
            Self::ServiceUnavailable => {
                "no action is needed if this is rare: Lambda retries the event; otherwise check the \
                 network path to the Secrets Manager endpoint, and the AWS Health Dashboard"
            }
            Self::SecretNotFound => {
                "no action is needed if the secret was deleted; otherwise check its name and \
                 Region, and reconcile it by hand"
            }
            Self::RequestRejected => "fix the cause that AWS's message names",
            Self::ReplicationFailed => {
                "fix the cause that AWS's message names, then reconcile the secret by hand"
            }
        }
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
            | Self::KmsAccessDenied
            | Self::AccessDenied
            | Self::Throttled
            | Self::ServiceUnavailable
            | Self::SecretNotFound
            | Self::RequestRejected
            | Self::ReplicationFailed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awss_words_are_classified() {
        use FailureReason::*;
        let cases = [
            (
                "Replication failed: Secret name prod/db already exists in region eu-west-1.",
                Some(NameAlreadyExists),
            ),
            (
                "Replication failed: Secret prod/db is currently replicated to eu-west-1 with a \
                 different arn",
                Some(OrphanedReplica),
            ),
            (
                "No permissions available on the KMS key to complete the replication",
                Some(KmsAccessDenied),
            ),
            ("Access to KMS is not allowed", Some(KmsAccessDenied)),
            ("KMS key is disabled", Some(KmsKeyUnavailable)),
            (
                "The KMS key alias/app was not found",
                Some(KmsKeyUnavailable),
            ),
            (
                "Region me-south-1 is not enabled for this account",
                Some(RegionNotEnabled),
            ),
            ("Invalid replica region.", Some(RegionNotEnabled)),
            ("Something new", None),
            ("", None),
        ];
        for (message, reason) in cases {
            assert_eq!(FailureReason::from_message(message), reason, "{message}");
        }
    }
}
