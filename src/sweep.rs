//! The sweep: every secret of the Region, in slices that fit an invocation.
//!
//! Events are a fast path, delivered as best effort; the sweep is the guarantee. A slice lists
//! secrets page by page, decides about each by what the list shows, and reconciles those that are
//! covered just as an event would: the list shows neither replicas nor the last five minutes, so it
//! only says where a look is due. What a slice leaves over is in its token, and a slice that runs
//! twice changes nothing twice.

mod pages;
mod token;
mod totals;

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures_util::stream::{self, Stream, StreamExt};

use tokio::time::Instant;

use crate::budget::{Allowance, Budget};
use crate::bug::caught;
use crate::clock::Clock;
use crate::plan::{Decision, decide};
use crate::policy::ListFilter;
use crate::reconcile::{
    Conclusion, LeftOver, Mode, NotReady, Outcome, Reconciler, Reconciliation, RegionConclusion,
};
use crate::secret::{Secret, SecretId};
use crate::secrets_manager::{CallError, Page, Unreadable};
use crate::trigger::BadEvent;
use pages::Pages;
pub use token::{Mark, NotAToken, PageToken, Start, Token};
pub use totals::{RegionTotals, Totals};

/// How many secrets are in work at once, at most. Most wait: for their turn to write, or for their
/// replicas.
const MOST_IN_WORK: usize = 256;

/// For how many seconds of writes secrets are taken into work, so that none waits long for its turn.
const SECONDS_OF_WRITES: u32 = 8;

/// After how many secrets a line in the log tells of the progress.
const PROGRESS: u64 = 1000;

/// What is asked of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Decide and report only.
    pub dry_run: bool,
    /// How many replicas the whole sweep may add or remove, at most.
    pub max_changes: u64,
    /// Where the slice before ended. `None` at the beginning.
    pub token: Option<Token>,
}

impl Order {
    /// What is wrong if the slices before were no dry run and this one is, or the other way round.
    #[must_use]
    pub fn contradiction(&self, mode: Mode) -> Option<BadEvent> {
        let token = self.token.as_ref()?;
        let dry_run = mode == Mode::DryRun;
        (token.dry_run != dry_run).then(|| BadEvent {
            message: format!(
                "the slices before had `dryRun` {}, this one has {dry_run}",
                token.dry_run
            ),
            remediation: "go on as the sweep began, or start another one without `nextToken`",
        })
    }
}

/// How far a sweep is after a slice.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// When its first slice began.
    pub started: DateTime<Utc>,
    /// What this slice did.
    pub slice: Totals,
    /// What all slices did so far.
    pub totals: Totals,
    /// What the next slice goes on with. `None` if the sweep is complete.
    pub next: Option<Token>,
}

/// What became of one secret of a sweep.
#[derive(Debug)]
pub struct Swept {
    /// The secret, as the list names it.
    pub id: SecretId,
    /// When its turn came.
    pub started: DateTime<Utc>,
    /// How it ended, or the message of the panic that it ended in.
    pub end: Result<Reconciliation, String>,
}

/// Sweeps the Region.
#[derive(Debug)]
pub struct Sweeper<'a> {
    reconciler: Reconciler,
    mode: Mode,
    in_work: usize,
    budget: &'a Budget,
    allowance: Allowance,
    clock: Clock,
}

/// Where the list is.
#[derive(Clone, Debug)]
enum Place {
    /// Before this page.
    Before(PageToken),
    /// Behind the last page.
    End,
    /// Before this page, which AWS does not give.
    Stuck(PageToken, CallError),
}

impl<'a> Sweeper<'a> {
    /// A sweeper that uses the reconciler's policy and calls, at most so many writes per second.
    #[must_use]
    pub fn new(
        reconciler: &Reconciler,
        writes_per_second: u32,
        mode: Mode,
        budget: &'a Budget,
        clock: Clock,
    ) -> Self {
        let secrets_manager = reconciler.secrets_manager.throttled(writes_per_second);
        Self {
            reconciler: Reconciler {
                secrets_manager,
                ..reconciler.clone()
            },
            mode,
            in_work: in_work(writes_per_second),
            budget,
            allowance: Allowance::unlimited(),
            clock,
        }
    }

