//! The work on one secret.

use std::convert::Infallible;

use secret_replicator_core::plan::{Decision, decide};
use secret_replicator_core::secret::SecretId;
use secret_replicator_core::sweep::SecretHash;
use tokio::time::Instant;

use super::repeats::{Repeat, Repeats};
use super::{Listed, Sweeper, SweptSecret, hash_of};
use crate::catch_panic::catch_panic;
use crate::change_budget::ChangeBudget;
use crate::reconcile::{KnownSecret, Occasion, OnlyRepeats, Reconciler, SecretOutcome};

/// A listed secret to reconcile.
#[derive(Debug)]
pub(super) struct ListedSecret {
    pub(super) listed: Listed,
    /// Whether a list shows no replica, or one without the current version.
    pub(super) is_doubtful: bool,
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
        let occasion = |is_doubtful| Occasion::Sweep {
            thorough,
            is_doubtful,
            clock: self.clock,
        };
        match task {
            Task::First(page, listed) => {
                let ListedSecret {
                    listed,
                    is_doubtful,
                    repeats,
                } = *listed;
                let secret = hash_of(&listed);
                let work = self.reconcile_listed(listed, occasion(is_doubtful), repeats, changes);
                match work.await {
                    Ok(result) => Done::Secret(page, secret, result),
                    Err(OnlyRepeats(known)) => Done::Repeats(Box::new(Repeat {
                        page,
                        secret,
                        is_doubtful,
                        known,
                    })),
                }
            }
            Task::Repeat(repeat) => {
                let Repeat {
                    page,
                    secret,
                    is_doubtful,
                    known,
                } = *repeat;
                let again = self.reconcile(known, occasion(is_doubtful), changes);
                Done::Secret(page, secret, Some(again.await))
            }
        }
    }

    /// Reconciles a listed secret. Returns `None` if the list shows that there is nothing to do.
    ///
    /// # Errors
    /// [`OnlyRepeats`], if the secret has to wait for that.
    async fn reconcile_listed(
        &self,
        listed: Listed,
        occasion: Occasion,
        repeats: Repeats,
        changes: &ChangeBudget,
    ) -> Result<Option<SweptSecret>, OnlyRepeats> {
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
        let known = KnownSecret::from(id.clone());
        if repeats == Repeats::Now {
            return Ok(Some(self.reconcile(known, occasion, changes).await));
        }
        let (reconciler, deadlines) = (&self.reconciler, self.deadlines);
        let work = async |known: &KnownSecret| {
            reconciler
                .reconcile_before_repeats(known, self.mode, occasion, deadlines, changes)
                .await
        };
        // Boxed, because the work of only one branch is in memory.
        let outcome = Box::pin(self.retry(known, work)).await?;
        Ok(Some(SweptSecret {
            id,
            started,
            outcome,
        }))
    }

    /// Reconciles a secret.
    async fn reconcile(
        &self,
        known: KnownSecret,
        occasion: Occasion,
        changes: &ChangeBudget,
    ) -> SweptSecret {
        let started = self.clock.now();
        let id = known.id.clone();
        let (reconciler, deadlines) = (&self.reconciler, self.deadlines);
        let work = async |known: &KnownSecret| {
            let work = reconciler.reconcile(known, self.mode, occasion, deadlines, changes);
            Ok::<_, Infallible>(work.await)
        };
        // Boxed, to keep the futures of tasks without this work small.
        let Ok(outcome) = Box::pin(self.retry(known, work)).await;
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
    async fn retry<E>(
        &self,
        mut known: KnownSecret,
        work: impl AsyncFn(&KnownSecret) -> Result<SecretOutcome, E>,
    ) -> Result<SecretOutcome, E> {
        let begun = Instant::now();
        let mut retries = self.deadlines.retry_in_sweep();
        let mut outcome = SecretOutcome::NotReached;
        while Instant::now() < self.deadlines.last_write() {
            // A panic on one secret must not stop the others.
            outcome = match catch_panic(work(&known)).await {
                Ok(result) => result?,
                Err(message) => SecretOutcome::Internal(message),
            };
            if !outcome.is_transient() || outcome.is_written() || !retries.pause().await {
                break;
            }
            known.promoted.extend(outcome.promoted());
        }
        let had_time = begun.elapsed() >= self.deadlines.least_retry_time();
        if outcome.is_transient() && (outcome.is_repaired() || !had_time) {
            outcome = outcome.left_for_next_slice();
        }
        Ok(outcome)
    }
}
