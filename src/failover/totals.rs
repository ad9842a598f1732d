//! The totals of a drill or a promotion.

use secret_replicator_core::outcome::Outcome;
use serde::Serialize;

use super::outcome::ReplicaState;
use super::replicas::ListedReplicas;

/// The totals of a drill or a promotion, in numbers of secrets. Each covered secret counts once among `ready` to
/// `left`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FailoverTotals {
    /// Replicas that the Region's list shows.
    pub seen: u64,
    /// Replicas that the policy does not cover. They are not promoted.
    pub not_covered: u64,
    /// Secrets that the policy covers: these replicas, and for a drill those without a replica.
    pub covered: u64,
    /// Replicas that could be promoted, in a drill.
    pub ready: u64,
    /// Replicas that would be promoted, in a dry run.
    pub planned: u64,
    /// Replicas that this invocation promoted.
    pub promoted: u64,
    /// Secrets that were promoted before. The list can show them as replicas for five minutes.
    pub already_promoted: u64,
    /// Promotions that reads do not show yet, and in a drill secrets that changed too recently.
    pub pending: u64,
    /// Secrets that could not be promoted, or about which a drill found something.
    pub failed: u64,
    /// Replicas left for the next invocation.
    pub left: u64,
    /// Standalone secrets that the policy covers, counted only if it covers no replica: promoted before, or never
    /// replicas.
    pub standalone: u64,
}

impl FailoverTotals {
    /// Returns the totals before any replica is judged.
    pub(super) fn of_list(listed: &ListedReplicas) -> Self {
        let covered = u64::try_from(listed.covered.len()).unwrap_or(u64::MAX);
        Self {
            seen: covered.saturating_add(listed.not_covered),
            not_covered: listed.not_covered,
            covered,
            ..Self::default()
        }
    }

    /// Counts a replica.
    pub(super) fn count(&mut self, state: &ReplicaState) {
        let count = match state {
            ReplicaState::Ready => &mut self.ready,
            ReplicaState::Planned => &mut self.planned,
            ReplicaState::Promoted => &mut self.promoted,
            ReplicaState::AlreadyStandalone => &mut self.already_promoted,
            ReplicaState::Unconfirmed | ReplicaState::Unsettled => &mut self.pending,
            ReplicaState::NotPromoted(_) | ReplicaState::Failed(_) | ReplicaState::Found(_) => {
                &mut self.failed
            }
            ReplicaState::NotReached => &mut self.left,
            ReplicaState::NotCovered => {
                self.covered -= 1;
                &mut self.not_covered
            }
        };
        *count += 1;
    }

    /// Returns whether no secret is covered, and none is unreadable.
    pub(super) fn is_empty(&self) -> bool {
        self.covered == 0 && self.failed == 0
    }

    /// Returns the most severe outcome.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let counts = [
            (self.failed, Outcome::Failed),
            (self.pending + self.left, Outcome::Pending),
            (self.promoted, Outcome::Promoted),
            (self.planned, Outcome::Planned),
        ];
        let most_severe = counts.into_iter().find(|(count, _)| *count > 0);
        most_severe.map_or(Outcome::Unchanged, |(_, outcome)| outcome)
    }
}
