//! The progress of a slice: its position in the list, its pages, and the secrets that wait.

use std::collections::VecDeque;

use secret_replicator_aws::{CallError, Page};
use secret_replicator_core::sweep::{PageToken, SecretHash, Start, Totals};

use super::pages::Pages;
use super::{Listed, hash_of, tally};
use crate::reconcile::SecretOutcome;

/// The number of secrets between two progress lines in the log.
const PROGRESS_INTERVAL: u64 = 1000;

/// The progress of a slice.
#[derive(Debug)]
pub(super) struct SliceProgress<'a> {
    /// The position at which the slice started.
    begun: &'a Start,
    position: ListPosition,
    pages: Pages,
    /// The listed secrets that are not in progress yet, each with the number of its page.
    waiting: VecDeque<(usize, Listed)>,
    /// The totals of writes.
    writes: Totals,
    /// The number of progress lines in the log.
    logged: u64,
}

/// The position in the list.
#[derive(Debug)]
enum ListPosition {
    /// Before this page.
    Before(PageToken),
    /// After the last page.
    End,
    /// Before this page, which AWS did not return.
    Failed(PageToken, CallError),
}

impl<'a> SliceProgress<'a> {
    /// Starts at a position in the list.
    pub(super) fn new(begun: &'a Start) -> Self {
        Self {
            begun,
            position: ListPosition::Before(begun.page.clone()),
            pages: Pages::default(),
            waiting: VecDeque::new(),
            writes: Totals::default(),
            logged: 0,
        }
    }

    /// Takes the next secret from the queue, with the number of its page.
    pub(super) fn next_secret(&mut self) -> Option<(usize, Listed)> {
        self.waiting.pop_front()
    }

    /// Returns the next page to list. Returns `None` after the last page or an error.
    pub(super) fn next_page(&self) -> Option<&PageToken> {
        match &self.position {
            ListPosition::Before(page) => Some(page),
            ListPosition::End | ListPosition::Failed(..) => None,
        }
    }

    /// Adds a page, without the secrets that the sweep has reconciled in an earlier slice.
    pub(super) fn add_page(&mut self, token: PageToken, listed: Result<Page, CallError>) {
        let page = match listed {
            Ok(page) => page,
            Err(error) => {
                self.position = ListPosition::Failed(token, error);
                return;
            }
        };
        let mut secrets = page.secrets;
        if token == self.begun.page {
            secrets.retain(|listed| !self.begun.done.contains(&hash_of(listed)));
        }
        let number = self.pages.begin(token, secrets.len());
        let secrets = secrets.into_iter().map(|listed| (number, listed));
        self.waiting.extend(secrets);
        let next = page.next_token.map(PageToken::from);
        self.position = next.map_or(ListPosition::End, ListPosition::Before);
    }

    /// Records the outcome of a secret. The outcome is `None` if there was nothing to do.
    pub(super) fn finish(
        &mut self,
        page: usize,
        secret: SecretHash,
        outcome: Option<&SecretOutcome>,
    ) {
        self.pages.note(page, secret, outcome);
        if let Some(outcome) = outcome {
            tally::count_writes(&mut self.writes, outcome);
        }
        let Totals {
            seen,
            covered,
            drifted,
            ..
        } = self.pages.counted();
        let intervals = seen / PROGRESS_INTERVAL;
        if intervals > self.logged {
            self.logged = intervals;
            tracing::info!(seen, covered, drifted, "sweep in progress");
        }
    }

    /// Returns the totals of the slice and the position at which the next slice resumes. The position is
    /// `None` if the sweep is complete.
    ///
    /// # Errors
    /// [`CallError`] if AWS did not return the page at which this slice started.
    pub(super) fn end(self) -> Result<(Totals, Option<Start>), CallError> {
        let (mut totals, unfinished) = self.pages.end(self.begun);
        totals.add(&self.writes);
        if unfinished.is_some() {
            return Ok((totals, unfinished));
        }
        let next = match self.position {
            ListPosition::End => None,
            ListPosition::Before(page) if page == self.begun.page => Some(self.begun.clone()),
            ListPosition::Before(page) => Some(Start::of(page)),
            ListPosition::Failed(page, error) if page == self.begun.page => return Err(error),
            ListPosition::Failed(page, error) => {
                tracing::warn!(%error, "ListSecrets failed; the next slice resumes here");
                Some(Start::of(page))
            }
        };
        Ok((totals, next))
    }
}
