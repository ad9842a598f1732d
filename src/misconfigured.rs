//! A function whose settings or policy are invalid.
//!
//! It starts all the same, so that each invocation ends with the problems: Lambda retries an event and then sends it
//! to the failure queue, and a person who invokes the function sees what to fix. Its only request is the answer to
//! CloudFormation, which checks a deployment.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lambda_runtime::{Context, LambdaEvent};
use secret_replicator_core::request::{self, FunctionIdentity, Origin, Request, Trigger, Wait};
use secret_replicator_core::secret::Region;
use serde_json::value::RawValue;

use crate::clock::Clock;
use crate::deadlines::Deadlines;
use crate::deployment;
use crate::invocation::{ACCOUNT, Invocation, NAME, REGION, part_of_arn, remaining};
use crate::reconcile::{Mode, SecretOutcome};
use crate::record::{Failure, Record, Recorder};
use crate::settings::SettingsInvalid;

/// The Lambda function with invalid settings.
#[derive(Debug)]
pub struct Misconfigured {
    invalid: SettingsInvalid,
    recorder: Recorder,
    clock: Clock,
}

impl Misconfigured {
    /// Creates the function from the problems of its settings.
    #[must_use]
    pub fn new(invalid: SettingsInvalid) -> Self {
        Self {
            invalid,
            recorder: Recorder::without_metrics(),
            clock: Clock::system(),
        }
    }

    /// Records that the event failed because of the settings. If CloudFormation checks a deployment, answers that
    /// it failed.
    ///
    /// # Errors
    /// [`Failure`] with all problems, unless CloudFormation has received them.
    pub async fn handle(&self, event: &LambdaEvent<Box<RawValue>>) -> Result<Record, Failure> {
        let started = self.clock.now();
        let (invocation, request) = identify(event, started);
        let outcome = match &request {
            Some(Request::CheckDeployment(check)) => {
                let remaining = remaining(&event.context, started);
                let deadlines = Deadlines::new(remaining, Duration::ZERO, Wait::Never);
                deployment::answer(check, Some(&self.invalid), deadlines.end()).await
            }
            _ => SecretOutcome::Misconfigured(self.invalid.clone()),
        };
        let named = request.and_then(|request| request.secret().cloned());
        self.recorder
            .record(invocation.report(self.clock.now(), named, Mode::Act, outcome))
    }
}

/// Identifies the invocation. Returns its request, if the function's Region is known.
fn identify(
    event: &LambdaEvent<Box<RawValue>>,
    started: DateTime<Utc>,
) -> (Invocation, Option<Request>) {
    let context = &event.context;
    let trigger = own_region(context).map(|region| {
        let function = FunctionIdentity {
            region,
            account: part_of_arn(context, ACCOUNT),
            name: part_of_arn(context, NAME),
        };
        request::parse(event.payload.get(), &function)
    });
    let (origin, request) = match trigger {
        Some(Trigger { origin, request }) => (origin, Some(request)),
        None => (Origin::unknown(), None),
    };
    let invocation = Invocation {
        origin,
        request_id: context.request_id.clone(),
        account: part_of_arn(context, ACCOUNT),
        sweep_id: request
            .as_ref()
            .and_then(|request| request.sweep_id().map(str::to_owned)),
        started,
    };
    (invocation, request)
}

/// Returns the function's Region from its ARN, because `AWS_REGION` may be the invalid setting.
fn own_region(context: &Context) -> Option<Region> {
    Region::parse(&part_of_arn(context, REGION)?).ok()
}
