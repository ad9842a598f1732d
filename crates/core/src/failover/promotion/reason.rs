use crate::secret::Region;

/// Why a secret is not promoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotPromoted {
    /// The Region has no secret of the name.
    Absent,
    /// Another secret has the name.
    NameTaken,
    /// The replica is scheduled for deletion.
    ScheduledForDeletion,
    /// No version has the label `AWSCURRENT`.
    NoCurrentVersion,
    /// It is a standalone secret: it was promoted before, or was never a replica.
    AlreadyStandalone,
    /// It is a replica of a primary secret in this other Region.
    OtherPrimaryRegion(Region),
    /// It could not be read. Contains the error.
    Unreadable(String),
    /// The inventory does not contain it.
    NotInInventory {
        /// Whether the user named it with `--only`.
        is_named: bool,
    },
    /// The filters do not select it.
    NotSelected,
    /// The limit is reached.
    LimitReached,
}

impl NotPromoted {
    /// Returns the code in reports.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Absent => "replica-missing",
            Self::NameTaken => "name-already-exists",
            Self::ScheduledForDeletion => "scheduled-for-deletion",
            Self::NoCurrentVersion => "no-current-version",
            Self::AlreadyStandalone => "already-standalone",
            Self::OtherPrimaryRegion(_) => "other-primary-region",
            Self::Unreadable(_) => "unreadable",
            Self::NotInInventory { .. } => "not-in-inventory",
            Self::NotSelected => "not-selected",
            Self::LimitReached => "limit-reached",
        }
    }

    /// Returns whether the secret should have been promoted and cannot be.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        match self {
            Self::Absent
            | Self::NameTaken
            | Self::ScheduledForDeletion
            | Self::NoCurrentVersion
            | Self::Unreadable(_)
            | Self::NotInInventory { is_named: true } => true,
            Self::AlreadyStandalone
            | Self::OtherPrimaryRegion(_)
            | Self::NotInInventory { is_named: false }
            | Self::NotSelected
            | Self::LimitReached => false,
        }
    }

    /// Explains the code, and says what to do where there is something to do.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Absent => {
                "the Region has no secret of this name: the replica failed, was never requested, or was removed; \
                 create the secret there from a backup or from the system that issues its value"
                    .to_owned()
            }
            Self::NameTaken => {
                "another secret of this name is in the Region, with another suffix: it is not the replica"
                    .to_owned()
            }
            Self::ScheduledForDeletion => {
                "the replica is scheduled for deletion: restore it with `aws secretsmanager restore-secret`, \
                 and promote again"
                    .to_owned()
            }
            Self::NoCurrentVersion => {
                "no version of the replica has the label AWSCURRENT, so there is no value to promote: the \
                 replication failed or had not ended; wait, or create the secret from the system that issues \
                 its value"
                    .to_owned()
            }
            Self::AlreadyStandalone => "it is already a standalone secret".to_owned(),
            Self::OtherPrimaryRegion(region) => {
                format!("it is a replica of a primary secret in {region}")
            }
            Self::Unreadable(error) => format!("it could not be read: {error}; run the command again"),
            Self::NotInInventory { .. } => {
                "the inventory does not contain it: save a new one, or name it with `--only` and without \
                 `--inventory`"
                    .to_owned()
            }
            Self::NotSelected => "the filters do not select it".to_owned(),
            Self::LimitReached => "`--limit` is reached: run the command again".to_owned(),
        }
    }
}
