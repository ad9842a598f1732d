//! Changes without a call: replication, removal, the end of a recovery window.

use super::agenda::{RowKey, Task};
use super::keys::KeyProblem;
use super::secret::{DEFAULT_KEY, Role, Row, RowState, Secret};
use super::{FailedReplicas, RemovedReplicas, Time, World};

impl World {
    /// Makes all changes that are due.
    pub(super) fn advance(&mut self, now: Time) {
        while let Some((at, task)) = self.agenda.next_due(now) {
            let Some(task) = self.unless_suspended(task) else {
                continue;
            };
            match task {
                Task::FinishReplication(key) => self.finish_replication(at, &key),
                Task::FinishRemoval { row, suffix } => self.finish_removal(at, &row, &suffix),
                Task::Purge {
                    region,
                    name,
                    suffix,
                } => self.purge(at, &region, &name, &suffix),
            }
        }
    }

    /// Starts a replication attempt, in a new row or in the Region's existing row.
    pub(super) fn start_replication(&mut self, now: Time, region: &str, name: &str, target: Row) {
        let row = Row {
            state: RowState::InProgress,
            ticket: self.next_number(),
            ..target
        };
        let key = RowKey {
            primary_region: region.to_owned(),
            name: name.to_owned(),
            replica_region: row.region.clone(),
            ticket: row.ticket,
        };
        self.update(now, region, name, |secret| secret.put_row(row));
        let at = now + self.settings.replication_delay;
        self.agenda.plan(at, Task::FinishReplication(key));
    }

    /// Replicates a change of a primary. Its replicas show `InProgress` until the change has
    /// arrived: after a change of versions replicas are not in sync for some time
    /// \[field: square/password-rotation-lambda#12\]; after a change of tags likewise \[infer\].
    /// Failed replicas are not retried \[gap\].
    pub(super) fn propagate(&mut self, now: Time, region: &str, name: &str) {
        let Some(secret) = self.by_name(region, name) else {
            return;
        };
        for row in secret.rows() {
            let is_affected = match row.state {
                RowState::InSync => true,
                RowState::WaitingForValue => secret.versions.have_value(),
                _ => false,
            };
            if is_affected {
                self.start_replication(now, region, name, row.clone());
            }
        }
    }

    fn finish_replication(&mut self, at: Time, key: &RowKey) {
        let Some(primary) = self.by_name(&key.primary_region, &key.name) else {
            return;
        };
        let Some(row) = primary.rows().iter().find(|row| row.ticket == key.ticket) else {
            return;
        };
        let state = self.attempt(at, &primary, row);
        if state == RowState::InSync {
            self.write_replica(at, &primary, row);
        }
        let replica = self.by_name(&row.region, &primary.name);
        let is_dropped = state.is_failed()
            && self.settings.failed_replicas == FailedReplicas::Dropped
            && !replica.is_some_and(|found| found.is_replica_of(&primary));
        self.update(at, &primary.region, &primary.name, |secret| {
            if is_dropped {
                secret.drop_row(&row.region);
            } else if let Some(row) = secret.row_mut(&row.region) {
                row.state = state;
            }
        });
    }

    /// Returns the state at the end of an attempt. The order of AWS's checks is not known \[gap\].
    fn attempt(&self, at: Time, primary: &Secret, row: &Row) -> RowState {
        let failed = |reason: &str| RowState::Failed(format!("Replication failed: {reason}"));
        if !self.settings.enabled_regions.contains(&row.region) {
            return failed("You have not enabled the Region where the replication occurs.");
        }
        if !primary.versions.have_value() {
            return RowState::WaitingForValue;
        }
        let decrypt = self.check_key(at, &primary.region, primary.kms_key_id.as_deref());
        let encrypt = self.check_key(at, &row.region, row.kms_key_id.as_deref());
        if let Err(problem) = decrypt.and(encrypt) {
            return failed(key_message(problem));
        }
        match self.conflict(primary, row) {
            Some(message) => failed(&message),
            None => RowState::InSync,
        }
    }

    /// Returns the message about another secret with the same name. `ForceOverwriteReplicaSecret`
    /// does not replace a replica of another primary \[field\], nor a primary with replicas
    /// \[infer\].
    fn conflict(&self, primary: &Secret, row: &Row) -> Option<String> {
        let (name, region) = (&primary.name, &row.region);
        let found = self.by_name(region, name)?;
        match &found.role {
            _ if found.is_replica_of(primary) => None,
            Role::Replica { .. } => Some(format!(
                "Secret {name} is currently replicated to {region} with a different arn."
            )),
            Role::Primary(rows) if rows.is_empty() && row.overwrite => None,
            Role::Primary(_) => Some(format!(
                "Secret name {name} already exists in region {region}."
            )),
        }
    }

