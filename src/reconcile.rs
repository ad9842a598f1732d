//! Reconciles one secret with the policy and returns the outcome.
//!
//! The steps are observe → policy → plan → apply → follow. Every decision rests on `DescribeSecret`. An
//! event only triggers the work, and an accepted request only means that AWS has started to replicate.
//!
//! | module | content |
//! |---|---|
//! | `basis` | the plan and the read on which the writes rest |
//! | `known` | what earlier attempts of the invocation have found |
//! | `observe` | reads the secret, waits until it is ready, plans |
//! | `reserve` | reserves the changes of a plan, and renews the plan after the wait |
//! | `replicate` | requests replicas |
//! | `follow` | polls replicas until they are in sync or failed |
//! | `regional_check` | checks in the Regions what the primary secret's status does not show |
//! | `repair` | removes and recreates failed replicas that a retry does not change |
//! | `remove` | removes replicas that no rule wants |
//! | `removal_progress` | the progress of removals, as reads and probes show it |
//! | `superseded` | tells the changes of others from failures |
//! | `verify_removal` | verifies in the Regions that removed replicas are gone |
//! | `execution` | the responses, observations and removals of a plan |
//! | `outcome` | the outcome of the secret and of each Region |
//! | `occasion` | what the trigger means for waiting and retrying |

mod basis;
mod execution;
mod follow;
mod known;
mod observe;
mod occasion;
mod outcome;
mod regional_check;
mod removal_progress;
mod remove;
mod repair;
mod replicate;
mod reserve;
mod superseded;
mod verify_removal;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join;
use secret_replicator_aws::{SecretsManager, WritePermit};
use secret_replicator_core::explain::{Explanation, explain};
use secret_replicator_core::limits::Limits;
use secret_replicator_core::plan::{Decision, Plan, Target, decide};
use secret_replicator_core::policy::Policy;
use secret_replicator_core::reason::SkipReason;
use secret_replicator_core::secret::{Region, Secret};
use tokio::time::Instant;

use crate::change_budget::{ChangeBudget, Deferred, Reservation};
use crate::deadlines::Deadlines;
use basis::Basis;
use execution::{Execution, RegionalFindings, Responses, changes_after, shows_a_replica};
pub use known::KnownSecret;
pub use occasion::{EventAge, Occasion};
use outcome::region_outcomes;
pub use outcome::{Action, RegionOutcome, RegionState, SecretOutcome};
use reserve::Reserved;

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

/// The plan only repeats earlier requests, and the sweep makes all others first. Contains the secret for then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlyRepeats(pub KnownSecret);

impl Reconciler {
    /// Reconciles one secret within the deadlines. Defers the part of its plan for which the budget has too
    /// few changes.
    pub async fn reconcile(
        &self,
        known: &KnownSecret,
        mode: Mode,
        occasion: Occasion,
        deadlines: &Deadlines,
        changes: &ChangeBudget,
    ) -> SecretOutcome {
        match self.observe(known, mode, occasion, deadlines).await {
            Ok(basis) => {
                let work = self.carry_out(known, basis, mode, occasion, deadlines, changes);
                work.await
            }
            Err(outcome) => outcome,
        }
    }

    /// Reconciles one secret as [`reconcile`](Self::reconcile) does, unless others come first.
    ///
    /// # Errors
    /// [`OnlyRepeats`], without a write.
    pub async fn reconcile_before_repeats(
        &self,
        known: &KnownSecret,
        mode: Mode,
        occasion: Occasion,
        deadlines: &Deadlines,
        changes: &ChangeBudget,
    ) -> Result<SecretOutcome, OnlyRepeats> {
        match self.observe(known, mode, occasion, deadlines).await {
            Ok(basis) if mode == Mode::Act && changes.has_only_repeats(basis.plan.changes()) => {
                Err(OnlyRepeats(known.after(&basis.secret)))
            }
            Ok(basis) => {
                let work = self.carry_out(known, basis, mode, occasion, deadlines, changes);
                Ok(work.await)
            }
            Err(outcome) => Ok(outcome),
        }
    }

