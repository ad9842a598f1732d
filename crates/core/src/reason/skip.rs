use crate::secret::Region;

/// Why a secret was skipped. A skip is deliberate and never an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// No rule of the policy covers the secret.
    NoRuleMatched,
    /// The secret is a replica. Its primary secret is in this Region.
    IsReplica(Region),
    /// This AWS service manages the secret. AWS does not document whether such secrets can be
    /// replicated, so they are left unchanged.
    ManagedByService(String),
    /// The secret is scheduled for deletion.
    ScheduledForDeletion,
    /// The event reports a call that failed with this error code, so nothing was created.
    ApiCallFailed(String),
    /// An event of Secrets Manager that does not require reconciling a secret.
    UnsupportedEvent,
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
            Self::ApiCallFailed(_) => "api-call-failed",
            Self::UnsupportedEvent => "unsupported-event",
            Self::AnotherAccount(_) => "another-account",
            Self::AnotherRegion(_) => "another-region",
        }
    }

    /// Explains the code in one sentence.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::NoRuleMatched => "no rule of the policy covers this secret".to_owned(),
            Self::IsReplica(primary) => {
                format!(
                    "the secret is a replica; the policy applies to its primary secret in {primary}"
                )
            }
            Self::ManagedByService(service) => {
                format!("the service {service} manages this secret, so it is left unchanged")
            }
            Self::ScheduledForDeletion => "the secret is scheduled for deletion".to_owned(),
            Self::ApiCallFailed(code) => {
                format!("the API call failed with {code}, so there is nothing to replicate")
            }
            Self::UnsupportedEvent => "this event does not require reconciling a secret".to_owned(),
            Self::AnotherAccount(account) => format!(
                "the secret belongs to account {account}; deploy the stack in that account too"
            ),
            Self::AnotherRegion(region) => {
                format!("the event is from {region}; deploy a stack in that Region")
            }
        }
    }
}
