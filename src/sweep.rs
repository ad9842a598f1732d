//! Sweeps all secrets of a Region, in slices that fit one invocation.
//!
//! Events are best effort; the sweep guarantees convergence. A slice lists secrets page by page and
//! reconciles each covered secret exactly as an event would. The list alone is not enough: it contains
//! no replication status and can be five minutes old. The returned token records the secrets that the
//! slice did not reach. Slices are idempotent.

mod pages;
mod progress;
mod repeats;
mod tally;

use chrono::{DateTime, Utc};
use futures_util::stream::{FuturesUnordered, StreamExt};
use secret_replicator_aws::{CallError, Page, UnreadableEntry};
use secret_replicator_core::outcome::Outcome;
use secret_replicator_core::plan::{Decision, decide};
use secret_replicator_core::policy::ListFilter;
use secret_replicator_core::request::SweepRequest;
use secret_replicator_core::secret::{Secret, SecretId};
use secret_replicator_core::sweep::{PageToken, SecretHash, Start, Token, Totals};
use tokio::time::{Instant, sleep_until};

use crate::catch_panic::catch_panic;
use crate::change_budget::{ChangeBudget, Deferred, Repeats};
use crate::clock::Clock;
use crate::deadlines::Deadlines;
use crate::reconcile::{Mode, Occasion, Reconciler, RegionOutcome, RegionState, SecretOutcome};
use progress::SliceProgress;
use repeats::{Repeat, RepeatQueue};

/// The maximum number of secrets in progress. Most of them wait for a write slot or for their replicas.
const MAX_IN_PROGRESS: usize = 256;

/// Limits the secrets in progress to this many seconds' worth of writes, so that a decision is not stale
/// by the time it is carried out.
const SECONDS_OF_WRITES: u32 = 8;

