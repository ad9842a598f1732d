use std::collections::{BTreeMap, BTreeSet};

use super::conclusion::{Action, RegionState};
use super::{Done, Reconciler, conclusion};
use crate::budget::Budget;
use crate::plan::Plan;
use crate::reason::{Progress, RemovalReason};
use crate::secret::{Region, Replica, ReplicaStatus, Secret, SecretId};
use crate::secrets_manager::CallError;

/// How far the removal of a replica is.
#[derive(Clone, Debug)]
pub(super) enum Removal {
    /// AWS does not list the replica any more.
    Gone,
    /// AWS has accepted the request, now or earlier.
    Going,
    /// The replica was on its way in, not out, and may not be removed yet.
    Stays,
    /// No answer came to the request.
    Doubtful(CallError),
    /// AWS has refused the request.
    Refused(CallError),
}

/// How far the removals are, by Region.
pub(super) type Removals = BTreeMap<Region, Removal>;

impl Removal {
    fn from_answer(result: Result<(), CallError>) -> Self {
        match result {
            Ok(()) => Self::Going,
            Err(error) if error.may_have_been_executed() => Self::Doubtful(error),
            Err(error) => Self::Refused(error),
        }
    }

    fn may_go(&self) -> bool {
        matches!(self, Self::Going | Self::Doubtful(_))
    }

    /// What the record says of it.
    pub(super) fn state(&self, reason: &RemovalReason) -> RegionState {
        match self {
            Self::Gone => RegionState::Removed(reason.clone()),
            Self::Going | Self::Stays => {
                RegionState::InProgress(Progress::StillBeingRemoved(reason.clone()))
            }
            Self::Doubtful(error) | Self::Refused(error) => {
                RegionState::Failed(error.reason(), Some(error.message.clone()))
            }
        }
    }
}

impl Done {
    /// Nothing is removed while a replica that is wanted is missing.
    pub(super) fn every_wanted_replica_is_in_sync(&self, secret: &Secret, plan: &Plan) -> bool {
        let is_open = |state: &RegionState| {
            matches!(state, RegionState::Failed(..) | RegionState::InProgress(_))
        };
        conclusion::concluded(secret, plan, self)
            .iter()
            .filter(|conclusion| conclusion.action != Action::Remove)
            .all(|conclusion| !is_open(&conclusion.state))
    }
}

impl Reconciler {
    /// Asks AWS to remove replicas: all at once, and each by itself if AWS refuses that.
    pub(super) async fn request_removal(
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

    /// Removes what the plan does not want, once every replica that it wants is in sync, and follows
    /// that to its end. What was on its way when it was read is removed when it has arrived: AWS
    /// carries every change of tags to the replicas, so that they are often on their way then.
    pub(super) async fn remove_unwanted(
        &self,
        secret: &Secret,
        plan: &Plan,
        done: &mut Done,
        budget: &Budget,
    ) {
        let may_remove = done.every_wanted_replica_is_in_sync(secret, plan);
        if may_remove {
            let regions = plan.removals().cloned().collect();
            let requested = self.request_removal(secret, regions, budget).await;
            done.removals.extend(requested);
        }
        let mut awaited: BTreeSet<Region> = plan.awaited_removals().cloned().collect();
        let going = |region: &Region| (region.clone(), Removal::Going);
        done.removals.extend(awaited.iter().map(going));
        let mut looks = budget.looks_until_settled();
        let id = SecretId::Arn(secret.arn.clone());
        while done.removals.values().any(Removal::may_go) && looks.pause().await {
            let Ok(now) = self.secrets_manager.describe(&id, looks.deadline()).await else {
                continue;
            };
            let arrived = look(&now, &mut done.removals, &mut awaited);
            if may_remove {
                let requested = self.request_removal(secret, arrived, budget).await;
                done.removals.extend(requested);
            }
        }
    }

    /// Follows removals until AWS does not list the replicas any more or the time is up. That takes
    /// AWS up to a minute and a half (reported by users).
    pub(super) async fn follow_removals(
        &self,
        secret: &Secret,
        removals: &mut Removals,
        budget: &Budget,
    ) {
        let mut looks = budget.looks_until_settled();
        let id = SecretId::Arn(secret.arn.clone());
        while removals.values().any(Removal::may_go) && looks.pause().await {
            if let Ok(now) = self.secrets_manager.describe(&id, looks.deadline()).await {
                look(&now, removals, &mut BTreeSet::new());
            }
        }
    }
}

/// Notes which replicas are gone. Answers which of the awaited ones have arrived instead.
fn look(now: &Secret, removals: &mut Removals, awaited: &mut BTreeSet<Region>) -> Vec<Region> {
    for (region, removal) in removals.iter_mut().filter(|(_, removal)| removal.may_go()) {
        match now.replicas.get(region) {
            None => *removal = Removal::Gone,
            Some(replica) if awaited.contains(region) && has_settled(replica) => {
                *removal = Removal::Stays;
            }
            Some(_) => {}
        }
    }
    let stays = |region: &Region| matches!(removals.get(region), Some(Removal::Stays));
    awaited.extract_if(.., |region| stays(region)).collect()
}

fn has_settled(replica: &Replica) -> bool {
    matches!(
        replica.status,
        ReplicaStatus::InSync | ReplicaStatus::Failed
    )
}
