use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};

use super::Reconciler;
use crate::budget::Budget;
use crate::limits::Overwrite;
use crate::plan::{Plan, Target, decide};
use crate::secret::{Region, Replica, ReplicaStatus, Secret, SecretId};
use crate::secrets_manager::{CallError, CallErrorKind, Writer};

/// How AWS took the request for one Region.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The last answer.
    pub(super) result: Result<(), CallError>,
    /// The replica, if the answer shows it in sync already: nobody need look at it once more.
    pub(super) in_sync: Option<Replica>,
    /// Whether any request for the Region may have been executed although it failed.
    pub(super) was_doubtful: bool,
}

impl Answer {
    /// The answer for a Region to a request that named it.
    fn new(region: &Region, answer: &Result<BTreeMap<Region, Replica>, CallError>) -> Self {
        let in_sync = |replica: &&Replica| replica.status == ReplicaStatus::InSync;
        match answer {
            Ok(replicas) => Self {
                result: Ok(()),
                in_sync: replicas.get(region).filter(in_sync).cloned(),
                was_doubtful: false,
            },
            Err(error) => Self {
                result: Err(error.clone()),
                in_sync: None,
                was_doubtful: error.may_have_been_executed(),
            },
        }
    }

    /// A later look has shown that an earlier request was executed.
    fn executed() -> Self {
        Self {
            result: Ok(()),
            in_sync: None,
            was_doubtful: false,
        }
    }

    /// Whether the last request was not sent.
    pub(super) fn is_unsent(&self) -> bool {
        matches!(&self.result, Err(error) if error.kind == CallErrorKind::NotSent)
    }

    /// Whether the request should be sent again, after a look.
    fn is_open(&self) -> bool {
        match &self.result {
            Ok(()) => false,
            // A secret that was just read but is not found by a write is still on its way.
            Err(error) => error.may_have_been_executed() || error.kind == CallErrorKind::NotFound,
        }
    }
}

/// How AWS took the requests, by Region.
pub(super) type Answers = BTreeMap<Region, Answer>;

/// How often a request is sent again after a failure that may have been an execution.
const MOST_REPEATS: usize = 3;

/// How many requests are under way at once where each Region is requested by itself.
const AT_ONCE: usize = 4;

impl Reconciler {
    /// Makes the plan's writes, and answers for each Region how AWS took its request.
    ///
    /// After a doubtful failure (a timeout, a broken connection, a fault of AWS's own) the secret
    /// is read again, and only what has not begun and is wanted still is requested again, each Region
    /// by itself, in case one of them is what AWS stumbles over.
    pub(super) async fn apply(
        &self,
        secret: &Secret,
        plan: &Plan,
        writer: Option<Writer<'_>>,
        budget: &Budget,
    ) -> Answers {
        let targets: Vec<&Target> = plan.targets().collect();
        let mut answers = self.send(secret, &targets, budget).await;
        // What follows takes its time, in which others can write.
        drop(writer);
        let mut looks = budget.looks_until_settled();
        for _ in 0..MOST_REPEATS {
            let is_open =
                |target: &&&Target| answers.get(target.region()).is_some_and(Answer::is_open);
            let open: Vec<&Target> = targets.iter().filter(is_open).copied().collect();
            if open.is_empty() || !looks.pause().await {
                break;
            }
            let id = SecretId::Arn(secret.arn.clone());
            let Ok(mut now) = self.secrets_manager.describe(&id, looks.deadline()).await else {
                continue;
            };
            now.vacant_regions.clone_from(&secret.vacant_regions);
            let fresh = decide(&now, &self.policy, &self.limits);
            let (begun, mut not_begun): (Vec<&Target>, Vec<&Target>) = open
                .iter()
                .partition(|target| has_moved(secret, &now, target.region()));
            // A secret that has changed meanwhile may want something else; the next attempt decides.
            not_begun.retain(|target| fresh.asks_for(target));
            let begun = begun
                .into_iter()
                .map(|target| (target.region().clone(), Answer::executed()));
            let repeated = self.send_each(secret, &not_begun, budget).await;
            for (region, mut answer) in begun.chain(repeated) {
                answer.was_doubtful |= answers
                    .get(&region)
                    .is_some_and(|before| before.was_doubtful);
                answers.insert(region, answer);
            }
        }
        answers
    }

    /// Sends one request for all targets that must not overwrite, and one for all that may.
    async fn send(&self, secret: &Secret, targets: &[&Target], budget: &Budget) -> Answers {
        let mut answers = BTreeMap::new();
        for overwrite in [Overwrite::Never, Overwrite::Allowed] {
            let alike = targets
                .iter()
                .filter(|target| target.overwrite() == overwrite);
            let alike: Vec<&Target> = alike.copied().collect();
            answers.extend(self.send_alike(secret, &alike, budget).await);
        }
        answers
    }

    /// Sends one request. If AWS refuses it, each Region is requested by itself, so that one bad
    /// Region never stops the others.
    async fn send_alike(&self, secret: &Secret, targets: &[&Target], budget: &Budget) -> Answers {
        if targets.is_empty() {
            return BTreeMap::new();
        }
        let result = self.request(secret, targets, budget).await;
        match &result {
            Err(error) if error.refuses_the_request() && targets.len() > 1 => {
                self.send_each(secret, targets, budget).await.collect()
            }
            _ => {
                let regions = targets.iter().map(|target| target.region());
                let answers = regions.map(|region| (region.clone(), Answer::new(region, &result)));
                answers.collect()
            }
        }
    }

    /// Sends one request for each target, a few at a time, so that one that hangs does not use up
    /// the time of the others.
    async fn send_each(
        &self,
        secret: &Secret,
        targets: &[&Target],
        budget: &Budget,
    ) -> impl Iterator<Item = (Region, Answer)> {
        let requests = targets.iter().map(|target| async move {
            let result = self.request(secret, &[target], budget).await;
            (
                target.region().clone(),
                Answer::new(target.region(), &result),
            )
        });
        let answers: Vec<_> = stream::iter(requests)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        answers.into_iter()
    }

    /// Sends one request, again and again while AWS throttles it and there is time: in a burst of
    /// events all of them wait for the same quota, and Lambda's two retries are soon used up.
    async fn request(
        &self,
        secret: &Secret,
        targets: &[&Target],
        budget: &Budget,
    ) -> Result<BTreeMap<Region, Replica>, CallError> {
        let mut pauses = budget.pauses_while_throttled();
        loop {
            let result = self
                .secrets_manager
                .replicate(&secret.arn, targets, budget.cut_off())
                .await;
            match result {
                Err(error) if error.kind == CallErrorKind::Throttled && pauses.pause().await => {}
                result => return result,
            }
        }
    }
}

/// Whether a Region's replica differs from what it was before the request, so that the request must
/// have been executed.
fn has_moved(before: &Secret, now: &Secret, region: &Region) -> bool {
    now.replicas.contains_key(region) && before.replicas.get(region) != now.replicas.get(region)
}