/// The number of a slice's first page.
const FIRST_PAGE: usize = 0;

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
            start: Start::FIRST,
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
        let (mut slice, next) = progress.end()?;
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

    /// Processes pages until the deadline. Secrets that repeat earlier requests follow all others, except on the
    /// first page of a continued sweep: the previous slice may have left them, and each slice makes progress.
    async fn process_pages<'b>(
        &self,
        begun: &'b Token,
        is_continued: bool,
        changes: &ChangeBudget,
        on_result: &impl Fn(SweptSecret),
    ) -> SliceProgress<'b> {
        let mut progress = SliceProgress::new(&begun.start);
        let mut repeats = RepeatQueue::new(begun.started);
        let mut in_progress = FuturesUnordered::new();
        // Lists at most one page at a time.
        let mut listing = FuturesUnordered::new();
        // Repeats begin when all first requests are decided, so that their order is that of the queue. Those
        // that follow their replicas until the end of the slice do not keep them waiting.
        let mut repeating = FuturesUnordered::new();
        let work = |task| Box::pin(self.work(task, begun.thorough, changes));
        loop {
            while in_progress.len() < self.max_in_progress
                && let Some((page, listed)) = progress.next_secret()
            {
                let repeats = if is_continued && page == FIRST_PAGE {
                    Repeats::Now
                } else {
                    Repeats::Last
                };
                in_progress.push(work(Task::First(page, Box::new(listed), repeats)));
            }
            if listing.is_empty()
                && in_progress.len() < self.max_in_progress
                && let Some(page) = progress.next_page()
                && !self.deadlines.is_too_late_for_more()
            {
                listing.push(self.list(page.clone(), begun.filter.as_ref()));
            }
            while listing.is_empty()
                && (in_progress.is_empty() || self.deadlines.is_too_late_for_more())
                && in_progress.len() + repeating.len() < self.max_in_progress
                && let Some(repeat) = repeats.next()
            {
                repeating.push(work(Task::Repeat(Box::new(repeat))));
            }
            // Biased, so that a simulated sweep is deterministic.
            let done = tokio::select! {
                biased;
                Some((token, listed)) = listing.next() => {
                    progress.add_page(token, listed);
                    continue;
                }
                Some(done) = in_progress.next() => done,
                Some(done) = repeating.next() => done,
                () = sleep_until(self.deadlines.last_start()),
                    if !in_progress.is_empty() && !self.deadlines.is_too_late_for_more() => continue,
                else => return progress,
            };
            match done {
                Done::Repeats(repeat) => {
                    let first = repeats.add(*repeat).map(Box::new);
                    repeating.extend(first.map(|repeat| work(Task::Repeat(repeat))));
                }
                Done::Secret(page, secret, swept) => {
                    progress.finish(page, secret, swept.as_ref().map(|swept| &swept.outcome));
                    let recorded = swept.filter(|swept| swept.needs_record(begun.thorough));
                    recorded.into_iter().for_each(on_result);
                }
            }
        }
    }

    async fn work(&self, task: Task, thorough: bool, changes: &ChangeBudget) -> Done {
        let occasion = |repeats| Occasion::Sweep {
            thorough,
            repeats,
            clock: self.clock,
        };
        match task {
            Task::First(page, listed, repeats) => {
                let secret = hash_of(&listed);
                let work = self.reconcile_listed(*listed, occasion(repeats), changes);
                match work.await {
                    Some(result) if result.only_repeats() => {
                        let id = result.id;
                        Done::Repeats(Box::new(Repeat { page, secret, id }))
                    }
                    result => Done::Secret(page, secret, result),
                }
            }
            Task::Repeat(repeat) => {
                let Repeat { page, secret, id } = *repeat;
                let again = self.reconcile(id, occasion(Repeats::Now), changes);
                Done::Secret(page, secret, Some(again.await))
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

    /// Reconciles a listed secret. Returns `None` if the list shows that there is nothing to do.
    async fn reconcile_listed(
        &self,
        listed: Listed,
        occasion: Occasion,
        changes: &ChangeBudget,
    ) -> Option<SweptSecret> {
        let listed = match listed {
            Ok(listed) => listed,
            Err(entry) => {
                return Some(SweptSecret {
                    id: entry.id,
                    started: self.clock.now(),
                    outcome: SecretOutcome::Unreadable(entry.error),
                });
            }
        };
        let Reconciler { policy, limits, .. } = &self.reconciler;
        if let Decision::Skip(_) = decide(&listed, policy, limits) {
            return None;
        }
        let id = SecretId::Arn(listed.arn);
        Some(self.reconcile(id, occasion, changes).await)
    }

    /// Reconciles a secret, and repeats that after transient errors while time remains. A secret that gets
    /// too little time for that is left for the next slice, which begins with it. So is a secret of which a
    /// Region was repaired: a repetition would find that Region in the wanted state and report no write. A write
    /// that AWS may have executed without an answer is not repeated here, where it would count twice.
    async fn reconcile(
        &self,
        id: SecretId,
        occasion: Occasion,
        changes: &ChangeBudget,
    ) -> SweptSecret {
        let started = self.clock.now();
        let begun = Instant::now();
        let mut retries = self.deadlines.retry_in_sweep();
        let mut outcome = SecretOutcome::NotReached;
        while Instant::now() < self.deadlines.last_write() {
            let work = self
                .reconciler
                .reconcile(&id, self.mode, occasion, self.deadlines, changes);
            // A panic on one secret must not stop the others.
            let result = catch_panic(work).await;
            outcome = result.unwrap_or_else(SecretOutcome::Internal);
            if !outcome.is_transient() || outcome.is_written() || !retries.pause().await {
                break;
            }
        }
        let had_time = begun.elapsed() >= self.deadlines.least_retry_time();
        if outcome.is_transient() && (outcome.is_repaired() || !had_time) {
            outcome = outcome.left_for_next_slice();
        }
        SweptSecret {
            id,
            started,
            outcome,
        }
    }
}

/// The work on a secret.
enum Task {
    /// A listed secret, with the number of its page.
    First(usize, Box<Listed>, Repeats),
    /// A secret that repeats earlier requests.
    Repeat(Box<Repeat>),
}

/// The result of a task.
enum Done {
    /// The secret is done. Contains the number of its page. The result is `None` if there was nothing to do.
    Secret(usize, SecretHash, Option<SweptSecret>),
    /// The secret only repeats earlier requests, so it comes last.
    Repeats(Box<Repeat>),
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
            Some(Deferred::ChangeLimitReached | Deferred::RepeatsComeLast) => {
                outcome > Outcome::Planned || self.outcome.is_written()
            }
            // Changes that were made need a record. The slice that completes the secret records the rest.
            Some(Deferred::DeadlineTooClose) => self.outcome.is_written(),
        }
    }

    /// Returns whether the plan only repeats earlier requests, and the secret must wait for that.
    fn only_repeats(&self) -> bool {
        self.outcome.deferred() == Some(Deferred::RepeatsComeLast) && !self.outcome.is_written()
    }

    fn is_superseded(&self) -> bool {
        let is_superseded =
            |region: &RegionOutcome| matches!(region.state, RegionState::Superseded(_));
        self.outcome.regions().iter().any(is_superseded)
    }
}
