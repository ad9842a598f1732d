//! Promotes replicas, a few at a time.

use std::pin::pin;

use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{CallError, CallErrorKind, WriteError};
use secret_replicator_core::failover::covering_rules;
use secret_replicator_core::failover::promotion::{NotPromoted, is_promoted, judge};
use secret_replicator_core::secret::{Region, Secret, SecretId};
use tokio::time::Instant;

use super::{AT_ONCE, Covered, Failover, FailoverTotals, ReplicaOutcome, ReplicaState};
use crate::catch_panic::catch_panic;
use crate::reconcile::{Mode, SecretOutcome};

impl Failover<'_> {
    /// Promotes replicas of primary secrets in a Region. Begins none that the deadline may cut off.
    pub(super) async fn promote(
        &self,
        replicas: Vec<Covered>,
        from: &Region,
        mode: Mode,
        totals: &mut FailoverTotals,
        on_result: impl Fn(SecretId, SecretOutcome),
    ) {
        let work = replicas.into_iter().map(async |replica| {
            let id = SecretId::Arn(replica.replica.arn.clone());
            // A panic on one secret must not stop the others.
            let done = catch_panic(self.promote_one(replica, from, mode)).await;
            (id, done)
        });
        let mut done = pin!(stream::iter(work).buffer_unordered(AT_ONCE));
        while let Some((id, result)) = done.next().await {
            match result {
                Ok(outcome) => {
                    totals.count(&outcome.state);
                    if outcome.state.needs_record() {
                        on_result(id, SecretOutcome::Failover(Box::new(outcome)));
                    }
                }
                Err(panic) => {
                    totals.failed += 1;
                    on_result(id, SecretOutcome::Internal(panic));
                }
            }
        }
    }

    async fn promote_one(&self, covered: Covered, from: &Region, mode: Mode) -> ReplicaOutcome {
        let Covered {
            replica: mut secret,
            rules,
        } = covered;
        let state = match mode {
            Mode::DryRun => match judge(&secret, Some(from)) {
                Ok(_) => ReplicaState::Planned,
                Err(reason) => not_promoted(reason),
            },
            Mode::Act => self.stop_replication(&mut secret, from).await,
        };
        ReplicaOutcome {
            secret,
            rules,
            state,
        }
    }

    /// Reads the replica, promotes it if it still may be, and reads it again until it is a standalone secret. A call
    /// that AWS may have executed, or that it refused, is followed by another read: another operator may have
    /// promoted the same replica. `secret` becomes the read on which the promotion rests.
    async fn stop_replication(&self, secret: &mut Secret, from: &Region) -> ReplicaState {
        let mut earlier = Earlier::default();
        let mut retries = self.deadlines.repeat_requests();
        while Instant::now() < self.last_start() || earlier.failed.is_some() {
            match self.attempt(secret, from, &mut earlier).await {
                Some(state) => return state,
                None if retries.pause().await => {}
                None => break,
            }
        }
        earlier.end()
    }

    /// Makes one attempt. Returns `None` if another read must decide.
    async fn attempt(
        &self,
        secret: &mut Secret,
        from: &Region,
        earlier: &mut Earlier,
    ) -> Option<ReplicaState> {
        let id = SecretId::Arn(secret.arn.clone());
        let end = self.deadlines.end();
        let read = match self.promoter.read(&id, end).await {
            Ok((found, read)) => match self.judge(&found, from) {
                ReplicaState::AlreadyStandalone if earlier.may_be_ours => {
                    return Some(ReplicaState::Promoted);
                }
                ReplicaState::Ready => {
                    *secret = found;
                    read
                }
                state => return Some(state),
            },
            Err(error) if error.kind == CallErrorKind::NotFound => {
                return Some(ReplicaState::NotPromoted(NotPromoted::Absent));
            }
            Err(error) => return earlier.note(error),
        };
        if earlier.failed.as_ref().is_some_and(is_final) {
            return Some(earlier.end());
        }
        let Some(slot) = self.promoter.write_slot(self.last_start()).await else {
            return Some(earlier.end());
        };
        let arn = &secret.arn;
        match self.promoter.stop_replication(arn, read, slot, end).await {
            Ok(()) => Some(self.verify(&id).await),
            Err(WriteError::Stale) => None,
            Err(WriteError::Call(error)) => {
                earlier.may_be_ours |= error.may_have_been_executed();
                earlier.note(error)
            }
        }
    }

    /// Judges a read of a secret.
    fn judge(&self, found: &Secret, from: &Region) -> ReplicaState {
        match judge(found, Some(from)) {
            Err(reason) => not_promoted(reason),
            Ok(_) if covering_rules(found, &self.reconciler.policy).is_empty() => {
                ReplicaState::NotCovered
            }
            Ok(_) => ReplicaState::Ready,
        }
    }

    /// Reads a secret after its promotion until it is a standalone secret with a value.
    async fn verify(&self, id: &SecretId) -> ReplicaState {
        let mut polls = self.deadlines.poll_replicas();
        loop {
            let read = self.promoter.read(id, polls.deadline()).await;
            if read.is_ok_and(|(found, _)| is_promoted(&found)) {
                return ReplicaState::Promoted;
            }
            if !polls.pause().await {
                return ReplicaState::Unconfirmed;
            }
        }
    }
}

/// The earlier attempts to promote a replica.
#[derive(Default)]
struct Earlier {
    /// The error of the last call that failed.
    failed: Option<CallError>,
    /// Whether AWS may have executed a promotion without an answer.
    may_be_ours: bool,
}

impl Earlier {
    /// Notes an error. Returns the state if another attempt would not help.
    fn note(&mut self, error: CallError) -> Option<ReplicaState> {
        if error.is_transient() || is_final(&error) {
            self.failed = Some(error);
            None
        } else {
            Some(ReplicaState::Failed(error))
        }
    }

    /// Returns the state if there is no other attempt.
    fn end(&mut self) -> ReplicaState {
        let failed = self.failed.take();
        failed.map_or(ReplicaState::NotReached, ReplicaState::Failed)
    }
}

/// Returns whether AWS rejected the call and would reject it again. The role may promote replicas only, so AWS denies
/// the call for a secret that another operator has promoted since the read.
fn is_final(error: &CallError) -> bool {
    matches!(
        error.kind,
        CallErrorKind::Refused | CallErrorKind::AccessDenied
    )
}

fn not_promoted(reason: NotPromoted) -> ReplicaState {
    match reason {
        NotPromoted::AlreadyStandalone => ReplicaState::AlreadyStandalone,
        reason => ReplicaState::NotPromoted(reason),
    }
}
