//! The reasons for which a secret is skipped.

use crate::secret::Region;

/// Why a secret was skipped. A skip is deliberate and never an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// No rule of the policy covers the secret.
    NoRuleMatched,
    /// The secret is a replica. Its primary secret is in this Region. `None` if only AWS's rejection of
    /// a write shows that it is a replica: `DescribeSecret` shows a replica in another account like a
    /// primary secret.
    IsReplica(Option<Region>),
    /// This AWS service manages the secret. AWS does not document whether such secrets can be
    /// replicated, so they are left unchanged.
    ManagedByService(String),
    /// The secret is scheduled for deletion.
    ScheduledForDeletion,
    /// The secret does not exist, and the event is too old to be about one that cannot be found yet.
    SecretNotFound,
    /// The event reports a call that failed with this error code, so nothing was created.
    ApiCallFailed(String),
    /// An event of Secrets Manager that does not require reconciling a secret.
    UnsupportedEvent,
    /// `DeleteSecret` was refused, because the secret has replicas.
    DeleteBlockedByReplicas {
        /// The Regions of the replicas, as AWS names them.
        regions: Vec<String>,
        /// The ARN of the caller.
        principal: Option<String>,
    },
    /// Another principal removed or promoted replicas.
    ReplicationChangedByOther {
        /// The API call.
        call: String,
        /// The Regions of the replicas.
        regions: Vec<String>,
        /// The ARN of the caller.
        principal: Option<String>,
    },
    /// The secret belongs to this account, which is not the function's.
    AnotherAccount(String),
    /// The event is from this Region, which is not the function's.
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
            Self::SecretNotFound => "secret-not-found",
            Self::ApiCallFailed(_) => "api-call-failed",
            Self::UnsupportedEvent => "unsupported-event",
            Self::DeleteBlockedByReplicas { .. } => "delete-blocked-by-replicas",
            Self::ReplicationChangedByOther { .. } => "replication-changed-by-other",
            Self::AnotherAccount(_) => "another-account",
            Self::AnotherRegion(_) => "another-region",
        }
    }

    /// Explains the code in one sentence.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::NoRuleMatched => "no rule of the policy covers this secret".to_owned(),
            Self::IsReplica(Some(primary)) => {
                format!(
                    "the secret is a replica; the policy applies to its primary secret in {primary}"
                )
            }
            Self::IsReplica(None) => {
                "AWS rejected the request because the secret is a replica; the policy applies to its \
                 primary secret, which may be in another account"
                    .to_owned()
            }
            Self::ManagedByService(service) => {
                format!("the service {service} manages this secret, so it is left unchanged")
            }
            Self::ScheduledForDeletion => "the secret is scheduled for deletion".to_owned(),
            Self::SecretNotFound => {
                "the secret no longer exists: it was not found, and the event is older than three \
                 minutes"
                    .to_owned()
            }
            Self::ApiCallFailed(code) => {
                format!("the API call failed with {code}, so there is nothing to replicate")
            }
            Self::UnsupportedEvent => "this event does not require reconciling a secret".to_owned(),
            Self::DeleteBlockedByReplicas { regions, .. } => format!(
                "AWS did not delete the secret, because it has replicas in {}",
                in_words(regions)
            ),
            Self::ReplicationChangedByOther { call, regions, .. } => format!(
                "another principal called {call} for the replica in {}",
                in_words(regions)
            ),
            Self::AnotherAccount(account) => format!(
                "the secret belongs to account {account}; deploy the stack in that account too"
            ),
            Self::AnotherRegion(region) => {
                format!("the event is from {region}; deploy a stack in that Region")
            }
        }
    }

    /// Returns whether the record is a warning, although the function has nothing to do.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::DeleteBlockedByReplicas { .. } | Self::ReplicationChangedByOther { .. }
        )
    }

    /// Returns whether a read just after a change may lead to this skip, because it shows the state
    /// before the change.
    #[must_use]
    pub fn may_be_stale(&self) -> bool {
        matches!(self, Self::NoRuleMatched | Self::ScheduledForDeletion)
    }

    /// The remediation, where a person has to act.
    #[must_use]
    pub fn remediation(&self) -> Option<String> {
        match self {
            Self::DeleteBlockedByReplicas { regions, .. } => Some(format!(
                "exclude the secret from the policy (for instance by its tag), remove its replicas with \
                 `aws secretsmanager remove-regions-from-replication --secret-id ID \
                 --remove-replica-regions {}`, and delete it when `describe-secret` finds no secret in \
                 these Regions",
                if regions.is_empty() {
                    "REGION".to_owned()
                } else {
                    regions.join(" ")
                }
            )),
            Self::ReplicationChangedByOther { .. } => Some(
                "no action is needed: the sweep restores the replicas that the policy wants; if the \
                 change was intended, change the policy or the secret's tags"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// The ARN of the caller, for what others did.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        match self {
            Self::DeleteBlockedByReplicas { principal, .. }
            | Self::ReplicationChangedByOther { principal, .. } => principal.as_deref(),
            _ => None,
        }
    }
}

fn in_words(regions: &[String]) -> String {
    if regions.is_empty() {
        "a Region that the event does not name".to_owned()
    } else {
        regions.join(", ")
    }
}
