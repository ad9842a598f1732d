//! The pages of the list that are in progress, with the outcomes of their secrets.

use std::collections::{BTreeSet, VecDeque};

use secret_replicator_core::secret::Region;
use secret_replicator_core::sweep::{SecretHash, Start, Totals};

use super::tally;
use crate::change_budget::Deferred;
use crate::reconcile::SecretOutcome;

/// The maximum number of pages in progress. A secret that waits for its replicas keeps all following pages
/// in memory, with their positions in the lists of the replica Regions.
const MAX_IN_PROGRESS: usize = 256;

/// The pages in progress, in the order of the list.
///
/// A page is counted when all its secrets are done. The next slice starts with the first page that is not
/// counted, and skips the secrets on it that are done. It processes the following pages again and finds
/// their reconciled secrets in the wanted state. Each slice therefore makes progress, even if the secrets
/// on one page need more writes than one slice can make.
#[derive(Debug, Default)]
pub(super) struct Pages {
    counted: Totals,
    /// The number of the first page in progress.
    first: usize,
    in_progress: VecDeque<PageInProgress>,
}

#[derive(Debug)]
struct PageInProgress {
    /// The position with the secrets that are done. They are cleared when all are done, to save memory: the
    /// page may be counted much later, because earlier pages are counted first.
    start: Start,
    /// The number of secrets that are not done.
    open: usize,
    /// The totals of the secrets that are done.
    totals: Totals,
}

impl Pages {
    /// Adds a page with this number of secrets. Returns the number of the page.
    pub(super) fn begin(&mut self, start: Start, secrets: usize) -> usize {
        self.in_progress.push_back(PageInProgress {
            start,
            open: secrets,
            totals: Totals::default(),
        });
        self.count();
        self.first + self.in_progress.len() - 1
    }

    /// Records the outcome of a secret on a page. The outcome is `None` if there was nothing to do.
    pub(super) fn note(
        &mut self,
        page: usize,
        secret: SecretHash,
        outcome: Option<&SecretOutcome>,
    ) {
        let index = page.checked_sub(self.first);
        let Some(page) = index.and_then(|index| self.in_progress.get_mut(index)) else {
            return;
        };
        page.note(secret, outcome);
        self.count();
    }

    /// Records a secret on a page that the lists show in sync, with replicas in these Regions.
    pub(super) fn note_in_sync(
        &mut self,
        page: usize,
        secret: SecretHash,
        regions: &BTreeSet<Region>,
    ) {
        let index = page.checked_sub(self.first);
        let Some(page) = index.and_then(|index| self.in_progress.get_mut(index)) else {
            return;
        };
        tally::count_in_sync(&mut page.totals, regions);
        page.finish(secret);
        self.count();
    }

    /// Returns whether another page may be in progress.
    pub(super) fn has_room(&self) -> bool {
        self.in_progress.len() < MAX_IN_PROGRESS
    }

    /// Returns the totals of the counted pages.
    pub(super) fn counted(&self) -> &Totals {
        &self.counted
    }

    /// Returns the totals, and the position at which the next slice resumes if a page is unfinished.
    pub(super) fn end(mut self) -> (Totals, Option<Start>) {
        let Some(page) = self.in_progress.pop_front() else {
            return (self.counted, None);
        };
        self.counted.add(&page.totals);
        (self.counted, Some(page.start))
    }

    fn count(&mut self) {
        while let Some(page) = self.in_progress.pop_front_if(|page| page.open == 0) {
            self.first += 1;
            self.counted.add(&page.totals);
        }
    }
}

impl PageInProgress {
    fn note(&mut self, secret: SecretHash, outcome: Option<&SecretOutcome>) {
        // The next slice reconciles the secret again.
        if outcome.and_then(SecretOutcome::deferred) == Some(Deferred::DeadlineTooClose) {
            return;
        }
        if let Some(outcome) = outcome {
            tally::count(&mut self.totals, outcome);
        }
        self.finish(secret);
    }

    fn finish(&mut self, secret: SecretHash) {
        self.totals.seen += 1;
        self.start.done.insert(secret);
        self.open -= 1;
        if self.open == 0 {
            self.start.done.clear();
        }
    }
}
