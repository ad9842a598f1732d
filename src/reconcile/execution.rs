//! The execution of a plan: responses, observations and removals.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secret_replicator_aws::{CallError, CallErrorKind};
use secret_replicator_core::plan::{Changes, Plan};
use secret_replicator_core::reason::{Progress, RemovalReason, Superseded};
use secret_replicator_core::secret::{Region, Replica, ReplicaStatus};

use super::removal_progress::{RemovalProgress, Removals};
use crate::change_budget::Deferred;

/// The maximum number of repetitions of a request for a secret that AWS did not find.
const MAX_REPEATS: u32 = 3;

/// The execution of a plan.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) responses: Responses,
    pub(super) observations: Observations,
    pub(super) findings: RegionalFindings,
    pub(super) removals: Removals,
    /// The Regions in which a failed replica was removed and requested again.
    pub(super) recreated: BTreeSet<Region>,
    /// The Regions with a promoted former replica, which made the request fail or took the replica's place.
    pub(super) promoted: BTreeSet<Region>,
    /// The Regions whose step is left for later, because the sweep may not make more changes.
    pub(super) withheld: BTreeSet<Region>,
    /// The Regions with a removal, or with an earlier request than the one in `responses`, that AWS has accepted or
    /// may have executed.
    pub(super) written_before: BTreeSet<Region>,
    /// The Regions in which the owner of the secret has changed what is wanted, or has removed the replica.
    pub(super) superseded: BTreeMap<Region, Superseded>,
    /// Why a part of the plan was deferred.
    pub(super) deferred: Option<Deferred>,
}

impl Execution {
    /// Creates the execution of a plan whose replicas were requested and followed.
    pub(super) fn new(
        responses: Responses,
        observations: Observations,
        withheld: BTreeSet<Region>,
    ) -> Self {
        Self {
            responses,
            observations,
            findings: RegionalFindings::default(),
            removals: Removals::new(),
            recreated: BTreeSet::new(),
            promoted: BTreeSet::new(),
            written_before: BTreeSet::new(),
            superseded: BTreeMap::new(),
            withheld,
            deferred: None,
        }
    }

    /// Returns why a part of the plan was deferred, if a write got no slot in time.
    pub(super) fn unsent(&self) -> Option<Deferred> {
        let has_unsent = self.responses.values().any(Response::is_unsent)
            || self
                .removals
                .values()
                .any(|removal| matches!(removal, RemovalProgress::NotSent));
        has_unsent.then_some(Deferred::DeadlineTooClose)
    }

    /// Returns the Regions whose replica was listed and no longer is, as all reads for [`STALE_FOR`] show. A single
    /// read may be older than the replica.
    ///
    /// [`STALE_FOR`]: super::follow::STALE_FOR
    pub(super) fn vanished(&self) -> impl Iterator<Item = &Region> {
        self.observations.vanished_regions()
    }

    /// Records the removals that AWS has accepted or may have executed.
    pub(super) fn note_requested(&mut self, removals: &Removals) {
        let requested = removals
            .iter()
            .filter(|(_, removal)| removal.may_be_executed());
        self.written_before
            .extend(requested.map(|(region, _)| region.clone()));
    }

    /// Replaces the responses of Regions that were requested again, and adds the later observations. What AWS
    /// executed before remains a write, although it may reject the later request.
    pub(super) fn request_again(
        &mut self,
        regions: &BTreeSet<Region>,
        responses: Responses,
        observations: Observations,
    ) {
        self.written_before = self.written().into_iter().cloned().collect();
        self.observations.forget(regions);
        self.responses.extend(responses);
        self.observations.extend(observations);
    }

    /// Returns whether the last poll or a request did not find the secret.
    pub(super) fn was_not_found(&self) -> bool {
        let responses = self.responses.values();
        let of_requests = responses.filter_map(|response| response.result.as_ref().err());
        let mut errors = of_requests.chain(&self.observations.error);
        errors.any(|error| error.kind == CallErrorKind::NotFound)
    }

    /// Returns whether AWS throttled or failed the last call for a Region.
    pub(super) fn has_transient_error(&self, region: &Region) -> bool {
        let removal = self.removals.get(region).map(RemovalProgress::error);
        let response = self.responses.get(region);
        let last =
            removal.unwrap_or_else(|| response.and_then(|response| response.result.as_ref().err()));
        last.is_some_and(CallError::is_transient)
    }

