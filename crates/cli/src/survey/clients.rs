use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use secret_replicator_aws::Reader;
use secret_replicator_core::secret::Region;

use crate::access::Access;

/// The clients of Secrets Manager in one account, one per Region, so that all surveys of the account share the
/// rate of a Region's list.
#[derive(Debug)]
pub(crate) struct Clients {
    access: Access,
    by_region: Mutex<BTreeMap<Region, Reader>>,
}

impl Clients {
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access,
            by_region: Mutex::default(),
        }
    }

    /// Returns the client for a Region.
    pub(crate) fn in_region(&self, region: &Region) -> Reader {
        let mut clients = self
            .by_region
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let new = || self.access.in_region(region).reader();
        clients.entry(region.clone()).or_insert_with(new).clone()
    }
}
