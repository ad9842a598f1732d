use super::denial::PolicyType;
use super::wording;

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
    KmsAccessDenied(PolicyType),
    /// The account has not enabled the Region, or there is no such Region.
    RegionNotEnabled,
    /// The function's role may not make the call.
    AccessDenied(PolicyType),
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
            Self::KmsAccessDenied(policy) => policy.key_remediation(),
            Self::RegionNotEnabled => {
                "check the Region's code, and enable the Region for the account, or take it out of \
                 the policy or the tag"
            }
            Self::AccessDenied(policy) => policy.remediation(),
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
            | Self::KmsAccessDenied(_)
            | Self::AccessDenied(_)
            | Self::Throttled
            | Self::ServiceUnavailable
            | Self::SecretNotFound
            | Self::RequestRejected
            | Self::ReplicationFailed => false,
        }
    }
}
