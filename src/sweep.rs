//! Sweeps all secrets of a Region, in slices that fit one invocation.
//!
//! Events are best effort; the sweep guarantees convergence. A slice lists secrets page by page, beside the
//! lists of the replica Regions. A covered secret whose replicas have the same content in these lists is in
//! sync. A slice reconciles all others exactly as an event would, because a list contains no replication
//! status and can be five minutes old. A thorough sweep reconciles every covered secret. The returned token
//! records the secrets that the slice did not reach. Slices are idempotent.

mod lists;
mod pages;
mod progress;
mod repeats;
mod tally;
mod work;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use futures_util::stream::{FuturesUnordered, StreamExt};
use secret_replicator_aws::{CallError, Page, UnreadableEntry};
use secret_replicator_core::comparison::listed_regions;
use secret_replicator_core::outcome::Outcome;
use secret_replicator_core::policy::ListFilter;
use secret_replicator_core::request::SweepRequest;
use secret_replicator_core::secret::{Region, Secret, SecretId};
use secret_replicator_core::sweep::{SecretHash, Start, Token, Totals};
use tokio::time::sleep_until;

use crate::change_budget::{ChangeBudget, Deferred};
use crate::clock::Clock;
use crate::deadlines::Deadlines;
use crate::reconcile::{Mode, Reconciler, RegionOutcome, RegionState, SecretOutcome};
use lists::PageRead;
use progress::SliceProgress;
use repeats::RepeatQueue;
use work::{Done, Task};

/// The maximum number of secrets in progress. Most of them wait for a write slot or for their replicas.
const MAX_IN_PROGRESS: usize = 256;

/// Limits the secrets in progress to this many seconds' worth of writes, so that a decision is not stale
/// by the time it is carried out.
const SECONDS_OF_WRITES: u32 = 8;

/// The state of a sweep after a slice.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The execution of the state machine that sweeps, if the request or the token names one.
    pub id: Option<String>,
    /// The start of the first slice.
    pub started: DateTime<Utc>,
    /// The totals of this slice.
    pub slice: Totals,
    /// The totals of all slices so far.
    pub totals: Totals,
    /// The token of the next slice. `None` if the sweep is complete.
    pub next: Option<Token>,
}

/// One secret of a sweep, with its outcome.
#[derive(Debug)]
pub struct SweptSecret {
    /// The secret's ID from the list.
    pub id: SecretId,
    /// The start of the work on the secret.
    pub started: DateTime<Utc>,
    /// The outcome.
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

/// A listed secret, or an unreadable entry of the list.
type Listed = Result<Secret, Box<UnreadableEntry>>;

impl<'a> Sweeper<'a> {
    /// Creates a sweeper with the reconciler's policy and client, and with its own write rate.
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

    /// Processes one slice. Calls `on_result` for each secret that needs a record.
    ///
    /// # Errors
    /// [`CallError`] if AWS does not return the slice's first page.
    pub async fn slice(
        &self,
        request: SweepRequest,
        on_result: impl Fn(SweptSecret),
    ) -> Result<Sweep, CallError> {
        let sweep_id = request.sweep_id().map(str::to_owned);
        let is_continued = request.token.is_some();
        let begun = request.token.unwrap_or_else(|| Token {
            start: Start::first(self.compared_regions(request.thorough)),
            filter: self.reconciler.policy.list_filter(),
            dry_run: self.mode == Mode::DryRun,
            thorough: request.thorough,
            sweep_id: None,
            started: self.clock.now(),
            totals: Totals::default(),
        });
        let changes = budget(request.max_changes, &begun);
        let pages = self.process_pages(&begun, is_continued, &changes, &on_result);
        let progress = pages.await;
        let (mut slice, next) = match progress.end() {
            Ok(ended) => ended,
            Err(error) => return restarted(begun, sweep_id, error),
        };
        slice.changes = changes.made().total();
        slice.repeats = changes.made().repeats;
        let mut totals = begun.totals.clone();
        totals.add(&slice);
        Ok(Sweep {
            id: sweep_id.clone(),
            started: begun.started,
            next: next.map(|start| Token {
                start,
                sweep_id,
                totals: totals.clone(),
                ..begun
            }),
            slice,
            totals,
        })
    }

    /// Returns the Regions whose lists the sweep compares. `None` if it describes every covered secret.
    fn compared_regions(&self, thorough: bool) -> Option<BTreeSet<Region>> {
        let Reconciler {
            secrets_manager,
            policy,
            limits,
        } = &self.reconciler;
        let home = secrets_manager.home().filter(|_| !thorough)?;
        listed_regions(policy, limits, &home)
    }

