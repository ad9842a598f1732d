use serde::Serialize;

use crate::secret::{KmsKey, Region, SecretArn};

/// A step of the way back.
///
/// Only this module decides which steps are calls that destroy nothing, so no other code can turn a person's step
/// into a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "Shown")]
pub enum Step {
    /// A call that destroys nothing. The tool makes it on request.
    Call {
        /// Why now.
        text: String,
        /// The call.
        call: SafeCall,
    },
    /// A step of a person.
    Person {
        /// Who does what, and why now.
        text: String,
        /// The command, if there is one.
        command: Option<String>,
        /// Whether the step destroys a secret or a value.
        destroys: bool,
    },
}

/// A call that destroys nothing: it neither deletes nor overwrites a secret or a version, and needs no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SafeCall {
    /// `ReplicateSecretToRegions` into a Region in which the name is free.
    Replicate(Replication),
    /// `RestoreSecret` for a secret in its recovery window.
    Restore(Restoration),
}

/// A replication that never overwrites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replication {
    primary: SecretArn,
    to: Region,
    kms_key: Option<KmsKey>,
}

/// The end of a scheduled deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restoration {
    secret: SecretArn,
}

impl Replication {
    pub(super) fn new(primary: SecretArn, to: Region, kms_key: Option<KmsKey>) -> Self {
        Self {
            primary,
            to,
            kms_key,
        }
    }

    /// Returns the ARN of the secret that gets a replica.
    #[must_use]
    pub fn primary(&self) -> &SecretArn {
        &self.primary
    }

    /// Returns the Region of the replica.
    #[must_use]
    pub fn to(&self) -> &Region {
        &self.to
    }

    /// Returns the customer managed key of the replica. `None` is the AWS managed key.
    #[must_use]
    pub fn kms_key(&self) -> Option<&KmsKey> {
        self.kms_key.as_ref()
    }
}

impl Restoration {
    pub(super) fn new(secret: SecretArn) -> Self {
        Self { secret }
    }

    /// Returns the ARN of the secret.
    #[must_use]
    pub fn secret(&self) -> &SecretArn {
        &self.secret
    }
}

impl SafeCall {
    /// Returns the Region in which the call is made.
    #[must_use]
    pub fn region(&self) -> &Region {
        match self {
            Self::Replicate(replication) => replication.primary.region(),
            Self::Restore(restoration) => restoration.secret.region(),
        }
    }

    /// Returns the command that makes the call.
    #[must_use]
    pub fn command(&self) -> String {
        match self {
            Self::Replicate(replication) => super::commands::replicate(
                &replication.primary,
                &replication.to,
                replication.kms_key.as_ref().map(KmsKey::as_str),
            ),
            Self::Restore(restoration) => super::commands::restore(&restoration.secret),
        }
    }
}

impl Step {
    /// Returns who does what, and why now.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Call { text, .. } | Self::Person { text, .. } => text,
        }
    }

    /// Returns the command, if there is one.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        match self {
            Self::Call { call, .. } => Some(call.command()),
            Self::Person { command, .. } => command.clone(),
        }
    }

    /// Returns whether the step destroys a secret or a value.
    #[must_use]
    pub fn destroys(&self) -> bool {
        match self {
            Self::Call { .. } => false,
            Self::Person { destroys, .. } => *destroys,
        }
    }

    /// Returns the call that the tool can make. `None` for a step of a person.
    #[must_use]
    pub fn call(&self) -> Option<&SafeCall> {
        match self {
            Self::Call { call, .. } => Some(call),
            Self::Person { .. } => None,
        }
    }
}

/// The step in reports.
#[derive(Serialize)]
struct Shown {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    destroys: bool,
    /// `tool` for a call that destroys nothing, otherwise `person`.
    by: &'static str,
}

impl From<Step> for Shown {
    fn from(step: Step) -> Self {
        Self {
            text: step.text().to_owned(),
            command: step.command(),
            destroys: step.destroys(),
            by: match step {
                Step::Call { .. } => "tool",
                Step::Person { .. } => "person",
            },
        }
    }
}
