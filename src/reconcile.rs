//! Brings one secret to the state that the policy wants, and returns what became of it.
//!
//! observe → policy → plan → apply → follow. The truth is always what `DescribeSecret` shows: an event
//! is only a hint, and an accepted request only means that AWS has begun.
//!
//! | module | content |
//! |---|---|
//! | `observe` | reads the secret, waits for it, plans |
//! | `replicate` | requests replicas |
//! | `follow` | polls replicas until they are in sync or failed |
//! | `repair` | removes and recreates failed replicas that a retry does not move |
//! | `remove` | removes replicas that no rule wants |
//! | `execution` | what was done about a plan, and what was observed of it |
//! | `outcome` | what became of the secret and of each Region |

mod execution;
mod follow;
mod observe;
mod outcome;
mod remove;
mod repair;
mod replicate;

use std::collections::BTreeSet;

use secret_replicator_aws::{SecretsManager, WritePermit};
use secret_replicator_core::explain::{Explanation, explain};
use secret_replicator_core::limits::Limits;
use secret_replicator_core::plan::{Decision, Plan, decide};
use secret_replicator_core::policy::Policy;
use secret_replicator_core::secret::{Secret, SecretId};
use tokio::time::Instant;

use crate::change_budget::{ChangeBudget, Deferred, Reservation};
use crate::deadlines::Deadlines;
use execution::{Execution, Removals};
use outcome::region_outcomes;
pub use outcome::{Action, RegionOutcome, RegionState, SecretOutcome};

/// Reconciles secrets.
#[derive(Clone, Debug)]
pub struct Reconciler {
    /// Secrets Manager in the function's Region.
    pub secrets_manager: SecretsManager,
    /// The policy in force.
    pub policy: Policy,
    /// What the settings allow, independent of the policy.
    pub limits: Limits,
}

/// Whether a reconciliation may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Plan, write, and follow the replicas.
    Act,
    /// Plan and report only.
    DryRun,
}

impl Reconciler {
    /// Reconciles one secret before the deadlines, if the budget has enough changes for its plan.
    pub async fn reconcile(
        &self,
        id: &SecretId,
        mode: Mode,
        deadlines: &Deadlines,
        changes: &ChangeBudget,
    ) -> SecretOutcome {
        let (secret, plan) = match self.observe(id, mode, deadlines).await {
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
        // Boxed, so that the future of a secret that needs no change stays small.
        let execute = Box::pin(self.execute(&secret, &plan, permit, deadlines, changes));
        let execution = execute.await;
        let deferred = execution.deferred();
        let outcome = covered(secret, plan, Some(&execution), deferred);
        reservation.commit(changes_made(outcome.regions(), &execution));
        outcome
    }

    /// Explains the decision about a secret.
    #[must_use]
    pub fn explain(&self, secret: &Secret) -> Explanation {
        explain(secret, &self.policy, &self.limits)
    }

    /// Plans for a secret that need not exist, and writes nothing.
    #[must_use]
    pub fn preview(&self, secret: Secret) -> SecretOutcome {
        match decide(&secret, &self.policy, &self.limits) {
            Decision::Skip(reason) => SecretOutcome::Skipped(Some(Box::new(secret)), reason),
            Decision::Act(plan) => covered(secret, plan, None, None),
        }
    }

    /// Reserves what the plan needs: changes of the budget, and a permit if it writes.
    async fn reserve<'a>(
        &'a self,
        plan: &Plan,
        deadlines: &Deadlines,
        changes: &'a ChangeBudget,
    ) -> Result<(Reservation<'a>, Option<WritePermit<'a>>), Deferred> {
        let until = deadlines.last_write();
        let reservation = changes.reserve(plan.changes(), until).await?;
        if !plan.replicates() && plan.changes() == 0 {
            return Ok((reservation, None));
        }
        let Some(permit) = self.secrets_manager.write_permit(until).await else {
            reservation.commit(0);
            return Err(Deferred::DeadlineTooClose);
        };
        Ok((reservation, Some(permit)))
    }

    async fn execute(
        &self,
        secret: &Secret,
        plan: &Plan,
        permit: Option<WritePermit<'_>>,
        deadlines: &Deadlines,
        changes: &ChangeBudget,
    ) -> Execution {
        let mut execution = self
            .replicate_and_follow(secret, plan, permit, deadlines)
            .await;
        self.recreate(secret, plan, &mut execution, deadlines, changes)
            .await;
        self.remove_unwanted(secret, plan, &mut execution, deadlines)
            .await;
        execution
    }

    /// Requests replicas, and follows them.
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
            removals: Removals::new(),
            recreated: BTreeSet::new(),
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

/// How many replicas were added or removed, or may yet be: a request without an answer counts until a
/// poll has shown that it had no effect.
fn changes_made(regions: &[RegionOutcome], execution: &Execution) -> u64 {
    let is_change = |outcome: &&RegionOutcome| {
        let may_be_made = match &outcome.state {
            RegionState::InSync(_) | RegionState::InProgress(_) | RegionState::Removed(_) => true,
            RegionState::Failed(..) | RegionState::Planned => outcome
                .region
                .as_ref()
                .is_ok_and(|region| execution.may_still_take_effect(region)),
            _ => false,
        };
        may_be_made && matches!(outcome.action, Action::Replicate | Action::Remove)
    };
    regions.iter().filter(is_change).map(|_| 1).sum()
}
