//! Why something was skipped, refused or failed: the stable codes of the record, each with the
//! sentence that says what to do.
//!
//! Every code is written once, here. The record, the error and the message take it from the value.

use std::collections::BTreeSet;

use crate::secret::{KmsKey, Region};

/// Why a secret was left alone. Deliberate, so never an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// No rule of the policy covers the secret.
    NoRuleMatched,
    /// The secret is itself a replica; its primary secret lives in the Region given.
    IsReplica(Region),
    /// The AWS service given manages the secret. Whether AWS replicates such secrets is not
    /// documented, so they are left to their service.
    ManagedByService(String),
    /// The secret is scheduled for deletion.
    ScheduledForDeletion,
    /// The call that the event tells of failed, with the error code given, so nothing was created.
    CallFailed(String),
    /// An event of Secrets Manager that is no reason to look at a secret.
    EventNotHandled,
    /// The secret belongs to the account given, which is not the function's.
    AnotherAccount(String),
    /// The event is from the Region given, which is not the function's.
    AnotherRegion(String),
}

impl SkipReason {
    /// The code in the record.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRuleMatched => "no-rule-matched",
            Self::IsReplica(_) => "is-replica",
            Self::ManagedByService(_) => "managed-by-service",
            Self::ScheduledForDeletion => "scheduled-for-deletion",
            Self::CallFailed(_) => "call-failed",
            Self::EventNotHandled => "event-not-handled",
            Self::AnotherAccount(_) => "another-account",
            Self::AnotherRegion(_) => "another-region",
        }
    }

    /// One sentence that explains the code.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::NoRuleMatched => "no rule of the policy covers this secret".to_owned(),
            Self::IsReplica(primary) => {
                format!("this is a replica; its primary secret in {primary} decides")
            }
            Self::ManagedByService(service) => {
                format!("the service {service} manages this secret, so it is left to {service}")
            }
            Self::ScheduledForDeletion => "the secret is scheduled for deletion".to_owned(),
            Self::CallFailed(code) => {
                format!("the call failed with {code}, so there is nothing to replicate")
            }
            Self::EventNotHandled => "this event is no reason to look at a secret".to_owned(),
            Self::AnotherAccount(account) => format!(
                "the event is about a secret of account {account}; deploy the stack there too"
            ),
            Self::AnotherRegion(region) => {
                format!("the event is from {region}; deploy a stack in that Region")
            }
        }
    }
}

/// Why a Region gets no replica although a rule or a tag names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The Region of the primary secret itself. Shown, but no refusal of the secret.
    OwnRegion,
    /// The Region belongs to another partition; replication never leaves one.
    OtherPartition,
    /// The Region is not among `ALLOWED_REPLICA_REGIONS`.
    OutsideTheFence,
    /// These rules forbid the Region.
    ForbiddenByPolicy(BTreeSet<String>),
    /// These rules contradict each other about the Region.
    ConflictingRules(Conflict, BTreeSet<String>),
    /// The primary secret has a customer key and nothing names a key for the replica, so AWS would
    /// fall back to `aws/secretsmanager`.
    EncryptionWouldWeaken(KmsKey),
    /// A token in the tag given is no Region code.
    NotARegion {
        /// The tag's key.
        tag: String,
    },
    /// The tag given names no Region at all.
    EmptyTagValue {
        /// The tag's key.
        tag: String,
    },
}

impl Refusal {
    /// The code in the record.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OwnRegion => "own-region",
            Self::OtherPartition => "other-partition",
            Self::OutsideTheFence => "outside-the-fence",
            Self::ForbiddenByPolicy(_) => "forbidden-by-policy",
            Self::ConflictingRules(..) => "conflicting-rules",
            Self::EncryptionWouldWeaken(_) => "encryption-would-weaken",
            Self::NotARegion { .. } => "not-a-region",
            Self::EmptyTagValue { .. } => "empty-tag-value",
        }
    }

    /// What to do about it. `None` where there is nothing to do.
    #[must_use]
    pub fn cure(&self) -> Option<String> {
        Some(match self {
            Self::OwnRegion => return None,
            Self::OtherPartition => {
                "name a Region of the primary secret's own partition".to_owned()
            }
            Self::OutsideTheFence => {
                "name an allowed Region, or add this one to ALLOWED_REPLICA_REGIONS (the stack's \
                 parameter AllowedReplicaRegions)"
                    .to_owned()
            }
            Self::ForbiddenByPolicy(rules) => format!(
                "take the Region out of the tag or the rule that names it, or change {}",
                names(rules)
            ),
            Self::ConflictingRules(conflict, rules) => format!(
                "{} give this Region different {}; give them the same",
                names(rules),
                conflict.in_words()
            ),
            Self::EncryptionWouldWeaken(key) => format!(
                "the primary secret's key {key} has no known counterpart in this Region: name a \
                 customer key in the rule (`kms-key`) or in the policy (`kms-keys`), or accept the \
                 weaker key with `kms-key: aws/secretsmanager` in the rule, or encrypt the primary \
                 secret with a multi-Region key (its ARN or key id, not an alias)"
            ),
            Self::NotARegion { tag } => format!(
                "write Region codes separated by spaces in the tag `{tag}`, for instance \
                 `eu-west-1 us-west-2`"
            ),
            Self::EmptyTagValue { tag } => {
                format!("write Region codes in the tag `{tag}`, or `none` to want no replica")
            }
        })
    }

    /// Whether the refusal counts against the secret. A primary secret's own Region in a list is
    /// no mistake: the same list serves the primary secrets of every Region.
    #[must_use]
    pub fn counts(&self) -> bool {
        !matches!(self, Self::OwnRegion)
    }
}

