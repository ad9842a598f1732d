//! Reserves the changes of a plan. The wait for them may outlast the read on which the plan rests.

use secret_replicator_aws::WritePermit;

use super::basis::Basis;
use super::outcome::SecretOutcome;
use super::{KnownSecret, Mode, Occasion, Reconciler, planned};
use crate::change_budget::{ChangeBudget, Deferred, Reservation};
use crate::deadlines::Deadlines;

/// A plan with its changes in the budget.
pub(super) struct Reserved<'a> {
    pub(super) basis: Basis,
    pub(super) reservation: Reservation<'a>,
    /// `None` if the plan does not write.
    pub(super) permit: Option<WritePermit<'a>>,
}

impl Reconciler {
    /// Reserves the changes of a plan. If its read becomes too old for a write meanwhile, reads the secret again and
    /// plans again.
    ///
    /// # Errors
    /// The outcome, if the changes are deferred, or if the new read leaves no plan.
    pub(super) async fn reserve<'a>(
        &'a self,
        known: &KnownSecret,
        basis: Basis,
        occasion: Occasion,
        deadlines: &Deadlines,
        changes: &'a ChangeBudget,
    ) -> Result<Reserved<'a>, SecretOutcome> {
        let reserved = self.reserve_once(basis, deadlines, changes).await?;
        let Basis {
            secret, plan, read, ..
        } = &reserved.basis;
        if !plan.writes() || read.is_fresh() {
            return Ok(reserved);
        }
        let known = known.after(secret);
        match self.observe(&known, Mode::Act, occasion, deadlines).await {
            Ok(basis) if basis.plan.changes() == plan.changes() => {
                Ok(Reserved { basis, ..reserved })
            }
            Ok(basis) => {
                reserved.release();
                self.reserve_once(basis, deadlines, changes).await
            }
            Err(outcome) => {
                reserved.release();
                Err(outcome)
            }
        }
    }

    /// Reserves the plan's changes in the budget, and a write permit if the plan writes.
    async fn reserve_once<'a>(
        &'a self,
        basis: Basis,
        deadlines: &Deadlines,
        changes: &'a ChangeBudget,
    ) -> Result<Reserved<'a>, SecretOutcome> {
        let until = deadlines.last_write();
        let reservation = match changes.reserve(basis.plan.changes(), until).await {
            Ok(reservation) => reservation,
            Err(deferred) => return Err(planned(basis.secret, basis.plan, None, Some(deferred))),
        };
        let mut reserved = Reserved {
            basis,
            reservation,
            permit: None,
        };
        if !reserved.basis.plan.writes() {
            return Ok(reserved);
        }
        reserved.permit = self.secrets_manager.write_permit(until).await;
        if reserved.permit.is_some() {
            return Ok(reserved);
        }
        let Basis { secret, plan, .. } = reserved.release();
        let deferred = Some(Deferred::DeadlineTooClose);
        Err(planned(secret, plan, None, deferred))
    }
}

impl Reserved<'_> {
    /// Releases the changes and the permit, because no request was sent.
    fn release(self) -> Basis {
        self.reservation.release();
        self.basis
    }
}
