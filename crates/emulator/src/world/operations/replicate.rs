//! `ReplicateSecretToRegions`, `RemoveRegionsFromReplication` and `StopReplicationToReplica`.

use serde_json::{Value, json};

use crate::world::arn::{is_region_code, partition_of};
use crate::world::render::{self, Members};
use crate::world::replication::ReplicationTarget;
use crate::world::request::{self, ReplicaRegion, parse, required};
use crate::world::secret::{Overwrite, Role};
use crate::world::{ApiError, KnownReplica, RegionNotEnabled, Time, World};

impl World {
    pub(super) fn replicate_secret(
        &mut self,
        now: Time,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let raw: request::ReplicateSecretToRegions = parse(body)?;
        let id = required(raw.secret_id, "secretId")?;
        let regions = required(raw.add_replica_regions, "addReplicaRegions")?;
        self.find_visible(now, region, &id)?;
        let name = self.locate_unmanaged(region, &id)?;
        let targets = self.checked_targets(region, regions, raw.force_overwrite_replica_secret)?;
        let targets = self.without_known(region, &name, targets)?;
        let has_value = self
            .by_name(region, &name)
            .is_some_and(|secret| !secret.versions.is_empty());
        if !has_value {
            self.replicable_without_value()?;
        }
        for target in targets {
            self.start_replication(now, region, &name, &target);
        }
        Ok(self.replication_answer(region, &name))
    }

    /// Checks `AddReplicaRegions`. One Region that is wrong refuses the whole call.
    pub(super) fn checked_targets(
        &self,
        region: &str,
        raw: Vec<ReplicaRegion>,
        force: Option<bool>,
    ) -> Result<Vec<ReplicationTarget>, ApiError> {
        let overwrite = match force {
            Some(true) => Overwrite::Replace,
            Some(false) | None => Overwrite::Never,
        };
        let mut targets: Vec<ReplicationTarget> = Vec::with_capacity(raw.len());
        for replica in raw {
            let target = checked_region(required(
                replica.region,
                "addReplicaRegions.1.member.region",
            )?)?;
            self.check_reachable(region, &target)?;
            // What AWS does with a Region that is named twice is unknown \[gap\].
            if targets.iter().any(|other| other.region == target) {
                return Err(ApiError::invalid_parameter("Duplicate replica region."));
            }
            targets.push(ReplicationTarget {
                region: target,
                kms_key_id: replica.kms_key_id,
                overwrite,
            });
        }
        if targets.is_empty() {
            return Err(empty_list("addReplicaRegions"));
        }
        Ok(targets)
    }

    fn check_reachable(&self, region: &str, target: &str) -> Result<(), ApiError> {
        let refuses_disabled = self.settings.region_not_enabled == RegionNotEnabled::RefusesCall;
        let is_disabled = !self.settings.enabled_regions.contains(target);
        if target == region
            || partition_of(target) != partition_of(region)
            || (refuses_disabled && is_disabled)
        {
            return Err(ApiError::invalid_replica_region());
        }
        Ok(())
    }

    /// Leaves out the Regions that have the replica already, as the settings say \[gap\].
    fn without_known(
        &self,
        region: &str,
        name: &str,
        targets: Vec<ReplicationTarget>,
    ) -> Result<Vec<ReplicationTarget>, ApiError> {
        let rows = self.by_name(region, name).map_or(&[][..], |s| s.rows());
        let row_of =
            |target: &ReplicationTarget| rows.iter().find(|row| row.region == target.region);
        match self.settings.known_replica {
            KnownReplica::RefuseCall => match targets.iter().find_map(row_of) {
                Some(row) => Err(ApiError::invalid_parameter(format!(
                    "The secret is already replicated to region {}.",
                    row.region
                ))),
                None => Ok(targets),
            },
            KnownReplica::Ignore => Ok(targets
                .into_iter()
                .filter(|target| row_of(target).is_none())
                .collect()),
            KnownReplica::RetryIfFailed => Ok(targets
                .into_iter()
                .filter(|target| row_of(target).is_none_or(|row| row.state.is_failed()))
                .collect()),
        }
    }

    pub(super) fn remove_regions(
        &mut self,
        now: Time,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let raw: request::RemoveRegionsFromReplication = parse(body)?;
        let id = required(raw.secret_id, "secretId")?;
        let regions = required(raw.remove_replica_regions, "removeReplicaRegions")?;
        if regions.is_empty() {
            return Err(empty_list("removeReplicaRegions"));
        }
        let regions: Vec<String> = regions
            .into_iter()
            .map(checked_region)
            .collect::<Result<_, _>>()?;
        let name = self.locate_unmanaged(region, &id)?;
        // A Region that has no replica is passed over \[gap\].
        for replica in regions {
            self.start_removal(now, region, &name, &replica);
        }
        Ok(self.replication_answer(region, &name))
    }

    /// Called in the replica's Region: makes the replica a secret of its own.
    pub(super) fn stop_replication(
        &mut self,
        now: Time,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let raw: request::OneSecret = parse(body)?;
        let name = self.locate(region, &required(raw.secret_id, "secretId")?)?;
        let secret = self
            .by_name_mut(region, &name)
            .ok_or_else(ApiError::secret_not_found)?;
        let Role::Replica { primary_region } = &secret.role else {
            // The text is a guess \[gap\].
            return Err(ApiError::invalid_parameter(
                "Operation only permitted on a replica secret.",
            ));
        };
        let primary_region = primary_region.clone();
        let suffix = secret.suffix.clone();
        secret.role = Role::Primary(Vec::new());
        secret.changed = now;
        self.note(now, region, &name);
        self.forget_replica(now, &primary_region, &name, &suffix, region);
        let arn = self
            .by_name(region, &name)
            .map(|secret| self.arn_of(secret));
        Ok(Members::default().with_some("ARN", arn).into_value())
    }

    fn forget_replica(
        &mut self,
        now: Time,
        primary_region: &str,
        name: &str,
        suffix: &str,
        replica_region: &str,
    ) {
        let primary = self.by_name_mut(primary_region, name);
        if let Some(primary) = primary.filter(|primary| primary.suffix == suffix) {
            primary.drop_row(replica_region);
            self.note(now, primary_region, name);
        }
    }

    fn replication_answer(&self, region: &str, name: &str) -> Value {
        let Some(secret) = self.by_name(region, name) else {
            return Value::Null;
        };
        let rows = render::replication_status(secret.rows()).unwrap_or_else(|| json!([]));
        Members::default()
            .with("ARN", self.arn_of(secret))
            .with("ReplicationStatus", rows)
            .into_value()
    }
}

fn checked_region(region: String) -> Result<String, ApiError> {
    if is_region_code(&region) {
        return Ok(region);
    }
    Err(ApiError::constraint(
        &format!("'{region}'"),
        "region",
        "Member must satisfy regular expression pattern: ^([a-z]+-)+\\d+$",
    ))
}

fn empty_list(member: &str) -> ApiError {
    ApiError::constraint(
        "'[]'",
        member,
        "Member must have length greater than or equal to 1",
    )
}