    /// Updates a replica, or creates it in place of the secret that it overwrites.
    pub(super) fn write_replica(&mut self, at: Time, primary: &Secret, row: &Row) {
        let existing = self.by_name(&row.region, &primary.name);
        let created = existing
            .filter(|found| found.is_replica_of(primary))
            .map_or(at, |found| found.created);
        self.insert(at, replica_of(primary, row, created));
    }

    /// Starts the removal of a replica. Does nothing if the secret has none in that Region.
    pub(super) fn start_removal(&mut self, now: Time, primary: &Secret, replica_region: &str) {
        let (region, name) = (&primary.region, &primary.name);
        if !primary
            .rows()
            .iter()
            .any(|row| row.region == replica_region)
        {
            return;
        }
        let ticket = self.next_number();
        let shown = self.settings.removed_replicas;
        self.update(now, region, name, |secret| {
            if shown == RemovedReplicas::Hidden {
                secret.drop_row(replica_region);
            } else if let Some(row) = secret.row_mut(replica_region) {
                row.ticket = ticket;
                if shown == RemovedReplicas::Shown {
                    row.state = RowState::Removing;
                }
            }
        });
        let suffix = primary.suffix.clone();
        let row = RowKey {
            primary_region: region.clone(),
            name: name.clone(),
            replica_region: replica_region.to_owned(),
            ticket,
        };
        let at = now + self.settings.removal_delay;
        self.agenda.plan(at, Task::FinishRemoval { row, suffix });
    }

    fn finish_removal(&mut self, at: Time, key: &RowKey, suffix: &str) {
        let primary = self.by_name(&key.primary_region, &key.name);
        if let Some(primary) = primary.filter(|secret| secret.suffix == suffix) {
            let mut rows = primary.rows().iter();
            let row = rows.find(|row| row.region == key.replica_region);
            if row.is_some_and(|row| row.ticket != key.ticket) {
                // Replicated again in the meantime.
                return;
            }
            self.update(at, &key.primary_region, &key.name, |primary| {
                primary.drop_row(&key.replica_region);
            });
        }
        let replica = self.by_name(&key.replica_region, &key.name);
        if replica.is_some_and(|found| found.is_replica(&key.primary_region, suffix)) {
            self.remove(at, &key.replica_region, &key.name);
        }
    }

    /// Makes each replica that is being removed, and that the primary no longer lists, a standalone secret,
    /// because its primary is deleted \[field\].
    pub(super) fn strand_replicas(&mut self, at: Time, primary: &Secret) {
        let (name, suffix) = (&primary.name, &primary.suffix);
        let regions = self.regions.iter().filter(|(_, region)| {
            let found = region.get(name);
            found.is_some_and(|found| found.is_replica(&primary.region, suffix))
        });
        let regions: Vec<String> = regions.map(|(code, _)| code.clone()).collect();
        for region in regions {
            self.update(at, &region, name, |secret| {
                secret.role = Role::Primary(Vec::new());
            });
        }
    }

    fn purge(&mut self, at: Time, region: &str, name: &str, suffix: &str) {
        let secret = self.by_name(region, name);
        if secret.is_some_and(|secret| secret.suffix == suffix && secret.deletion.is_some()) {
            self.remove(at, region, name);
        }
    }
}

/// Returns the replica of a primary in the row's Region.
pub(super) fn replica_of(primary: &Secret, row: &Row, created: Time) -> Secret {
    let key = row.kms_key_id.as_deref().unwrap_or(DEFAULT_KEY);
    Secret {
        region: row.region.clone(),
        created,
        kms_key_id: Some(key.to_owned()),
        // Rotation belongs to the primary [doc].
        rotation: None,
        role: Role::Replica {
            primary_region: primary.region.clone(),
        },
        ..primary.clone()
    }
}

/// The text about permissions is documented. The others are the headings of the same page of the
/// documentation \[infer\].
fn key_message(problem: KeyProblem) -> &'static str {
    match problem {
        KeyProblem::Denied => {
            "No permissions available on the KMS key to complete the replication."
        }
        KeyProblem::DisabledOrMissing => "The KMS key is disabled or not found.",
        KeyProblem::StillBeingCreated => "The KMS key is still being created.",
    }
}
