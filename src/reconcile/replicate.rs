//! Requests replicas in one call for all Regions, or in one call for each Region if AWS rejects the first.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// A request to send.
struct Request {
    /// The targets, without those that later reads have shown as requested or unwanted.
    targets: Vec<Target>,
    /// The last read before the request.
    read: ReadTime,
    /// The number of that read among those that the concurrent requests share. Zero for an earlier one.
    heeded: u32,
    /// The responses for the replicas that a later read has shown as requested.
    begun: Responses,
}

/// A request, and AWS's response.
struct Attempt {
    request: Request,
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
        let last = LastRead::default();
        let request = Request::new(targets, basis.read);
        let attempt = self.request(basis, request, &last, deadlines).await;
        if !attempt.must_be_split() {
            return attempt.into_responses();
        }
        let Request {
            targets,
            read,
            mut begun,
            ..
        } = attempt.request;
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
        let last = LastRead::default();
        let requests = targets.iter().map(|target| {
            let request = Request::new(vec![target.clone()], read);
            self.request(basis, request, &last, deadlines)
        });
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
        mut request: Request,
        last: &LastRead,
        deadlines: &Deadlines,
    ) -> Attempt {
        let mut retries = deadlines.retry_while_throttled();
        let mut slow_reads = 1..MAX_SLOW_READS;
        let until = deadlines.end();
        let result = loop {
            let Some(slot) = self.secrets_manager.write_slot(until).await else {
                let operation = Operation::ReplicateSecretToRegions;
                break Err(NotAccepted::Unsent(CallError::not_sent(operation)));
            };
            if !request.read.is_fresh() {
                match self.read_for(basis, &request.targets, until).await {
                    Ok((now, time)) => last.note(now, time),
                    // An outage of seconds also throttles reads.
                    Err(error) if error.is_transient() && retries.pause().await => continue,
                    Err(error) => break Err(NotAccepted::Unsent(error)),
                }
            }
            if let Some(Noted { number, now, time }) = last.after(request.heeded) {
                request.heed(self.renew(basis, &now, &request.targets), time);
                request.heeded = number;
            }
            let Request { targets, read, .. } = &request;
            if targets.is_empty() {
                break Ok(BTreeMap::new());
            }
            let arn = &basis.secret.arn;
            let call = self
                .secrets_manager
                .replicate(arn, targets, *read, slot, until);
            match call.await {
                Err(WriteError::Stale) if slow_reads.next().is_some() => {}
                Err(WriteError::Stale) => break Err(NotAccepted::Unsent(CallError::slow_read())),
                Err(WriteError::Call(error))
                    if error.kind == CallErrorKind::Throttled && retries.pause().await => {}
                Err(WriteError::Call(error)) => break Err(NotAccepted::Failed(error)),
                Ok(replicas) => break Ok(replicas),
            }
        };
        Attempt { request, result }
    }
}

impl Request {
    fn new(targets: Vec<Target>, read: ReadTime) -> Self {
        Self {
            targets,
            read,
            heeded: 0,
            begun: Responses::new(),
        }
    }

    /// Restricts the request to what a later read shows.
    fn heed(&mut self, renewed: Renewed, read: ReadTime) {
        self.targets = renewed.targets;
        self.begun.extend(renewed.begun);
        self.read = read;
    }
}

/// The last answer to a read of a secret whose Regions are requested concurrently: a request also heeds what the reads
/// before the others show. Reads are eventually consistent, so an answer that arrives later can show more, also if its
/// read began earlier.
#[derive(Debug, Default)]
struct LastRead(Mutex<Option<Noted>>);

/// A read that has been noted, with its number in the order of AWS's answers.
#[derive(Clone, Debug)]
struct Noted {
    number: u32,
    now: Secret,
    time: ReadTime,
}

impl LastRead {
    /// Notes a read whose answer has just arrived.
    fn note(&self, now: Secret, time: ReadTime) {
        let mut last = self.lock();
        let number = last.as_ref().map_or(1, |last| last.number + 1);
        *last = Some(Noted { number, now, time });
    }

    /// Returns the last read if its answer arrived after that of the read with this number.
    fn after(&self, number: u32) -> Option<Noted> {
        self.lock().clone().filter(|last| last.number > number)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Noted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// Returns whether AWS has rejected the request for several Regions, possibly because of one of them.
    fn must_be_split(&self) -> bool {
        match &self.result {
            Err(NotAccepted::Failed(error)) => {
                error.is_rejected() && !error.is_about_a_replica() && self.request.targets.len() > 1
            }
            _ => false,
        }
    }

    fn into_responses(self) -> Responses {
        let Self { request, result } = self;
        let responses = request.targets.iter().map(|target| {
            let response = match &result {
                Ok(replicas) => Response::accepted(replicas.get(target.region())),
                Err(NotAccepted::Unsent(error)) => Response::unsent(error.clone()),
                Err(NotAccepted::Failed(error)) => Response::failed(error.clone()),
            };
            (target.region().clone(), response)
        });
        request.begun.into_iter().chain(responses).collect()
    }
}