    /// Sweeps a slice, and tells of each secret that is not as it should be.
    ///
    /// # Errors
    /// [`CallError`] if AWS does not give the slice's first page.
    pub async fn slice(mut self, order: Order, tell: impl Fn(Swept)) -> Result<Sweep, CallError> {
        let max_changes = order.max_changes;
        let begun = order.token.unwrap_or_else(|| Token {
            start: Start::FIRST,
            filter: self.reconciler.policy.list_filter(),
            dry_run: self.mode == Mode::DryRun,
            started: self.clock.now(),
            totals: Totals::default(),
        });
        self.allowance = Allowance::of(max_changes.saturating_sub(begun.totals.changes));
        let place = Mutex::new(Place::Before(begun.start.page.clone()));
        let (mut slice, left_over) = self.work_off(&begun, &place, &tell).await;
        slice.changes = self.allowance.made();
        let place = place.into_inner().unwrap_or_else(PoisonError::into_inner);
        let next = match (left_over, place) {
            (None, Place::End) => None,
            (Some(start), _) => Some(start),
            (None, Place::Before(page)) if page == begun.start.page => Some(begun.start.clone()),
            (None, Place::Before(page)) => Some(Start::of(page)),
            (None, Place::Stuck(page, error)) if page == begun.start.page => return Err(error),
            (None, Place::Stuck(page, error)) => {
                tracing::warn!(%error, "the list breaks off; the next slice goes on from there");
                Some(Start::of(page))
            }
        };
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

    /// Works off pages as long as there is time. Answers what was counted, and what is left over.
    async fn work_off(
        &self,
        begun: &Token,
        place: &Mutex<Place>,
        tell: &impl Fn(Swept),
    ) -> (Totals, Option<Start>) {
        let pages = Mutex::new(Pages::default());
        let lock = || pages.lock().unwrap_or_else(PoisonError::into_inner);
        let secrets = self
            .list(begun.filter.as_ref(), place)
            .flat_map(|(token, mut page)| {
                if token == begun.start.page {
                    let done = &begun.start.done;
                    page.secrets.retain(|listed| !done.contains(&mark(listed)));
                }
                let number = lock().begin(token, page.secrets.len());
                let secrets = page.secrets.into_iter();
                stream::iter(secrets.map(move |listed| (number, listed)))
            });
        let work = secrets.map(|(page, listed)| {
            let secret = mark(&listed);
            let work = Box::pin(self.one(listed));
            async move { (page, secret, work.await) }
        });
        let mut ends = std::pin::pin!(work.buffer_unordered(self.in_work));
        let mut told = 0;
        while let Some((page, secret, swept)) = ends.next().await {
            let mut pages = lock();
            pages.note(page, secret, swept.as_ref());
            let Totals {
                seen,
                covered,
                drifted,
                ..
            } = *pages.counted();
            drop(pages);
            if let Some(swept) = swept.filter(Swept::is_worth_telling) {
                tell(swept);
            }
            if seen / PROGRESS > told {
                told = seen / PROGRESS;
                tracing::info!(seen, covered, drifted, "the sweep goes on");
            }
        }
        let pages = std::mem::take(&mut *lock());
        pages.end(&begun.start)
    }

    /// The pages of the list with their tokens, as long as there is time to work them off.
    fn list(
        &self,
        filter: Option<&ListFilter>,
        place: &Mutex<Place>,
    ) -> impl Stream<Item = (PageToken, Page)> {
        let secrets_manager = &self.reconciler.secrets_manager;
        let lock = move || place.lock().unwrap_or_else(PoisonError::into_inner);
        stream::unfold((), move |()| async move {
            let Place::Before(token) = lock().clone() else {
                return None;
            };
            if self.budget.is_late_for_more() {
                return None;
            }
            let list = secrets_manager.list(filter, token.as_deref(), self.budget.last_turn());
            match list.await {
                Ok(page) => {
                    let next = page.next_token.clone();
                    *lock() = next.map_or(Place::End, |token| Place::Before(token.into()));
                    Some(((token, page), ()))
                }
                Err(error) => {
                    *lock() = Place::Stuck(token, error);
                    None
                }
            }
        })
    }

    /// Reconciles one secret. `None` if the list shows already that there is nothing to do.
    async fn one(&self, listed: Result<Secret, Box<Unreadable>>) -> Option<Swept> {
        let started = self.clock.now();
        let listed = match listed {
            Ok(listed) => listed,
            Err(unreadable) => {
                let Unreadable { id, error } = *unreadable;
                let end = Ok(Reconciliation::unreadable(error));
                return Some(Swept { id, started, end });
            }
        };
        let Reconciler { policy, limits, .. } = &self.reconciler;
        if let Decision::Skip(_) = decide(&listed, policy, limits) {
            return None;
        }
        let id = SecretId::Arn(listed.arn);
        if Instant::now() >= self.budget.last_turn() {
            let end = Ok(Reconciliation::too_late());
            return Some(Swept { id, started, end });
        }
        let work = self
            .reconciler
            .reconcile(&id, self.mode, self.budget, &self.allowance);
        // A bug that one secret brings to light must not stop the others.
        let end = caught(work).await;
        Some(Swept { id, started, end })
    }
}

fn mark(listed: &Result<Secret, Box<Unreadable>>) -> Mark {
    Mark::of(match listed {
        Ok(listed) => listed.arn.as_str(),
        Err(unreadable) => unreadable.id.as_str(),
    })
}

fn in_work(writes_per_second: u32) -> usize {
    let secrets = writes_per_second.saturating_mul(SECONDS_OF_WRITES);
    usize::try_from(secrets)
        .unwrap_or(MOST_IN_WORK)
        .clamp(16, MOST_IN_WORK)
}

impl Swept {
    /// Whether the secret has a record of its own. What is as it should be has none, or every sweep
    /// would write one for every secret; nor has what is gone, or left for another time.
    fn is_worth_telling(&self) -> bool {
        let Ok(reconciliation) = &self.end else {
            return true;
        };
        let is_gone = matches!(
            reconciliation.conclusion,
            Conclusion::NotReady(NotReady::NotFound(_))
        );
        let outcome = Outcome::of(&reconciliation.conclusion);
        match reconciliation.left_over {
            None => outcome > Outcome::Unchanged && !is_gone,
            Some(LeftOver::ChangesUsedUp) => outcome > Outcome::Planned,
            // What was made must have its record; the rest is for the slice that ends it.
            Some(LeftOver::TooLate) => {
                let mut regions = reconciliation.conclusion.regions().iter();
                regions.any(RegionConclusion::is_change)
            }
        }
    }

    fn is_left_for_the_next_slice(&self) -> bool {
        let end = self.end.as_ref();
        end.is_ok_and(|end| end.left_over == Some(LeftOver::TooLate))
    }
}
