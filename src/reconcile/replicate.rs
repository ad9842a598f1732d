//! Requests replicas in one call for all Regions, or in one call for each Region if AWS rejects the first.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{
    CallError, CallErrorKind, Operation, ReadTime, WriteError, WritePermit,
};
use secret_replicator_core::plan::Target;
use secret_replicator_core::secret::{Region, Replica, Secret};

use super::basis::{Basis, Renewed};
use super::execution::{Response, Responses};
use super::{Occasion, Reconciler};
use crate::deadlines::Deadlines;

/// The number of concurrent requests if each Region is requested separately.
const REQUESTS_AT_ONCE: usize = 4;

/// The maximum number of reads for one request that are too old for it when they arrive.
const MAX_SLOW_READS: usize = 3;

/// A request, and AWS's response.
struct Attempt {
    /// The targets of the request, without those that later reads have shown as requested or unwanted.
    targets: Vec<Target>,
    /// The last read before the request.
    read: ReadTime,
    /// The responses for the replicas that a later read has shown as requested.
    begun: Responses,
    result: Result<BTreeMap<Region, Replica>, NotAccepted>,
}

/// Why AWS has not accepted a request.
enum NotAccepted {
    /// The request was not sent.
    Unsent(CallError),
    /// The call failed.
    Failed(CallError),
}

impl Reconciler {
    /// Requests these replicas of the plan. Returns AWS's response for each Region. A Region without a
    /// response was not requested, because a read showed that the secret has changed.
    ///
    /// After an ambiguous failure, such as a timeout, a broken connection or an internal error of AWS,
    /// reads the secret again and requests only what has not begun and is still wanted, each Region by
    /// itself, in case one of them causes the failure.
    pub(super) async fn replicate(
        &self,
        basis: &Basis,
        targets: &[Target],
        permit: Option<WritePermit<'_>>,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) -> Responses {
        let mut responses = self.send(basis, targets, deadlines).await;
        // Lets other secrets write during the following polls.
        drop(permit);
        let mut poller = occasion.retries(deadlines);
        for repeats in 0.. {
            let is_open = |target: &&Target| {
                let response = responses.get(target.region());
                response.is_some_and(|response| response.should_be_repeated(repeats))
            };
            let open: Vec<Target> = targets.iter().filter(is_open).cloned().collect();
            if open.is_empty() || !poller.pause().await {
                break;
            }
            let Ok((now, read)) = self.read_for(basis, &open, poller.deadline()).await else {
                continue;
            };
            let Renewed { targets, begun } = self.renew(basis, &now, &open);
            let repeated = self.send_each(basis, &targets, read, deadlines).await;
            for (region, mut response) in begun.into_iter().chain(repeated) {
                let before = responses.get(&region);
                response.was_ambiguous |= before.is_some_and(|before| before.was_ambiguous);
                responses.insert(region, response);
            }
        }
        responses
    }

    /// Sends one request for all targets that overwrite nothing, and one for all targets that overwrite.
    async fn send(&self, basis: &Basis, targets: &[Target], deadlines: &Deadlines) -> Responses {
        let mut responses = Responses::new();
        for overwrites in [false, true] {
            let alike = targets
                .iter()
                .filter(|target| target.overwrites() == overwrites);
            let alike: Vec<Target> = alike.cloned().collect();
            responses.extend(self.send_alike(basis, alike, deadlines).await);
        }
        responses
    }

    /// Sends one request. If AWS rejects it, requests each Region separately, so that one bad Region does
    /// not stop the others.
    async fn send_alike(
        &self,
        basis: &Basis,
        targets: Vec<Target>,
        deadlines: &Deadlines,
    ) -> Responses {
        if targets.is_empty() {
            return Responses::new();
        }
        let newest = NewestRead::default();
        let attempt = self.request(basis, targets, basis.read, &newest, deadlines);
        let attempt = attempt.await;
        if !attempt.must_be_split() {
            return attempt.into_responses();
        }
        let Attempt {
            targets,
            read,
            mut begun,
            ..
        } = attempt;
        begun.extend(self.send_each(basis, &targets, read, deadlines).await);
        begun
    }

