use std::collections::BTreeMap;

use tokio::time::Instant;

use super::Reconciler;
use crate::budget::Budget;
use crate::plan::{Plan, Target};
use crate::secret::{Region, Secret, SecretId};
use crate::secrets_manager::CallError;

/// How AWS answered the request to replicate to one Region.
pub(super) type Answer = Result<(), CallError>;

/// How often a request is sent again after a failure that may have been an execution.
const MOST_REPEATS: usize = 2;

impl Reconciler {
    /// Makes the plan's writes, and answers for each Region how AWS took its request.
    ///
    /// After a doubtful failure (a timeout, a broken connection, a fault of AWS's own) the secret
    /// is read again, and only what has not begun is requested again.
    pub(super) async fn apply(
        &self,
        secret: &Secret,
        plan: &Plan,
        budget: &Budget,
    ) -> BTreeMap<Region, Answer> {
        let mut open: Vec<&Target> = plan.targets().collect();
        let mut answers = self.send(secret, &open, budget.cut_off()).await;
        let mut looks = budget.looks_until_settled();
        for _ in 0..MOST_REPEATS {
            open.retain(|target| is_doubtful(&answers, target.region()));
            if open.is_empty() || !looks.pause().await {
                break;
            }
            let id = SecretId::Arn(secret.arn.clone());
            let Ok(now) = self.secrets_manager.describe(&id, budget.cut_off()).await else {
                continue;
            };
            let (begun, not_begun): (Vec<&Target>, Vec<&Target>) = open
                .iter()
                .partition(|target| has_moved(secret, &now, target.region()));
            answers.extend(
                begun
                    .into_iter()
                    .map(|target| (target.region().clone(), Ok(()))),
            );
            answers.extend(self.send(secret, &not_begun, budget.cut_off()).await);
        }
        answers
    }

    /// Sends one request for all targets. If AWS refuses it, each Region is requested by itself, so
    /// that one bad Region never stops the others.
    async fn send(
        &self,
        secret: &Secret,
        targets: &[&Target],
        until: Instant,
    ) -> BTreeMap<Region, Answer> {
        if targets.is_empty() {
            return BTreeMap::new();
        }
        let answer = self
            .secrets_manager
            .replicate(&secret.arn, targets, until)
            .await;
        if !matches!(&answer, Err(error) if error.refuses_the_request() && targets.len() > 1) {
            return targets
                .iter()
                .map(|target| (target.region().clone(), answer.clone()))
                .collect();
        }
        let mut answers = BTreeMap::new();
        for target in targets {
            let answer = self
                .secrets_manager
                .replicate(&secret.arn, &[target], until)
                .await;
            answers.insert(target.region().clone(), answer);
        }
        answers
    }
}

fn is_doubtful(answers: &BTreeMap<Region, Answer>, region: &Region) -> bool {
    matches!(answers.get(region), Some(Err(error)) if error.may_have_been_executed())
}

/// Whether a Region's replica differs from what it was before the request, so that the request must
/// have been executed.
fn has_moved(before: &Secret, now: &Secret, region: &Region) -> bool {
    now.replicas.contains_key(region) && before.replicas.get(region) != now.replicas.get(region)
}
