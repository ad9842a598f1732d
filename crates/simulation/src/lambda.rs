//! Lambda as the function observes it.
//!
//! A sandbox runs one invocation at a time until its deadline. Lambda retries asynchronous invocations
//! and then sends the event to the failure queue.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lambda_runtime::{Context, LambdaEvent};
use secret_replicator::clock::Clock;
use secret_replicator::handler::Function;
use secret_replicator::settings::Settings;
use serde_json::Value;
use serde_json::value::to_raw_value;
use tokio::time::{Instant, sleep, sleep_until};

use crate::clock;
use crate::connector::{Connector, SimulatedAws};
use crate::journal::{End, EventEnd, Invocation, Output, Purpose};
use crate::scenario::{HOME, Kill};

/// The pauses before Lambda's retries of an asynchronous invocation (Lambda developer guide, "Error
/// handling for asynchronous invocation").
const RETRIES: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];

/// Lambda with one function in each of some Regions.
#[derive(Debug)]
pub(crate) struct Lambda {
    aws: SimulatedAws,
    /// The settings of the function in each Region that has one.
    settings: BTreeMap<&'static str, Settings>,
    timeout: Duration,
    kills: Vec<Kill>,
    idle: RefCell<Vec<Sandbox>>,
    invoked: Cell<u64>,
}

/// A process with the function.
#[derive(Debug)]
struct Sandbox {
    region: &'static str,
    function: Function,
    /// The number of the current invocation.
    invocation: Arc<AtomicU64>,
}

impl Lambda {
    pub(crate) fn new(
        aws: SimulatedAws,
        settings: BTreeMap<&'static str, Settings>,
        timeout: Duration,
        kills: Vec<Kill>,
    ) -> Rc<Lambda> {
        Rc::new(Lambda {
            aws,
            settings,
            timeout,
            kills,
            idle: RefCell::default(),
            invoked: Cell::default(),
        })
    }

    /// Invokes the function of [`HOME`] asynchronously, with Lambda's retries.
    pub(crate) async fn deliver(&self, event: &Value) {
        self.deliver_in(HOME, event, Purpose::Event).await;
    }

    /// Invokes the function of a Region asynchronously, if it has one, with Lambda's retries.
    pub(crate) async fn deliver_in(&self, region: &str, event: &Value, purpose: Purpose) {
        let Some(region) = self.region_named(region) else {
            return;
        };
        let mut end = EventEnd::FailureQueue;
        for pause in [Duration::ZERO].into_iter().chain(RETRIES) {
            sleep(pause).await;
            if let (_, End::Answer(_)) = self.invoke_in(region, event, purpose).await {
                end = EventEnd::Handled;
                break;
            }
        }
        self.aws.journal.lock().events.push(end);
    }

    /// Returns the Region if it has a function.
    pub(crate) fn region_named(&self, region: &str) -> Option<&'static str> {
        let mut regions = self.settings.keys().copied();
        regions.find(|other| *other == region)
    }

    /// Invokes the function of [`HOME`] once. Returns the number of the invocation, and its end.
    pub(crate) async fn invoke(&self, event: &Value, purpose: Purpose) -> (u64, End) {
        self.invoke_in(HOME, event, purpose).await
    }

    /// Invokes the function of a Region that has one. Returns the number of the invocation, and its end.
    pub(crate) async fn invoke_in(
        &self,
        region: &'static str,
        event: &Value,
        purpose: Purpose,
    ) -> (u64, End) {
        let number = self.invoked.get() + 1;
        self.invoked.set(number);
        let sandbox = self.idle_sandbox(region);
        let sandbox = sandbox.unwrap_or_else(|| self.sandbox(region));
        sandbox.invocation.store(number, Ordering::Relaxed);
        let began = clock::milliseconds();
        let end = self.run(&sandbox, number, event).await;
        if matches!(end, End::Answer(_) | End::Error(_)) {
            self.idle.borrow_mut().push(sandbox);
        }
        self.aws.journal.lock().invocations.push(Invocation {
            number,
            purpose,
            region,
            resource: event["resources"][0].as_str().map(str::to_owned),
            began,
            ended: clock::milliseconds(),
            end: end.clone(),
            version: event["detail"]["versionId"].as_str().map(str::to_owned),
        });
        (number, end)
    }

    async fn run(&self, sandbox: &Sandbox, number: u64, event: &Value) -> End {
        let payload = to_raw_value(event).expect("a JSON value");
        let mut context = Context::default();
        context.request_id = format!("request-{number}");
        context.invoked_function_arn = function_arn(sandbox.region);
        context.deadline = (clock::now() + self.timeout).0;
        let deadline = Instant::now() + self.timeout;
        let kill = self.kills.iter().find(|kill| kill.invocation == number);
        let killed = kill.map(|kill| Instant::now() + Duration::from_millis(kill.after.into()));
        let work = sandbox.function.handle(LambdaEvent::new(payload, context));
        tokio::select! {
            biased;
            end = work => match end {
                Ok(answer) => End::Answer(serde_json::to_value(answer).unwrap_or_default()),
                Err(failure) => End::Error(format!("{:?}", failure.error_type())),
            },
            () = sleep_until(killed.unwrap_or(deadline)), if killed.is_some() => End::Killed,
            () = sleep_until(deadline) => End::TimedOut,
        }
    }

    fn idle_sandbox(&self, region: &str) -> Option<Sandbox> {
        let mut idle = self.idle.borrow_mut();
        let index = idle.iter().rposition(|idle| idle.region == region)?;
        Some(idle.remove(index))
    }

    fn sandbox(&self, region: &'static str) -> Sandbox {
        let invocation = Arc::<AtomicU64>::default();
        let connector = Connector {
            aws: self.aws.clone(),
            region,
            invocation: Arc::clone(&invocation),
        };
        let output = Output {
            journal: self.aws.journal.clone(),
            invocation: Arc::clone(&invocation),
        };
        let function = Function::new(self.settings[region].clone(), connector.secrets_manager());
        Sandbox {
            region,
            function: function
                .with_clock(Clock::new(clock::date))
                .with_output(output),
            invocation,
        }
    }
}

fn function_arn(region: &str) -> String {
    format!("arn:aws:lambda:{region}:123456789012:function:secret-replicator")
}
