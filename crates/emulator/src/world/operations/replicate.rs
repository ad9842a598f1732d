//! `ReplicateSecretToRegions`, `RemoveRegionsFromReplication` and `StopReplicationToReplica`.

use serde_json::json;

use super::ApiResult;
use crate::world::arn::{is_region_code, partition_of};
use crate::world::render::replication_status;
use crate::world::request::{Input, required};
use crate::world::secret::{Role, Row, RowState, Secret};
use crate::world::{ApiError, KnownReplica, PromotedReplicas, RegionNotEnabled, Time, World};

impl World {
    pub(super) fn replicate_secret(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let id = input.secret_id()?;
        required(input.add_replica_regions.as_ref(), "addReplicaRegions")?;
        self.find_visible(now, region, id)?;
        let secret = self.locate_unmanaged(region, id)?;
        let targets = self.checked_targets(region, input)?;
        let targets = self.without_known(&secret, targets)?;
        if !secret.versions.have_value() {
            self.check_replicable_without_value()?;
        }
        for target in targets {
            self.start_replication(now, region, &secret.name, target);
        }
        self.replication_answer(region, &secret.name)
    }

    /// Returns the requested replicas. One invalid Region fails the whole call.
    pub(super) fn checked_targets(
        &self,
        region: &str,
        input: &Input,
    ) -> Result<Vec<Row>, ApiError> {
        let mut targets: Vec<Row> = Vec::new();
        for replica in input.add_replica_regions.iter().flatten() {
            let member = "addReplicaRegions.1.member.region";
            let target = required(replica.region.as_deref(), member)?;
            check_region_code(target)?;
            self.check_reachable(region, target)?;
            // AWS's answer to a Region that is named twice is not known [gap].
            if targets.iter().any(|other| other.region == target) {
                return Err(ApiError::invalid_parameter("Duplicate replica region."));
            }
            targets.push(Row {
                kms_key_id: replica.kms_key_id.clone(),
                overwrite: input.force_overwrite_replica_secret.unwrap_or_default(),
                ..Row::new(target, RowState::InProgress)
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

    /// Handles the Regions that already have the replica according to the settings \[gap\].
    fn without_known(&self, secret: &Secret, targets: Vec<Row>) -> Result<Vec<Row>, ApiError> {
        let known = |target: &Row| {
            let mut rows = secret.rows().iter();
            rows.find(|row| row.region == target.region)
        };
        let is_new = |target: &Row| match self.settings.known_replica {
            KnownReplica::RefuseCall => true,
            KnownReplica::Ignore => known(target).is_none(),
            KnownReplica::RetryIfFailed => known(target).is_none_or(|row| row.state.is_failed()),
        };
        if self.settings.known_replica == KnownReplica::RefuseCall
            && let Some(row) = targets.iter().find_map(known)
        {
            return Err(ApiError::invalid_parameter(format!(
                "The secret is already replicated to region {}.",
                row.region
            )));
        }
        Ok(targets.into_iter().filter(is_new).collect())
    }

    pub(super) fn remove_regions(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let id = input.secret_id()?;
        let member = "removeReplicaRegions";
        let regions = required(input.remove_replica_regions.as_ref(), member)?;
        if regions.is_empty() {
            return Err(empty_list(member));
        }
        regions
            .iter()
            .try_for_each(|code| check_region_code(code))?;
        let secret = self.locate_unmanaged(region, id)?;
        // A Region without a replica is ignored [gap].
        for replica_region in regions {
            self.start_removal(now, &secret, replica_region);
        }
        self.replication_answer(region, &secret.name)
    }

    /// Makes a replica a standalone secret. Called in the replica's Region.
    pub(super) fn stop_replication(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let replica = self.locate(region, input.secret_id()?)?;
        let name = &replica.name;
        let Role::Replica { primary_region } = &replica.role else {
            // AWS's text is not known [gap].
            return Err(ApiError::invalid_parameter(
                "Operation only permitted on a replica secret.",
            ));
        };
        self.update(now, region, name, |secret| {
            secret.role = Role::Primary(Vec::new());
            secret.changed = now;
        });
        let primary = self.by_name(primary_region, name);
        let is_dropped = self.settings.promoted_replicas == PromotedReplicas::Hidden
            && self.check_running(primary_region).is_ok();
        if primary.is_some_and(|primary| replica.is_replica_of(&primary)) {
            self.update(now, primary_region, name, |primary| {
                if is_dropped {
                    primary.drop_row(region);
                } else if let Some(row) = primary.row_mut(region) {
                    // The flag belongs to the request that created the replica.
                    row.overwrite = false;
                }
            });
        }
        Ok(json!({ "ARN": replica.arn() }))
    }

    fn replication_answer(&self, region: &str, name: &str) -> ApiResult {
        let secret = self.locate(region, name)?;
        let rows = replication_status(secret.rows()).unwrap_or_else(|| json!([]));
        Ok(json!({ "ARN": secret.arn(), "ReplicationStatus": rows }))
    }
}

fn check_region_code(region: &str) -> Result<(), ApiError> {
    if is_region_code(region) {
        return Ok(());
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
