//! Lambda's asynchronous invocation: a queue, sandboxes, retries.
//!
//! All events arrive at once. Lambda starts a sandbox when none is idle, up to the concurrency; further
//! events wait in its queue, which does not count as an attempt. After an error, Lambda retries after one
//! minute and again after two, and then sends the event to the failure queue (Lambda developer guide,
//! "Error handling for asynchronous invocation").

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use secret_replicator_emulator::{Answer, InitFailure, Lambda, LambdaSettings};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::population::Event;
use super::result::{Attempt, EventResult, FinalState};

/// Lambda's queue in front of one function.
#[derive(Debug)]
pub(super) struct Queue {
    function: LambdaSettings,
    /// The pauses before the retries of an event.
    delays: Vec<Duration>,
    concurrency: Semaphore,
    /// Limits the sandboxes that start at once, because they share the processors of this machine.
    starting: Semaphore,
    /// Used as a stack: Lambda reuses the sandbox that was used last.
    idle: Mutex<Vec<Lambda>>,
    started: AtomicUsize,
}

/// Low enough that no sandbox exceeds the time that Lambda allows for its start.
const STARTING: usize = 8;

impl Queue {
    pub(super) fn new(
        function: LambdaSettings,
        sandboxes: usize,
        delays: Vec<Duration>,
    ) -> Arc<Queue> {
        Arc::new(Queue {
            function,
            delays,
            concurrency: Semaphore::new(sandboxes),
            starting: Semaphore::new(STARTING),
            idle: Mutex::default(),
            started: AtomicUsize::new(0),
        })
    }

    /// Delivers every event until it succeeds or its retries are used up.
    pub(super) async fn deliver_all(
        self: &Arc<Self>,
        events: Vec<Event>,
    ) -> anyhow::Result<Vec<EventResult>> {
        let arrived = Instant::now();
        let mut deliveries = JoinSet::new();
        for event in events {
            let queue = Arc::clone(self);
            deliveries.spawn(async move { queue.deliver(&event, arrived).await });
        }
        let mut results = Vec::new();
        while let Some(result) = deliveries.join_next().await {
            results.push(result.context("a delivery panicked")??);
            if results.len().is_multiple_of(1_000) {
                let seconds = arrived.elapsed().as_secs();
                eprintln!("  {} events ended after {seconds} s", results.len());
            }
        }
        Ok(results)
    }

    /// Returns the number of sandboxes that were started.
    pub(super) fn sandboxes(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    async fn deliver(&self, event: &Event, arrived: Instant) -> anyhow::Result<EventResult> {
        let mut irregular = Vec::new();
        let mut attempts = 0;
        let state = loop {
            let attempt = self.invoke(event).await?;
            attempts += 1;
            irregular.extend(attempt.irregular);
            match (&attempt.state, self.delays.get(attempts - 1)) {
                (FinalState::FailureQueue { .. }, Some(delay)) => tokio::time::sleep(*delay).await,
                _ => break attempt.state,
            }
        };
        Ok(EventResult {
            subject: event.subject,
            attempts,
            after: arrived.elapsed(),
            state,
            irregular,
        })
    }

    async fn invoke(&self, event: &Event) -> anyhow::Result<Attempt> {
        let _running = self.concurrency.acquire().await?;
        let idle = self.idle().pop();
        let mut sandbox = match idle {
            Some(sandbox) => sandbox,
            None => match self.start().await? {
                Ok(sandbox) => sandbox,
                Err(failure) => {
                    return Ok(Attempt {
                        state: FinalState::failed(&failure.error_type),
                        irregular: Some(format!("a sandbox failed to start: {failure}")),
                    });
                }
            },
        };
        let invocation = sandbox.invoke(&event.body).await?;
        let attempt = Attempt::of(&invocation);
        if !matches!(invocation.answer, Answer::TimedOut | Answer::Exited(_)) {
            self.idle().push(sandbox);
        }
        Ok(attempt)
    }

    async fn start(&self) -> anyhow::Result<Result<Lambda, InitFailure>> {
        let _starting = self.starting.acquire().await?;
        self.started.fetch_add(1, Ordering::Relaxed);
        match Lambda::start(self.function.clone()).await {
            Ok(sandbox) => Ok(Ok(sandbox)),
            Err(error) => error.downcast::<InitFailure>().map(Err),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Lambda>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