    /// Returns whether AWS rejected a write because the secret is a replica.
    pub(super) fn shows_a_replica(&self) -> bool {
        let mut of_removals = self.removals.values().filter_map(RemovalProgress::error);
        shows_a_replica(&self.responses) || of_removals.any(CallError::is_about_a_replica)
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

    /// Returns the Regions with a write that AWS has accepted or may have executed. A write that AWS has
    /// rejected changes nothing, nor does one without a response if polls show that it had no effect.
    pub(super) fn written(&self) -> BTreeSet<&Region> {
        let responses = self.responses.iter();
        let requested = responses.filter(|(region, response)| {
            response.result.is_ok()
                || response.was_ambiguous && self.observations.may_have_moved(region)
        });
        requested
            .map(|(region, _)| region)
            .chain(&self.written_before)
            .collect()
    }
}

/// The findings of the checks in the replica Regions.
#[derive(Debug, Default)]
pub(super) struct RegionalFindings {
    /// The Regions whose replica does not have the current version, or could not be read.
    pub(super) behind: BTreeMap<Region, Progress>,
    /// The Regions with a promoted former replica that the primary secret reports in sync.
    pub(super) promoted: BTreeSet<Region>,
    /// The Regions whose replication is stuck.
    pub(super) stuck: BTreeSet<Region>,
    /// The former replicas that the primary secret does not list and that their Regions still have.
    pub(super) leftovers: BTreeMap<Region, Leftover>,
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

/// Returns whether AWS rejected a request because the secret is a replica.
pub(super) fn shows_a_replica(responses: &Responses) -> bool {
    let responses = responses.values();
    let mut errors = responses.filter_map(|response| response.result.as_ref().err());
    errors.any(CallError::is_about_a_replica)
}

/// Returns the changes of a plan that AWS has accepted, and those that may follow. The latter are the removals,
/// and the requests whose effect is unknown.
pub(super) fn changes_after(
    plan: &Plan,
    withheld: &BTreeSet<Region>,
    responses: &Responses,
) -> (Changes, Changes) {
    let made = |region: &Region| {
        responses
            .get(region)
            .is_some_and(|sent| sent.result.is_ok())
    };
    let may_follow = |region: &Region| match responses.get(region) {
        Some(sent) => sent.is_open(),
        None => plan.unwanted().any(|(unwanted, _)| unwanted == region),
    };
    let open = |region: &Region| !withheld.contains(region) && may_follow(region);
    (plan.changes_in(made), plan.changes_in(open))
}

/// AWS's response to the request for one Region.
#[derive(Clone, Debug)]
pub(super) struct Response {
    /// The last response.
    pub(super) result: Result<(), CallError>,
    /// The replica, if the response shows it in sync. It then needs no poll.
    pub(super) in_sync: Option<Replica>,
    /// Whether the response shows the replica.
    pub(super) is_listed: bool,
    /// Whether any failed request for the Region may have been executed.
    pub(super) was_ambiguous: bool,
}

impl Response {
    /// Creates the response to a request that AWS has accepted. Contains the replica, if AWS's response
    /// shows it.
    pub(super) fn accepted(replica: Option<&Replica>) -> Self {
        let is_in_sync = |replica: &&Replica| replica.status == ReplicaStatus::InSync;
        Self {
            in_sync: replica.filter(is_in_sync).cloned(),
            is_listed: replica.is_some(),
            ..Self::executed()
        }
    }

    /// Creates the response to a request that failed.
    pub(super) fn failed(error: CallError) -> Self {
        let was_ambiguous = error.may_have_been_executed();
        Self {
            was_ambiguous,
            ..Self::unsent(error)
        }
    }

    /// Creates the response for a request that was not sent.
    pub(super) fn unsent(error: CallError) -> Self {
        Self {
            result: Err(error),
            ..Self::executed()
        }
    }

    /// Returns the response to a request that a later read has shown as executed.
    pub(super) fn executed() -> Self {
        Self {
            result: Ok(()),
            in_sync: None,
            is_listed: false,
            was_ambiguous: false,
        }
    }

    /// Returns whether the last request was not sent.
    pub(super) fn is_unsent(&self) -> bool {
        matches!(&self.result, Err(error) if error.kind == CallErrorKind::NotSent)
    }

    /// Returns whether to send the request again, after another read. A write may not find a secret yet, although a
    /// read has found it, but only for the first repetitions.
    pub(super) fn should_be_repeated(&self, repeats: u32) -> bool {
        match &self.result {
            Ok(()) => false,
            Err(error) if error.kind == CallErrorKind::NotFound => repeats < MAX_REPEATS,
            Err(error) => error.may_have_been_executed(),
        }
    }

    /// Returns whether AWS may still change the replica: it may have executed the request without an answer, and
    /// a failed replica whose retry it has refused may be recreated.
    fn is_open(&self) -> bool {
        match &self.result {
            Ok(()) => false,
            Err(error) => self.was_ambiguous || error.kind == CallErrorKind::Refused,
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
    /// The time of the last read or response that listed the replica, by Region.
    listed: BTreeMap<Region, Duration>,
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
            if response.is_listed {
                observations.note_listed(region, after);
            }
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

    /// Returns whether a request without a response has taken effect, or still may.
    fn may_have_moved(&self, region: &Region) -> bool {
        self.moved.contains(region) || self.unsettled.contains(region)
    }

    /// Records the Regions that had not settled at the last poll.
    pub(super) fn end(&mut self, unsettled: impl Iterator<Item = Region>) {
        self.unsettled = unsettled.collect();
    }

    /// Records that a read or a response listed the replica.
    pub(super) fn note_listed(&mut self, region: &Region, after: Duration) {
        self.listed.insert(region.clone(), after);
    }

    /// Returns the Regions whose replica was listed, but not by the last reads.
    fn vanished_regions(&self) -> impl Iterator<Item = &Region> {
        let listed = self.listed.keys();
        listed.filter(|region| {
            !self.replicas.contains_key(region) && !self.unsettled.contains(region)
        })
    }

    /// Returns the time of the last read or response that listed the replica, if the last read did not.
    pub(super) fn vanished(&self, region: &Region) -> Option<Duration> {
        let listed = self.listed.get(region).copied()?;
        (!self.replicas.contains_key(region)).then_some(listed)
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

    /// Adds later observations.
    pub(super) fn extend(&mut self, later: Self) {
        self.replicas.extend(later.replicas);
        self.unsettled.extend(later.unsettled);
        self.listed.extend(later.listed);
        self.error = later.error;
    }

    /// Drops the observations of replicas that were removed later.
    pub(super) fn forget(&mut self, regions: &BTreeSet<Region>) {
        self.replicas.retain(|region, _| !regions.contains(region));
        self.listed.retain(|region, _| !regions.contains(region));
    }

    fn update(&mut self, region: &Region, replica: Option<Replica>, after: Duration) {
        match replica {
            Some(replica) => {
                self.note_listed(region, after);
                let observation = Observation { replica, after };
                self.replicas.insert(region.clone(), observation)
            }
            None => self.replicas.remove(region),
        };
    }
}