/// What two rules say differently of one Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// `kms-key`.
    Key,
    /// `overwrite`.
    Overwrite,
}

impl Conflict {
    fn in_words(self) -> &'static str {
        match self {
            Self::Key => "keys (`kms-key`)",
            Self::Overwrite => "values of `overwrite`",
        }
    }
}

fn names(rules: &BTreeSet<String>) -> String {
    let names: Vec<String> = rules.iter().map(|name| format!("`{name}`")).collect();
    let noun = if names.len() == 1 {
        "the rule"
    } else {
        "the rules"
    };
    format!("{noun} {}", names.join(", "))
}

/// Why a replica could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// A secret of the same name exists in the target Region.
    NameAlreadyExists,
    /// A former replica of the same name, cut off from its primary secret, stands in the way.
    /// Overwriting does not help.
    ExReplicaInTheWay,
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
    CallRefused,
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
            Some(Self::ExReplicaInTheWay)
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
            Self::ExReplicaInTheWay => "ex-replica-in-the-way",
            Self::KmsKeyUnavailable => "kms-key-unavailable",
            Self::KmsAccessDenied => "kms-access-denied",
            Self::RegionNotEnabled => "region-not-enabled",
            Self::AccessDenied => "access-denied",
            Self::Throttled => "throttled",
            Self::ServiceUnavailable => "service-unavailable",
            Self::SecretNotFound => "secret-not-found",
            Self::CallRefused => "call-refused",
            Self::ReplicationFailed => "replication-failed",
        }
    }

    /// What to do about it, in one sentence.
    #[must_use]
    pub fn cure(self) -> &'static str {
        match self {
            Self::NameAlreadyExists => {
                "rename or delete the secret of the same name in that Region, then retry the \
                 replication in the console or with `aws secretsmanager replicate-secret-to-regions`"
            }
            Self::ExReplicaInTheWay => {
                "in that Region, call StopReplicationToReplica on the old replica and delete it, \
                 then retry the replication in the console or with `aws secretsmanager \
                 replicate-secret-to-regions`; overwriting does not help"
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
                 the fence in the role (secretsmanager:AddReplicaRegions), may deny it"
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
            Self::CallRefused => "read AWS's message, and correct what it names",
            Self::ReplicationFailed => {
                "read AWS's message, and retry the replication by reconciling the secret by hand"
            }
        }
    }

    /// Whether another attempt may succeed with nobody changing anything in the target Region.
    /// Permission on a key counts: it is granted on the key or the role, where no event tells.
    #[must_use]
    pub fn may_heal(self) -> bool {
        match self {
            Self::NameAlreadyExists | Self::ExReplicaInTheWay | Self::RegionNotEnabled => false,
            Self::KmsKeyUnavailable
            | Self::KmsAccessDenied
            | Self::AccessDenied
            | Self::Throttled
            | Self::ServiceUnavailable
            | Self::SecretNotFound
            | Self::CallRefused
            | Self::ReplicationFailed => true,
        }
    }
}

/// What is known of a replica that is not in sync yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// AWS is still copying.
    StillInProgress,
    /// AWS accepted the request but does not list the Region, or not any more.
    NotListed,
    /// AWS accepted the request, and every look after it failed. The text says how.
    NotSeen(String),
    /// AWS reports a status that this version does not know.
    UnknownStatus(String),
}

impl Progress {
    /// The code in the record.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::StillInProgress => "still-in-progress",
            Self::NotListed => "not-listed",
            Self::NotSeen(_) => "not-seen",
            Self::UnknownStatus(_) => "unknown-status",
        }
    }

    /// What AWS shows, where the code alone does not say it.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::StillInProgress => None,
            Self::NotListed => {
                Some("AWS accepted the request but does not list the Region".to_owned())
            }
            Self::NotSeen(error) => Some(format!(
                "AWS accepted the request; looking at it failed: {error}"
            )),
            Self::UnknownStatus(status) => Some(format!("AWS reports the status {status}")),
        }
    }

    /// What to do about it, in one sentence.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        match self {
            Self::StillInProgress | Self::NotListed => {
                "nothing yet: Lambda retries an event, which looks again; by hand, reconcile again"
            }
            Self::NotSeen(_) => {
                "allow the function's role DescribeSecret, or wait until AWS answers again, and \
                 reconcile again"
            }
            Self::UnknownStatus(_) => {
                "look at the replica in the console; a newer version of the function may know the \
                 status"
            }
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
                Some(ExReplicaInTheWay),
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
