//! Verifies in the replica's Region that a replica is gone.
//!
//! The primary secret stops listing a replica at once, while the replica lives on in its Region for 40 to
//! 90 seconds. Deleting the primary secret meanwhile can leave the replica as a standalone secret
//! (reported by users). Only the Region itself shows when the replica is gone.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{CallError, CallErrorKind};
use secret_replicator_core::secret::{Region, RegionalSecret, Secret, SecretId};

use super::Reconciler;
use super::execution::{RemovalProgress, Removals};
use super::observe::PROBES_AT_ONCE;
use crate::deadlines::Deadlines;

/// The number of reads without the replica that prove that the primary secret no longer lists it. A single
/// read may be older than the replica. Also the number of probes that prove that a secret is standalone.
const CERTAIN: u32 = 2;

/// A replica that the primary secret no longer lists, and what its Region has shown since.
#[derive(Clone, Debug)]
pub(super) struct Unlisted {
    /// Whether the removal was requested. AWS may have rejected the request or not answered it.
    requested: bool,
    /// The number of successive reads of the primary secret without the replica.
    reads: u32,
    /// The number of probes that found a standalone secret with the replica's suffix.
    standalone: u32,
    /// The last probe.
    last: Option<Result<RegionalSecret, CallError>>,
}

impl Unlisted {
    /// Creates the state after the first read that does not list the replica.
    pub(super) fn first(before: &RemovalProgress) -> Self {
        Self {
            requested: !matches!(before, RemovalProgress::Pending),
            reads: 1,
            standalone: 0,
            last: None,
        }
    }

    fn note_read(&mut self, is_listed: bool) {
        self.reads = if is_listed { 0 } else { self.reads + 1 };
    }

    fn note_probe(&mut self, found: Result<RegionalSecret, CallError>) {
        if found == Ok(RegionalSecret::PromotedReplica) {
            self.standalone += 1;
        }
        self.last = Some(found);
    }

    /// Returns the result of the removal, or `None` while it is open. `is_last` states that there is no time
    /// for another probe, so that a single probe decides.
    fn conclude(&self, is_last: bool) -> Option<RemovalProgress> {
        match &self.last {
            _ if self.reads == 0 && !self.requested => Some(RemovalProgress::Pending),
            _ if self.reads == 0 => None,
            Some(Ok(RegionalSecret::Absent | RegionalSecret::OtherSecret)) => {
                Some(RemovalProgress::Gone(None))
            }
            Some(Ok(RegionalSecret::PromotedReplica)) => (is_last
                || self.standalone >= CERTAIN && self.reads >= CERTAIN)
                .then_some(RemovalProgress::Stranded),
            Some(Err(error)) => {
                let is_final = is_last || error.kind == CallErrorKind::AccessDenied;
                (is_final && self.reads >= CERTAIN)
                    .then(|| RemovalProgress::Gone(Some(error.clone())))
            }
            Some(Ok(RegionalSecret::Replica { .. })) | None => None,
        }
    }
}

impl Reconciler {
    /// Polls the Regions of the replicas that the primary secret no longer lists, until each removal has a
    /// result or the deadline passes.
    pub(super) async fn verify_removals(
        &self,
        secret: &Secret,
        removals: &mut Removals,
        deadlines: &Deadlines,
    ) {
        let mut poller = deadlines.poll_removals();
        let id = SecretId::Arn(secret.arn.clone());
        loop {
            let regions: Vec<Region> = open(removals).map(|(region, _)| region).collect();
            let probes = self.probe_removed(secret, regions, deadlines).await;
            for (region, unlisted) in open(removals) {
                if let Some(found) = probes.get(&region) {
                    unlisted.note_probe(found.clone());
                }
            }
            conclude(removals, false);
            if open(removals).next().is_none() || !poller.pause().await {
                break;
            }
            if open(removals).any(|(_, unlisted)| unlisted.reads < CERTAIN) {
                let read = self.secrets_manager.describe(&id, poller.deadline()).await;
                for (region, unlisted) in open(removals) {
                    match &read {
                        Ok(now) => unlisted.note_read(now.replicas.contains_key(&region)),
                        Err(error) if error.kind == CallErrorKind::NotFound => {
                            unlisted.note_read(false);
                        }
                        Err(_) => {}
                    }
                }
            }
        }
        conclude(removals, true);
    }

    async fn probe_removed(
        &self,
        secret: &Secret,
        regions: Vec<Region>,
        deadlines: &Deadlines,
    ) -> BTreeMap<Region, Result<RegionalSecret, CallError>> {
        let probes = regions.into_iter().map(|region| async move {
            let probe = self
                .secrets_manager
                .probe_region(&region, secret, deadlines.end());
            let found = probe.await;
            (region, found)
        });
        let probes = stream::iter(probes).buffer_unordered(PROBES_AT_ONCE);
        probes.collect().await
    }
}

fn open(removals: &mut Removals) -> impl Iterator<Item = (Region, &mut Unlisted)> {
    removals
        .iter_mut()
        .filter_map(|(region, removal)| match removal {
            RemovalProgress::Unlisted(unlisted) => Some((region.clone(), unlisted)),
            _ => None,
        })
}

/// Replaces each unlisted removal by its result. If `is_last`, the removals without a result count as in
/// progress.
fn conclude(removals: &mut Removals, is_last: bool) {
    for removal in removals.values_mut() {
        if let RemovalProgress::Unlisted(unlisted) = removal {
            let in_progress = is_last.then_some(RemovalProgress::Accepted);
            if let Some(end) = unlisted.conclude(is_last).or(in_progress) {
                *removal = end;
            }
        }
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

    fn unlisted(reads: u32, probes: &[Result<RegionalSecret, CallError>]) -> Unlisted {
        let mut unlisted = Unlisted::first(&RemovalProgress::Accepted);
        unlisted.reads = reads;
        for found in probes {
            unlisted.note_probe(found.clone());
        }
        unlisted
    }

    /// Returns the name of the result if time remains, and if none remains.
    fn ends(unlisted: &Unlisted) -> [Option<&'static str>; 2] {
        [false, true].map(|is_last| {
            Some(match unlisted.conclude(is_last)? {
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
        let late = [Err(failed(CallErrorKind::Unanswered))];
        let denied = [Err(failed(CallErrorKind::AccessDenied))];
        let cases = [
            (
                unlisted(1, &[Ok(RegionalSecret::Absent)]),
                [Some("gone"); 2],
            ),
            (
                unlisted(1, &[Ok(RegionalSecret::OtherSecret)]),
                [Some("gone"); 2],
            ),
            (unlisted(0, &[Ok(RegionalSecret::Absent)]), [None; 2]),
            (unlisted(2, &[Ok(REPLICA)]), [None; 2]),
            (unlisted(2, &[]), [None; 2]),
            (unlisted(2, &[standalone]), [None, Some("stranded")]),
            (unlisted(2, &twice), [Some("stranded"); 2]),
            (unlisted(1, &twice), [None, Some("stranded")]),
            (unlisted(2, &late), [None, Some("unverified")]),
            (unlisted(1, &late), [None; 2]),
            (unlisted(2, &denied), [Some("unverified"); 2]),
        ];
        for (unlisted, expected) in cases {
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
