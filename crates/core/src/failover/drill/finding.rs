use super::ReplicaRequest;
use crate::failover::failback::replicate;
use crate::failover::inventory::Entry;
use crate::reason::Refusal;
use crate::secret::{KmsKey, Region};

/// What a drill finds about a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DrillFinding {
    /// The failover Region could not be read.
    Unreadable(String),
    /// The Region has no secret of the name.
    NoReplica {
        /// What the function does.
        request: ReplicaRequest,
        /// What the primary secret reports about the Region.
        status: Option<String>,
    },
    /// Another secret has the name.
    NameTaken,
    /// The former replica is already a standalone secret.
    AlreadyPromoted,
    /// The replica is scheduled for deletion.
    ScheduledForDeletion,
    /// No version has the label `AWSCURRENT`.
    NoCurrentVersion,
    /// The replica does not have the primary secret's current version.
    VersionBehind,
    /// The replica's key does not work.
    KeyUnusable {
        /// The problem with the key and its Region.
        problem: String,
        /// What to do.
        remediation: String,
    },
    /// The replica's key could not be read.
    KeyUnchecked(String),
    /// The role may not call these actions.
    ReaderDenied(Vec<String>),
    /// The simulator cannot say whether the role may read the secret.
    ReaderUnchecked(String),
}

impl DrillFinding {
    /// Returns the code in reports.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NoReplica { .. } => "replica-missing",
            Self::NameTaken => "name-already-exists",
            Self::AlreadyPromoted => "promoted-replica",
            Self::ScheduledForDeletion => "scheduled-for-deletion",
            Self::NoCurrentVersion => "no-current-version",
            Self::VersionBehind => "version-behind",
            Self::KeyUnusable { .. } => "kms-key-unavailable",
            Self::KeyUnchecked(_) => "kms-key-unchecked",
            Self::ReaderDenied(_) => "reader-denied",
            Self::ReaderUnchecked(_) => "reader-unchecked",
        }
    }

    /// Explains the code in one sentence.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Unreadable(error) | Self::KeyUnchecked(error) | Self::ReaderUnchecked(error) => {
                error.clone()
            }
            Self::NoReplica { request, status } => {
                let cause = match request {
                    ReplicaRequest::Refused(refusal) => Some(refused(refusal)),
                    ReplicaRequest::Unknown | ReplicaRequest::WithKey(_) => status.clone(),
                };
                let cause = cause.map_or_else(String::new, |cause| format!("; {cause}"));
                format!("the Region has no secret of this name{cause}")
            }
            Self::NameTaken => "another secret of this name is in the Region".to_owned(),
            Self::AlreadyPromoted => {
                "the former replica is a standalone secret, which no longer gets new values"
                    .to_owned()
            }
            Self::ScheduledForDeletion => "the replica is scheduled for deletion".to_owned(),
            Self::NoCurrentVersion => {
                "no version of the replica has the label AWSCURRENT, so there is no value to read"
                    .to_owned()
            }
            Self::VersionBehind => {
                "the current version of the primary secret has not reached the Region".to_owned()
            }
            Self::KeyUnusable { problem, .. } => problem.clone(),
            Self::ReaderDenied(actions) => {
                format!("the role may not call {}", actions.join(" and "))
            }
        }
    }

    /// Returns the remediation, in one sentence.
    #[must_use]
    pub fn remediation(&self, entry: &Entry, region: &Region) -> String {
        let primary = entry.arn.region();
        match self {
            Self::Unreadable(_) => {
                format!(
                    "remove the cause, for example allow `secretsmanager:DescribeSecret` in {region}, and drill again"
                )
            }
            Self::NoReplica { request, .. } => request.remediation(entry, region),
            Self::NameTaken => format!(
                "delete the other secret in {region}, or recreate it under another name, and reconcile this one; \
                 nothing can be promoted under a name that is taken"
            ),
            Self::AlreadyPromoted => format!(
                "if a failover is in progress, there is nothing to do; otherwise `secret-replicator failback \
                 --to {primary} --from {region}` shows the way back"
            ),
            Self::ScheduledForDeletion => format!(
                "`aws secretsmanager restore-secret --region {region} --secret-id '{}'`",
                entry.arn.in_region(region)
            ),
            Self::NoCurrentVersion => format!(
                "put a value in {primary}; if the primary secret has one, remove the replica and reconcile the \
                 secret"
            ),
            Self::VersionBehind => format!(
                "drill again in a minute; if the replica stays behind, put the value once more in {primary}, or \
                 remove the replica and reconcile the secret"
            ),
            Self::KeyUnusable { remediation, .. } => remediation.clone(),
            Self::KeyUnchecked(_) => {
                format!("allow `kms:DescribeKey` for the key in {region}, and drill again")
            }
            Self::ReaderDenied(actions) => format!(
                "allow the role {} for `{}` in {region}",
                actions.join(" and "),
                entry.arn.in_region(region)
            ),
            Self::ReaderUnchecked(_) => format!(
                "read the secret once in {region} with the role, for example in a test of the application"
            ),
        }
    }
}

/// Says that the function does not request a replica.
fn refused(refusal: &Refusal) -> String {
    let code = refusal.code();
    let detail = refusal.detail().map(|detail| format!(": {detail}"));
    format!(
        "the function refuses to request it ({code}){}",
        detail.unwrap_or_default()
    )
}

impl ReplicaRequest {
    /// Returns the remediation of a missing replica. The call is that of the function: without the policy's key, a
    /// replica could be weaker, and a refused one must not be requested at all.
    fn remediation(&self, entry: &Entry, region: &Region) -> String {
        let primary = entry.arn.region();
        match self {
            Self::Refused(refusal) => refusal
                .remediation(None)
                .unwrap_or_else(|| format!("change the policy if {region} should have a replica")),
            Self::WithKey(key) => {
                let key = key.as_ref().map(KmsKey::as_str);
                let call = replicate(&entry.arn, region, key);
                format!("reconcile the secret, or request the replica: `{call}`")
            }
            Self::Unknown => format!("reconcile the secret in {primary}"),
        }
    }
}
