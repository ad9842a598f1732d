use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::Reconciler;
use super::apply::{Answer, Answers};
use crate::budget::Budget;
use crate::plan::{Plan, Step};
use crate::secret::{Region, Replica, ReplicaStatus, Secret, SecretId};
use crate::secrets_manager::{CallError, CallErrorKind};

/// For how long a read may still show what was before the request (`DescribeSecret` is eventually
/// consistent): a failed replica that was just retried counts as the old failure, and a request
/// that AWS refused or did not answer may still turn out to be executed, by this invocation or by
/// another one that was first.
const STALE_FOR: Duration = Duration::from_secs(5);

/// What was seen of the replicas after the request.
#[derive(Debug, Default)]
pub(super) struct Sight {
    replicas: BTreeMap<Region, Seen>,
    /// The Regions in which any look has shown something else than the secret had before.
    moved: BTreeSet<Region>,
    /// The Regions of which the looks came to no end: something may still come of a request.
    open: BTreeSet<Region>,
    /// Why the last look failed. `None` if any look succeeded since.
    pub(super) error: Option<CallError>,
}

/// What was last seen of a replica, and how long after the request.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) replica: Replica,
    pub(super) after: Duration,
}

impl Sight {
    /// What AWS's answers to the requests have shown.
    fn of_answers(answers: &Answers, after: Duration) -> Self {
        let mut sight = Self::default();
        for (region, answer) in answers {
            if let Some(replica) = &answer.in_sync {
                sight.moved.insert(region.clone());
                sight.update(region, Some(replica.clone()), after);
            }
        }
        sight
    }

    /// What was last seen in a Region.
    pub(super) fn of(&self, region: &Region) -> Option<&Seen> {
        self.replicas.get(region)
    }

    /// Whether looks have shown the replica, and always just as it was before.
    pub(super) fn never_moved(&self, region: &Region, before: &Replica) -> bool {
        let is_the_same = |seen: &Seen| seen.replica == *before;
        !self.moved.contains(region) && self.of(region).is_some_and(is_the_same)
    }

    /// Whether the looks at a Region came to no end.
    pub(super) fn is_open(&self, region: &Region) -> bool {
        self.open.contains(region)
    }

    /// Adds what was seen later.
    pub(super) fn extend(&mut self, later: Self) {
        self.replicas.extend(later.replicas);
        self.open.extend(later.open);
        self.error = later.error;
    }

    /// Forgets what was seen of replicas that are gone since.
    pub(super) fn forget(&mut self, regions: &BTreeSet<Region>) {
        self.replicas.retain(|region, _| !regions.contains(region));
    }

    fn update(&mut self, region: &Region, replica: Option<Replica>, after: Duration) {
        match replica {
            Some(replica) => self
                .replicas
                .insert(region.clone(), Seen { replica, after }),
            None => self.replicas.remove(region),
        };
    }
}

/// Why a Region is followed, and so for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Following {
    /// The replica is on its way: until it is in sync or failed.
    UntilSettled,
    /// Perhaps no replica is on its way: likewise, if something moves soon.
    IfItMoves,
}

impl Reconciler {
    /// Follows every replica that the plan concerns until each is in sync or failed, or the time is
    /// up. Answers what was last seen.
    pub(super) async fn settle(
        &self,
        before: &Secret,
        plan: &Plan,
        answers: &Answers,
        requested: Instant,
        budget: &Budget,
    ) -> Sight {
        let mut open = followed(plan, answers);
        let mut sight = Sight::of_answers(answers, requested.elapsed());
        let mut looks = budget.looks_until_settled();
        let id = SecretId::Arn(before.arn.clone());
        while !open.is_empty() && looks.pause().await {
            // A look that fails is no verdict on a replica: the next one may succeed.
            let mut now = match self.secrets_manager.describe(&id, looks.deadline()).await {
                Ok(now) => now,
                Err(error) => {
                    sight.error = Some(error);
                    continue;
                }
            };
            sight.error = None;
            let after = requested.elapsed();
            open.retain(|region, following| {
                let old = before.replicas.get(region);
                let replica = now.replicas.remove(region);
                let settled = is_settled(replica.as_ref(), old, *following, after);
                if replica.as_ref() != old {
                    sight.moved.insert(region.clone());
                }
                sight.update(region, replica, after);
                !settled
            });
        }
        sight.open = open.into_keys().collect();
        sight
    }
}

/// The Regions worth following.
fn followed(plan: &Plan, answers: &Answers) -> BTreeMap<Region, Following> {
    let following = |region: &Region, step: &Step| match step {
        Step::Replicate(_) | Step::Retry(_) => answers.get(region).and_then(after_answer),
        Step::Keep(replica) => {
            (replica.status != ReplicaStatus::InSync).then_some(Following::UntilSettled)
        }
        Step::Leave(..)
        | Step::Refuse(..)
        | Step::Remove(..)
        | Step::AwaitRemoval(..)
        | Step::Spare(..) => None,
    };
    let steps = plan.steps.iter();
    steps
        .filter_map(|(region, step)| Some((region.clone(), following(region, step)?)))
        .collect()
}

fn after_answer(answer: &Answer) -> Option<Following> {
    match &answer.result {
        Ok(()) if answer.in_sync.is_some() => None,
        Ok(()) => Some(Following::UntilSettled),
        Err(error) if answer.was_doubtful || error.kind == CallErrorKind::Refused => {
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
