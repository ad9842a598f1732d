//! The changes that are due, with their times.

use std::collections::BTreeMap;

use super::Time;

/// Something that happens to a secret by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Task {
    /// An attempt to replicate comes to its end.
    FinishReplication(RowKey),
    /// A replica that is being removed goes, and its row with it. The suffix tells it apart even
    /// when the primary is gone.
    FinishRemoval { row: RowKey, suffix: String },
    /// The recovery window of a deleted secret ends.
    Purge {
        region: String,
        name: String,
        suffix: String,
    },
}

/// Names a row of a primary, and the attempt in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowKey {
    pub(super) primary_region: String,
    pub(super) name: String,
    pub(super) replica_region: String,
    pub(super) ticket: u64,
}

/// Tasks in the order of their time; tasks of one moment in the order of their planning.
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

    /// The next task that is due, with its time.
    pub(super) fn next_due(&mut self, now: Time) -> Option<(Time, Task)> {
        let entry = self.tasks.first_entry()?;
        let (at, _) = *entry.key();
        (at <= now).then(|| (at, entry.remove()))
    }
}
