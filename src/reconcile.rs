//! Brings one secret to the state that the policy wants, and says what became of it.
//!
//! observe → decide → apply → settle. The truth is always what `DescribeSecret` shows: an event
//! only says that a look is due, and an accepted call only says that AWS has begun.

mod apply;
mod conclusion;
mod obstacles;
mod outcome;
mod removal;
mod settle;

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::budget::{Allowance, Budget, Grant, Granted};
use crate::explain::{Explanation, explain};
use crate::limits::Limits;
use crate::plan::{Decision, Plan, decide};
use crate::policy::Policy;
use crate::reason::SkipReason;
use crate::secret::{Region, Secret, SecretId};
use crate::secrets_manager::{CallError, CallErrorKind, SecretsManager, Writer};
use apply::{Answer, Answers};
pub use conclusion::{Action, Conclusion, NotReady, RegionConclusion, RegionState};
pub use outcome::Outcome;
use removal::{Removal, Removals};
use settle::Sight;

/// What is needed to reconcile secrets.
#[derive(Clone, Debug)]
pub struct Reconciler {
    /// Secrets Manager in the function's Region.
    pub secrets_manager: SecretsManager,
    /// The policy in force.
    pub policy: Policy,
    /// What the settings allow, whatever the policy says.
    pub limits: Limits,
}

/// Whether a reconciliation may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Decide, write, and follow the replicas.
    Act,
    /// Decide and report only.
    DryRun,
}

/// What became of a secret.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// The secret as last seen before any write. `None` if it could not be read.
    pub secret: Option<Secret>,
    /// How it ended.
    pub conclusion: Conclusion,
    /// Why the plan, or a part of it, was left for another time, if it was.
    pub left_over: Option<LeftOver>,
}

/// Why a plan is left for another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOver {
    /// The sweep has made as many changes as it may.
    ChangesUsedUp,
    /// The turn for its writes, or for some of them, comes too late in this invocation.
    TooLate,
}

impl Reconciliation {
    fn new(secret: Option<Secret>, conclusion: Conclusion) -> Self {
        Self {
            secret,
            conclusion,
            left_over: None,
        }
    }

    /// The secret was left alone without a look at it.
    #[must_use]
    pub fn skipped(reason: SkipReason) -> Self {
        Self::new(None, Conclusion::Skipped(reason))
    }

    /// There is no time left to look at the secret.
    #[must_use]
    pub fn too_late() -> Self {
        let rules = BTreeSet::new();
        let regions = Vec::new();
        Self {
            left_over: Some(LeftOver::TooLate),
            ..Self::new(None, Conclusion::Covered { rules, regions })
        }
    }

    /// The secret, or the list of secrets, could not be read.
    #[must_use]
    pub fn unreadable(error: CallError) -> Self {
        Self::new(None, Conclusion::Unreadable(error))
    }
}

impl Reconciler {
    /// Reconciles one secret within the budget, if the allowance has as many changes as that takes.
    pub async fn reconcile(
        &self,
        id: &SecretId,
        mode: Mode,
        budget: &Budget,
        allowance: &Allowance,
    ) -> Reconciliation {
        let (secret, decision) = match self.observe(id, mode, budget).await {
            Ok(observed) => observed,
            Err(unfinished) => return unfinished,
        };
        let plan = match decision {
            Decision::Skip(reason) => {
                return Reconciliation::new(Some(secret), Conclusion::Skipped(reason));
            }
            Decision::Act(plan) => plan,
        };
        let turn = match mode {
            Mode::DryRun => Err(None),
            Mode::Act => self.turn(&plan, budget, allowance).await.map_err(Some),
        };
        let (regions, left_over) = match turn {
            Err(left_over) => (conclusion::planned(&secret, &plan), left_over),
            Ok(turn) => {
                // Boxed, so that whatever has nothing to do stays small.
                let work = self.carry_out(&secret, &plan, turn.writer, budget, allowance);
                let done = Box::pin(work).await;
                let regions = conclusion::concluded(&secret, &plan, &done);
                turn.granted.settle(conclusion::changes(&regions, &done));
                (regions, done.left_over())
            }
        };
        let rules = plan.rules;
        Reconciliation {
            left_over,
            ..Reconciliation::new(Some(secret), Conclusion::Covered { rules, regions })
        }
    }

    /// Why the policy in force decides as it does about a secret.
    #[must_use]
    pub fn explain(&self, secret: &Secret) -> Explanation {
        explain(secret, &self.policy, &self.limits)
    }

    /// What would be done about a secret that need not exist.
    #[must_use]
    pub fn imagine(&self, secret: Secret) -> Reconciliation {
        let conclusion = match decide(&secret, &self.policy, &self.limits) {
            Decision::Skip(reason) => Conclusion::Skipped(reason),
            Decision::Act(plan) => {
                let regions = conclusion::planned(&secret, &plan);
                Conclusion::Covered {
                    rules: plan.rules,
                    regions,
                }
            }
        };
        Reconciliation::new(Some(secret), conclusion)
    }

