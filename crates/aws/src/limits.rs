use secret_replicator_core::secret::Region;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::MIN_CALL_TIME;
use super::lists::ListRates;
use super::rate::Rate;

/// The maximum number of calls in progress. At 20 ms per call, this allows 3,200 calls per second, more
/// than one processor can make.
const CONNECTIONS: usize = 64;

/// Limits for many concurrent calls.
#[derive(Debug)]
pub(super) struct CallLimits {
    /// Limits the calls in progress, because each has its own connection, which takes memory.
    connections: Semaphore,
    lists: ListRates,
    writes: Rate,
    writers: Semaphore,
}

/// A permit to write to one secret. The holder sends the requests for all Regions of the secret before
/// other writers start: if AWS rejects a request for several Regions, each Region needs its own request.
#[derive(Debug)]
pub struct WritePermit<'a> {
    _permit: Option<SemaphorePermit<'a>>,
}

/// A slot of the write rate, for one write.
#[derive(Debug)]
pub struct WriteSlot(());

impl CallLimits {
    /// Creates limits of which at most this number of writes per second is allowed.
    pub(super) fn new(writes_per_second: u32) -> Self {
        Self {
            connections: Semaphore::new(CONNECTIONS),
            lists: ListRates::default(),
            writes: Rate::new(writes_per_second),
            writers: Semaphore::new(writers(writes_per_second)),
        }
    }

    /// Waits for a permit to write. Returns `None` if no permit is free before `until`, or if the write
    /// rate would delay the first write beyond `until`.
    pub(super) async fn write_permit(&self, until: Instant) -> Option<WritePermit<'_>> {
        let permit = timeout_at(until, self.writers.acquire()).await;
        let permit = permit.ok().and_then(Result::ok)?;
        (self.writes.next_slot() < until).then_some(WritePermit {
            _permit: Some(permit),
        })
    }

    /// Waits for a slot of the write rate. Returns `None` without waiting if the next slot leaves less than
    /// [`MIN_CALL_TIME`] before `until`.
    pub(super) async fn write_slot(&self, until: Instant) -> Option<WriteSlot> {
        let last = until.checked_sub(MIN_CALL_TIME).unwrap_or(until);
        let has_slot = self.writes.wait_for_slot(last).await;
        has_slot.then_some(WriteSlot(()))
    }

    /// Waits for a slot of the rate at which the Region's list is read. `None` is the client's own Region. Returns
    /// `false` at once if there is no slot before `until`.
    pub(super) async fn list_slot(&self, region: Option<&Region>, until: Instant) -> bool {
        self.lists.of(region).wait_for_slot(until).await
    }

    /// Waits for a connection.
    pub(super) async fn connection(&self) -> Option<SemaphorePermit<'_>> {
        self.connections.acquire().await.ok()
    }

    /// Takes all connections.
    #[cfg(test)]
    pub(super) async fn all_connections(&self) -> Option<SemaphorePermit<'_>> {
        let all = u32::try_from(CONNECTIONS).ok()?;
        self.connections.acquire_many(all).await.ok()
    }
}

impl WritePermit<'_> {
    /// Returns the permit of a client without limits.
    pub(super) fn unlimited() -> Self {
        Self { _permit: None }
    }
}

impl WriteSlot {
    /// Returns the slot of a client without limits.
    pub(super) fn unlimited() -> Self {
        Self(())
    }
}

/// Returns the maximum number of secrets written to concurrently, which is enough for the rate if a
/// write takes less than a second.
fn writers(writes_per_second: u32) -> usize {
    usize::try_from(writes_per_second.max(1)).unwrap_or(Semaphore::MAX_PERMITS)
}