    /// Sends one request for each target, several of them concurrently, so that a slow request does not
    /// delay the others.
    async fn send_each(
        &self,
        basis: &Basis,
        targets: &[Target],
        read: ReadTime,
        deadlines: &Deadlines,
    ) -> Responses {
        let newest = NewestRead::default();
        let requests = targets
            .iter()
            .map(|target| self.request(basis, vec![target.clone()], read, &newest, deadlines));
        let attempts: Vec<Attempt> = stream::iter(requests)
            .buffer_unordered(REQUESTS_AT_ONCE)
            .collect()
            .await;
        attempts
            .into_iter()
            .flat_map(Attempt::into_responses)
            .collect()
    }

    /// Sends one request, and retries it while AWS throttles it and time remains. In a burst, all events
    /// wait for the same quota, which Lambda's two retries of an event do not outlast. After a wait, reads
    /// the secret again and requests only what it still needs, also as the reads before other requests show.
    async fn request(
        &self,
        basis: &Basis,
        mut targets: Vec<Target>,
        mut read: ReadTime,
        newest: &NewestRead,
        deadlines: &Deadlines,
    ) -> Attempt {
        let mut retries = deadlines.retry_while_throttled();
        let mut slow_reads = 1..MAX_SLOW_READS;
        let mut begun = Responses::new();
        let until = deadlines.end();
        let result = loop {
            let Some(slot) = self.secrets_manager.write_slot(until).await else {
                let operation = Operation::ReplicateSecretToRegions;
                break Err(NotAccepted::Unsent(CallError::not_sent(operation)));
            };
            let mut shown = Vec::new();
            if !read.is_fresh() {
                match self.read_for(basis, &targets, until).await {
                    Ok((now, time)) => {
                        newest.note(&now, time);
                        read = time;
                        shown.push((now, time));
                    }
                    // An outage of seconds also throttles reads.
                    Err(error) if error.is_transient() && retries.pause().await => continue,
                    Err(error) => break Err(NotAccepted::Unsent(error)),
                }
            }
            shown.extend(newest.after(read));
            for (now, time) in shown {
                let renewed = self.renew(basis, &now, &targets);
                targets = renewed.targets;
                begun.extend(renewed.begun);
                read = time;
            }
            if targets.is_empty() {
                break Ok(BTreeMap::new());
            }
            let request =
                self.secrets_manager
                    .replicate(&basis.secret.arn, &targets, read, slot, until);
            match request.await {
                Err(WriteError::Stale) if slow_reads.next().is_some() => {}
                Err(WriteError::Stale) => break Err(NotAccepted::Unsent(CallError::slow_read())),
                Err(WriteError::Call(error))
                    if error.kind == CallErrorKind::Throttled && retries.pause().await => {}
                Err(WriteError::Call(error)) => break Err(NotAccepted::Failed(error)),
                Ok(replicas) => break Ok(replicas),
            }
        };
        Attempt {
            targets,
            read,
            begun,
            result,
        }
    }
}

/// The newest read of a secret whose Regions are requested concurrently: a request also heeds what the reads before the
/// others show.
#[derive(Debug, Default)]
struct NewestRead(Mutex<Option<(Secret, ReadTime)>>);

impl NewestRead {
    /// Notes a read, if it is the newest.
    fn note(&self, secret: &Secret, time: ReadTime) {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.as_ref().is_none_or(|(_, before)| *before <= time) {
            *newest = Some((secret.clone(), time));
        }
    }

    /// Returns the newest read, if it is newer than this one.
    fn after(&self, time: ReadTime) -> Option<(Secret, ReadTime)> {
        let newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        newest.clone().filter(|(_, newest)| *newest > time)
    }
}

impl Attempt {
    /// Returns whether AWS has rejected the request for several Regions, possibly because of one of them.
    fn must_be_split(&self) -> bool {
        match &self.result {
            Err(NotAccepted::Failed(error)) => {
                error.is_rejected() && !error.is_about_a_replica() && self.targets.len() > 1
            }
            _ => false,
        }
    }

    fn into_responses(self) -> Responses {
        let result = self.result;
        let responses = self.targets.iter().map(|target| {
            let response = match &result {
                Ok(replicas) => Response::accepted(replicas.get(target.region())),
                Err(NotAccepted::Unsent(error)) => Response::unsent(error.clone()),
                Err(NotAccepted::Failed(error)) => Response::failed(error.clone()),
            };
            (target.region().clone(), response)
        });
        self.begun.into_iter().chain(responses).collect()
    }
}
