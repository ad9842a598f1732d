//! The progress of the removals of replicas, as far as reads and probes show it.

use std::collections::BTreeMap;
use std::time::Duration;

use secret_replicator_aws::{CallError, CallErrorKind};
use secret_replicator_core::secret::{Region, RegionalSecret};
use tokio::time::Instant;

/// The time for which a removal that AWS has rejected or not answered may still turn out to be in progress. Another
/// invocation may have requested it, and reads lag behind writes.
const UNCONFIRMED_FOR: Duration = Duration::from_secs(5);

/// The time for which all probes must miss a replica to prove that it is gone. A Region may not show a replica
/// yet that it has just created.
const ABSENT_FOR: Duration = Duration::from_secs(5);

/// The number of reads without the replica that prove that the primary secret no longer lists it. A single
/// read may be older than the replica. Also the number of probes that prove that a secret is standalone.
const CERTAIN: u32 = 2;

/// Whether there is time for another probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    Left,
    Up,
}

/// A replica that the primary secret no longer lists, and what its Region has shown since.
#[derive(Clone, Debug)]
pub(super) struct Unlisted {
    /// Whether the removal was requested, although AWS may have rejected the request or not answered it.
    may_be_requested: bool,
    /// The number of successive reads of the primary secret without the replica.
    reads: u32,
    /// The number of probes that found a standalone secret with the replica's suffix.
    standalone: u32,
    /// The times of the first and the last of the successive probes that did not find the replica.
    absent: Option<(Instant, Instant)>,
    /// The last probe.
    last: Option<Result<RegionalSecret, CallError>>,
}

impl Unlisted {
    /// Creates the state after the first read that does not list the replica.
    pub(super) fn first(before: &RemovalProgress) -> Self {
        Self {
            may_be_requested: !before.is_to_be_requested(),
            reads: 1,
            standalone: 0,
            absent: None,
            last: None,
        }
    }

    pub(super) fn note_read(&mut self, is_listed: bool) {
        self.reads = if is_listed { 0 } else { self.reads + 1 };
    }

    pub(super) fn note_probe(&mut self, found: Result<RegionalSecret, CallError>, at: Instant) {
        match found {
            Ok(RegionalSecret::PromotedReplica) => self.standalone += 1,
            Ok(
                RegionalSecret::Absent
                | RegionalSecret::ReplicaOfAnotherRegion
                | RegionalSecret::OtherSecret,
            ) => {
                let first = self.absent.map_or(at, |(first, _)| first);
                self.absent = Some((first, at));
            }
            Ok(RegionalSecret::Replica { .. }) => self.absent = None,
            Err(_) => {}
        }
        self.last = Some(found);
    }

    /// Returns whether another read has to show that the primary secret no longer lists the replica.
    pub(super) fn needs_a_read(&self) -> bool {
        self.reads < CERTAIN
    }

    /// Returns the result of the removal, or `None` while it is open. If the time is up, a single probe
    /// decides that the replica is stranded, but not that it is gone.
    pub(super) fn conclude(&self, time: Time) -> Option<RemovalProgress> {
        match &self.last {
            _ if self.reads == 0 && !self.may_be_requested => Some(RemovalProgress::Pending),
            _ if self.reads == 0 => None,
            Some(Ok(
                RegionalSecret::Absent
                | RegionalSecret::ReplicaOfAnotherRegion
                | RegionalSecret::OtherSecret,
            )) => {
                let (first, last) = self.absent?;
                (last - first >= ABSENT_FOR).then_some(RemovalProgress::Gone(None))
            }
            Some(Ok(RegionalSecret::PromotedReplica)) => (time == Time::Up
                || self.standalone >= CERTAIN && self.reads >= CERTAIN)
                .then_some(RemovalProgress::Stranded),
            // An outage of the Region proves nothing. The replica may outlast it.
            Some(Err(error)) if error.is_transient() => None,
            Some(Err(error)) => {
                let is_final = time == Time::Up || error.kind == CallErrorKind::AccessDenied;
                (is_final && self.reads >= CERTAIN)
                    .then(|| RemovalProgress::Gone(Some(error.clone())))
            }
            Some(Ok(RegionalSecret::Replica { .. })) | None => None,
        }
    }
}

/// The progress of the removals, by Region.
pub(super) type Removals = BTreeMap<Region, RemovalProgress>;

/// The progress of the removal of a replica.
#[derive(Clone, Debug)]
pub(super) enum RemovalProgress {
    /// The replica is gone. Contains why its Region could not confirm it.
    Gone(Option<CallError>),
    /// The primary secret no longer lists the replica. Its Region is still to confirm that it is gone.
    Unlisted(Unlisted),
    /// The replica is left in its Region as a standalone secret.
    Stranded,
    /// AWS has accepted the request.
    Accepted,
    /// AWS has rejected the request. The replica may still disappear, until the given time.
    Unconfirmed(CallError, Instant),
    /// AWS has not answered the request, which was sent at the given time, and may have executed it. Another one
    /// follows if reads still list the replica after [`UNCONFIRMED_FOR`].
    Unanswered(CallError, Instant),
    /// Not requested: the request got no write slot or no connection before the deadline.
    NotSent,
    /// Not requested yet: the replica, or a wanted one, is still in progress.
    Pending,
    /// AWS has throttled the request. Another one may follow.
    Throttled(CallError),
    /// Not requested: a wanted Region is refused, or its replica has failed.
    Blocked,
    /// Not requested: the secret has changed since the decision.
    SecretChanged,
}