    /// Reads the secret and decides, waiting for a secret that is not there yet, and for the first
    /// value of one that would be written to: what AWS makes of replicating a secret without a
    /// value is not documented.
    async fn observe(
        &self,
        id: &SecretId,
        mode: Mode,
        budget: &Budget,
    ) -> Result<(Secret, Decision), Reconciliation> {
        let mut looks = budget.looks_until_ready();
        let mut known: Option<Reconciliation> = None;
        loop {
            let unfinished = match self.secrets_manager.describe(id, looks.deadline()).await {
                Ok(secret) => match self.decide(secret, looks.deadline()).await {
                    (secret, Decision::Act(plan))
                        if mode == Mode::Act && plan.replicates() && !secret.has_value =>
                    {
                        let conclusion = Conclusion::NotReady(NotReady::NoValueYet(plan.rules));
                        Reconciliation::new(Some(secret), conclusion)
                    }
                    decided => return Ok(decided),
                },
                Err(error) if error.kind == CallErrorKind::NotFound => {
                    Reconciliation::new(None, Conclusion::NotReady(NotReady::NotFound(error)))
                }
                Err(error) => match known {
                    // A look that fails does not undo what an earlier look has shown.
                    Some(known) if error.may_pass() => known,
                    _ => return Err(Reconciliation::unreadable(error)),
                },
            };
            if !looks.pause().await {
                return Err(unfinished);
            }
            known = Some(unfinished);
        }
    }

    /// Decides about a secret as it is, after a look at what has stood in the way of its replicas.
    async fn decide(&self, mut secret: Secret, until: Instant) -> (Secret, Decision) {
        let decision = decide(&secret, &self.policy, &self.limits);
        let Decision::Act(plan) = &decision else {
            return (secret, decision);
        };
        let obstructed = plan.obstructed().cloned().collect();
        let vacant = self.vacant_among(&secret, obstructed, until).await;
        if vacant.is_empty() {
            return (secret, decision);
        }
        secret.vacant_regions = vacant;
        let decision = decide(&secret, &self.policy, &self.limits);
        (secret, decision)
    }

    /// The plan's turn to be carried out, unless it is left for another time: there are not as many
    /// changes, or the turn for its writes comes too late.
    async fn turn<'a>(
        &'a self,
        plan: &Plan,
        budget: &Budget,
        allowance: &'a Allowance,
    ) -> Result<Turn<'a>, LeftOver> {
        let until = budget.last_turn();
        let granted = match allowance.take(plan.changes(), until).await {
            Grant::UsedUp => return Err(LeftOver::ChangesUsedUp),
            Grant::Late => return Err(LeftOver::TooLate),
            Grant::Granted(granted) => granted,
        };
        let writer = if plan.replicates() || plan.changes() > 0 {
            let Some(writer) = self.secrets_manager.writer(until).await else {
                granted.settle(0);
                return Err(LeftOver::TooLate);
            };
            Some(writer)
        } else {
            None
        };
        Ok(Turn { granted, writer })
    }

    async fn carry_out(
        &self,
        secret: &Secret,
        plan: &Plan,
        writer: Option<Writer<'_>>,
        budget: &Budget,
        allowance: &Allowance,
    ) -> Done {
        let mut done = self.replicate(secret, plan, writer, budget).await;
        self.remake(secret, plan, &mut done, budget, allowance)
            .await;
        self.remove_unwanted(secret, plan, &mut done, budget).await;
        done
    }

    /// Makes the writes that ask for replicas, and follows them.
    async fn replicate(
        &self,
        secret: &Secret,
        plan: &Plan,
        writer: Option<Writer<'_>>,
        budget: &Budget,
    ) -> Done {
        let requested = Instant::now();
        let answers = self.apply(secret, plan, writer, budget).await;
        let sight = self.settle(secret, plan, &answers, requested, budget).await;
        Done {
            answers,
            sight,
            removals: Removals::new(),
            remade: BTreeSet::new(),
        }
    }
}

/// What it takes to carry out a plan.
struct Turn<'a> {
    granted: Granted<'a>,
    /// `None` if the plan writes nothing.
    writer: Option<Writer<'a>>,
}

/// What was done about a plan, and what was seen of it.
#[derive(Debug)]
struct Done {
    answers: Answers,
    sight: Sight,
    removals: Removals,
    /// The Regions whose failed replica was removed, and asked for anew.
    remade: BTreeSet<Region>,
}

impl Done {
    /// Whether the turn of a write did not come in time.
    fn left_over(&self) -> Option<LeftOver> {
        let is_unsent = |removal: &Removal| matches!(removal, Removal::NotSent);
        let has_unsent =
            self.answers.values().any(Answer::is_unsent) || self.removals.values().any(is_unsent);
        has_unsent.then_some(LeftOver::TooLate)
    }

    /// Whether a request that went wrong may have been executed, for all that was seen.
    fn may_still_come(&self, region: &Region) -> bool {
        let answer = self.answers.get(region);
        let removal = self.removals.get(region);
        answer.is_some_and(|answer| answer.was_doubtful) && self.sight.is_open(region)
            || removal.is_some_and(Removal::may_still_come)
    }
}
