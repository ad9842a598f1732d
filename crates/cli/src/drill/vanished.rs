use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};
use secret_replicator_core::failover::Found;
use secret_replicator_core::failover::inventory::Entry;
use secret_replicator_core::secret::SecretId;

use super::Drill;
use super::evidence::{DESCRIBED_AT_ONCE, PRIMARY_TIMEOUT, describe};

/// The names of secrets that no longer count, although the inventory or a list has them.
#[derive(Debug, Default)]
pub(super) struct Vanished {
    /// The primary Region has them, and the policy no longer covers them.
    pub(super) no_longer_covered: BTreeSet<String>,
    /// Neither Region has them: they were deleted since.
    pub(super) gone: BTreeSet<String>,
    /// Only the failover Region has them.
    pub(super) without_primary: BTreeSet<String>,
    /// The primary Region could not be asked about them.
    pub(super) unknown: BTreeSet<String>,
}

/// What the primary Region says about a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Primary {
    Exists,
    /// It does not exist, or it is scheduled for deletion.
    Gone,
    Unknown,
}

impl Vanished {
    /// Asks the primary Regions about entries of the inventory that their lists do not show covered.
    pub(super) async fn find(drill: &Drill<'_>, entries: Vec<Entry>, found: &Found<'_>) -> Self {
        let access = drill.access.impatient();
        let reads = entries.into_iter().map(|entry| {
            let reader = access.in_region(entry.arn.region()).reader();
            async move {
                let id = SecretId::Arn(entry.arn.clone());
                let primary = match describe(&reader, id, PRIMARY_TIMEOUT).await {
                    Ok(Some(primary)) if !primary.scheduled_for_deletion => Primary::Exists,
                    Ok(_) => Primary::Gone,
                    Err(_) => Primary::Unknown,
                };
                (entry, primary)
            }
        });
        let mut reads = stream::iter(reads).buffer_unordered(DESCRIBED_AT_ONCE);
        let mut vanished = Self::default();
        while let Some((entry, primary)) = reads.next().await {
            match primary {
                Primary::Exists => drop(vanished.no_longer_covered.insert(entry.name)),
                Primary::Unknown => drop(vanished.unknown.insert(entry.name)),
                Primary::Gone => {
                    let there = found.get(entry.arn.resource(), &entry.name);
                    let is_there =
                        there.is_some_and(|there| there.arn.resource() == entry.arn.resource());
                    vanished.add_gone(entry.name, is_there);
                }
            }
        }
        vanished
    }

    /// Adds a secret that the primary Region does not have any more.
    pub(super) fn add_gone(&mut self, name: String, is_in_failover_region: bool) {
        if is_in_failover_region {
            self.without_primary.insert(name);
        } else {
            self.gone.insert(name);
        }
    }
}
