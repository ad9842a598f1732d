//! The handler: one invocation from its event to its answer.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;

use crate::budget::{Budget, Wait};
use crate::explain::Explanation;
use crate::reconcile::{Conclusion, Mode, Reconciler, Reconciliation};
use crate::report::{Ending, Failure, Record, Report, Reporter};
use crate::secret::{Region, SecretId};
use crate::secrets_manager::SecretsManager;
use crate::settings::Settings;
use crate::trigger::{self, BadEvent, Explained, Home, Origin, Request, SECRET_ID_CURE, Trigger};

/// The function, ready for events.
#[derive(Debug)]
pub struct Function {
    region: Region,
    mode: Mode,
    settle: Duration,
    reconciler: Reconciler,
    reporter: Reporter,
}

/// How a request was handled.
struct Handled {
    origin: Origin,
    named: Option<SecretId>,
    mode: Mode,
    ending: Ending,
    explanation: Option<Explanation>,
}

impl Function {
    /// The function with these settings.
    #[must_use]
    pub fn new(settings: Settings, secrets_manager: SecretsManager) -> Self {
        let mut named_regions = settings.policy.named_regions();
        named_regions.extend(settings.limits.fence.named_regions());
        Self {
            region: settings.region,
            mode: if settings.dry_run {
                Mode::DryRun
            } else {
                Mode::Act
            },
            settle: settings.settle,
            reporter: Reporter::new(&settings.metrics_namespace, named_regions),
            reconciler: Reconciler {
                secrets_manager,
                policy: settings.policy,
                limits: settings.limits,
            },
        }
    }

    /// Handles one event: exactly one record, whatever happens, a bug included.
    ///
    /// # Errors
    /// [`Failure`] if the wanted state was not reached and nobody decided against it.
    pub async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Record, Failure> {
        let started = Utc::now();
        let work = self.work(event.payload.get(), &event.context, started);
        let handled = AssertUnwindSafe(work)
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| Handled {
                origin: Origin::unknown(),
                named: None,
                mode: self.mode,
                ending: Ending::Internal(panic_message(panic.as_ref())),
                explanation: None,
            });
        let report = Report {
            origin: handled.origin,
            request_id: event.context.request_id,
            started,
            ended: Utc::now(),
            mode: handled.mode,
            named: handled.named,
            ending: handled.ending,
            explanation: handled.explanation,
        };
        if let Err(error) = self.reporter.write(&report) {
            tracing::error!(%error, "the record could not be written");
        }
        report.answer()
    }

    async fn work(&self, event: &str, context: &Context, started: DateTime<Utc>) -> Handled {
        let home = Home {
            region: self.region.clone(),
            account: account_of(context),
        };
        let Trigger { origin, request } = trigger::parse(event, &home);
        let remaining = remaining(context, started);
        let (named, mode, ending) = match request {
            Request::Bad(bad) => (None, self.mode, Ending::BadEvent(bad)),
            Request::Skip { secret, reason } => {
                let conclusion = Conclusion::Skipped(reason);
                let skipped = Reconciliation {
                    secret: None,
                    conclusion,
                };
                (secret, self.mode, Ending::Secret(Box::new(skipped)))
            }
            Request::Reconcile {
                secret,
                dry_run,
                wait,
            } => {
                let mode = if dry_run { Mode::DryRun } else { self.mode };
                let budget = Budget::new(remaining, self.settle, wait);
                let reconciliation = self.reconciler.reconcile(&secret, mode, &budget).await;
                (Some(secret), mode, ending(reconciliation))
            }
            Request::Explain(explained) => return self.explain(origin, explained, remaining).await,
        };
        Handled {
            origin,
            named,
            mode,
            ending,
            explanation: None,
        }
    }

    async fn explain(&self, origin: Origin, explained: Explained, remaining: Duration) -> Handled {
        let mode = Mode::DryRun;
        let (named, ending) = match explained {
            Explained::Existing(id) => {
                let budget = Budget::new(remaining, self.settle, Wait::Never);
                let reconciliation = self.reconciler.reconcile(&id, mode, &budget).await;
                (Some(id), ending(reconciliation))
            }
            Explained::Hypothetical(secret) => (
                None,
                Ending::Secret(Box::new(self.reconciler.imagine(*secret))),
            ),
        };
        let explanation = ending
            .secret()
            .map(|secret| self.reconciler.explain(secret));
        Handled {
            origin,
            named,
            mode,
            ending,
            explanation,
        }
    }
}

/// If AWS refuses to read what the event names, the event is wrong.
fn ending(reconciliation: Reconciliation) -> Ending {
    match reconciliation.conclusion {
        Conclusion::Unreadable(error) if error.blames_a_parameter() => Ending::BadEvent(BadEvent {
            message: error.to_string(),
            cure: SECRET_ID_CURE,
        }),
        _ => Ending::Secret(Box::new(reconciliation)),
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

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
