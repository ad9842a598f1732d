//! Lambda as the function observes it.
//!
//! A sandbox runs one invocation at a time until its deadline. Lambda retries asynchronous invocations
//! and then sends the event to the failure queue.

use std::cell::{Cell, RefCell};
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
use crate::scenario::Kill;

/// The pauses before Lambda's retries of an asynchronous invocation (Lambda developer guide, "Error
/// handling for asynchronous invocation").
const RETRIES: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];

const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:secret-replicator";

/// Lambda with one function.
#[derive(Debug)]
pub(crate) struct Lambda {
    aws: SimulatedAws,
    settings: Settings,
    timeout: Duration,
    kills: Vec<Kill>,
    idle: RefCell<Vec<Sandbox>>,
    invoked: Cell<u64>,
}

/// A process with the function.
#[derive(Debug)]
struct Sandbox {
    function: Function,
    /// The number of the current invocation.
    invocation: Arc<AtomicU64>,
}

impl Lambda {
    pub(crate) fn new(
        aws: SimulatedAws,
        settings: Settings,
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

    /// Invokes the function asynchronously, with Lambda's retries.
    pub(crate) async fn deliver(&self, event: &Value) {
        let mut end = EventEnd::FailureQueue;
        for pause in [Duration::ZERO].into_iter().chain(RETRIES) {
            sleep(pause).await;
            if let (_, End::Answer(_)) = self.invoke(event, Purpose::Event).await {
                end = EventEnd::Handled;
                break;
            }
        }
        self.aws.journal.lock().events.push(end);
    }

    /// Invokes the function once. Returns the number of the invocation, and its end.
    pub(crate) async fn invoke(&self, event: &Value, purpose: Purpose) -> (u64, End) {
        let number = self.invoked.get() + 1;
        self.invoked.set(number);
        let sandbox = self.idle.borrow_mut().pop();
        let sandbox = sandbox.unwrap_or_else(|| self.sandbox());
        sandbox.invocation.store(number, Ordering::Relaxed);
        let began = clock::milliseconds();
        let end = self.run(&sandbox, number, event).await;
        if matches!(end, End::Answer(_) | End::Error(_)) {
            self.idle.borrow_mut().push(sandbox);
        }
        self.aws.journal.lock().invocations.push(Invocation {
            number,
            purpose,
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
        FUNCTION_ARN.clone_into(&mut context.invoked_function_arn);
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

    fn sandbox(&self) -> Sandbox {
        let invocation = Arc::<AtomicU64>::default();
        let connector = Connector {
            aws: self.aws.clone(),
            invocation: Arc::clone(&invocation),
        };
        let output = Output {
            journal: self.aws.journal.clone(),
            invocation: Arc::clone(&invocation),
        };
        let function = Function::new(self.settings.clone(), connector.secrets_manager());
        Sandbox {
            function: function
                .with_clock(Clock::new(clock::date))
                .with_output(output),
            invocation,
        }
    }
}
