use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Reconciler;
use super::apply::Answer;
use crate::budget::Budget;
use crate::plan::{Plan, Step};
use crate::secret::{Region, Replica, ReplicaStatus, Secret, SecretId};
use crate::secrets_manager::CallErrorKind;

/// For how long a failed replica that was just retried is taken for the old failure, which a read
/// right after the call may still show (`DescribeSecret` is eventually consistent).
const STALE_FOR: Duration = Duration::from_secs(3);

/// What was last seen of a replica, and how long after the request.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) replica: Replica,
    pub(super) after: Duration,
}

impl Reconciler {
    /// Follows every replica that the plan concerns until each is in sync or failed, or the time is
    /// up. Answers what was last seen of each.
    pub(super) async fn settle(
        &self,
        before: &Secret,
        plan: &Plan,
        answers: &BTreeMap<Region, Answer>,
        requested: Instant,
        budget: &Budget,
    ) -> BTreeMap<Region, Seen> {
        let mut open = followed(plan, answers);
        let mut seen = BTreeMap::new();
        let mut looks = budget.looks_until_settled();
        let id = SecretId::Arn(before.arn.clone());
        while !open.is_empty() && looks.pause().await {
            // A look that fails is no verdict on a replica: the next one may succeed.
            let Ok(mut now) = self.secrets_manager.describe(&id, budget.cut_off()).await else {
                continue;
            };
            let after = requested.elapsed();
            open.retain(|region| {
                let Some(replica) = now.replicas.remove(region) else {
                    return !is_refused(answers, region);
                };
                let settled = is_settled(&replica, before.replicas.get(region), after);
                seen.insert(region.clone(), Seen { replica, after });
                !settled
            });
        }
        seen
    }
}

/// The Regions worth following: what AWS accepted or may have executed, what was on its way already,
/// and, for one look, what AWS refused: another invocation may have been first.
fn followed(plan: &Plan, answers: &BTreeMap<Region, Answer>) -> Vec<Region> {
    let follows = |region: &Region, step: &Step| match step {
        Step::Replicate(_) | Step::Retry(_) => match answers.get(region) {
            Some(Err(error)) => {
                error.may_have_been_executed() || error.kind == CallErrorKind::Refused
            }
            Some(Ok(())) => true,
            None => false,
        },
        Step::Keep(replica) => replica.status != ReplicaStatus::InSync,
        Step::Leave(..) | Step::Refuse(_) => false,
    };
    plan.steps
        .iter()
        .filter(|(region, step)| follows(region, step))
        .map(|(region, _)| region.clone())
        .collect()
}

fn is_refused(answers: &BTreeMap<Region, Answer>, region: &Region) -> bool {
    matches!(answers.get(region), Some(Err(error)) if error.kind == CallErrorKind::Refused)
}

fn is_settled(replica: &Replica, before: Option<&Replica>, after: Duration) -> bool {
    match replica.status {
        ReplicaStatus::InSync => true,
        ReplicaStatus::Failed => before != Some(replica) || after >= STALE_FOR,
        ReplicaStatus::InProgress | ReplicaStatus::Unknown(_) => false,
    }
}
