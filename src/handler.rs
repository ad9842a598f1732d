//! Handles one invocation, from its event to its response.

use std::io::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lambda_runtime::{Context, LambdaEvent};
use secret_replicator_aws::SecretsManager;
use secret_replicator_core::request::{
    self, BadEvent, Cause, Explained, FailoverAction, FailoverRequest, FunctionIdentity, Origin,
    Request, SECRET_ID_REMEDIATION, SweepRequest, Trigger,
};
use secret_replicator_core::secret::{Region, SecretId};
use serde_json::value::RawValue;

use crate::catch_panic::catch_panic;
use crate::change_budget::ChangeBudget;
use crate::clock::Clock;
use crate::deadlines::Deadlines;
use crate::deployment;
use crate::failover::{FailedOver, Failover};
use crate::invocation::{ACCOUNT, Invocation, NAME, part_of_arn, remaining};
use crate::reconcile::{EventAge, KnownSecret, Mode, Occasion, Reconciler, SecretOutcome};
use crate::record::{Failure, Record, Recorder, Report};
use crate::settings::{SettingError, SettingProblem, Settings, SettingsInvalid};
use crate::sweep::{Sweeper, SweptSecret};

/// The Lambda function.
#[derive(Debug)]
pub struct Function {
    region: Region,
    mode: Mode,
    replication_wait: Duration,
    sweep_writes_per_second: u32,
    allow_promotion: bool,
    reconciler: Reconciler,
    recorder: Recorder,
    clock: Clock,
}

