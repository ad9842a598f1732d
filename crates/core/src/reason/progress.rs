use super::RemovalReason;

/// What is known of a replica that is not in sync yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// AWS is still copying.
    ReplicationInProgress,
    /// AWS accepted the request but does not list the Region, or not any more.
    NotReported,
    /// AWS accepted the request, and every look after it failed. The text says how.
    StatusUnavailable(String),
    /// AWS reports a status that this version does not know.
    UnknownStatus(String),
    /// The replica, or one that is wanted, was still on its way when its removal was due.
    RemovalPending(RemovalReason),
    /// AWS is still removing the replica.
    RemovalInProgress(RemovalReason),
}

impl Progress {
    /// The code in the record.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ReplicationInProgress => "replication-in-progress",
            Self::NotReported => "not-reported",
            Self::StatusUnavailable(_) => "status-unavailable",
            Self::UnknownStatus(_) => "unknown-status",
            Self::RemovalPending(_) => "removal-pending",
            Self::RemovalInProgress(_) => "removal-in-progress",
        }
    }

    /// What AWS shows, where the code alone does not say it.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::ReplicationInProgress => None,
            Self::RemovalPending(reason) | Self::RemovalInProgress(reason) => Some(reason.detail()),
            Self::NotReported => {
                Some("AWS accepted the request but does not list the Region".to_owned())
            }
            Self::StatusUnavailable(error) => Some(format!(
                "AWS accepted the request; looking at it failed: {error}"
            )),
            Self::UnknownStatus(status) => Some(format!("AWS reports the status {status}")),
        }
    }

    /// What to do about it, in one sentence.
    #[must_use]
    pub fn remediation(&self) -> &'static str {
        match self {
            Self::ReplicationInProgress
            | Self::NotReported
            | Self::RemovalPending(_)
            | Self::RemovalInProgress(_) => {
                "nothing yet: Lambda retries an event, which looks again; by hand, reconcile again"
            }
            Self::StatusUnavailable(_) => {
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
