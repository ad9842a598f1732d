//! The execution of a plan: responses, observations and removals.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secret_replicator_aws::{CallError, CallErrorKind};
use secret_replicator_core::reason::RemovalReason;
use secret_replicator_core::secret::{Region, Replica, ReplicaStatus};

use super::removal_progress::{RemovalProgress, Removals};
use crate::change_budget::Deferred;

/// The execution of a plan.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) responses: Responses,
    pub(super) observations: Observations,
    pub(super) findings: RegionalFindings,
    pub(super) removals: Removals,
    /// The Regions in which a failed replica was removed and requested again.
    pub(super) recreated: BTreeSet<Region>,
    /// The Regions in which the request failed because of a promoted former replica.
    pub(super) promoted: BTreeSet<Region>,
    /// The former replicas that the primary secret does not list and that their Regions still have.
    pub(super) leftovers: BTreeMap<Region, Leftover>,
}

impl Execution {
    /// Returns why a part of the plan was deferred, if a write got no slot in time.
    pub(super) fn deferred(&self) -> Option<Deferred> {
        let has_unsent = self.responses.values().any(Response::is_unsent)
            || self
                .removals
                .values()
                .any(|removal| matches!(removal, RemovalProgress::NotSent));
        has_unsent.then_some(Deferred::DeadlineTooClose)
    }

    /// Returns whether AWS rejected a write because the secret is a replica.
    pub(super) fn shows_a_replica(&self) -> bool {
        let responses = self.responses.values();
        let of_requests = responses.filter_map(|response| response.result.as_ref().err());
        let of_removals = self.removals.values().filter_map(RemovalProgress::error);
        of_requests
            .chain(of_removals)
            .any(CallError::is_about_a_replica)
    }

    /// Returns whether AWS has definitely accepted or rejected the request for a Region.
    pub(super) fn was_answered(&self, region: &Region) -> bool {
        self.responses.get(region).is_some_and(|response| {
            let is_clear = match &response.result {
                Ok(()) => true,
                Err(error) => error.kind == CallErrorKind::Refused,
            };
            is_clear && !response.was_ambiguous
        })
    }

    /// Returns whether a failed request may still take effect, according to all observations.
    pub(super) fn may_still_take_effect(&self, region: &Region) -> bool {
        let response = self.responses.get(region);
        let removal = self.removals.get(region);
        response.is_some_and(|response| response.was_ambiguous)
            && self.observations.is_unsettled(region)
            || removal.is_some_and(RemovalProgress::may_still_take_effect)
    }
}

/// The findings of the checks in the replica Regions.
#[derive(Debug, Default)]
pub(super) struct RegionalFindings {
    /// The Regions whose replica does not have the current version.
    pub(super) behind: BTreeSet<Region>,
    /// The Regions whose replication is stuck.
    pub(super) stuck: BTreeSet<Region>,
}

/// A former replica in a Region in which no rule wants one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leftover {
    /// Still a replica: AWS has not finished its removal.
    Replica(RemovalReason),
    /// A standalone secret.
    Standalone,
}

/// AWS's responses to the requests for replicas, by Region.
pub(super) type Responses = BTreeMap<Region, Response>;

/// AWS's response to the request for one Region.
#[derive(Clone, Debug)]
pub(super) struct Response {
    /// The last response.
    pub(super) result: Result<(), CallError>,
    /// The replica, if the response shows it in sync. It then needs no poll.
    pub(super) in_sync: Option<Replica>,
    /// Whether any failed request for the Region may have been executed.
    pub(super) was_ambiguous: bool,
}

impl Response {
    /// Extracts one Region's part from the response to a request.
    pub(super) fn new(
        region: &Region,
        response: &Result<BTreeMap<Region, Replica>, CallError>,
    ) -> Self {
        let is_in_sync = |replica: &&Replica| replica.status == ReplicaStatus::InSync;
        match response {
            Ok(replicas) => Self {
                result: Ok(()),
                in_sync: replicas.get(region).filter(is_in_sync).cloned(),
                was_ambiguous: false,
            },
            Err(error) => Self {
                result: Err(error.clone()),
                in_sync: None,
                was_ambiguous: error.may_have_been_executed(),
            },
        }
    }