impl Function {
    /// Creates the function from its settings.
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
            replication_wait: settings.replication_wait,
            sweep_writes_per_second: settings.sweep_writes_per_second,
            allow_promotion: settings.allow_promotion,
            recorder: Recorder::new(&settings.metrics_namespace, named_regions)
                .with_observability(settings.observability),
            reconciler: Reconciler {
                secrets_manager,
                policy: settings.policy,
                limits: settings.limits,
            },
            clock: Clock::system(),
        }
    }

    /// Replaces the clock. The new clock must run at the speed of tokio's clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Replaces standard output as the output for records and metrics.
    #[must_use]
    pub fn with_output(self, output: impl Write + Send + 'static) -> Self {
        Self {
            recorder: self.recorder.with_output(output),
            ..self
        }
    }

    /// Handles one event. Writes exactly one record for it, also after a panic.
    ///
    /// # Errors
    /// [`Failure`] if the wanted state was not reached, unless the outcome is `skipped` or `refused`, a
    /// covered secret was only planned, or every open Region has an unknown status.
    pub async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Record, Failure> {
        let started = self.clock.now();
        let work = self.respond(event.payload.get(), &event.context, started);
        catch_panic(work).await.unwrap_or_else(|panic| {
            let invocation = Invocation {
                origin: Origin::unknown(),
                account: part_of_arn(&event.context, ACCOUNT),
                request_id: event.context.request_id,
                sweep_id: None,
                started,
            };
            let outcome = SecretOutcome::Internal(panic);
            self.record(&invocation, None, self.mode, outcome)
        })
    }

    async fn respond(
        &self,
        event: &str,
        context: &Context,
        started: DateTime<Utc>,
    ) -> Result<Record, Failure> {
        self.reconciler.secrets_manager.begin_invocation();
        let function = FunctionIdentity {
            region: self.region.clone(),
            account: part_of_arn(context, ACCOUNT),
            name: part_of_arn(context, NAME),
        };
        let Trigger { origin, request } = request::parse(event, &function);
        let remaining = remaining(context, started);
        let deadlines = Deadlines::new(remaining, self.replication_wait, request.wait());
        let invocation = Invocation {
            origin,
            request_id: context.request_id.clone(),
            account: function.account,
            sweep_id: request.sweep_id().map(str::to_owned),
            started,
        };
        let named = request.secret().cloned();
        // Boxed, because the future is too large for the runtime's layers.
        let work = Box::pin(self.run(&invocation, request, &deadlines));
        // The record of a panic names the event, as far as it was parsed.
        catch_panic(work).await.unwrap_or_else(|panic| {
            let outcome = SecretOutcome::Internal(panic);
            self.record(&invocation, named, self.mode, outcome)
        })
    }

    async fn run(
        &self,
        invocation: &Invocation,
        request: Request,
        deadlines: &Deadlines,
    ) -> Result<Record, Failure> {
        let (named, mode, outcome) = match request {
            Request::Bad(bad) => (None, self.mode, SecretOutcome::BadEvent(bad)),
            Request::Skip { secret, reason } => {
                (secret, self.mode, SecretOutcome::Skipped(None, reason))
            }
            Request::Reconcile {
                secret,
                dry_run,
                cause,
            } => {
                let mode = self.mode_for(dry_run);
                let event_time = invocation.origin.event_time;
                let age = event_time.map(|time| EventAge::since(time, self.clock));
                let occasion = Occasion::Request(cause, age);
                let outcome = self.reconcile(&secret, mode, occasion, deadlines).await;
                (Some(secret), mode, outcome)
            }
            Request::CheckDeployment(check) => {
                let outcome = deployment::answer(&check, None, deadlines.end()).await;
                (None, self.mode, outcome)
            }
            Request::Explain(explained) => {
                return self.explain(invocation, explained, deadlines).await;
            }
            Request::Failover(request) => {
                return Box::pin(self.failover(invocation, request, deadlines)).await;
            }
            // Boxed, because its future is much larger than those of other requests.
            Request::Sweep(request) => {
                return Box::pin(self.sweep(invocation, *request, deadlines)).await;
            }
        };
        self.record(invocation, named, mode, outcome)
    }

    fn mode_for(&self, dry_run: bool) -> Mode {
        if dry_run { Mode::DryRun } else { self.mode }
    }

    fn report(
        &self,
        invocation: &Invocation,
        named: Option<SecretId>,
        mode: Mode,
        outcome: SecretOutcome,
    ) -> Report {
        invocation.report(self.clock.now(), named, mode, outcome)
    }

    fn record(
        &self,
        invocation: &Invocation,
        named: Option<SecretId>,
        mode: Mode,
        outcome: SecretOutcome,
    ) -> Result<Record, Failure> {
        self.recorder
            .record(self.report(invocation, named, mode, outcome))
    }

    async fn reconcile(
        &self,
        id: &SecretId,
        mode: Mode,
        occasion: Occasion,
        deadlines: &Deadlines,
    ) -> SecretOutcome {
        let known = KnownSecret::from(id.clone());
        let changes = ChangeBudget::unlimited();
        let outcome = self
            .reconciler
            .reconcile(&known, mode, occasion, deadlines, &changes);
        blame_request(outcome.await, SECRET_ID_REMEDIATION)
    }

    async fn explain(
        &self,
        invocation: &Invocation,
        explained: Explained,
        deadlines: &Deadlines,
    ) -> Result<Record, Failure> {
        let (named, outcome) = match explained {
            Explained::Existing(id) => {
                let occasion = Occasion::Request(Cause::Action, None);
                let outcome = self.reconcile(&id, Mode::DryRun, occasion, deadlines).await;
                (Some(id), outcome)
            }
            Explained::Hypothetical(secret) => (None, self.reconciler.preview(*secret)),
        };
        let secret = outcome.secret();
        let explanation = secret.map(|secret| self.reconciler.explain(secret));
        self.recorder.record(Report {
            explanation,
            ..self.report(invocation, named, Mode::DryRun, outcome)
        })
    }

    async fn sweep(
        &self,
        invocation: &Invocation,
        request: SweepRequest,
        deadlines: &Deadlines,
    ) -> Result<Record, Failure> {
        let mode = self.mode_for(request.dry_run);
        if let Err(bad) = request.require_same_mode(mode == Mode::DryRun) {
            return self.record(invocation, None, mode, SecretOutcome::BadEvent(bad));
        }
        let rate = self.sweep_writes_per_second;
        let sweeper = Sweeper::new(&self.reconciler, rate, mode, deadlines, self.clock);
        let on_result = |swept| self.record_swept(invocation, mode, swept);
        let is_continued = request.token.is_some();
        match sweeper.slice(request, on_result).await {
            Ok(sweep) => {
                let report = invocation.summary(self.clock.now(), mode, sweep);
                Ok(self.recorder.record_sweep(&report))
            }
            Err(error) => {
                let unreadable = SecretOutcome::Unreadable(error);
                let outcome = if is_continued {
                    blame_request(unreadable, TOKEN_REMEDIATION)
                } else {
                    unreadable
                };
                self.record(invocation, None, mode, outcome)
            }
        }
    }

    /// Drills or promotes the replicas of the function's Region.
    async fn failover(
        &self,
        invocation: &Invocation,
        request: FailoverRequest,
        deadlines: &Deadlines,
    ) -> Result<Record, Failure> {
        let mode = match request.action {
            FailoverAction::Drill => Mode::DryRun,
            FailoverAction::Promote { dry_run } => self.mode_for(dry_run),
        };
        if let Some(outcome) = self.refuse_promotion(request.action) {
            return self.record(invocation, None, mode, outcome);
        }
        let rate = self.sweep_writes_per_second;
        let region = self.region.clone();
        let failover = Failover::new(&self.reconciler, region, rate, deadlines, self.clock);
        let on_result = |FailedOver { id, outcome }| {
            // The failure of one secret is not yet that of the action. The summary counts it.
            let _ = self.record(invocation, Some(id), mode, outcome);
        };
        match failover.run(&request, mode, on_result).await {
            Ok(summary) => {
                let report = invocation.summary(self.clock.now(), mode, summary);
                self.recorder.record_failover(&report)
            }
            Err(outcome) => self.record(invocation, None, mode, outcome),
        }
    }

    /// Returns the outcome of a promotion that the settings do not allow. With `DRY_RUN`, a promotion would succeed
    /// without promoting, and a recovery plan would continue. Only a preview that the action asks for succeeds.
    fn refuse_promotion(&self, action: FailoverAction) -> Option<SecretOutcome> {
        match action {
            FailoverAction::Promote { .. } if !self.allow_promotion => {
                Some(SecretOutcome::BadEvent(promotion_not_allowed()))
            }
            FailoverAction::Promote { dry_run: false } if self.mode == Mode::DryRun => {
                Some(SecretOutcome::Misconfigured(promotion_in_dry_run()))
            }
            FailoverAction::Drill | FailoverAction::Promote { .. } => None,
        }
    }

    fn record_swept(&self, invocation: &Invocation, mode: Mode, swept: SweptSecret) {
        let report = self.report(invocation, Some(swept.id), mode, swept.outcome);
        let started = swept.started;
        // The failure of one secret is not an error of the sweep. The summary counts it.
        let _ = self.recorder.record(Report { started, ..report });
    }
}

