//! The state of one Region.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::KeyState;
use super::history::History;
use super::quota::WriteQuota;
use super::secret::Secret;

/// The secrets, keys and quota of one Region.
#[derive(Debug, Default)]
pub(super) struct Region {
    /// The present state, by name.
    pub(super) secrets: BTreeMap<String, Arc<Secret>>,
    /// The states that lagging reads return.
    pub(super) history: History,
    /// The customer keys whose state is set.
    pub(super) keys: BTreeMap<String, KeyState>,
    pub(super) quota: WriteQuota,
}
