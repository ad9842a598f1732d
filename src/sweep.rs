//! Sweeps all secrets of a Region, in slices that fit one invocation.
//!
//! Events are best effort; the sweep guarantees convergence. A slice lists secrets page by page and
//! reconciles each covered secret exactly as an event would. The list alone is not enough: it contains
//! no replication status and can be five minutes old. The returned token records the secrets that the
//! slice did not reach. Slices are idempotent.

mod pages;
mod tally;

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use futures_util::stream::{FuturesUnordered, StreamExt};
use secret_replicator_aws::{CallError, Page, UnreadableEntry};
use secret_replicator_core::outcome::Outcome;
use secret_replicator_core::plan::{Decision, decide};
use secret_replicator_core::policy::ListFilter;
use secret_replicator_core::request::SweepRequest;
use secret_replicator_core::secret::{Secret, SecretId};
use secret_replicator_core::sweep::{PageToken, SecretHash, Start, Token, Totals};
use tokio::time::Instant;

use crate::catch_panic::catch_panic;
use crate::change_budget::{ChangeBudget, Deferred};
use crate::clock::Clock;
use crate::deadlines::Deadlines;
use crate::reconcile::{Mode, Reconciler, RegionOutcome, SecretOutcome};
use pages::Pages;

/// The maximum number of secrets in progress. Most of them wait for a slot to write, or for their
/// replicas.
const MAX_IN_PROGRESS: usize = 256;

/// Limits the secrets in progress to this many seconds' worth of writes, so that a decision is not stale
/// by the time it is carried out.
const SECONDS_OF_WRITES: u32 = 8;

/// The number of secrets between two progress lines in the log.
const PROGRESS_INTERVAL: u64 = 1000;

/// The state of a sweep after a slice.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// When its first slice began.
    pub started: DateTime<Utc>,
    /// The totals of this slice.
    pub slice: Totals,
    /// The totals of all slices so far.
    pub totals: Totals,
    /// Where the next slice resumes. `None` if the sweep is complete.
    pub next: Option<Token>,
}

/// One secret of a sweep, and what became of it.
#[derive(Debug)]
pub struct SweptSecret {
    /// The secret, as the list names it.
    pub id: SecretId,
    /// When the work on it began.
    pub started: DateTime<Utc>,
    /// What became of it.
    pub outcome: SecretOutcome,
}

/// Sweeps the Region.
#[derive(Debug)]
pub struct Sweeper<'a> {
    reconciler: Reconciler,
    mode: Mode,
    max_in_progress: usize,
    deadlines: &'a Deadlines,
    clock: Clock,
}

/// A listed secret, or an entry of the list that cannot be read.
type Listed = Result<Secret, Box<UnreadableEntry>>;

/// The position in the list.
#[derive(Debug)]
enum Position {
    /// Before this page.
    Before(PageToken),
    /// After the last page.
    End,
    /// Before this page, which AWS did not return.
    Failed(PageToken, CallError),
}

impl<'a> Sweeper<'a> {
    /// A sweeper with the reconciler's policy and client, and with a write rate.
    #[must_use]
    pub fn new(
        reconciler: &Reconciler,
        writes_per_second: u32,
        mode: Mode,
        deadlines: &'a Deadlines,
        clock: Clock,
    ) -> Self {
        let secrets_manager = reconciler
            .secrets_manager
            .with_write_rate(writes_per_second);
        Self {
            reconciler: Reconciler {
                secrets_manager,
                ..reconciler.clone()
            },
            mode,
            max_in_progress: max_in_progress(writes_per_second),
            deadlines,
            clock,
        }
    }

    /// Sweeps a slice. Calls `on_result` for each secret that needs a record.
    ///
    /// # Errors
    /// [`CallError`] if AWS does not return the slice's first page.
    pub async fn slice(
        &self,
        request: SweepRequest,
        on_result: impl Fn(SweptSecret),
    ) -> Result<Sweep, CallError> {
        let begun = request.token.unwrap_or_else(|| Token {
            start: Start::FIRST,
            filter: self.reconciler.policy.list_filter(),
            dry_run: self.mode == Mode::DryRun,
            started: self.clock.now(),
            totals: Totals::default(),
        });
        let changes = ChangeBudget::new(request.max_changes.saturating_sub(begun.totals.changes));
        let (pages, position) = self.process_pages(&begun, &changes, &on_result).await;
        let (mut slice, unfinished) = pages.end(&begun.start);
        slice.changes = changes.made();
        let next = next_start(&begun.start, unfinished, position)?;
        let mut totals = begun.totals.clone();
        totals.add(&slice);
        Ok(Sweep {
            started: begun.started,
            next: next.map(|start| Token {
                start,
                totals: totals.clone(),
                ..begun
            }),
            slice,
            totals,
        })
    }

