//! The progress of a slice: its lists, its pages, and the secrets that wait.

use std::collections::VecDeque;

use secret_replicator_aws::{CallError, Page};
use secret_replicator_core::comparison::Comparison;
use secret_replicator_core::sweep::{SecretHash, Start, Totals};

use super::lists::{ListEnd, ListedPage, Lists, PageRead};
use super::pages::Pages;
use super::repeats::Repeats;
use super::work::ListedSecret;
use super::{hash_of, tally};
use crate::clock::Clock;
use crate::reconcile::{Reconciler, SecretOutcome};

/// The number of secrets between two progress lines in the log.
const PROGRESS_INTERVAL: u64 = 1000;

/// The progress of a slice.
#[derive(Debug)]
pub(super) struct SliceProgress<'a> {
    /// The position at which the slice started.
    begun: &'a Start,
    /// Whether earlier slices belong to the sweep.
    is_continued: bool,
    lists: Lists,
    pages: Pages,
    /// The listed secrets that are not in progress yet, each with the number of its page.
    waiting: VecDeque<(usize, ListedSecret)>,
    /// The totals of writes.
    writes: Totals,
    /// The number of progress lines in the log.
    logged: u64,
}

impl<'a> SliceProgress<'a> {
    /// Starts at a position in the list.
    pub(super) fn new(begun: &'a Start, is_continued: bool) -> Self {
        Self {
            begun,
            is_continued,
            lists: Lists::new(begun),
            pages: Pages::default(),
            waiting: VecDeque::new(),
            writes: Totals::default(),
            logged: 0,
        }
    }

    /// Takes the next secret to reconcile, with the number of its page. Counts the pages before it.
    pub(super) fn next_secret(
        &mut self,
        reconciler: &Reconciler,
        clock: Clock,
    ) -> Option<(usize, ListedSecret)> {
        while self.waiting.is_empty()
            && self.pages.has_room()
            && let Some(page) = self.lists.next_page(reconciler, clock.now())
        {
            self.add_page(page);
        }
        self.waiting.pop_front()
    }

    /// Returns the pages to read now.
    pub(super) fn reads(&mut self) -> Vec<PageRead> {
        if self.waiting.is_empty() && self.pages.has_room() {
            self.lists.reads()
        } else {
            Vec::new()
        }
    }

    /// Adds the result of a read. If the time is up, a failure concerns only this slice.
    pub(super) fn add_read(
        &mut self,
        read: PageRead,
        result: Result<Page, CallError>,
        in_time: bool,
    ) {
        if !in_time && read.region.is_some() && result.is_err() {
            self.lists.abandon(&read);
        } else {
            self.lists.add(read, result);
        }
    }

    /// Adds a page, without the secrets that the sweep has reconciled in an earlier slice. Counts the secrets
    /// that the lists show in sync. The secrets of the first page of a continued sweep may repeat requests at once:
    /// the previous slice may have left them, and each slice makes progress.
    fn add_page(&mut self, page: ListedPage) {
        let mut secrets = page.secrets;
        let is_first = page.token == self.begun.page;
        let repeats = if is_first && self.is_continued {
            Repeats::Now
        } else {
            Repeats::Last
        };
        if is_first {
            secrets.retain(|(listed, _)| !self.begun.done.contains(&hash_of(listed)));
        }
        let start = self.begun.at(page.token, page.positions);
        let number = self.pages.begin(start, secrets.len());
        for (listed, comparison) in secrets {
            let hash = hash_of(&listed);
            let is_doubtful = match comparison {
                Some(Comparison::NotCovered) => {
                    self.finish(number, hash, None);
                    continue;
                }
                Some(Comparison::InSync(regions)) => {
                    self.pages.note_in_sync(number, hash, &regions);
                    self.log();
                    continue;
                }
                Some(Comparison::Differs(differences)) => differences.may_contradict_status(),
                None => false,
            };
            let secret = ListedSecret {
                listed,
                is_doubtful,
                repeats,
            };
            self.waiting.push_back((number, secret));
        }
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
        self.log();
    }

    fn log(&mut self) {
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
        let (mut totals, unfinished) = self.pages.end();
        totals.add(&self.writes);
        if unfinished.is_some() {
            return Ok((totals, unfinished));
        }
        let (page, lists) = match self.lists.end() {
            ListEnd::Complete => return Ok((totals, None)),
            ListEnd::Before(page, lists) => (page, lists),
            ListEnd::Failed(page, _, error) if page == self.begun.page => return Err(error),
            ListEnd::Failed(page, lists, error) => {
                tracing::warn!(%error, "ListSecrets failed; the next slice resumes here");
                (page, lists)
            }
        };
        Ok((totals, Some(self.begun.at(page, lists))))
    }
}
