//! Lambda, as far as the function can observe it: sandboxes that run one invocation at a time, a
//! deadline, retries of asynchronous invocations, and the failure queue.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lambda_runtime::{Context, LambdaEvent};
use secret_replicator::clock::Clock;
use secret_replicator::handler::Function;
use secret_replicator::settings::Settings;
use secret_replicator_emulator::Service;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, sleep_until};

use crate::clock;
use crate::connector::{Connector, Delays};
use crate::journal::{Current, Output, SharedJournal};
use crate::scenario::{HOME, Kill};
use crate::stale::StaleReads;

/// After how long Lambda tries an asynchronous invocation again (Lambda developer guide, "Error
/// handling for asynchronous invocation").
const RETRIES: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];

const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:secret-replicator";

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum End {
    /// It answered.
    Answer(Value),
    /// It answered an error of this type.
    Error(String),
    /// Its process was killed, as the scenario has it.
    Killed,
    /// Its time was up.
    TimedOut,
}

/// What an invocation was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Purpose {
    /// An event.
    Event,
    /// Somebody has it look at a secret.
    Reconcile,
    /// Somebody only asks.
    Look,
    /// A slice of a sweep.
    Sweep,
}

/// An invocation that has ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Invocation {
    /// Its number.
    pub number: u64,
    /// What it was for.
    pub purpose: Purpose,
    /// When it began, in milliseconds.
    pub began: u64,
    /// When it ended.
    pub ended: u64,
    /// How it ended.
    pub end: End,
}

/// What became of an event that was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Fate {
    /// The function has answered.
    Handled,
    /// It is in the failure queue.
    FailureQueue,
}

/// Lambda with one function.
#[derive(Debug)]
pub struct Lambda {
    service: Arc<Service>,
    settings: Settings,
    timeout: Duration,
    journal: SharedJournal,
    delays: Arc<Mutex<Delays>>,
    reads: StaleReads,
    kills: Vec<Kill>,
    idle: RefCell<Vec<Sandbox>>,
    invoked: Cell<u64>,
    invocations: RefCell<Vec<Invocation>>,
    fates: RefCell<Vec<Fate>>,
}

/// A process with the function.
#[derive(Debug)]
struct Sandbox {
    function: Function,
    current: Current,
}

impl Lambda {
    /// Lambda with the function of these settings.
    #[must_use]
    pub fn new(
        service: Arc<Service>,
        settings: Settings,
        timeout: Duration,
        journal: SharedJournal,
        delays: Delays,
        reads: StaleReads,
        kills: Vec<Kill>,
    ) -> Rc<Lambda> {
        Rc::new(Lambda {
            service,
            settings,
            timeout,
            journal,
            delays: Arc::new(Mutex::new(delays)),
            reads,
            kills,
            idle: RefCell::default(),
            invoked: Cell::default(),
            invocations: RefCell::default(),
            fates: RefCell::default(),
        })
    }

    /// Every invocation so far, in the order of their ends.
    #[must_use]
    pub fn invocations(&self) -> Vec<Invocation> {
        self.invocations.borrow().clone()
    }

    /// What became of the events so far.
    #[must_use]
    pub fn fates(&self) -> Vec<Fate> {
        self.fates.borrow().clone()
    }

    /// How many invocations were begun.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.invoked.get()
    }

    /// An asynchronous invocation, with its retries.
    pub async fn deliver(&self, event: &Value) {
        for pause in [Duration::ZERO].into_iter().chain(RETRIES) {
            sleep(pause).await;
            if let End::Answer(_) = self.invoke(event, Purpose::Event).await {
                self.fates.borrow_mut().push(Fate::Handled);
                return;
            }
        }
        self.fates.borrow_mut().push(Fate::FailureQueue);
    }

    /// One invocation.
    pub async fn invoke(&self, event: &Value, purpose: Purpose) -> End {
        let number = self.invoked.get() + 1;
        self.invoked.set(number);
        let sandbox = self.idle.borrow_mut().pop();
        let sandbox = sandbox.unwrap_or_else(|| self.sandbox());
        sandbox.current.set(number);
        let began = clock::elapsed();
        let end = self.run(&sandbox, number, event).await;
        if matches!(end, End::Answer(_) | End::Error(_)) {
            self.idle.borrow_mut().push(sandbox);
        }
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.invocations.borrow_mut().push(Invocation {
            number,
            purpose,
            began: milliseconds(began),
            ended: milliseconds(clock::elapsed()),
            end: end.clone(),
        });
        end
    }

    async fn run(&self, sandbox: &Sandbox, number: u64, event: &Value) -> End {
        let Ok(payload) = RawValue::from_string(event.to_string()) else {
            return End::Error("NoJson".to_owned());
        };
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
        let current = Current::default();
        let connector = Connector::new(
            Arc::clone(&self.service),
            self.journal.clone(),
            current.clone(),
            Arc::clone(&self.delays),
            self.reads.clone(),
        );
        let output = Output {
            journal: self.journal.clone(),
            current: current.clone(),
        };
        let function = Function::new(self.settings.clone(), connector.secrets_manager(HOME));
        Sandbox {
            function: function
                .with_clock(Clock::new(clock::date))
                .with_output(output),
            current,
        }
    }
}