    /// Returns the response to a request that a later read has shown as executed.
    pub(super) fn executed() -> Self {
        Self {
            result: Ok(()),
            in_sync: None,
            was_ambiguous: false,
        }
    }

    /// Returns whether the last request was not sent.
    pub(super) fn is_unsent(&self) -> bool {
        matches!(&self.result, Err(error) if error.kind == CallErrorKind::NotSent)
    }

    /// Returns whether to send the request again, after another read.
    pub(super) fn should_be_repeated(&self) -> bool {
        match &self.result {
            Ok(()) => false,
            // A write may not find a secret yet, although a read has found it.
            Err(error) => error.may_have_been_executed() || error.kind == CallErrorKind::NotFound,
        }
    }
}

/// The observations of the replicas by the polls after the request.
#[derive(Debug, Default)]
pub(super) struct Observations {
    replicas: BTreeMap<Region, Observation>,
    /// The Regions in which any poll has shown a replica that differs from the one before the request.
    moved: BTreeSet<Region>,
    /// The Regions that had not settled at the last poll. A request may still take effect there.
    unsettled: BTreeSet<Region>,
    /// Why the last poll failed. `None` if a poll has succeeded since.
    pub(super) error: Option<CallError>,
}

/// The last observation of a replica, and the time between the request and the observation.
#[derive(Clone, Debug)]
pub(super) struct Observation {
    pub(super) replica: Replica,
    pub(super) after: Duration,
}

impl Observations {
    /// Takes the observations that the responses to the requests contain.
    pub(super) fn from_responses(responses: &Responses, after: Duration) -> Self {
        let mut observations = Self::default();
        for (region, response) in responses {
            if let Some(replica) = &response.in_sync {
                observations.moved.insert(region.clone());
                observations.update(region, Some(replica.clone()), after);
            }
        }
        observations
    }

    /// Returns the last observation in a Region.
    pub(super) fn of(&self, region: &Region) -> Option<&Observation> {
        self.replicas.get(region)
    }

    /// Returns whether polls have shown the replica, each time unchanged.
    pub(super) fn never_moved(&self, region: &Region, before: &Replica) -> bool {
        let is_the_same = |seen: &Observation| seen.replica == *before;
        !self.moved.contains(region) && self.of(region).is_some_and(is_the_same)
    }

    fn is_unsettled(&self, region: &Region) -> bool {
        self.unsettled.contains(region)
    }

    /// Records a poll's replica, or that AWS lists none. `before` is the replica before the request.
    pub(super) fn note(
        &mut self,
        region: &Region,
        before: Option<&Replica>,
        replica: Option<Replica>,
        after: Duration,
    ) {
        if replica.as_ref() != before {
            self.moved.insert(region.clone());
        }
        self.update(region, replica, after);
    }

    /// Records the Regions that had not settled at the last poll.
    pub(super) fn end(&mut self, unsettled: impl Iterator<Item = Region>) {
        self.unsettled = unsettled.collect();
    }

    /// Adds later observations.
    pub(super) fn extend(&mut self, later: Self) {
        self.replicas.extend(later.replicas);
        self.unsettled.extend(later.unsettled);
        self.error = later.error;
    }

    /// Drops the observations of replicas that were removed later.
    pub(super) fn forget(&mut self, regions: &BTreeSet<Region>) {
        self.replicas.retain(|region, _| !regions.contains(region));
    }

    fn update(&mut self, region: &Region, replica: Option<Replica>, after: Duration) {
        match replica {
            Some(replica) => {
                let observation = Observation { replica, after };
                self.replicas.insert(region.clone(), observation)
            }
            None => self.replicas.remove(region),
        };
    }
}
