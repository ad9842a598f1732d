//! The work on one secret.

use std::convert::Infallible;

use futures_util::FutureExt;
use secret_replicator_core::plan::{Decision, decide};
use secret_replicator_core::secret::SecretId;
use secret_replicator_core::sweep::SecretHash;
use tokio::time::Instant;

use super::repeats::{Repeat, Repeats};
use super::{Listed, Sweeper, SweptSecret, hash_of};
use crate::catch_panic::catch_panic;
use crate::change_budget::ChangeBudget;
use crate::reconcile::{Occasion, OnlyRepeats, Reconciler, SecretOutcome};

/// A listed secret to reconcile.
#[derive(Debug)]
pub(super) struct ListedSecret {
    pub(super) listed: Listed,
    /// Whether the lists show a replica with another version.
    pub(super) is_behind: bool,
    /// When the secret may repeat earlier requests.
    pub(super) repeats: Repeats,
}

/// The work on a secret.
pub(super) enum Task {
    /// A listed secret, with the number of its page.
    First(usize, Box<ListedSecret>),
    /// A secret that repeats earlier requests.
    Repeat(Box<Repeat>),
}

/// The result of a task.
pub(super) enum Done {
    /// The secret is done. Contains the number of its page. The result is `None` if there was nothing to do.
    Secret(usize, SecretHash, Option<SweptSecret>),
    /// The secret only repeats earlier requests, so it comes last.
    Repeats(Box<Repeat>),
}

impl Sweeper<'_> {
    /// Executes a task.
    pub(super) async fn work(&self, task: Task, thorough: bool, changes: &ChangeBudget) -> Done {
        let occasion = |is_behind| Occasion::Sweep {
            thorough,
            is_behind,
            clock: self.clock,
        };
        match task {
            Task::First(page, listed) => {
                let ListedSecret {
                    listed,
                    is_behind,
                    repeats,
                } = *listed;
                let secret = hash_of(&listed);
                let work = self.reconcile_listed(listed, occasion(is_behind), repeats, changes);
                match work.await {
                    Ok(result) => Done::Secret(page, secret, result),
                    Err(id) => Done::Repeats(Box::new(Repeat {
                        page,
                        secret,
                        is_behind,
                        id,
                    })),
                }
            }
            Task::Repeat(repeat) => {
                let Repeat {
                    page,
                    secret,
                    is_behind,
                    id,
                } = *repeat;
                let again = self.reconcile(id, occasion(is_behind), changes);
                Done::Secret(page, secret, Some(again.await))
            }
        }
    }

    /// Reconciles a listed secret. Returns `None` if the list shows that there is nothing to do.
    ///
    /// # Errors
    /// The secret's ID, if the secret only repeats earlier requests and has to wait for that.
    async fn reconcile_listed(
        &self,
        listed: Listed,
        occasion: Occasion,
        repeats: Repeats,
        changes: &ChangeBudget,
    ) -> Result<Option<SweptSecret>, SecretId> {
        let started = self.clock.now();
        let listed = match listed {
            Ok(listed) => listed,
            Err(entry) => {
                return Ok(Some(SweptSecret {
                    id: entry.id,
                    started,
                    outcome: SecretOutcome::Unreadable(entry.error),
                }));
            }
        };
        let Reconciler { policy, limits, .. } = &self.reconciler;
        if let Decision::Skip(_) = decide(&listed, policy, limits) {
            return Ok(None);
        }
        let id = SecretId::Arn(listed.arn);
        if repeats == Repeats::Now {
            let work = Box::pin(self.reconcile(id, occasion, changes));
            return Ok(Some(work.await));
        }
        let work = || {
            let (reconciler, deadlines) = (&self.reconciler, self.deadlines);
            reconciler.reconcile_before_repeats(&id, self.mode, occasion, deadlines, changes)
        };
        // Boxed, because the work of only one branch is in memory.
        match Box::pin(self.retry(work)).await {
            Ok(outcome) => Ok(Some(SweptSecret {
                id,
                started,
                outcome,
            })),
            Err(OnlyRepeats) => Err(id),
        }
    }

    /// Reconciles a secret.
    async fn reconcile(
        &self,
        id: SecretId,
        occasion: Occasion,
        changes: &ChangeBudget,
    ) -> SweptSecret {
        let started = self.clock.now();
        let work = || {
            let (reconciler, deadlines) = (&self.reconciler, self.deadlines);
            let work = reconciler.reconcile(&id, self.mode, occasion, deadlines, changes);
            work.map(Ok::<_, Infallible>)
        };
        let Ok(outcome) = self.retry(work).await;
        SweptSecret {
            id,
            started,
            outcome,
        }
    }

    /// Works on a secret, and repeats that after transient errors while time remains. A secret that gets
    /// too little time for that is left for the next slice, which begins with it. So is a secret of which a
    /// Region was repaired: a repetition would find that Region in the wanted state and report no write. A write
    /// that AWS may have executed without an answer is not repeated here, where it would count twice.
    async fn retry<E, W>(&self, work: impl Fn() -> W) -> Result<SecretOutcome, E>
    where
        W: Future<Output = Result<SecretOutcome, E>>,
    {
        let begun = Instant::now();
        let mut retries = self.deadlines.retry_in_sweep();
        let mut outcome = SecretOutcome::NotReached;
        while Instant::now() < self.deadlines.last_write() {
            // A panic on one secret must not stop the others.
            outcome = match catch_panic(work()).await {
                Ok(result) => result?,
                Err(message) => SecretOutcome::Internal(message),
            };
            if !outcome.is_transient() || outcome.is_written() || !retries.pause().await {
                break;
            }
        }
        let had_time = begun.elapsed() >= self.deadlines.least_retry_time();
        if outcome.is_transient() && (outcome.is_repaired() || !had_time) {
            outcome = outcome.left_for_next_slice();
        }
        Ok(outcome)
    }
}