/// Returns the error of a promotion that the settings do not allow.
fn promotion_not_allowed() -> BadEvent {
    BadEvent {
        message: "this function may not promote: ALLOW_PROMOTION is not `true`".to_owned(),
        remediation: "deploy the stack with AllowPromotion=true, or promote with the command-line tool: \
                      `secret-replicator promote --to REGION`",
    }
}

/// Returns the error of a promotion by a function that may not write.
fn promotion_in_dry_run() -> SettingsInvalid {
    let message = "must be `false` for a promotion, found `true`; deploy the stack with DryRun=false, or add `dryRun` \
                   (true) to the action to see what would be promoted";
    SettingsInvalid {
        problems: vec![SettingProblem {
            variable: "DRY_RUN",
            error: SettingError::Value(message.to_owned()),
        }],
    }
}

const TOKEN_REMEDIATION: &str =
    "start the sweep again without `nextToken`: AWS's page tokens expire";

/// Turns AWS's validation error about a parameter of the request into a bad event.
fn blame_request(outcome: SecretOutcome, remediation: &'static str) -> SecretOutcome {
    match outcome {
        SecretOutcome::Unreadable(error) if error.is_validation_error() => {
            SecretOutcome::BadEvent(BadEvent {
                message: error.to_string(),
                remediation,
            })
        }
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use aws_sdk_secretsmanager::config::{BehaviorVersion, Config};

    use super::*;

    /// Returns the time. The second call panics: the one for the end of the work.
    fn now() -> DateTime<Utc> {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        assert_ne!(CALLS.fetch_add(1, Ordering::Relaxed), 1, "no time");
        DateTime::UNIX_EPOCH
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_record_of_a_panic_names_the_event_and_the_secret() {
        let variable = |name: &str| (name == "AWS_REGION").then(|| Ok("us-east-1".to_owned()));
        let settings = Settings::read(&variable, &|_| Err("no file".to_owned())).unwrap();
        let config = Config::builder().behavior_version(BehaviorVersion::v2026_01_12());
        let log = Log::default();
        let function = Function::new(settings, SecretsManager::new(config))
            .with_clock(Clock::new(now))
            .with_output(log.clone());
        let event = include_str!("../events/remove-regions-from-replication.json");
        let payload = RawValue::from_string(event.to_owned()).unwrap();
        let event = LambdaEvent::new(payload, Context::default());
        let failure = function.handle(event).await.unwrap_err();
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let record: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(record["trigger"], "RemoveRegionsFromReplication", "{text}");
        assert!(record["event_id"].is_string(), "{text}");
        assert!(record["secret_arn"].is_string(), "{text}");
        assert!(failure.to_string().contains("no time"), "{failure}");
    }
}
