use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{CallErrorKind, Reader};
use secret_replicator_core::failover::Found;
use secret_replicator_core::failover::drill::{
    Drilled, Evidence, KeyCheck, ReaderCheck, There, assess,
};
use secret_replicator_core::secret::{KmsKey, Region, Secret, SecretId};
use tokio::time::Instant;

use super::Drill;
use super::expected::Expected;
use super::reader_role;
use super::vanished::Vanished;
use crate::access::{Access, ApiError};
use crate::keys::{self, KeyState};

/// The timeout of a call with its retries.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The time for a call in a primary Region, which may be unavailable.
pub(super) const PRIMARY_TIMEOUT: Duration = Duration::from_secs(15);

/// The number of secrets that are described concurrently.
pub(super) const DESCRIBED_AT_ONCE: usize = 16;

/// The number of keys that are read concurrently.
const KEYS_AT_ONCE: usize = 8;

/// A secret with what the failover Region shows.
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) expected: Expected,
    there: Result<Option<Secret>, String>,
}

/// An expected secret with its result.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) expected: Expected,
    /// What the Region has under the name.
    pub(super) found: Option<Secret>,
    pub(super) drilled: Drilled,
}

impl Observed {
    /// Returns the replica, if the Region shows it.
    pub(super) fn replica(&self) -> Option<&Secret> {
        let found = self.there.as_ref().ok()?.as_ref()?;
        let is_same = found.arn.resource() == self.expected.entry.arn.resource();
        is_same.then_some(found)
    }

    fn assess(&self, region: &Region, key: KeyCheck, reader: ReaderCheck) -> Drilled {
        let there = match &self.there {
            Err(error) => There::Unreadable(error.clone()),
            Ok(None) => There::Absent,
            Ok(Some(found)) => There::Found(found),
        };
        let evidence = Evidence {
            region,
            there,
            primary: self.expected.primary.as_ref(),
            request: self.expected.request.clone(),
            key,
            reader,
        };
        assess(&self.expected.entry, &evidence)
    }
}

/// Judges the expected secrets. Describes each one that the lists do not show ready, because a list can be five
/// minutes old and does not contain secrets that are scheduled for deletion. Drops a secret whose primary secret is
/// gone, and adds it to the vanished ones.
pub(super) async fn judge(
    drill: &Drill<'_>,
    expected: Vec<Expected>,
    found: &Found<'_>,
    vanished: &mut Vanished,
) -> Vec<Judged> {
    let mut observed = Vec::new();
    let reader = drill.access.in_region(drill.to).reader();
    let primary_fails = Cell::new(false);
    let reads = expected.into_iter().map(|expected| {
        let listed = found.get(expected.entry.arn.resource(), &expected.entry.name);
        let listed = Observed {
            there: Ok(listed.cloned()),
            expected,
        };
        read(drill, &reader, listed, &primary_fails)
    });
    let mut reads = stream::iter(reads).buffered(DESCRIBED_AT_ONCE);
    while let Some(read) = reads.next().await {
        match read {
            Ok(read) => observed.push(read),
            Err(Dropped { name, is_there }) => vanished.add_gone(name, is_there),
        }
    }
    let keys = keys(drill, &observed).await;
    let readers = reader_role::check(drill, &observed, &keys).await;
    let judged = observed.into_iter().map(|observed| {
        let key = key_of(&observed).and_then(|key| keys.get(key.as_str()));
        let reader = readers.get(observed.expected.entry.arn.resource());
        let drilled = observed.assess(
            drill.to,
            key.map_or(KeyCheck::Usable, |key| key.check.clone()),
            reader.cloned().unwrap_or(ReaderCheck::NotAsked),
        );
        Judged {
            drilled,
            found: observed.there.ok().flatten(),
            expected: observed.expected,
        }
    });
    judged.collect()
}

/// A secret whose primary secret is gone or scheduled for deletion.
struct Dropped {
    name: String,
    /// Whether the failover Region has it.
    is_there: bool,
}

/// Reads a secret again on both sides, unless the lists show it ready.
///
/// # Errors
/// The secret, if its primary secret is gone.
async fn read(
    drill: &Drill<'_>,
    reader: &Reader,
    mut observed: Observed,
    primary_fails: &Cell<bool>,
) -> Result<Observed, Dropped> {
    let listed = observed.assess(drill.to, KeyCheck::Usable, ReaderCheck::NotAsked);
    if listed.is_ready() {
        return Ok(observed);
    }
    let entry = &observed.expected.entry;
    observed.there = describe(reader, SecretId::Name(entry.name.clone()), TIMEOUT).await;
    if observed.expected.primary.is_some() && !primary_fails.get() {
        let access = drill.access.impatient().in_region(entry.arn.region());
        let id = SecretId::Arn(entry.arn.clone());
        match describe(&access.reader(), id, PRIMARY_TIMEOUT).await {
            Ok(Some(primary)) if !primary.scheduled_for_deletion => {
                observed.expected.primary = Some(primary);
            }
            Ok(_) => {
                return Err(Dropped {
                    name: entry.name.clone(),
                    is_there: observed.replica().is_some(),
                });
            }
            // The list says enough, and the next secrets need not wait for the Region.
            Err(_) => primary_fails.set(true),
        }
    }
    Ok(observed)
}

/// Reads a secret. `None` if the Region does not have it.
///
/// # Errors
/// The error with its remediation.
pub(super) async fn describe(
    reader: &Reader,
    id: SecretId,
    timeout: Duration,
) -> Result<Option<Secret>, String> {
    match reader.describe(&id, Instant::now() + timeout).await {
        Ok(secret) => Ok(Some(secret)),
        Err(error) if error.kind == CallErrorKind::NotFound => Ok(None),
        Err(error) => Err(ApiError::from(&error).to_string()),
    }
}

/// Returns the customer managed key of a replica.
pub(super) fn key_of(observed: &Observed) -> Option<KmsKey> {
    observed.replica()?.encryption.customer_key().cloned()
}

/// A key that was read.
#[derive(Clone, Debug)]
pub(super) struct KeyRead {
    pub(super) check: KeyCheck,
    /// Its ARN, also if the replica names an alias. `None` if the key could not be read.
    pub(super) arn: Option<String>,
}

/// The keys of replicas, by the name that the replicas have for them.
pub(super) type Keys = BTreeMap<String, KeyRead>;

/// Reads each customer managed key of the replicas once.
async fn keys(drill: &Drill<'_>, observed: &[Observed]) -> Keys {
    let access = drill.access.in_region(drill.to);
    let names = observed.iter().filter_map(key_of);
    let names: BTreeSet<String> = names.map(|key| key.to_string()).collect();
    let checks = names.into_iter().map(|name| {
        let access = &access;
        async move { (name.clone(), check_key(access, drill.to, &name).await) }
    });
    let checks = stream::iter(checks).buffer_unordered(KEYS_AT_ONCE);
    checks.collect().await
}

async fn check_key(access: &Access, region: &Region, key: &str) -> KeyRead {
    let found = match keys::describe(access, key).await {
        Ok(found) => found,
        Err(error) => {
            return KeyRead {
                check: KeyCheck::Unchecked(error.to_string()),
                arn: None,
            };
        }
    };
    let state = found.as_ref().map(KeyState::from);
    let check = match keys::problem(region.as_str(), key, state.as_ref()) {
        None => KeyCheck::Usable,
        Some(keys::KeyProblem {
            problem,
            remediation,
        }) => KeyCheck::Unusable {
            problem,
            remediation,
        },
    };
    let arn = found.and_then(|found| found.arn().map(str::to_owned));
    KeyRead { check, arn }
}
