//! What is known about one secret before a drill judges it.

use crate::secret::{Region, Secret};

use super::ReplicaRequest;

/// What the failover Region shows under the name of a secret.
#[derive(Clone, Debug)]
pub enum There<'a> {
    /// Nothing.
    Absent,
    /// A secret with the name, with or without the suffix.
    Found(&'a Secret),
    /// It could not be read. Contains the error.
    Unreadable(String),
}

/// Whether the key of a replica works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyCheck {
    /// It is enabled and encrypts, or it is the AWS managed key, which every Region has.
    Usable,
    /// It does not work.
    Unusable {
        /// The problem with the key and its Region.
        problem: String,
        /// What to do.
        remediation: String,
    },
    /// It could not be read. Contains the error.
    Unchecked(String),
}

/// Whether the role that reads the secrets may read this one. IAM's policy simulator decides; nothing is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReaderCheck {
    /// No role was named.
    NotAsked,
    /// The role may read the secret and use its key.
    Allowed,
    /// The role may not call these actions.
    Denied(Vec<String>),
    /// The simulator cannot decide. Contains the reason.
    Unchecked(String),
}

/// What is known about one secret.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// The failover Region.
    pub region: &'a Region,
    /// What it shows.
    pub there: There<'a>,
    /// The primary secret. `None` if its Region was not asked or did not answer. Contains the status of the replica
    /// if the secret was described.
    pub primary: Option<&'a Secret>,
    /// What the function does if the Region shows nothing.
    pub request: ReplicaRequest,
    /// The key of the replica.
    pub key: KeyCheck,
    /// The role that reads the secrets.
    pub reader: ReaderCheck,
}
