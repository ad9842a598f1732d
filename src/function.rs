//! The handler: one invocation from its event to its answer.

use std::io::{self, Write};
use std::time::Duration;

use chrono::{DateTime, Utc};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;

use crate::budget::{Allowance, Budget, Wait};
use crate::bug::caught;
use crate::clock::Clock;
use crate::explain::Explanation;
use crate::reconcile::{Conclusion, Mode, Reconciler, Reconciliation};
use crate::report::{Answer, Ending, Failure, Report, Reporter, SweepReport};
use crate::secret::{Region, SecretId};
use crate::secrets_manager::SecretsManager;
use crate::settings::Settings;
use crate::sweep::{Order, Sweep, Sweeper, Swept};
use crate::trigger::{
    self, BadEvent, Explained, Home, Origin, Request, SECRET_ID_REMEDIATION, Trigger,
};

/// The function, ready for events.
#[derive(Debug)]
pub struct Function {
    region: Region,
    mode: Mode,
    settle: Duration,
    sweep_writes_per_second: u32,
    reconciler: Reconciler,
    reporter: Reporter,
    clock: Clock,
}

/// How a request was handled.
enum Handled {
    /// It was about one secret, or could not be understood.
    One(Box<One>),
    /// It was about every secret.
    Sweep(Mode, Box<Sweep>),
}

impl Handled {
    fn one(origin: Origin, named: Option<SecretId>, mode: Mode, ending: Ending) -> Self {
        Self::One(Box::new(One::new(origin, named, mode, ending)))
    }
}

/// How a request about one secret was handled.
struct One {
    origin: Origin,
    named: Option<SecretId>,
    mode: Mode,
    ending: Ending,
    explanation: Option<Explanation>,
}

impl One {
    fn new(origin: Origin, named: Option<SecretId>, mode: Mode, ending: Ending) -> Self {
        Self {
            origin,
            named,
            mode,
            ending,
            explanation: None,
        }
    }

    fn report(self, request_id: &str, started: DateTime<Utc>, ended: DateTime<Utc>) -> Report {
        Report {
            origin: self.origin,
            request_id: request_id.to_owned(),
            started,
            ended,
            mode: self.mode,
            named: self.named,
            ending: self.ending,
            explanation: self.explanation,
        }
    }
}

impl Function {
    /// The function with these settings.
    #[must_use]
    pub fn new(settings: Settings, secrets_manager: SecretsManager) -> Self {
        let mut named_regions = settings.policy.named_regions();
        named_regions.extend(settings.limits.allowed_regions.named_regions());
        Self {
            region: settings.region,
            mode: if settings.dry_run {
                Mode::DryRun
            } else {
                Mode::Act
            },
            settle: settings.settle,
            sweep_writes_per_second: settings.sweep_writes_per_second,
            reporter: Reporter::new(&settings.metrics_namespace, named_regions),
            reconciler: Reconciler {
                secrets_manager,
                policy: settings.policy,
                limits: settings.limits,
            },
            clock: Clock::system(),
        }
    }

    /// The same with another clock, which must go as fast as tokio's.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same, writing its records and metrics elsewhere than to standard output.
    #[must_use]
    pub fn with_output(self, output: impl Write + Send + 'static) -> Self {
        Self {
            reporter: self.reporter.with_output(output),
            ..self
        }
    }

