use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::conclusion::RegionState;
use super::{Done, Reconciler, conclusion};
use crate::budget::Budget;
use crate::plan::{Decision, Plan, Step, decide};
use crate::reason::{Progress, RemovalReason, SpareReason};
use crate::secret::{Region, ReplicaStatus, Secret, SecretId};
use crate::secrets_manager::{CallError, CallErrorKind};

/// For how long a removal that AWS has refused may still turn out to be under way, by another
/// invocation that was first.
const UNSURE_FOR: Duration = Duration::from_secs(5);

/// How far the removal of a replica is.
#[derive(Clone, Debug)]
pub(super) enum Removal {
    /// AWS does not list the replica any more.
    Gone,
    /// AWS has accepted the request.
    Going,
    /// AWS has refused the request, or has not answered. It may go all the same, until then.
    Unsure(CallError, Option<Instant>),
    /// Not requested: its turn among the writes did not come in time.
    NotSent,
    /// Not requested: the replica, or one that is wanted, is still on its way.
    Due,
    /// Not requested: a Region that is wanted is refused, or its replica failed.
    Blocked,
    /// Not requested: the secret has changed since it was decided.
    Changed,
}

/// How far the removals are, by Region.
pub(super) type Removals = BTreeMap<Region, Removal>;

impl Removal {
    fn from_answer(result: Result<(), CallError>) -> Self {
        match result {
            Ok(()) => Self::Going,
            Err(error) if error.kind == CallErrorKind::NotSent => Self::NotSent,
            Err(error) if error.may_have_been_executed() => Self::Unsure(error, None),
            Err(error) => Self::Unsure(error, Some(Instant::now() + UNSURE_FOR)),
        }
    }

    fn is_open(&self) -> bool {
        match self {
            Self::Going | Self::Due => true,
            Self::Unsure(_, until) => until.is_none_or(|until| Instant::now() < until),
            Self::Gone | Self::NotSent | Self::Blocked | Self::Changed => false,
        }
    }

    /// Whether a request that has no answer may have been executed, for all that was seen.
    pub(super) fn may_still_come(&self) -> bool {
        matches!(self, Self::Unsure(_, None))
    }

    /// What the record says of it.
    pub(super) fn state(&self, reason: &RemovalReason, status: &ReplicaStatus) -> RegionState {
        let reason = || reason.clone();
        match self {
            Self::Gone => RegionState::Removed(reason()),
            Self::Going => RegionState::InProgress(Progress::RemovalInProgress(reason())),
            Self::Due => RegionState::InProgress(Progress::RemovalPending(reason())),
            Self::NotSent => RegionState::PlannedRemoval(reason()),
            Self::Unsure(error, _) => {
                RegionState::Failed(error.reason(), Some(error.message.clone()))
            }
            Self::Blocked => {
                RegionState::Spared(SpareReason::WaitingForOtherReplicas, status.clone())
            }
            Self::Changed => RegionState::Spared(SpareReason::SecretChanged, status.clone()),
        }
    }
}

impl Done {
    /// Whether the replicas that are wanted allow a removal: none is missing, and where no rule wants
    /// the replica, none is refused, be it in a Region that still has one. What is refused may be a
    /// slip, or a move that does not succeed.
    fn allow_removal(&self, secret: &Secret, plan: &Plan, reason: &RemovalReason) -> bool {
        let is_forbidden = |reason| matches!(reason, &RemovalReason::Forbidden(_));
        let not_wanted = *reason == RemovalReason::NoLongerTargeted;
        if not_wanted && plan.unwanted().any(|(_, reason)| is_forbidden(reason)) {
            return false;
        }
        let conclusions = conclusion::concluded(secret, plan, self);
        let mut wanted = conclusions
            .iter()
            .filter(|conclusion| match &conclusion.region {
                Ok(region) => !plan.unwanted().any(|(unwanted, _)| unwanted == region),
                Err(_) => true,
            });
        wanted.all(|conclusion| match &conclusion.state {
            RegionState::InSync(_) | RegionState::Spared(..) => true,
            RegionState::Refused(refusal, _) => !refusal.counts() || !not_wanted,
            _ => false,
        })
    }
}

