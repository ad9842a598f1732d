use super::RemovalReason;

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
    /// The replica, or one that is wanted, was still on its way when its removal was due.
    RemovalDue(RemovalReason),
    /// AWS is still removing the replica.
    StillBeingRemoved(RemovalReason),
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
            Self::RemovalDue(_) => "removal-due",
            Self::StillBeingRemoved(_) => "still-being-removed",
        }
    }

    /// What AWS shows, where the code alone does not say it.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::StillInProgress => None,
            Self::RemovalDue(reason) | Self::StillBeingRemoved(reason) => Some(reason.detail()),
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
            Self::StillInProgress
            | Self::NotListed
            | Self::RemovalDue(_)
            | Self::StillBeingRemoved(_) => {
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
