//! A multi-Region Secrets Manager as a pure state machine.
//!
//! [`World::handle`] executes one API call. Changes that AWS makes later (replicas in sync,
//! removals, the end of a recovery window) happen when a call or view passes a [`Time`] at which
//! they are due.
//!
//! | module | content |
//! |---|---|
//! | `region` | the state of one Region: secrets, keys, quotas |
//! | `lazy` | secrets that are computed when a call needs them |
//! | `history`, `consistency` | the past states that lagging reads return, and their ages |
//! | `agenda`, `replication` | changes without a call, and their times |
//! | `outage` | Regions that stop |
//! | `operations` | one function for each operation of the API |
//! | `access`, `settings` | denials, and undocumented behavior of AWS |

mod access;
mod agenda;
mod arn;
mod consistency;
mod error;
mod filter;
mod history;
mod ids;
mod keys;
mod lazy;
mod operations;
mod outage;
mod quota;
mod region;
mod render;
mod replication;
mod request;
mod secret;
mod seed;
mod settings;
mod store;
mod time;
mod views;

use std::collections::BTreeMap;

use serde_json::Value;

pub use access::Denial;
pub(crate) use access::{adds_if_set, equals_if_set, secret_id};
pub(crate) use arn::{ACCOUNT_ID, is_named};
pub use error::ApiError;
pub use seed::{SecretSeed, SecretSeries};
pub use settings::{
    Collation, FailedReplicas, KeyState, KnownReplica, PromotedReplicas, ReadLags,
    RegionNotEnabled, RemovedReplicas, SecretWithoutValue, WorldSettings,
};
pub(crate) use store::CalledSecret;
pub use time::Time;
pub use views::{NamedStates, ReplicaView, SecretView};

use agenda::{Agenda, Task};
use region::Region;
use request::Input;
use secret::{Row, RowState};

/// The secrets of one account in all Regions.
#[derive(Debug)]
pub struct World {
    settings: WorldSettings,
    regions: BTreeMap<String, Region>,
    agenda: Agenda,
    /// The changes that wait in each stopped Region.
    suspended: BTreeMap<String, Vec<Task>>,
    denials: Vec<Denial>,
    /// The source of the ages of random reads.
    random: fastrand::Rng,
    /// The source of unique tickets, suffixes and version IDs.
    counter: u64,
}

impl World {
    /// An empty world.
    #[must_use]
    pub fn new(settings: WorldSettings) -> World {
        let seed = settings.random_reads.map_or(0, |(seed, _)| seed);
        World {
            settings,
            random: fastrand::Rng::with_seed(seed),
            regions: BTreeMap::new(),
            agenda: Agenda::default(),
            suspended: BTreeMap::new(),
            denials: Vec::new(),
            counter: 0,
        }
    }

    /// Executes one API call in `region`. `operation` is the part of `X-Amz-Target` after the dot.
    /// An answer without members is `null`, for which AWS sends no body.
    ///
    /// # Errors
    /// AWS's error answer.
    pub fn handle(
        &mut self,
        now: Time,
        region: &str,
        operation: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        self.advance(now);
        self.check_running(region)?;
        let input = Input::parse(body)?;
        if !self.settings.enabled_regions.contains(region) {
            return Err(ApiError::region_not_enabled());
        }
        if !self.is_within_quota(now, region, operation) {
            return Err(ApiError::throttled());
        }
        self.authorize(region, operation, body)?;
        self.execute(now, region, operation, &input)
    }

    /// Counts a call, and returns whether it is within the quota of its operation.
    fn is_within_quota(&mut self, now: Time, region: &str, operation: &str) -> bool {
        let (writes, lists) = (
            self.settings.writes_per_second,
            self.settings.lists_per_second,
        );
        let region = self.region_mut(region);
        let (quota, calls_per_second) = match operation {
            "ListSecrets" => (&mut region.list_quota, lists),
            _ if operations::WRITE_QUOTA.contains(&operation) => (&mut region.write_quota, writes),
            _ => return true,
        };
        calls_per_second.is_none_or(|calls| quota.admits(now, calls))
    }

    /// Returns the present `ReplicationStatus` of a secret, by name or ARN, without
    /// [`WorldSettings::status_lag`]. Empty if the secret does not exist.
    pub fn replicas(&mut self, now: Time, region: &str, secret_id: &str) -> Vec<ReplicaView> {
        self.advance(now);
        let secret = self.find(region, secret_id);
        secret.map_or_else(Vec::new, |secret| ReplicaView::all_of(&secret))
    }

    /// Returns all secrets of a Region, by name.
    pub fn secrets(&mut self, now: Time, region: &str) -> Vec<SecretView> {
        self.advance(now);
        let secrets = self.region_mut(region).all();
        secrets.map(|secret| SecretView::new(secret)).collect()
    }

    /// Returns one secret, by name or ARN.
    pub fn secret(&mut self, now: Time, region: &str, secret_id: &str) -> Option<SecretView> {
        self.advance(now);
        let secret = self.find(region, secret_id)?;
        Some(SecretView::new(&secret))
    }

    /// Sets the status of a replica until a call changes it. Adds the row if it does not exist.
    /// `Failed` is retried like a real failure. Does nothing if the secret does not exist or is a
    /// replica.
    pub fn force_status(
        &mut self,
        now: Time,
        region: &str,
        secret_id: &str,
        replica_region: &str,
        status: &str,
        status_message: Option<&str>,
    ) {
        self.advance(now);
        let state = RowState::Forced {
            status: status.to_owned(),
            message: status_message.map(str::to_owned),
        };
        let row = Row::new(replica_region, state);
        if let Some(secret) = self.find(region, secret_id) {
            let name = secret.name.clone();
            self.update(now, region, &name, |secret| secret.put_row(row));
        }
    }

    /// Denies access from now on.
    pub fn deny(&mut self, denial: Denial) {
        self.denials.push(denial);
    }

    /// Removes all denials.
    pub fn allow_everything(&mut self) {
        self.denials.clear();
    }
}
