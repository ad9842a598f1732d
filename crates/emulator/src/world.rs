//! A multi-Region Secrets Manager as a pure state machine.
//!
//! [`World::handle`] executes one API call; what AWS does in its own time (replicas becoming in
//! sync, removals, the end of a recovery window) happens when a later call or view shows the world
//! a later [`Time`].

mod access;
mod agenda;
mod arn;
mod error;
mod filter;
mod keys;
mod list_index;
mod operations;
mod past;
mod quota;
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
pub(crate) use access::added_regions;
pub(crate) use arn::is_named;
pub use error::ApiError;
pub use seed::SecretSeed;
pub use settings::{
    FailedReplicas, KeyState, KnownReplica, RegionNotEnabled, RemovedReplicas, SecretWithoutValue,
    WorldSettings,
};
pub use time::Time;
pub use views::{ReplicaView, SecretView};

use agenda::Agenda;
use keys::Keys;
use list_index::ListIndex;
use operations::Operation;
use quota::WriteQuota;
use secret::{Overwrite, Row, RowState, Secret};

/// The secrets of one account in every Region.
#[derive(Debug)]
pub struct World {
    settings: WorldSettings,
    /// Region, then name.
    regions: BTreeMap<String, BTreeMap<String, Secret>>,
    agenda: Agenda,
    keys: Keys,
    denials: Vec<Denial>,
    quota: WriteQuota,
    index: ListIndex,
    /// The source of everything that must be unique: tickets, suffixes, version ids.
    counter: u64,
}

impl World {
    /// An empty world.
    #[must_use]
    pub fn new(settings: WorldSettings) -> World {
        World {
            regions: BTreeMap::new(),
            agenda: Agenda::default(),
            keys: Keys::default(),
            denials: Vec::new(),
            quota: WriteQuota::new(settings.writes_per_second),
            index: ListIndex::new(settings.list_lag),
            counter: 0,
            settings,
        }
    }

    /// Executes one API call in `region`: `operation` is the part of `X-Amz-Target` after the dot,
    /// and an answer without members is `null`, as AWS sends no body then.
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
        let parsed = Operation::parse(operation)?;
        if !self.settings.enabled_regions.contains(region) {
            return Err(ApiError::region_not_enabled());
        }
        if parsed.shares_write_quota() && !self.quota.admits(now, region) {
            return Err(ApiError::throttled());
        }
        self.authorize(region, operation, body)?;
        self.execute(now, region, parsed, body)
    }

    /// The current `ReplicationStatus` of a secret, named by name or ARN, without
    /// [`WorldSettings::status_lag`]; empty if there is no such secret.
    pub fn replicas(&mut self, now: Time, region: &str, secret_id: &str) -> Vec<ReplicaView> {
        self.advance(now);
        self.find(region, secret_id)
            .map(ReplicaView::all_of)
            .unwrap_or_default()
    }

    /// Every secret of a Region, by name.
    pub fn secrets(&mut self, now: Time, region: &str) -> Vec<SecretView> {
        self.advance(now);
        let secrets = self.regions.get(region).into_iter().flatten();
        secrets
            .map(|(_, secret)| SecretView::new(self.arn_of(secret), secret))
            .collect()
    }

    /// One secret, named by name or ARN.
    pub fn secret(&mut self, now: Time, region: &str, secret_id: &str) -> Option<SecretView> {
        self.advance(now);
        let secret = self.find(region, secret_id)?;
        Some(SecretView::new(self.arn_of(secret), secret))
    }

    /// Gives a replica a status that AWS might show one day, until a call changes it: one that is
    /// `Failed` is tried again as if it had really failed. Adds the row if there is none. Does
    /// nothing if there is no such secret, or if it is a replica itself.
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
        let ticket = self.next_number();
        let Some(secret) = self.find_mut(region, secret_id) else {
            return;
        };
        let row = Row {
            region: replica_region.to_owned(),
            kms_key_id: None,
            overwrite: Overwrite::Never,
            state,
            ticket,
        };
        secret.put_row(row);
        let name = secret.name.clone();
        self.note(now, region, &name);
    }

    /// Sets the state of a customer key (key id, ARN or `alias/...`) in one Region. An alias is a
    /// key of its own here.
    pub fn set_key(&mut self, region: &str, key: &str, state: KeyState) {
        self.keys.set(region, key, state);
    }

    /// Whether a customer key (key id, ARN or `alias/...`) works in a Region.
    #[must_use]
    pub fn key_works(&self, now: Time, region: &str, key: &str) -> bool {
        self.keys.check(now, region, Some(key)).is_ok()
    }

    /// Denies access from now on.
    pub fn deny(&mut self, denial: Denial) {
        self.denials.push(denial);
    }

    /// Lifts every denial.
    pub fn allow_everything(&mut self) {
        self.denials.clear();
    }
}