    /// Carries out a plan.
    async fn carry_out(
        &self,
        known: &KnownSecret,
        basis: Basis,
        mode: Mode,
        occasion: Occasion,
        deadlines: &Deadlines,
        changes: &ChangeBudget,
    ) -> SecretOutcome {
        if mode == Mode::DryRun {
            let findings = self
                .check_regions(&basis.secret, &basis.plan, occasion, deadlines)
                .await;
            return planned(basis.secret, basis.plan, Some(&findings), None);
        }
        let reserved = self.reserve(known, basis, occasion, deadlines, changes);
        let Reserved {
            basis,
            mut reservation,
            permit,
        } = match reserved.await {
            Ok(reserved) => reserved,
            Err(outcome) => return outcome,
        };
        // Boxed, to keep the future of a secret that needs no change small.
        let work = Box::pin(self.execute(&basis, &mut reservation, permit, occasion, deadlines));
        let execution = work.await;
        let written = execution.written();
        reservation.commit(basis.plan.changes_in(|region| written.contains(region)));
        if execution.shows_a_replica() {
            let secret = Box::new(basis.secret);
            return SecretOutcome::Skipped(Some(secret), SkipReason::IsReplica(None));
        }
        let Basis { secret, plan, .. } = basis;
        let regions = region_outcomes(&secret, &plan, Some(&execution), Some(&execution.findings));
        covered(secret, plan, regions, execution.deferred)
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
            Decision::Act(plan) => planned(secret, plan, None, None),
        }
    }

    /// Executes the part of a plan that the reservation covers.
    async fn execute(
        &self,
        basis: &Basis,
        reservation: &mut Reservation<'_>,
        permit: Option<WritePermit<'_>>,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) -> Execution {
        let withheld = basis.plan.beyond(reservation.open());
        let Basis { secret, plan, .. } = basis;
        let requested = Instant::now();
        let responses = self
            .replicate_granted(basis, &withheld, permit, occasion, deadlines)
            .await;
        let (made, open) = changes_after(plan, &withheld, &responses);
        reservation.settle(made, open);
        let following = self.follow(secret, plan, &responses, requested, deadlines);
        // Read now, because following the replicas may last until the deadline.
        let leftovers = async {
            if shows_a_replica(&responses) {
                BTreeMap::new()
            } else {
                self.leftovers(secret, plan, occasion, deadlines).await
            }
        };
        let (observations, leftovers) = join(following, leftovers).await;
        let mut execution = Execution::new(responses, observations, withheld);
        self.request_vanished(basis, &mut execution, occasion, deadlines)
            .await;
        execution.findings = self
            .check_replicas(secret, plan, Some(&execution), occasion, deadlines)
            .await;
        self.recreate_and_remove(basis, &mut execution, reservation, occasion, deadlines)
            .await;
        // Added after the removals, because what a Region has left does not decide whether another one's replica may
        // be removed.
        execution.findings.leftovers = leftovers;
        self.note_superseded(basis, &mut execution, deadlines).await;
        let is_limited = !execution.withheld.is_empty();
        let limited = is_limited.then_some(Deferred::ChangeLimitReached);
        execution.deferred = execution.unsent().or(limited);
        execution
    }

    /// Recreates empty replicas, and removes unwanted ones.
    async fn recreate_and_remove(
        &self,
        basis: &Basis,
        execution: &mut Execution,
        reservation: &mut Reservation<'_>,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) {
        if execution.shows_a_replica() {
            return;
        }
        let promoted = self
            .promoted_replicas(&basis.secret, &basis.plan, execution, deadlines)
            .await;
        execution.promoted.extend(promoted);
        self.recreate(basis, execution, occasion, deadlines).await;
        self.remove_unwanted(basis, execution, reservation, occasion, deadlines)
            .await;
    }

    /// Requests the replicas of a plan, without those that are withheld.
    async fn replicate_granted(
        &self,
        basis: &Basis,
        withheld: &BTreeSet<Region>,
        permit: Option<WritePermit<'_>>,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) -> Responses {
        let is_granted = |target: &&Target| !withheld.contains(target.region());
        let targets = basis.plan.targets().filter(is_granted);
        let targets: Vec<Target> = targets.cloned().collect();
        self.replicate(basis, &targets, permit, occasion, deadlines)
            .await
    }
}

/// Returns the outcome of a plan that was not executed.
fn planned(
    secret: Secret,
    plan: Plan,
    findings: Option<&RegionalFindings>,
    deferred: Option<Deferred>,
) -> SecretOutcome {
    let regions = region_outcomes(&secret, &plan, None, findings);
    covered(secret, plan, regions, deferred)
}

fn covered(
    secret: Secret,
    plan: Plan,
    regions: Vec<RegionOutcome>,
    deferred: Option<Deferred>,
) -> SecretOutcome {
    SecretOutcome::Covered {
        secret: Box::new(secret),
        rules: plan.rules,
        regions,
        deferred,
    }
}
