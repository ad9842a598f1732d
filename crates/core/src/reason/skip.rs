use crate::secret::Region;

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
    ApiCallFailed(String),
    /// An event of Secrets Manager that is no reason to look at a secret.
    UnsupportedEvent,
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
            Self::ApiCallFailed(_) => "api-call-failed",
            Self::UnsupportedEvent => "unsupported-event",
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
            Self::ApiCallFailed(code) => {
                format!("the call failed with {code}, so there is nothing to replicate")
            }
            Self::UnsupportedEvent => "this event is no reason to look at a secret".to_owned(),
            Self::AnotherAccount(account) => format!(
                "the event is about a secret of account {account}; deploy the stack there too"
            ),
            Self::AnotherRegion(region) => {
                format!("the event is from {region}; deploy a stack in that Region")
            }
        }
    }
}
