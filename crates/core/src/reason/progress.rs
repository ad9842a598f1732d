//! The states of a replica that is not in sync yet.

use super::RemovalReason;

/// The state of a replica that is not in sync yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// AWS is still copying the secret.
    ReplicationInProgress,
    /// AWS accepted the request but does not report the replica, or no longer does.
    NotReported,
    /// The secret changed before the request, which was therefore not sent.
    NotRequested,
    /// AWS accepted the request, but every later read failed. Contains the error.
    StatusUnavailable(String),
    /// AWS reports a status that this version does not know.
    UnknownStatus(String),
    /// This replica, or a wanted one, was still in progress, so this replica cannot be removed yet.
    RemovalPending(RemovalReason),
    /// AWS is still removing the replica.
    RemovalInProgress(RemovalReason),
    /// AWS reports the replica in sync, but its current version is not the primary secret's.
    VersionBehind,
}

impl Progress {
    /// The code in the record.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ReplicationInProgress => "replication-in-progress",
            Self::NotReported => "not-reported",
            Self::NotRequested => "not-requested",
            Self::StatusUnavailable(_) => "status-unavailable",
            Self::UnknownStatus(_) => "unknown-status",
            Self::RemovalPending(_) => "removal-pending",
            Self::RemovalInProgress(_) => "removal-in-progress",
            Self::VersionBehind => "version-behind",
        }
    }

    /// Details that the code does not contain.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::ReplicationInProgress => None,
            Self::RemovalPending(reason) | Self::RemovalInProgress(reason) => Some(reason.detail()),
            Self::NotReported => {
                Some("AWS accepted the request but reports no replica in this Region".to_owned())
            }
            Self::NotRequested => Some(
                "the secret changed before the request, so the request was not sent".to_owned(),
            ),
            Self::StatusUnavailable(error) => Some(format!(
                "AWS accepted the request, but reading the replica's status failed: {error}"
            )),
            Self::UnknownStatus(status) => Some(format!("AWS reports the status {status}")),
            Self::VersionBehind => Some(
                "AWS reports the replica in sync, but the Region does not have the current version of \
                 the primary secret"
                    .to_owned(),
            ),
        }
    }

    /// The remediation, in one sentence.
    #[must_use]
    pub fn remediation(&self) -> &'static str {
        match self {
            Self::ReplicationInProgress
            | Self::NotReported
            | Self::NotRequested
            | Self::RemovalPending(_) => {
                concat!("no action is needed yet: ", next_attempt!())
            }
            Self::RemovalInProgress(_) => concat!(
                "no action is needed yet: AWS removes a replica within about 90 seconds (reported by \
                 users); ",
                next_attempt!(),
                "; do not delete the primary secret before `describe-secret` finds no secret of this name \
                 in the Region, because that can leave a standalone secret there"
            ),
            Self::VersionBehind => concat!(
                "no action is needed yet: ",
                next_attempt!(),
                "; a rotation can leave replication stuck (reported by users): if the replica stays \
                 behind, put the value once more with PutSecretValue, or remove the replica with \
                 RemoveRegionsFromReplication and reconcile the secret"
            ),
            Self::StatusUnavailable(_) => concat!(
                "allow the function's role DescribeSecret, or wait until AWS responds; ",
                next_attempt!()
            ),
            Self::UnknownStatus(_) => {
                "check the replica in the console; the event is not retried, but the next sweep checks again; \
                 a newer version of the function may know the status"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remediation_says_what_an_event_a_sweep_and_a_manual_call_do_next() {
        let reason = RemovalReason::NoLongerTargeted;
        let retried = [
            Progress::ReplicationInProgress,
            Progress::NotReported,
            Progress::StatusUnavailable("throttled".to_owned()),
            Progress::RemovalPending(reason.clone()),
            Progress::RemovalInProgress(reason),
            Progress::VersionBehind,
        ];
        for progress in retried {
            let remediation = progress.remediation();
            for next in [
                "Lambda retries an event",
                "the next sweep",
                "after a manual call",
            ] {
                assert!(
                    remediation.contains(next),
                    "{}: {remediation}",
                    progress.code()
                );
            }
        }
        // The event of an unknown status does not fail, so Lambda does not retry it.
        let unknown = Progress::UnknownStatus("Detached".to_owned()).remediation();
        assert!(unknown.contains("the event is not retried"), "{unknown}");
    }
}
