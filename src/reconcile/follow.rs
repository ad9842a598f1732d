//! Polls the secret until each replica is in sync or failed, or the deadline passes.

use std::collections::BTreeMap;
use std::time::Duration;

use secret_replicator_aws::CallErrorKind;
use secret_replicator_core::plan::{Plan, Step};
use secret_replicator_core::secret::{Region, Replica, ReplicaStatus, Secret, SecretId};
use tokio::time::Instant;

use super::Reconciler;
use super::execution::{Observations, Response, Responses};
use crate::deadlines::Deadlines;

/// The time for which a read may still show the state before the request, because `DescribeSecret` is
/// eventually consistent. Until then, a failed status after a retry counts as the old failure, and a
/// request that AWS rejected or did not answer may still turn out to be executed, by this invocation or
/// by another one.
pub(super) const STALE_FOR: Duration = Duration::from_secs(5);

/// The end of following a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Following {
    /// Follows until the replica is in sync or failed.
    UntilSettled,
    /// Stops after [`STALE_FOR`] if the replica has not changed, because the request may not have been
    /// executed.
    IfItMoves,
}

impl Reconciler {
    /// Polls until every replica of the plan is in sync or failed, or the deadline passes. Returns the
    /// last observations.
    pub(super) async fn follow(
        &self,
        before: &Secret,
        plan: &Plan,
        responses: &Responses,
        requested: Instant,
        deadlines: &Deadlines,
    ) -> Observations {
        let mut open = followed(plan, responses);
        let mut observations = Observations::from_responses(responses, requested.elapsed());
        for region in open.keys() {
            if before.replicas.contains_key(region) {
                observations.note_listed(region, Duration::ZERO);
            }
        }
        let mut poller = deadlines.poll_replicas();
        let begun = Instant::now();
        let id = SecretId::Arn(before.arn.clone());
        while !open.is_empty() && poller.pause().await {
            // A failed poll gives no information about a replica, and the next one may succeed.
            let mut now = match self.secrets_manager.describe(&id, poller.deadline()).await {
                Ok(now) => now,
                Err(error) => {
                    observations.error = Some(error);
                    continue;
                }
            };
            observations.error = None;
            let after = requested.elapsed();
            open.retain(|region, following| {
                let old = before.replicas.get(region);
                let replica = now.replicas.remove(region);
                // A request without an answer may have been repeated until just now.
                let since = match following {
                    Following::IfItMoves => begun.elapsed(),
                    Following::UntilSettled => after,
                };
                let settled = is_settled(replica.as_ref(), old, *following, since);
                observations.note(region, old, replica, after);
                // A single read may be older than the replica.
                let listed = observations.vanished(region);
                !settled && listed.is_none_or(|listed| after < listed + STALE_FOR)
            });
        }
        observations.end(open.into_keys());
        observations
    }
}

/// Returns the Regions to follow.
fn followed(plan: &Plan, responses: &Responses) -> BTreeMap<Region, Following> {
    let following = |region: &Region, step: &Step| match step {
        Step::Replicate(_) | Step::Retry(_) => responses.get(region).and_then(after_response),
        Step::Keep(replica) => {
            (replica.status != ReplicaStatus::InSync).then_some(Following::UntilSettled)
        }
        Step::ReportFailure(..)
        | Step::Refuse(..)
        | Step::Remove(..)
        | Step::AwaitRemoval(..)
        | Step::Retain(..) => None,
    };
    let steps = plan.steps.iter();
    steps
        .filter_map(|(region, step)| Some((region.clone(), following(region, step)?)))
        .collect()
}

fn after_response(response: &Response) -> Option<Following> {
    match &response.result {
        Ok(()) if response.in_sync.is_some() => None,
        Ok(()) => Some(Following::UntilSettled),
        Err(error) if error.is_about_a_replica() => None,
        Err(error) if response.was_ambiguous || error.kind == CallErrorKind::Refused => {
            Some(Following::IfItMoves)
        }
        Err(_) => None,
    }
}

fn is_settled(
    replica: Option<&Replica>,
    before: Option<&Replica>,
    following: Following,
    after: Duration,
) -> bool {
    let moved = replica != before;
    let stale = after >= STALE_FOR;
    if following == Following::IfItMoves && !moved {
        return stale;
    }
    match replica.map(|replica| &replica.status) {
        Some(ReplicaStatus::InSync) => true,
        Some(ReplicaStatus::Failed) => moved || stale,
        Some(ReplicaStatus::InProgress | ReplicaStatus::Unknown(_)) | None => false,
    }
}
