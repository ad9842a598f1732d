//! Changes that happen later, with their times.

use std::collections::BTreeMap;

use super::Time;

/// A change that happens without a call.
#[derive(Debug)]
pub(super) enum Task {
    /// Ends a replication attempt.
    FinishReplication(RowKey),
    /// Removes a replica and its row. The suffix identifies the replica even when the primary is
    /// gone.
    FinishRemoval { row: RowKey, suffix: String },
    /// Deletes a secret at the end of its recovery window.
    Purge {
        region: String,
        name: String,
        suffix: String,
    },
}

impl Task {
    /// Returns the Region of the replica that the change creates, updates or removes.
    pub(super) fn replica_region(&self) -> Option<&str> {
        match self {
            Task::FinishReplication(row) | Task::FinishRemoval { row, .. } => {
                Some(&row.replica_region)
            }
            Task::Purge { .. } => None,
        }
    }
}

/// Identifies a row of a primary, and the attempt in it.
#[derive(Debug)]
pub(super) struct RowKey {
    pub(super) primary_region: String,
    pub(super) name: String,
    pub(super) replica_region: String,
    pub(super) ticket: u64,
}

/// Tasks in the order of their times. Tasks of one moment keep the order of their planning.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    tasks: BTreeMap<(Time, u64), Task>,
    planned: u64,
}

impl Agenda {
    pub(super) fn plan(&mut self, at: Time, task: Task) {
        self.planned += 1;
        self.tasks.insert((at, self.planned), task);
    }

    /// Takes the next task that is due, with its time.
    pub(super) fn next_due(&mut self, now: Time) -> Option<(Time, Task)> {
        let entry = self.tasks.first_entry()?;
        let (at, _) = *entry.key();
        (at <= now).then(|| (at, entry.remove()))
    }
}