impl RemovalProgress {
    pub(super) fn from_response(result: Result<(), CallError>) -> Self {
        match result {
            Ok(()) => Self::Accepted,
            Err(error) if error.kind == CallErrorKind::NotSent => Self::NotSent,
            Err(error) if error.kind == CallErrorKind::Throttled => Self::Throttled(error),
            Err(error) if error.may_have_been_executed() => Self::Unanswered(error, Instant::now()),
            Err(error) => Self::Unconfirmed(error, Instant::now() + UNCONFIRMED_FOR),
        }
    }

    pub(super) fn error(&self) -> Option<&CallError> {
        match self {
            Self::Unconfirmed(error, _) | Self::Unanswered(error, _) | Self::Throttled(error) => {
                Some(error)
            }
            _ => None,
        }
    }

    /// Returns whether another poll of the primary secret may show progress.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Accepted | Self::Pending | Self::Throttled(_) | Self::Unanswered(..) => true,
            Self::Unconfirmed(_, until) => Instant::now() < *until,
            Self::Gone(_)
            | Self::Unlisted(_)
            | Self::Stranded
            | Self::NotSent
            | Self::Blocked
            | Self::SecretChanged => false,
        }
    }

    /// Returns whether the removal is still to be requested, and AWS has not executed it.
    pub(super) fn is_to_be_requested(&self) -> bool {
        matches!(self, Self::Pending | Self::Throttled(_))
    }

    /// Returns whether to request the removal if a read still lists the replica.
    pub(super) fn is_due(&self) -> bool {
        match self {
            Self::Unanswered(_, at) => at.elapsed() >= UNCONFIRMED_FOR,
            _ => self.is_to_be_requested(),
        }
    }

    /// Returns whether AWS has failed or has not answered the last request.
    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self, Self::Unanswered(..))
    }

    /// Returns whether AWS has accepted the request or may have executed it.
    pub(super) fn may_be_executed(&self) -> bool {
        matches!(self, Self::Accepted | Self::Unanswered(..))
    }
}

#[cfg(test)]
mod tests {
    use secret_replicator_aws::Operation;

    use super::*;

    const REPLICA: RegionalSecret = RegionalSecret::Replica {
        current_version: None,
        created: None,
    };

    fn failed(kind: CallErrorKind) -> CallError {
        CallError {
            operation: Operation::DescribeSecret,
            kind,
            code: String::new(),
            message: String::new(),
            request_id: None,
        }
    }

    /// Creates the state after probes that are three seconds apart.
    fn unlisted(reads: u32, probes: &[Result<RegionalSecret, CallError>]) -> Unlisted {
        let mut unlisted = Unlisted::first(&RemovalProgress::Accepted);
        unlisted.reads = reads;
        let mut at = Instant::now();
        for found in probes {
            unlisted.note_probe(found.clone(), at);
            at += Duration::from_secs(3);
        }
        unlisted
    }

    /// Returns the name of the result if time remains, and if none remains.
    fn ends(unlisted: &Unlisted) -> [Option<&'static str>; 2] {
        [Time::Left, Time::Up].map(|time| {
            Some(match unlisted.conclude(time)? {
                RemovalProgress::Gone(None) => "gone",
                RemovalProgress::Gone(Some(_)) => "unverified",
                RemovalProgress::Stranded => "stranded",
                RemovalProgress::Pending => "pending",
                other => panic!("{other:?}"),
            })
        })
    }

    #[test]
    fn the_region_decides_and_one_read_of_the_primary_secret_does_not() {
        let standalone = Ok(RegionalSecret::PromotedReplica);
        let twice = [standalone.clone(), standalone.clone()];
        let absent = [(); 3].map(|()| Ok(RegionalSecret::Absent));
        let [first, last] = [absent[0].clone(), absent[0].clone()];
        let outages = [CallErrorKind::Unanswered, CallErrorKind::Throttled].map(failed);
        let outages = outages.map(|error| unlisted(2, &[Err(error)]));
        let late = [Err(failed(CallErrorKind::Refused))];
        let denied = [Err(failed(CallErrorKind::AccessDenied))];
        let cases = [
            (unlisted(1, &absent), [Some("gone"); 2]),
            (
                unlisted(
                    1,
                    &[first.clone(), Ok(RegionalSecret::OtherSecret), last.clone()],
                ),
                [Some("gone"); 2],
            ),
            (unlisted(1, &absent[..2]), [None; 2]),
            (unlisted(1, &[first, Ok(REPLICA), last]), [None; 2]),
            (unlisted(0, &absent), [None; 2]),
            (unlisted(2, &[Ok(REPLICA)]), [None; 2]),
            (unlisted(2, &[]), [None; 2]),
            (unlisted(2, &[standalone]), [None, Some("stranded")]),
            (unlisted(2, &twice), [Some("stranded"); 2]),
            (unlisted(1, &twice), [None, Some("stranded")]),
            (unlisted(2, &late), [None, Some("unverified")]),
            (unlisted(1, &late), [None; 2]),
            (unlisted(2, &denied), [Some("unverified"); 2]),
        ];
        let outages = outages.into_iter().map(|unlisted| (unlisted, [None; 2]));
        for (unlisted, expected) in cases.into_iter().chain(outages) {
            assert_eq!(ends(&unlisted), expected, "{unlisted:?}");
        }
    }

    #[test]
    fn a_replica_that_was_missing_in_one_read_only_and_not_requested_stays_pending() {
        let mut unlisted = Unlisted::first(&RemovalProgress::Pending);
        unlisted.note_read(true);
        assert_eq!(ends(&unlisted), [Some("pending"); 2]);
    }
}
