//! What earlier reads and probes of an invocation have found about a secret.

use std::collections::BTreeSet;

use secret_replicator_core::secret::{Region, Secret, SecretId};

/// A secret to reconcile, and what earlier attempts of this invocation have found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSecret {
    /// The secret.
    pub id: SecretId,
    /// The Regions with a promoted former replica. A later read may not show why to probe them, for instance if it
    /// lags and lacks the failed replica whose name is taken.
    pub promoted: BTreeSet<Region>,
}

impl KnownSecret {
    /// Returns the secret with the findings of another read and the probes after it. Those of earlier reads are
    /// among them.
    pub(super) fn after(&self, read: &Secret) -> Self {
        Self {
            id: self.id.clone(),
            promoted: read.promoted(),
        }
    }
}

impl From<SecretId> for KnownSecret {
    fn from(id: SecretId) -> Self {
        Self {
            id,
            promoted: BTreeSet::new(),
        }
    }
}
