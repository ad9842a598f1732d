//! The handler: one invocation from its event to its answer.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use tokio::task::JoinError;

use crate::budget::Budget;
use crate::reconcile::{Conclusion, Mode, Reconciler, Reconciliation};
use crate::report::{Ending, Failure, Record, Report, Reporter};
use crate::secret::{Region, SecretId};
use crate::secrets_manager::SecretsManager;
use crate::settings::Settings;
use crate::trigger::{self, Home, Request};

/// The function, ready for events.
#[derive(Debug)]
pub struct Function {
    region: Region,
    mode: Mode,
    settle: Duration,
    reconciler: Arc<Reconciler>,
    reporter: Reporter,
}

impl Function {
    /// The function with these settings.
    #[must_use]
    pub fn new(settings: Settings, secrets_manager: SecretsManager) -> Self {
        Self {
            region: settings.region,
            mode: if settings.dry_run {
                Mode::DryRun
            } else {
                Mode::Act
            },
            settle: settings.settle,
            reporter: Reporter::new(&settings.metrics_namespace),
            reconciler: Arc::new(Reconciler {
                secrets_manager,
                policy: settings.policy,
                fence: settings.fence,
            }),
        }
    }

    /// Handles one event: exactly one record, whatever happens.
    ///
    /// # Errors
    /// [`Failure`] if the wanted state was not reached and nobody decided against it.
    pub async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Record, Failure> {
        let started = Utc::now();
        let home = Home {
            region: self.region.clone(),
            account: account_of(&event.context),
        };
        let trigger = trigger::parse(event.payload.get(), &home);
        let (named, mode, ending) = match trigger.request {
            Request::Bad(bad) => (None, self.mode, Ending::BadEvent(bad)),
            Request::Skip { secret, reason } => {
                let conclusion = Conclusion::Skipped(reason);
                let ending = Ending::Secret(Box::new(Reconciliation {
                    secret: None,
                    conclusion,
                }));
                (secret, self.mode, ending)
            }
            Request::Reconcile { secret, dry_run } => {
                let mode = if dry_run { Mode::DryRun } else { self.mode };
                let ending = self
                    .reconcile(&secret, mode, remaining(&event.context, started))
                    .await;
                (Some(secret), mode, ending)
            }
        };
        let report = Report {
            origin: trigger.origin,
            request_id: event.context.request_id,
            started,
            ended: Utc::now(),
            mode,
            named,
            ending,
        };
        if let Err(error) = self.reporter.write(&report) {
            tracing::error!(%error, "the record could not be written");
        }
        report.answer()
    }

    /// Reconciles in a task of its own, so that even a bug leaves a record.
    async fn reconcile(&self, secret: &SecretId, mode: Mode, remaining: Duration) -> Ending {
        let reconciler = Arc::clone(&self.reconciler);
        let budget = Budget::new(remaining, self.settle);
        let secret = secret.clone();
        let task = tokio::spawn(async move { reconciler.reconcile(&secret, mode, &budget).await });
        match task.await {
            Ok(reconciliation) => Ending::Secret(Box::new(reconciliation)),
            Err(error) => Ending::Internal(panic_message(error)),
        }
    }
}

/// Lambda names the function's ARN with each event:
/// `arn:aws:lambda:region:account:function:name`.
fn account_of(context: &Context) -> Option<String> {
    let account = context.invoked_function_arn.split(':').nth(4)?;
    (!account.is_empty()).then(|| account.to_owned())
}

/// Lambda names the deadline in milliseconds since 1970.
fn remaining(context: &Context, now: DateTime<Utc>) -> Duration {
    let now = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    Duration::from_millis(context.deadline.saturating_sub(now))
}

fn panic_message(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return "the reconciliation was cancelled".to_owned();
    };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
