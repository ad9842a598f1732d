/// Why a replica could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// A secret of the same name exists in the target Region.
    NameAlreadyExists,
    /// A former replica of the same name, cut off from its primary secret, stands in the way.
    /// Overwriting does not help.
    OrphanedReplica,
    /// The key is missing, disabled, or still being created.
    KmsKeyUnavailable,
    /// The function's role may not use the key.
    KmsAccessDenied,
    /// The account has not enabled the Region, or there is no such Region.
    RegionNotEnabled,
    /// The function's role may not make the call.
    AccessDenied,
    /// AWS limits the rate of calls.
    Throttled,
    /// AWS did not answer, or answered with a fault of its own.
    ServiceUnavailable,
    /// The secret is gone.
    SecretNotFound,
    /// AWS refused the call for a reason that is none of the above.
    RequestRejected,
    /// AWS reports a failed replication for a reason that is none of the above.
    ReplicationFailed,
}

impl FailureReason {
    /// Classifies AWS's own words, a `StatusMessage` or an error's message. AWS documents the
    /// cases (user guide, "Troubleshoot AWS Secrets Manager replication") but no fixed wording, so
    /// what the words must contain is kept as short as the cases allow. `None` if no case fits.
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

    /// What to do about it, in one sentence.
    #[must_use]
    pub fn remediation(self) -> &'static str {
        match self {
            Self::NameAlreadyExists => {
                "rename or delete the secret of the same name in that Region (a deleted one keeps its \
                 name until its recovery window ends), then reconcile the secret; the sweep does so \
                 by itself"
            }
            Self::OrphanedReplica => {
                "in that Region, call StopReplicationToReplica on the old replica and delete it, \
                 then reconcile the secret; the sweep does so by itself; overwriting does not help"
            }
            Self::KmsKeyUnavailable => {
                "check that the key exists and is enabled in that Region; a key that is still \
                 being created works on the next attempt"
            }
            Self::KmsAccessDenied => {
                "allow the function's role kms:Decrypt on the primary secret's key, and \
                 kms:GenerateDataKey and kms:Encrypt on the replica's key, in the role and in the \
                 key policies"
            }
            Self::RegionNotEnabled => {
                "check the Region's code, and enable the Region for the account, or take it out of \
                 the policy or the tag"
            }
            Self::AccessDenied => {
                "allow the function's role the call that AWS names; a service control policy, or \
                 the allowed Regions in the role (secretsmanager:AddReplicaRegions), may deny it"
            }
            Self::Throttled => {
                "nothing, if it is rare: Lambda retries an event; the quota of 50 writes per second \
                 is shared by the whole account and Region"
            }
            Self::ServiceUnavailable => {
                "nothing, if it is rare: Lambda retries an event; otherwise check the function's way \
                 to the Secrets Manager endpoint and the AWS health dashboard"
            }
            Self::SecretNotFound => {
                "nothing, if the secret was deleted meanwhile; otherwise reconcile it by hand"
            }
            Self::RequestRejected => "read AWS's message, and correct what it names",
            Self::ReplicationFailed => {
                "read AWS's message, and retry the replication by reconciling the secret by hand"
            }
        }
    }

    /// Whether something stands in the way in the target Region that does not go away by itself, and
    /// of which a look there tells whether it is gone. Anything else may have healed by the next
    /// attempt: a key becomes ready, a permission is granted where no event tells.
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
