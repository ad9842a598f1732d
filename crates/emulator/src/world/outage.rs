//! Regions that stop.

use super::agenda::Task;
use super::{ApiError, Time, World};

impl World {
    /// Stops a Region. It answers every call with `ServiceUnavailable`, and replications and removals in it wait.
    pub fn suspend(&mut self, now: Time, region: &str) {
        self.advance(now);
        self.suspended.entry(region.to_owned()).or_default();
    }

    /// Starts a stopped Region, which then makes the changes that are due.
    pub fn resume(&mut self, now: Time, region: &str) {
        self.advance(now);
        for task in self.suspended.remove(region).into_iter().flatten() {
            self.agenda.plan(now, task);
        }
    }

    /// Returns an error if the Region is stopped.
    pub(super) fn check_running(&self, region: &str) -> Result<(), ApiError> {
        if self.suspended.contains_key(region) {
            return Err(ApiError::unavailable());
        }
        Ok(())
    }

    /// Keeps a change in a stopped Region for later. Returns the task if it is due now.
    pub(super) fn unless_suspended(&mut self, task: Task) -> Option<Task> {
        let waiting = task
            .replica_region()
            .map(str::to_owned)
            .and_then(|region| self.suspended.get_mut(&region));
        match waiting {
            Some(waiting) => {
                waiting.push(task);
                None
            }
            None => Some(task),
        }
    }
}