    /// Handles one event: exactly one record, whatever happens, a bug included.
    ///
    /// # Errors
    /// [`Failure`] if the wanted state was not reached and nobody decided against it.
    pub async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Failure> {
        let started = self.clock.now();
        // Boxed, because the runtime's layers leave no room for types as deep as this one.
        let work = Box::pin(self.work(event.payload.get(), &event.context, started));
        let handled = caught(work).await.unwrap_or_else(|panic| {
            let ending = Ending::Internal(panic);
            Handled::one(Origin::unknown(), None, self.mode, ending)
        });
        let request_id = event.context.request_id;
        match handled {
            Handled::One(one) => {
                let report = one.report(&request_id, started, self.clock.now());
                complain(self.reporter.write(&report));
                report.answer()
            }
            Handled::Sweep(mode, sweep) => {
                let report = SweepReport {
                    request_id,
                    started,
                    ended: self.clock.now(),
                    mode,
                    sweep: *sweep,
                };
                complain(self.reporter.write_sweep(&report));
                Ok(Answer::from(&report))
            }
        }
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
                let skipped = Reconciliation::skipped(reason);
                (secret, self.mode, Ending::Secret(Box::new(skipped)))
            }
            Request::Reconcile {
                secret,
                dry_run,
                wait,
            } => {
                let mode = self.mode_for(dry_run);
                let budget = Budget::new(remaining, self.settle, wait);
                let reconciliation = self.reconcile(&secret, mode, &budget).await;
                let ending = ending(reconciliation, SECRET_ID_REMEDIATION);
                (Some(secret), mode, ending)
            }
            Request::Explain(explained) => {
                let one = self.explain(origin, explained, remaining).await;
                return Handled::One(Box::new(one));
            }
            // Boxed, because it is far larger than what every event needs.
            Request::Sweep(order) => {
                return Box::pin(self.sweep(origin, order, context, remaining)).await;
            }
        };
        Handled::one(origin, named, mode, ending)
    }

    fn mode_for(&self, dry_run: bool) -> Mode {
        if dry_run { Mode::DryRun } else { self.mode }
    }

    async fn reconcile(&self, id: &SecretId, mode: Mode, budget: &Budget) -> Reconciliation {
        self.reconciler
            .reconcile(id, mode, budget, &Allowance::unlimited())
            .await
    }

    async fn explain(&self, origin: Origin, explained: Explained, remaining: Duration) -> One {
        let mode = Mode::DryRun;
        let (named, ending) = match explained {
            Explained::Existing(id) => {
                let budget = Budget::new(remaining, self.settle, Wait::Never);
                let reconciliation = self.reconcile(&id, mode, &budget).await;
                (Some(id), ending(reconciliation, SECRET_ID_REMEDIATION))
            }
            Explained::Hypothetical(secret) => (
                None,
                Ending::Secret(Box::new(self.reconciler.imagine(*secret))),
            ),
        };
        let explanation = ending
            .secret()
            .map(|secret| self.reconciler.explain(secret));
        One {
            explanation,
            ..One::new(origin, named, mode, ending)
        }
    }

    async fn sweep(
        &self,
        origin: Origin,
        order: Order,
        context: &Context,
        remaining: Duration,
    ) -> Handled {
        let mode = self.mode_for(order.dry_run);
        if let Some(bad) = order.contradiction(mode) {
            return Handled::one(origin, None, mode, Ending::BadEvent(bad));
        }
        let budget = Budget::new(remaining, self.settle, Wait::Never);
        let rate = self.sweep_writes_per_second;
        let sweeper = Sweeper::new(&self.reconciler, rate, mode, &budget, self.clock);
        let tell = |swept: Swept| {
            let ending = match swept.end {
                Ok(reconciliation) => Ending::Secret(Box::new(reconciliation)),
                Err(panic) => Ending::Internal(panic),
            };
            let one = One::new(origin.clone(), Some(swept.id), mode, ending);
            let report = one.report(&context.request_id, swept.started, self.clock.now());
            complain(self.reporter.write(&report));
        };
        let goes_on = order.token.is_some();
        match sweeper.slice(order, tell).await {
            Ok(sweep) => Handled::Sweep(mode, Box::new(sweep)),
            Err(error) => {
                let unreadable = Reconciliation::unreadable(error);
                let ending = if goes_on {
                    ending(unreadable, TOKEN_REMEDIATION)
                } else {
                    Ending::Secret(Box::new(unreadable))
                };
                Handled::one(origin, None, mode, ending)
            }
        }
    }
}

const TOKEN_REMEDIATION: &str =
    "start the sweep again without `nextToken`: AWS's tokens do not last";

fn complain(written: io::Result<()>) {
    if let Err(error) = written {
        tracing::error!(%error, "the record could not be written");
    }
}

/// If AWS refuses to read what the event names, the event is wrong.
fn ending(reconciliation: Reconciliation, remediation: &'static str) -> Ending {
    match reconciliation.conclusion {
        Conclusion::Unreadable(error) if error.blames_a_parameter() => Ending::BadEvent(BadEvent {
            message: error.to_string(),
            remediation,
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
