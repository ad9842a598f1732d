//! The state of one Region.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::history::History;
use super::quota::CallQuota;
use super::secret::Secret;
use super::{Collation, KeyState};

/// The secrets, keys and quotas of one Region.
#[derive(Debug)]
pub(super) struct Region {
    /// The present state, by name.
    pub(super) secrets: BTreeMap<String, Arc<Secret>>,
    /// The states that lagging reads return.
    pub(super) history: History,
    /// The customer keys whose state is set.
    pub(super) keys: BTreeMap<String, KeyState>,
    pub(super) write_quota: CallQuota,
    pub(super) list_quota: CallQuota,
}

impl Region {
    pub(super) fn new(collation: Collation) -> Region {
        Region {
            secrets: BTreeMap::new(),
            history: History::new(collation),
            keys: BTreeMap::new(),
            write_quota: CallQuota::default(),
            list_quota: CallQuota::default(),
        }
    }
}
