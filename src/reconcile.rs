//! Reconciles one secret with the policy and returns the outcome.
//!
//! The steps are observe → policy → plan → apply → follow. Every decision rests on `DescribeSecret`. An
//! event only triggers the work, and an accepted request only means that AWS has started to replicate.
//!
//! | module | content |
//! |---|---|
//! | `observe` | reads the secret, waits until it is ready, plans |
//! | `replicate` | requests replicas |
//! | `follow` | polls replicas until they are in sync or failed |
//! | `regional_check` | checks in the Regions what the primary secret's status does not show |
//! | `repair` | removes and recreates failed replicas that a retry does not change |
//! | `remove` | removes replicas that no rule wants |
//! | `removal_progress` | the progress of removals, as reads and probes show it |
//! | `verify_removal` | verifies in the Regions that removed replicas are gone |
//! | `execution` | the responses, observations and removals of a plan |
//! | `outcome` | the outcome of the secret and of each Region |
//! | `occasion` | what the trigger means for waiting and retrying |

mod execution;
mod follow;
mod observe;
mod occasion;
mod outcome;
mod regional_check;
mod removal_progress;
mod remove;
mod repair;
mod replicate;
mod verify_removal;

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_aws::{SecretsManager, WritePermit};
use secret_replicator_core::explain::{Explanation, explain};
use secret_replicator_core::limits::Limits;
use secret_replicator_core::plan::{Decision, Plan, decide};
use secret_replicator_core::policy::Policy;
use secret_replicator_core::reason::{FailureReason, SkipReason};
use secret_replicator_core::secret::{Secret, SecretId};
use tokio::time::Instant;

use crate::change_budget::{ChangeBudget, Deferred, Reservation};
use crate::deadlines::Deadlines;
use execution::{Execution, RegionalFindings};
pub use occasion::{EventAge, Occasion};
use outcome::region_outcomes;
pub use outcome::{Action, RegionOutcome, RegionState, SecretOutcome};
use removal_progress::Removals;

/// Reconciles secrets.
#[derive(Clone, Debug)]
pub struct Reconciler {
    /// Secrets Manager in the function's Region.
    pub secrets_manager: SecretsManager,
    /// The policy in force.
    pub policy: Policy,
    /// The limits from the settings, which apply to every policy.
    pub limits: Limits,
}

/// Whether a reconciliation may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Plans, writes, and follows the replicas.
    Act,
    /// Plans and reports only.
    DryRun,
}

impl Reconciler {
    /// Reconciles one secret within the deadlines. Defers its plan if the budget has too few changes.
    pub async fn reconcile(
        &self,
        id: &SecretId,
        mode: Mode,
        occasion: Occasion,
        deadlines: &Deadlines,
        changes: &ChangeBudget,
    ) -> SecretOutcome {
        let (secret, plan) = match self.observe(id, mode, occasion, deadlines).await {
            Ok(observed) => observed,
            Err(outcome) => return outcome,
        };
        if mode == Mode::DryRun {
            return covered(secret, plan, None, None);
        }
        let (reservation, permit) = match self.reserve(&plan, deadlines, changes).await {
            Ok(reserved) => reserved,
            Err(deferred) => return covered(secret, plan, None, Some(deferred)),
        };
        // Boxed, to keep the future of a secret that needs no change small.
        let replicate = Box::pin(self.replicate_and_follow(&secret, &plan, permit, deadlines));
        let mut execution = replicate.await;
        execution.findings = self
            .check_regions(&secret, &plan, &execution, occasion, deadlines)
            .await;
        let remove = self.recreate_and_remove(&secret, &plan, &mut execution, deadlines, changes);
        Box::pin(remove).await;
        execution.leftovers = self
            .leftovers(&secret, &plan, &execution, occasion, deadlines)
            .await;
        let deferred = execution.deferred();
        let outcome = covered(secret, plan, Some(&execution), deferred);
        reservation.commit(changes_made(outcome.regions(), &execution));
        match outcome {
            SecretOutcome::Covered { secret, .. } if execution.shows_a_replica() => {
                SecretOutcome::Skipped(Some(secret), SkipReason::IsReplica(None))
            }
            outcome => outcome,
        }
    }

