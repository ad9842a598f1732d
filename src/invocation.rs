//! Identifies an invocation in its records.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lambda_runtime::Context;
use secret_replicator_core::request::Origin;
use secret_replicator_core::secret::SecretId;

use crate::reconcile::{Mode, SecretOutcome};
use crate::record::{Report, SummaryReport};

/// Identifies an invocation in its records.
pub(crate) struct Invocation {
    pub(crate) origin: Origin,
    pub(crate) request_id: String,
    pub(crate) account: Option<String>,
    /// The execution of the state machine that sweeps.
    pub(crate) sweep_id: Option<String>,
    pub(crate) started: DateTime<Utc>,
}

impl Invocation {
    /// Returns the report of an outcome, without an explanation.
    pub(crate) fn report(
        &self,
        ended: DateTime<Utc>,
        named: Option<SecretId>,
        mode: Mode,
        outcome: SecretOutcome,
    ) -> Report {
        Report {
            origin: self.origin.clone(),
            request_id: self.request_id.clone(),
            account: self.account.clone(),
            sweep_id: self.sweep_id.clone(),
            started: self.started,
            ended,
            mode,
            named,
            outcome,
            explanation: None,
        }
    }

    /// Returns the report of an action on many secrets.
    pub(crate) fn summary<T>(
        &self,
        ended: DateTime<Utc>,
        mode: Mode,
        state: T,
    ) -> SummaryReport<T> {
        SummaryReport {
            origin: self.origin.clone(),
            request_id: self.request_id.clone(),
            account: self.account.clone(),
            started: self.started,
            ended,
            mode,
            state,
        }
    }
}

/// The positions of parts in the function's ARN.
pub(crate) const REGION: usize = 3;
pub(crate) const ACCOUNT: usize = 4;
pub(crate) const NAME: usize = 6;

/// Returns a part of the function's ARN, `arn:aws:lambda:region:account:function:name`, which Lambda passes
/// with each event.
pub(crate) fn part_of_arn(context: &Context, index: usize) -> Option<String> {
    let part = context.invoked_function_arn.split(':').nth(index)?;
    (!part.is_empty()).then(|| part.to_owned())
}

/// Returns the time until Lambda's deadline, which is in milliseconds since 1970.
pub(crate) fn remaining(context: &Context, now: DateTime<Utc>) -> Duration {
    let now = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    Duration::from_millis(context.deadline.saturating_sub(now))
}
