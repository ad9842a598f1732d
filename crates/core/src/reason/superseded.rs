//! The changes of others that end the work in a Region.

/// The change of another principal after which there is nothing left to do in a Region. It is not a failure:
/// each of these changes has its own event, and the sweep restores what the policy wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Superseded {
    /// The secret has changed since the decision, and the policy now wants something else in this Region.
    SecretChanged,
    /// AWS no longer lists a replica that the policy wants. Its Region still has it, so that it is being
    /// removed, or has never got it.
    RemovedByOther,
}

impl Superseded {
    /// The code in the record.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SecretChanged => "secret-changed",
            Self::RemovedByOther => "removed-by-other",
        }
    }

    /// Explains the code in one sentence.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::SecretChanged => {
                "the secret changed during the invocation, so that the policy no longer wants this step"
            }
            Self::RemovedByOther => {
                "AWS no longer lists the replica, and this invocation has not requested the removal: another \
                 principal has requested it"
            }
        }
    }

    /// The remediation, in one sentence.
    #[must_use]
    pub fn remediation(self) -> &'static str {
        match self {
            Self::SecretChanged => "no action is needed: the change has its own event",
            Self::RemovedByOther => {
                "no action is needed: the next sweep replicates the secret again; to keep the Region \
                 without a replica, exclude it in the policy or in the secret's tag"
            }
        }
    }
}