    /// Explains the decision about a secret.
    #[must_use]
    pub fn explain(&self, secret: &Secret) -> Explanation {
        explain(secret, &self.policy, &self.limits)
    }

    /// Plans for a secret, which may be hypothetical, without writing.
    #[must_use]
    pub fn preview(&self, secret: Secret) -> SecretOutcome {
        match decide(&secret, &self.policy, &self.limits) {
            Decision::Skip(reason) => SecretOutcome::Skipped(Some(Box::new(secret)), reason),
            Decision::Act(plan) => covered(secret, plan, None, None),
        }
    }

    /// Reserves the plan's changes in the budget, and a write permit if the plan writes.
    async fn reserve<'a>(
        &'a self,
        plan: &Plan,
        deadlines: &Deadlines,
        changes: &'a ChangeBudget,
    ) -> Result<(Reservation<'a>, Option<WritePermit<'a>>), Deferred> {
        let until = deadlines.last_write();
        let reservation = changes.reserve(plan.changes(), until).await?;
        if !plan.writes() {
            return Ok((reservation, None));
        }
        let Some(permit) = self.secrets_manager.write_permit(until).await else {
            reservation.commit(0);
            return Err(Deferred::DeadlineTooClose);
        };
        Ok((reservation, Some(permit)))
    }

    /// Recreates empty replicas, and removes unwanted ones.
    async fn recreate_and_remove(
        &self,
        secret: &Secret,
        plan: &Plan,
        execution: &mut Execution,
        deadlines: &Deadlines,
        changes: &ChangeBudget,
    ) {
        if execution.shows_a_replica() {
            return;
        }
        execution.promoted = self
            .promoted_replicas(secret, plan, execution, deadlines)
            .await;
        self.recreate(secret, plan, execution, deadlines, changes)
            .await;
        self.remove_unwanted(secret, plan, execution, deadlines)
            .await;
    }

    /// Requests replicas and follows them.
    async fn replicate_and_follow(
        &self,
        secret: &Secret,
        plan: &Plan,
        permit: Option<WritePermit<'_>>,
        deadlines: &Deadlines,
    ) -> Execution {
        let requested = Instant::now();
        let responses = self.replicate(secret, plan, permit, deadlines).await;
        let observations = self
            .follow(secret, plan, &responses, requested, deadlines)
            .await;
        Execution {
            responses,
            observations,
            findings: RegionalFindings::default(),
            removals: Removals::new(),
            recreated: BTreeSet::new(),
            promoted: BTreeSet::new(),
            leftovers: BTreeMap::new(),
        }
    }
}

fn covered(
    secret: Secret,
    plan: Plan,
    execution: Option<&Execution>,
    deferred: Option<Deferred>,
) -> SecretOutcome {
    let regions = region_outcomes(&secret, &plan, execution);
    SecretOutcome::Covered {
        secret: Box::new(secret),
        rules: plan.rules,
        regions,
        deferred,
    }
}

/// Counts the replicas that were added or removed, or still may be. A request without a response counts
/// until a poll shows that it had no effect.
fn changes_made(regions: &[RegionOutcome], execution: &Execution) -> u64 {
    let is_change = |outcome: &&RegionOutcome| {
        let may_be_made = match &outcome.state {
            RegionState::InSync(_)
            | RegionState::InProgress(_)
            | RegionState::Removed(..)
            | RegionState::Failed(FailureReason::ReplicaStranded, _) => true,
            RegionState::Failed(..) | RegionState::Planned => outcome
                .region
                .as_ref()
                .is_ok_and(|region| execution.may_still_take_effect(region)),
            _ => false,
        };
        may_be_made
            && matches!(
                outcome.action,
                Action::Replicate | Action::Overwrite | Action::Remove
            )
    };
    regions.iter().filter(is_change).map(|_| 1).sum()
}