impl Reconciler {
    /// Removes what no rule wants, once every replica that is wanted is in sync, and follows that to
    /// its end. What is on its way is removed when it has arrived: AWS carries every change of tags
    /// to the replicas, so that they are often on their way then.
    ///
    /// Each request rests on a read made just before it: much may have changed since the first one.
    pub(super) async fn remove_unwanted(
        &self,
        secret: &Secret,
        plan: &Plan,
        done: &mut Done,
        budget: &Budget,
    ) {
        let first = |(region, reason): (&Region, &RemovalReason)| {
            let removal = if done.allow_removal(secret, plan, reason) {
                Removal::Due
            } else {
                Removal::Blocked
            };
            (region.clone(), removal)
        };
        // Apart from what is removed to be made anew: that is not done when it is gone.
        let mut removals: Removals = plan.unwanted().map(first).collect();
        let mut looks = budget.looks_until_settled();
        let id = SecretId::Arn(secret.arn.clone());
        let mut is_first = true;
        while removals.values().any(Removal::is_open) && (is_first || looks.pause().await) {
            is_first = false;
            let Ok(now) = self.secrets_manager.describe(&id, looks.deadline()).await else {
                continue;
            };
            let due = self.look(&now, &mut removals);
            let requested = self.request_removal(secret, due, budget).await;
            removals.extend(requested);
        }
        done.removals.extend(removals);
    }

    /// Notes which replicas are gone. Answers which are due for removal by what is seen now.
    fn look(&self, now: &Secret, removals: &mut Removals) -> Vec<Region> {
        let fresh = match decide(now, &self.policy, &self.limits) {
            Decision::Act(plan) => Some(plan),
            Decision::Skip(_) => None,
        };
        let mut due = Vec::new();
        for (region, removal) in removals.iter_mut().filter(|(_, removal)| removal.is_open()) {
            if !now.replicas.contains_key(region) {
                *removal = Removal::Gone;
            } else if matches!(removal, Removal::Due) {
                let plan = fresh.as_ref();
                match plan.and_then(|plan| Some((plan, plan.steps.get(region)?))) {
                    Some((plan, Step::Remove(reason, _))) if plan.may_remove(reason) => {
                        due.push(region.clone());
                    }
                    Some((_, Step::Remove(..) | Step::AwaitRemoval(..))) => {}
                    _ => *removal = Removal::Changed,
                }
            }
        }
        due
    }

    /// Asks AWS to remove replicas: all at once, and each by itself if AWS refuses that.
    async fn request_removal(
        &self,
        secret: &Secret,
        regions: Vec<Region>,
        budget: &Budget,
    ) -> Removals {
        if regions.is_empty() {
            return Removals::new();
        }
        let until = budget.cut_off();
        let all: Vec<&Region> = regions.iter().collect();
        let together = self.secrets_manager.remove(&secret.arn, &all, until).await;
        let is_refused = matches!(&together, Err(error) if error.refuses_the_request());
        let one_by_one = is_refused && regions.len() > 1;
        let mut removals = Removals::new();
        for region in regions {
            let result = if one_by_one {
                let one = [&region];
                self.secrets_manager.remove(&secret.arn, &one, until).await
            } else {
                together.clone()
            };
            removals.insert(region, Removal::from_answer(result));
        }
        removals
    }

    /// Removes replicas whatever the policy wants, and follows that until AWS does not list them any
    /// more or the time is up. That takes AWS up to a minute and a half (reported by users).
    pub(super) async fn remove_to_remake(
        &self,
        secret: &Secret,
        regions: &BTreeSet<Region>,
        budget: &Budget,
    ) -> Removals {
        let regions = regions.iter().cloned().collect();
        let mut removals = self.request_removal(secret, regions, budget).await;
        let mut looks = budget.looks_until_settled();
        let id = SecretId::Arn(secret.arn.clone());
        while removals.values().any(Removal::is_open) && looks.pause().await {
            let Ok(now) = self.secrets_manager.describe(&id, looks.deadline()).await else {
                continue;
            };
            for (region, removal) in &mut removals {
                if removal.is_open() && !now.replicas.contains_key(region) {
                    *removal = Removal::Gone;
                }
            }
        }
        removals
    }
}
