//! The pages of the list that are in progress, and what became of the secrets on them.

use std::collections::VecDeque;

use secret_replicator_core::sweep::{PageToken, SecretHash, Start, Totals};

use super::tally;
use crate::change_budget::Deferred;
use crate::reconcile::SecretOutcome;

/// The pages in progress, in the order of the list.
///
/// A page is counted when all its secrets are done. The next slice begins with the first page that is
/// not, and leaves out those of its secrets that are; it processes the following pages again, where it
/// finds the secrets as wanted. So each slice gets further, even if the secrets on one page need more
/// writes than a slice can make.
#[derive(Debug, Default)]
pub(super) struct Pages {
    counted: Totals,
    /// The number of the first page in progress.
    first: usize,
    in_progress: VecDeque<PageInProgress>,
}

#[derive(Debug)]
struct PageInProgress {
    token: PageToken,
    /// How many secrets are not done.
    open: usize,
    /// The secrets that are done. Cleared when all are, which can be long before the page is counted,
    /// because earlier pages are counted first.
    done: Vec<SecretHash>,
    /// What is counted of the secrets that are done.
    totals: Totals,
}

impl Pages {
    /// Begins a page with this number of secrets. Returns the number of the page.
    pub(super) fn begin(&mut self, token: PageToken, secrets: usize) -> usize {
        self.in_progress.push_back(PageInProgress {
            token,
            open: secrets,
            done: Vec::new(),
            totals: Totals::default(),
        });
        self.count();
        self.first + self.in_progress.len() - 1
    }

    /// Notes what became of a secret of a page. The outcome is `None` if there was nothing to do.
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

    /// The totals of the counted pages.
    pub(super) fn counted(&self) -> &Totals {
        &self.counted
    }

    /// Returns the totals, and where the next slice begins if a page is unfinished. `begun` is where this
    /// slice began.
    pub(super) fn end(mut self, begun: &Start) -> (Totals, Option<Start>) {
        let Some(page) = self.in_progress.pop_front() else {
            return (self.counted, None);
        };
        self.counted.add(&page.totals);
        let mut rest = Start::of(page.token);
        rest.done.extend(page.done);
        if rest.page == begun.page {
            rest.done.extend(&begun.done);
        }
        (self.counted, Some(rest))
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
        // The next slice reconciles it.
        if outcome.and_then(SecretOutcome::deferred) == Some(Deferred::DeadlineTooClose) {
            return;
        }
        self.totals.seen += 1;
        if let Some(outcome) = outcome {
            tally::count(&mut self.totals, outcome);
        }
        self.done.push(secret);
        self.open -= 1;
        if self.open == 0 {
            self.done = Vec::new();
        }
    }
}