    /// Processes pages until the deadline. Secrets that repeat earlier requests follow all others.
    async fn process_pages<'b>(
        &self,
        begun: &'b Token,
        is_continued: bool,
        changes: &ChangeBudget,
        on_result: &impl Fn(SweptSecret),
    ) -> SliceProgress<'b> {
        let mut progress = SliceProgress::new(&begun.start, is_continued);
        let mut repeats = RepeatQueue::new(begun.started);
        let mut in_progress = FuturesUnordered::new();
        let mut listing = FuturesUnordered::new();
        // Repeats begin when all first requests are decided, so that their order is that of the queue. Those
        // that follow their replicas until the end of the slice do not keep them waiting.
        let mut repeating = FuturesUnordered::new();
        let thorough = begun.is_thorough();
        let work = |task| Box::pin(self.work(task, thorough, changes));
        let is_too_late = || self.deadlines.is_too_late_for_more();
        loop {
            while in_progress.len() < self.max_in_progress
                && let Some((page, listed)) = progress.next_secret(&self.reconciler, self.clock)
            {
                in_progress.push(work(Task::First(page, Box::new(listed))));
            }
            if in_progress.len() < self.max_in_progress && !is_too_late() {
                let reads = progress.reads().into_iter();
                listing.extend(reads.map(|read| self.list(read, begun.filter.as_ref())));
            }
            while listing.is_empty()
                && (in_progress.is_empty() || is_too_late())
                && in_progress.len() + repeating.len() < self.max_in_progress
                && let Some(repeat) = repeats.next()
            {
                repeating.push(work(Task::Repeat(Box::new(repeat))));
            }
            // Biased, so that a simulated sweep is deterministic.
            let done = tokio::select! {
                biased;
                Some((read, page)) = listing.next() => {
                    let in_time = !is_too_late();
                    progress.add_read(read, page, in_time);
                    continue;
                }
                Some(done) = in_progress.next() => done,
                Some(done) = repeating.next() => done,
                () = sleep_until(self.deadlines.last_start()),
                    if !in_progress.is_empty() && !is_too_late() => continue,
                else => return progress,
            };
            match done {
                Done::Repeats(repeat) => {
                    let first = repeats.add(*repeat).map(Box::new);
                    repeating.extend(first.map(|repeat| work(Task::Repeat(repeat))));
                }
                Done::Secret(page, secret, swept) => {
                    progress.finish(page, secret, swept.as_ref().map(|swept| &swept.outcome));
                    let recorded = swept.filter(|swept| swept.needs_record(thorough));
                    recorded.into_iter().for_each(on_result);
                }
            }
        }
    }

    async fn list(
        &self,
        read: PageRead,
        filter: Option<&ListFilter>,
    ) -> (PageRead, Result<Page, CallError>) {
        let secrets_manager = &self.reconciler.secrets_manager;
        let until = self.deadlines.last_write();
        let token = read.token.as_deref();
        let page = match &read.region {
            None => secrets_manager.list(filter, token, until).await,
            Some(region) => {
                let page = secrets_manager.list_replicas(region, filter, token, until);
                page.await
            }
        };
        (read, page)
    }
}

/// Returns the changes that a slice may make. At most half of the changes of a sweep are repeats. The
/// only change of a sweep is for repeats if the sweep started at an odd millisecond, so in every second sweep on
/// average.
fn budget(max_changes: u64, begun: &Token) -> ChangeBudget {
    let repeats = match max_changes {
        1 => begun.started.timestamp_millis().unsigned_abs() % 2,
        max_changes => max_changes / 2,
    };
    let Totals {
        changes,
        repeats: repeated,
        ..
    } = &begun.totals;
    ChangeBudget::new(
        max_changes.saturating_sub(*changes),
        repeats.saturating_sub(*repeated),
    )
}

/// Starts the sweep again if AWS refused the token of the slice's first page. The changes so far still count.
fn restarted(begun: Token, sweep_id: Option<String>, error: CallError) -> Result<Sweep, CallError> {
    let Some(start) = begun.start.restarted().filter(|_| error.is_invalid_token()) else {
        return Err(error);
    };
    tracing::warn!(%error, "ListSecrets refused the token of the sweep, which starts again");
    let totals = Totals {
        changes: begun.totals.changes,
        repeats: begun.totals.repeats,
        overwritten: begun.totals.overwritten,
        secrets_changed: begun.totals.secrets_changed,
        ..Totals::default()
    };
    Ok(Sweep {
        id: sweep_id.clone(),
        started: begun.started,
        slice: Totals::default(),
        totals: totals.clone(),
        next: Some(Token {
            start,
            sweep_id,
            totals,
            ..begun
        }),
    })
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
    /// Returns whether the secret needs its own record. A secret in sync needs none, because every sweep
    /// would otherwise write a record for every secret. A deleted or deferred secret needs none either. Only
    /// a thorough sweep records a secret whose only refusal is a promoted former replica, which can stay
    /// for weeks after a failover.
    fn needs_record(&self, thorough: bool) -> bool {
        if !thorough && self.outcome.has_only_promoted_replicas() {
            return false;
        }
        let outcome = self.outcome.outcome();
        match self.outcome.deferred() {
            None => {
                let is_wanted = outcome <= Outcome::Unchanged && !self.is_superseded();
                !is_wanted && !matches!(self.outcome, SecretOutcome::NotFound(_))
            }
            Some(Deferred::ChangeLimitReached) => {
                outcome > Outcome::Planned || self.outcome.is_written()
            }
            // Changes that were made need a record. The slice that completes the secret records the rest.
            Some(Deferred::DeadlineTooClose) => self.outcome.is_written(),
        }
    }

    fn is_superseded(&self) -> bool {
        let is_superseded =
            |region: &RegionOutcome| matches!(region.state, RegionState::Superseded(_));
        self.outcome.regions().iter().any(is_superseded)
    }
}
