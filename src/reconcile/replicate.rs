//! Requests replicas in one call for all Regions, or in one call for each Region if AWS rejects the first.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{CallError, CallErrorKind, WritePermit};
use secret_replicator_core::plan::{Plan, Target, decide};
use secret_replicator_core::secret::{Region, Replica, Secret, SecretId};

use super::Reconciler;
use super::execution::{Response, Responses};
use crate::deadlines::Deadlines;

/// The maximum number of repetitions after failures whose request may have been executed.
const MAX_REPEATS: usize = 3;

/// The number of concurrent requests if each Region is requested separately.
const REQUESTS_AT_ONCE: usize = 4;

impl Reconciler {
    /// Requests the plan's replicas. Returns AWS's response for each Region.
    ///
    /// After an ambiguous failure, such as a timeout, a broken connection or an internal error of AWS,
    /// reads the secret again and requests only what has not begun and is still wanted, each Region by
    /// itself, in case one of them causes the failure.
    pub(super) async fn replicate(
        &self,
        secret: &Secret,
        plan: &Plan,
        permit: Option<WritePermit<'_>>,
        deadlines: &Deadlines,
    ) -> Responses {
        let targets: Vec<&Target> = plan.targets().collect();
        let mut responses = self.send(secret, &targets, deadlines).await;
        // Lets other secrets write during the following polls.
        drop(permit);
        let mut poller = deadlines.poll_replicas();
        for _ in 0..MAX_REPEATS {
            let is_open = |target: &&&Target| {
                let response = responses.get(target.region());
                response.is_some_and(Response::should_be_repeated)
            };
            let open: Vec<&Target> = targets.iter().filter(is_open).copied().collect();
            if open.is_empty() || !poller.pause().await {
                break;
            }
            let id = SecretId::Arn(secret.arn.clone());
            let Ok(now) = self.secrets_manager.describe(&id, poller.deadline()).await else {
                continue;
            };
            for (region, mut response) in self.repeat(secret, now, open, deadlines).await {
                let before = responses.get(&region);
                response.was_ambiguous |= before.is_some_and(|before| before.was_ambiguous);
                responses.insert(region, response);
            }
        }
        responses
    }

    /// Repeats the requests that have no effect in the read `now` and that are still wanted. Requests
    /// each Region separately, in case one Region causes the failure. Probes again before a request that
    /// overwrites.
    async fn repeat(
        &self,
        secret: &Secret,
        mut now: Secret,
        open: Vec<&Target>,
        deadlines: &Deadlines,
    ) -> Responses {
        let (begun, not_begun): (Vec<&Target>, Vec<&Target>) = open
            .into_iter()
            .partition(|target| has_moved(secret, &now, target.region()));
        now.probed.clone_from(&secret.probed);
        let overwriting = not_begun.iter().filter(|target| target.overwrites());
        let overwriting: Vec<Region> = overwriting.map(|target| target.region().clone()).collect();
        for region in &overwriting {
            now.probed.remove(region);
        }
        let probed = self.probe_regions(&now, overwriting, deadlines.end()).await;
        now.probed.extend(probed);
        let fresh = decide(&now, &self.policy, &self.limits);
        // The secret may have changed and need other replicas. The next attempt decides.
        let still_wanted = not_begun
            .iter()
            .filter_map(|target| fresh.target_like(target));
        let still_wanted: Vec<&Target> = still_wanted.collect();
        let begun = begun
            .into_iter()
            .map(|target| (target.region().clone(), Response::executed()));
        let repeated = self.send_each(secret, &still_wanted, deadlines).await;
        begun.chain(repeated).collect()
    }

    /// Sends one request for all targets that overwrite nothing, and one for all targets that overwrite.
    async fn send(&self, secret: &Secret, targets: &[&Target], deadlines: &Deadlines) -> Responses {
        let mut responses = BTreeMap::new();
        for overwrites in [false, true] {
            let alike = targets
                .iter()
                .filter(|target| target.overwrites() == overwrites);
            let alike: Vec<&Target> = alike.copied().collect();
            responses.extend(self.send_alike(secret, &alike, deadlines).await);
        }
        responses
    }

    /// Sends one request. If AWS rejects it, requests each Region separately, so that one bad Region does
    /// not stop the others.
    async fn send_alike(
        &self,
        secret: &Secret,
        targets: &[&Target],
        deadlines: &Deadlines,
    ) -> Responses {
        if targets.is_empty() {
            return BTreeMap::new();
        }
        let result = self.request(secret, targets, deadlines).await;
        match &result {
            Err(error)
                if error.is_rejected() && !error.is_about_a_replica() && targets.len() > 1 =>
            {
                self.send_each(secret, targets, deadlines).await.collect()
            }
            _ => {
                let regions = targets.iter().map(|target| target.region());
                regions
                    .map(|region| (region.clone(), Response::new(region, &result)))
                    .collect()
            }
        }
    }

    /// Sends one request for each target, several of them concurrently, so that a slow request does not
    /// delay the others.
    async fn send_each(
        &self,
        secret: &Secret,
        targets: &[&Target],
        deadlines: &Deadlines,
    ) -> impl Iterator<Item = (Region, Response)> {
        let requests = targets.iter().map(|target| async move {
            let result = self.request(secret, &[target], deadlines).await;
            (
                target.region().clone(),
                Response::new(target.region(), &result),
            )
        });
        let responses: Vec<_> = stream::iter(requests)
            .buffer_unordered(REQUESTS_AT_ONCE)
            .collect()
            .await;
        responses.into_iter()
    }

    /// Sends one request, and retries it while AWS throttles it and time remains. In a burst, all events
    /// wait for the same quota, which Lambda's two retries of an event do not outlast.
    async fn request(
        &self,
        secret: &Secret,
        targets: &[&Target],
        deadlines: &Deadlines,
    ) -> Result<BTreeMap<Region, Replica>, CallError> {
        let mut retries = deadlines.retry_while_throttled();
        loop {
            let result = self
                .secrets_manager
                .replicate(&secret.arn, targets, deadlines.end())
                .await;
            match result {
                Err(error) if error.kind == CallErrorKind::Throttled && retries.pause().await => {}
                result => return result,
            }
        }
    }
}

/// Returns whether a Region's replica differs from the one before the request. The request was then
/// executed.
fn has_moved(before: &Secret, now: &Secret, region: &Region) -> bool {
    now.replicas.contains_key(region) && before.replicas.get(region) != now.replicas.get(region)
}