    /// Processes pages until the deadline. Returns the pages with their totals, and the position in the
    /// list.
    async fn process_pages(
        &self,
        begun: &Token,
        changes: &ChangeBudget,
        on_result: &impl Fn(SweptSecret),
    ) -> (Pages, Position) {
        let mut pages = Pages::default();
        let mut position = Position::Before(begun.start.page.clone());
        let mut waiting: VecDeque<(usize, Listed)> = VecDeque::new();
        let mut in_progress = FuturesUnordered::new();
        // At most one page is listed at a time.
        let mut listing = FuturesUnordered::new();
        let mut logged = 0;
        loop {
            while in_progress.len() < self.max_in_progress
                && let Some((page, listed)) = waiting.pop_front()
            {
                let secret = hash_of(&listed);
                let work = Box::pin(self.reconcile_listed(listed, changes));
                in_progress.push(async move { (page, secret, work.await) });
            }
            if listing.is_empty()
                && in_progress.len() < self.max_in_progress
                && let Position::Before(page) = &position
                && !self.deadlines.is_too_late_for_more()
            {
                listing.push(self.list(page.clone(), begun.filter.as_ref()));
            }
            // Biased, so that a simulated sweep takes the same turns each time.
            tokio::select! {
                biased;
                Some((token, listed)) = listing.next() => match listed {
                    Ok(page) => {
                        let secrets = not_done(page.secrets, &token, &begun.start);
                        let number = pages.begin(token, secrets.len());
                        waiting.extend(secrets.into_iter().map(|listed| (number, listed)));
                        let next = page.next_token.map(PageToken::from);
                        position = next.map_or(Position::End, Position::Before);
                    }
                    Err(error) => position = Position::Failed(token, error),
                },
                Some((page, secret, swept)) = in_progress.next() => {
                    pages.note(page, secret, swept.as_ref().map(|swept| &swept.outcome));
                    log_progress(pages.counted(), &mut logged);
                    if let Some(swept) = swept.filter(SweptSecret::needs_record) {
                        on_result(swept);
                    }
                }
                else => return (pages, position),
            }
        }
    }

    async fn list(
        &self,
        page: PageToken,
        filter: Option<&ListFilter>,
    ) -> (PageToken, Result<Page, CallError>) {
        let secrets_manager = &self.reconciler.secrets_manager;
        let until = self.deadlines.last_write();
        let listed = secrets_manager.list(filter, page.as_deref(), until).await;
        (page, listed)
    }

    /// Reconciles a listed secret. `None` if the list shows already that there is nothing to do.
    async fn reconcile_listed(
        &self,
        listed: Listed,
        changes: &ChangeBudget,
    ) -> Option<SweptSecret> {
        let started = self.clock.now();
        let swept = |id, outcome| {
            Some(SweptSecret {
                id,
                started,
                outcome,
            })
        };
        let listed = match listed {
            Ok(listed) => listed,
            Err(entry) => return swept(entry.id, SecretOutcome::Unreadable(entry.error)),
        };
        let Reconciler { policy, limits, .. } = &self.reconciler;
        if let Decision::Skip(_) = decide(&listed, policy, limits) {
            return None;
        }
        let id = SecretId::Arn(listed.arn);
        if Instant::now() >= self.deadlines.last_write() {
            return swept(id, SecretOutcome::NotReached);
        }
        let work = self
            .reconciler
            .reconcile(&id, self.mode, self.deadlines, changes);
        // A bug that one secret triggers must not stop the others.
        let outcome = catch_panic(work).await;
        swept(id, outcome.unwrap_or_else(SecretOutcome::Internal))
    }
}

/// The secrets of a page that the sweep has not reconciled in an earlier slice.
fn not_done(mut secrets: Vec<Listed>, page: &PageToken, begun: &Start) -> Vec<Listed> {
    if *page == begun.page {
        secrets.retain(|listed| !begun.done.contains(&hash_of(listed)));
    }
    secrets
}

/// Where the next slice resumes. `None` if the sweep is complete.
///
/// # Errors
/// [`CallError`] if AWS did not return the page at which this slice began.
fn next_start(
    begun: &Start,
    unfinished: Option<Start>,
    position: Position,
) -> Result<Option<Start>, CallError> {
    if unfinished.is_some() {
        return Ok(unfinished);
    }
    match position {
        Position::End => Ok(None),
        Position::Before(page) if page == begun.page => Ok(Some(begun.clone())),
        Position::Before(page) => Ok(Some(Start::of(page))),
        Position::Failed(page, error) if page == begun.page => Err(error),
        Position::Failed(page, error) => {
            tracing::warn!(%error, "ListSecrets failed; the next slice resumes here");
            Ok(Some(Start::of(page)))
        }
    }
}

fn log_progress(totals: &Totals, logged: &mut u64) {
    let intervals = totals.seen / PROGRESS_INTERVAL;
    if intervals > *logged {
        *logged = intervals;
        let Totals {
            seen,
            covered,
            drifted,
            ..
        } = totals;
        tracing::info!(seen, covered, drifted, "sweep in progress");
    }
}

fn hash_of(listed: &Listed) -> SecretHash {
    SecretHash::of(match listed {
        Ok(listed) => listed.arn.as_str(),
        Err(entry) => entry.id.as_str(),
    })
}

fn max_in_progress(writes_per_second: u32) -> usize {
    let secrets = writes_per_second.saturating_mul(SECONDS_OF_WRITES);
    usize::try_from(secrets)
        .unwrap_or(MAX_IN_PROGRESS)
        .clamp(16, MAX_IN_PROGRESS)
}

impl SweptSecret {
    /// Whether the secret gets a record of its own. A secret in sync gets none, or every sweep would
    /// write one for every secret; nor does one that is gone or deferred.
    fn needs_record(&self) -> bool {
        let outcome = self.outcome.outcome();
        match self.outcome.deferred() {
            None => {
                outcome > Outcome::Unchanged && !matches!(self.outcome, SecretOutcome::NotFound(_))
            }
            Some(Deferred::ChangeLimitReached) => outcome > Outcome::Planned,
            // The changes that were made need a record; the rest belongs to the slice that ends it.
            Some(Deferred::DeadlineTooClose) => {
                self.outcome.regions().iter().any(RegionOutcome::is_change)
            }
        }
    }
}
