//! Changes without a call: replication, removal, the end of a recovery window.

use super::agenda::{RowKey, Task};
use super::keys::KeyProblem;
use super::past::Past;
use super::secret::{DEFAULT_KEY, Overwrite, Role, Row, RowState, Secret};
use super::{FailedReplicas, RemovedReplicas, Time, World};

impl World {
    /// Lets everything happen that is due.
    pub(super) fn advance(&mut self, now: Time) {
        while let Some((at, task)) = self.agenda.next_due(now) {
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

    /// Starts an attempt to replicate, in a new row or in the Region's row.
    pub(super) fn start_replication(
        &mut self,
        now: Time,
        region: &str,
        name: &str,
        target: &ReplicationTarget,
    ) {
        let ticket = self.next_number();
        let Some(secret) = self.by_name_mut(region, name) else {
            return;
        };
        secret.put_row(Row {
            region: target.region.clone(),
            kms_key_id: target.kms_key_id.clone(),
            overwrite: target.overwrite,
            state: RowState::InProgress,
            ticket,
        });
        let key = RowKey {
            primary_region: region.to_owned(),
            name: name.to_owned(),
            replica_region: target.region.clone(),
            ticket,
        };
        let at = now + self.settings.replication_delay;
        self.agenda.plan(at, Task::FinishReplication(key));
        self.note(now, region, name);
    }

    /// Carries a change of a primary to its replicas. They show `InProgress` until it has arrived:
    /// after a change of versions they are not in sync for a while
    /// \[field: square/password-rotation-lambda#12\], so after one of tags as well \[infer\].
    /// Failed ones are left alone \[gap\].
    pub(super) fn propagate(&mut self, now: Time, region: &str, name: &str) {
        let Some(secret) = self.by_name(region, name) else {
            return;
        };
        let has_value = !secret.versions.is_empty();
        let targets: Vec<ReplicationTarget> = secret
            .rows()
            .iter()
            .filter(|row| match row.state {
                RowState::InSync => true,
                RowState::WaitingForValue => has_value,
                _ => false,
            })
            .map(ReplicationTarget::again)
            .collect();
        for target in targets {
            self.start_replication(now, region, name, &target);
        }
    }

    fn finish_replication(&mut self, at: Time, key: &RowKey) {
        let Some(primary) = self.by_name(&key.primary_region, &key.name).cloned() else {
            return;
        };
        let Some(row) = primary.rows().iter().find(|row| row.ticket == key.ticket) else {
            return;
        };
        let state = match self.attempt(at, &primary, row) {
            Attempt::HasNoValue => RowState::WaitingForValue,
            Attempt::Failed(message) => RowState::Failed(message),
            Attempt::Succeeded => {
                self.write_replica(at, &primary, row);
                RowState::InSync
            }
        };
        self.set_state(at, &primary, row, state);
    }

    fn set_state(&mut self, at: Time, primary: &Secret, row: &Row, state: RowState) {
        let drops = matches!(state, RowState::Failed(_))
            && self.settings.failed_replicas == FailedReplicas::Dropped
            && !self
                .by_name(&row.region, &primary.name)
                .is_some_and(|found| found.is_replica_of(primary));
        let Some(secret) = self.by_name_mut(&primary.region, &primary.name) else {
            return;
        };
        if drops {
            secret.drop_row(&row.region);
        } else if let Some(row) = secret.row_mut(&row.region) {
            row.state = state;
        }
        self.note(at, &primary.region, &primary.name);
    }

    /// Returns the result of an attempt. The order of the checks in AWS is not known \[gap\].
    fn attempt(&self, at: Time, primary: &Secret, row: &Row) -> Attempt {
        if !self.settings.enabled_regions.contains(&row.region) {
            return Attempt::failed(
                "You have not enabled the Region where the replication occurs.",
            );
        }
        if primary.versions.is_empty() {
            return Attempt::HasNoValue;
        }
        let decrypt = self
            .keys
            .check(at, &primary.region, primary.kms_key_id.as_deref());
        let encrypt = self.keys.check(at, &row.region, row.kms_key_id.as_deref());
        if let Err(problem) = decrypt.and(encrypt) {
            return Attempt::failed(key_message(problem));
        }
        match self.conflict(primary, row) {
            Some(message) => Attempt::failed(&message),
            None => Attempt::Succeeded,
        }
    }

    /// The secret of the same name that stands in the way. A replica of another primary resists
    /// `ForceOverwriteReplicaSecret` \[field\], and so does a primary with replicas \[infer\].
    fn conflict(&self, primary: &Secret, row: &Row) -> Option<String> {
        let (name, region) = (&primary.name, &row.region);
        let found = self.by_name(region, name)?;
        match &found.role {
            _ if found.is_replica_of(primary) => None,
            Role::Replica { .. } => Some(format!(
                "Secret {name} is currently replicated to {region} with a different arn."
            )),
            Role::Primary(rows) if rows.is_empty() && row.overwrite == Overwrite::Replace => None,
            Role::Primary(_) => Some(format!(
                "Secret name {name} already exists in region {region}."
            )),
        }
    }

    /// Brings a replica up to date, or creates it in the place of what is to be overwritten.
    pub(super) fn write_replica(&mut self, at: Time, primary: &Secret, row: &Row) {
        let existing = self.by_name(&row.region, &primary.name);
        let created = existing
            .filter(|found| found.is_replica_of(primary))
            .map_or(at, |found| found.created);
        let key = row.kms_key_id.as_deref().unwrap_or(DEFAULT_KEY);
        let replica = Secret {
            region: row.region.clone(),
            created,
            kms_key_id: Some(key.to_owned()),
            role: Role::Replica {
                primary_region: primary.region.clone(),
            },
            past_rows: Past::default(),
            ..primary.clone()
        };
        self.insert(at, replica);
    }

    /// Starts to remove a replica; nothing happens if there is none.
    pub(super) fn start_removal(&mut self, now: Time, region: &str, name: &str, replica: &str) {
        let ticket = self.next_number();
        let shown = self.settings.removed_replicas;
        let Some(secret) = self.by_name_mut(region, name) else {
            return;
        };
        let Some(row) = secret.row_mut(replica) else {
            return;
        };
        if shown != RemovedReplicas::ShownAsBefore {
            row.state = RowState::Removing;
        }
        row.ticket = ticket;
        if shown == RemovedReplicas::Hidden {
            secret.drop_row(replica);
        }
        let suffix = secret.suffix.clone();
        let row = RowKey {
            primary_region: region.to_owned(),
            name: name.to_owned(),
            replica_region: replica.to_owned(),
            ticket,
        };
        let at = now + self.settings.removal_delay;
        self.agenda.plan(at, Task::FinishRemoval { row, suffix });
        self.note(now, region, name);
    }

    fn finish_removal(&mut self, at: Time, key: &RowKey, suffix: &str) {
        let primary = self
            .by_name_mut(&key.primary_region, &key.name)
            .filter(|secret| secret.suffix == suffix);
        if let Some(primary) = primary {
            match primary.row_mut(&key.replica_region) {
                Some(row) if row.ticket != key.ticket => return,
                _ => primary.drop_row(&key.replica_region),
            }
            self.note(at, &key.primary_region, &key.name);
        }
        let replica = self.by_name(&key.replica_region, &key.name);
        let is_ours = replica.is_some_and(|found| {
            found.suffix == suffix
                && matches!(&found.role, Role::Replica { primary_region }
                    if *primary_region == key.primary_region)
        });
        if is_ours {
            self.remove(at, &key.replica_region, &key.name);
        }
    }

    fn purge(&mut self, at: Time, region: &str, name: &str, suffix: &str) {
        let is_due = self
            .by_name(region, name)
            .is_some_and(|secret| secret.suffix == suffix && secret.deletion.is_some());
        if is_due {
            self.remove(at, region, name);
        }
    }
}

/// A requested replica.
#[derive(Debug, Clone)]
pub(super) struct ReplicationTarget {
    pub(super) region: String,
    pub(super) kms_key_id: Option<String>,
    pub(super) overwrite: Overwrite,
}

impl ReplicationTarget {
    /// The target of an attempt that repeats the row's.
    fn again(row: &Row) -> ReplicationTarget {
        ReplicationTarget {
            region: row.region.clone(),
            kms_key_id: row.kms_key_id.clone(),
            overwrite: row.overwrite,
        }
    }
}

/// The result of an attempt to replicate.
enum Attempt {
    Succeeded,
    HasNoValue,
    Failed(String),
}

impl Attempt {
    fn failed(reason: &str) -> Attempt {
        Attempt::Failed(format!("Replication failed: {reason}"))
    }
}

/// The text about the permissions is documented as it stands; the others are the headings of the
/// same page of the documentation \[infer\].
fn key_message(problem: KeyProblem) -> &'static str {
    match problem {
        KeyProblem::Denied => {
            "No permissions available on the KMS key to complete the replication."
        }
        KeyProblem::DisabledOrMissing => "The KMS key is disabled or not found.",
        KeyProblem::StillBeingCreated => "The KMS key is still being created.",
    }
}
