//! Lambda's asynchronous invocation: a queue, sandboxes, retries.
//!
//! All events arrive at once. Lambda starts a sandbox when none is idle, up to the concurrency;
//! further events wait in its queue, which does not count as an attempt. Lambda retries an invocation
//! that ends in an error after one minute and again after two, and then sends the event to the
//! failure queue (Lambda developer guide, "Error handling for asynchronous invocation").

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use secret_replicator_emulator::{Answer, InitFailure, Lambda, LambdaSettings};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ending::{Attempt, Ending, Fate};
use super::population::Event;

/// Lambda's queue in front of one function.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    function: LambdaSettings,
    /// The pauses between an invocation that ends in an error and the next one.
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
    pub(super) fn new(function: LambdaSettings, sandboxes: usize, delays: Vec<Duration>) -> Queue {
        Queue {
            shared: Arc::new(Shared {
                function,
                delays,
                concurrency: Semaphore::new(sandboxes),
                starting: Semaphore::new(STARTING),
                idle: Mutex::default(),
                started: AtomicUsize::new(0),
            }),
        }
    }

    /// Delivers every event until it succeeds or its retries are used up.
    pub(super) async fn deliver(&self, events: Vec<Event>) -> anyhow::Result<Vec<Ending>> {
        let arrived = Instant::now();
        let mut deliveries = JoinSet::new();
        for event in events {
            let shared = Arc::clone(&self.shared);
            deliveries.spawn(async move { shared.deliver(&event, arrived).await });
        }
        let mut endings = Vec::new();
        while let Some(ending) = deliveries.join_next().await {
            endings.push(ending.context("a delivery panicked")??);
            if endings.len().is_multiple_of(1_000) {
                let seconds = arrived.elapsed().as_secs();
                eprintln!("  {} events have ended after {seconds} s", endings.len());
            }
        }
        Ok(endings)
    }

    /// The number of sandboxes that were started.
    pub(super) fn sandboxes(&self) -> usize {
        self.shared.started.load(Ordering::Relaxed)
    }
}

impl Shared {
    async fn deliver(&self, event: &Event, arrived: Instant) -> anyhow::Result<Ending> {
        let mut irregular = Vec::new();
        let mut attempts = 0;
        let fate = loop {
            let attempt = self.invoke(event).await?;
            attempts += 1;
            irregular.extend(attempt.irregular);
            match (&attempt.fate, self.delays.get(attempts - 1)) {
                (Fate::FailureQueue { .. }, Some(delay)) => tokio::time::sleep(*delay).await,
                _ => break attempt.fate,
            }
        };
        Ok(Ending {
            subject: event.subject,
            attempts,
            after: arrived.elapsed(),
            fate,
            irregular,
        })
    }

    async fn invoke(&self, event: &Event) -> anyhow::Result<Attempt> {
        let _running = self.concurrency.acquire().await?;
        let mut sandbox = match self.take_idle() {
            Some(sandbox) => sandbox,
            None => match self.start().await? {
                Ok(sandbox) => sandbox,
                Err(failure) => {
                    return Ok(Attempt {
                        fate: Fate::failed(&failure.error_type),
                        irregular: Some(format!("a sandbox did not start: {failure}")),
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

    fn take_idle(&self) -> Option<Lambda> {
        self.idle().pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Lambda>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
