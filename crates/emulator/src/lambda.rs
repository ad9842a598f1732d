//! The Lambda Runtime API around a real process.

mod answer;
mod process;
mod runtime_api;
mod settings;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use bytes::Bytes;
use hyper::Response;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

pub use answer::{Answer, InitFailure, Invocation};
pub use settings::LambdaSettings;

use process::Process;
use runtime_api::{Message, RuntimeApi};

/// A sandbox: one process of the function. Dropping it kills the process.
///
/// It handles one invocation at a time, as in Lambda. Lambda replaces a sandbox whose process has
/// ended; here the caller decides whether to start another one.
#[derive(Debug)]
pub struct Lambda {
    settings: LambdaSettings,
    api: RuntimeApi,
    messages: mpsc::UnboundedReceiver<Message>,
    process: Process,
    state: State,
    invocations: u64,
    init_duration: Duration,
    idle_log: Vec<String>,
}

/// The sender of an event.
type Ready = oneshot::Sender<Response<Bytes>>;

#[derive(Debug)]
enum State {
    /// The process waits for an event.
    Ready(Ready),
    /// The process handles an event, or the caller abandoned its invocation.
    Busy,
    /// The process has ended with this status.
    Ended(String),
}

/// An event in the life of a process.
enum ProcessEvent {
    Message(Message),
    Exit(String),
    Deadline,
}

impl Lambda {
    /// Starts the process and waits until it asks for its first event.
    ///
    /// # Errors
    /// [`InitFailure`] (use `downcast`) if the process reports an init error, ends or exceeds the
    /// timeout. Any other error if the process cannot be started.
    pub async fn start(settings: LambdaSettings) -> anyhow::Result<Lambda> {
        let (api, messages) = RuntimeApi::start()
            .await
            .context("failed to open a socket for the Runtime API")?;
        let started = Instant::now();
        let process = Process::start(&settings, api.address())
            .with_context(|| format!("failed to start {}", settings.bootstrap.display()))?;
        let mut lambda = Lambda {
            settings,
            api,
            messages,
            process,
            state: State::Busy,
            invocations: 0,
            init_duration: Duration::ZERO,
            idle_log: Vec::new(),
        };
        let deadline = started + lambda.settings.init_timeout;
        let ready = lambda.initialize(deadline).await?;
        lambda.init_duration = started.elapsed();
        lambda.idle_log = lambda.process.take_lines()?.0;
        lambda.state = State::Ready(ready);
        Ok(lambda)
    }

    /// Delivers an event and waits until the invocation is over: answered, and the process asks for
    /// the next event.
    ///
    /// # Errors
    /// If an earlier invocation ended the process.
    pub async fn invoke(&mut self, event: &Value) -> anyhow::Result<Invocation> {
        let ready = match std::mem::replace(&mut self.state, State::Busy) {
            State::Ready(ready) => ready,
            State::Busy => bail!("the process did not return from an earlier event"),
            State::Ended(status) => {
                self.state = State::Ended(status.clone());
                bail!("the process has ended: {status}");
            }
        };
        self.idle_log.extend(self.process.take_lines()?.0);
        self.invocations += 1;
        let request_id = format!("00000000-0000-4000-a000-{:012x}", self.invocations);
        let event = self.event(&request_id, event)?;
        self.api.open(Some(&request_id));
        let (answer, duration) = self.deliver(ready, event).await?;
        self.api.open(None);
        let (log, stderr) = self.process.take_lines()?;
        Ok(Invocation {
            request_id,
            answer,
            log,
            stderr,
            duration,
        })
    }

    /// Returns the process ID, for measurements; `None` once the process has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Returns the time from the start of the process to its request for the first event.
    #[must_use]
    pub fn init_duration(&self) -> Duration {
        self.init_duration
    }

    /// Returns the lines written to stdout outside of invocations: during the start, and between
    /// events.
    #[must_use]
    pub fn idle_log(&self) -> &[String] {
        &self.idle_log
    }

    /// Returns an event with the headers that Lambda adds.
    fn event(&self, request_id: &str, event: &Value) -> anyhow::Result<Response<Bytes>> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let deadline = since_epoch + self.settings.timeout;
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";
        let response = Response::builder()
            // AWS's Python runtime fails without it.
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", request_id)
            .header(
                "lambda-runtime-deadline-ms",
                deadline.as_millis().to_string(),
            )
            .header(
                "lambda-runtime-invoked-function-arn",
                self.settings.function_arn(),
            )
            .header("lambda-runtime-trace-id", trace)
            .body(Bytes::from(event.to_string()))?;
        Ok(response)
    }

    async fn initialize(&mut self, deadline: Instant) -> anyhow::Result<Ready> {
        let mut report = None;
        let exit = loop {
            match self.next_event(deadline).await? {
                ProcessEvent::Message(Message::Next(ready)) if report.is_none() => {
                    return Ok(ready);
                }
                ProcessEvent::Message(Message::Next(_)) => {}
                ProcessEvent::Message(Message::Answered(error)) => report = Some(error),
                ProcessEvent::Exit(status) => break Some(status),
                ProcessEvent::Deadline => {
                    self.process.kill().await?;
                    break None;
                }
            }
        };
        Err(self.init_failure(report, exit)?.into())
    }

    /// Waits for the next message, the exit or the deadline.
    async fn next_event(&mut self, deadline: Instant) -> anyhow::Result<ProcessEvent> {
        tokio::select! {
            biased;
            Some(message) = self.messages.recv() => Ok(ProcessEvent::Message(message)),
            status = self.process.ended() => {
                let status = status.context("failed to wait for the process")?;
                // A message that the process sent before its end comes first.
                Ok(match self.messages.try_recv() {
                    Ok(message) => ProcessEvent::Message(message),
                    Err(_) => ProcessEvent::Exit(status.to_string()),
                })
            }
            () = tokio::time::sleep_until(deadline) => Ok(ProcessEvent::Deadline),
        }
    }

    /// Returns the error that the process reported, or Lambda's own error.
    fn init_failure(
        &mut self,
        report: Option<Answer>,
        exit: Option<String>,
    ) -> anyhow::Result<InitFailure> {
        let (error_type, error_message) = match (report, &exit) {
            (
                Some(Answer::Error {
                    error_type,
                    error_message,
                }),
                _,
            ) => (error_type, error_message),
            (_, Some(status)) => (
                "Runtime.ExitError".to_owned(),
                format!("Runtime exited with error: {status}"),
            ),
            (_, None) => (
                "Sandbox.Timedout".to_owned(),
                format!("Init timed out after {:?}", self.settings.init_timeout),
            ),
        };
        let (log, stderr) = self.process.take_lines()?;
        Ok(InitFailure {
            error_type,
            error_message,
            exit,
            log,
            stderr,
        })
    }

    /// Hands the event over and waits for the end of the invocation.
    async fn deliver(
        &mut self,
        ready: Ready,
        event: Response<Bytes>,
    ) -> anyhow::Result<(Answer, Duration)> {
        let started = Instant::now();
        let deadline = started + self.settings.timeout;
        let mut undelivered = ready.send(event).err();
        let mut answered = None;
        let (unanswered, state) = loop {
            match self.next_event(deadline).await? {
                // The process closed the connection for which the event was meant.
                ProcessEvent::Message(Message::Next(ready)) if undelivered.is_some() => {
                    undelivered = undelivered.take().and_then(|event| ready.send(event).err());
                }
                ProcessEvent::Message(Message::Next(ready)) => {
                    let error = Answer::Error {
                        error_type: "Runtime.NoResponse".to_owned(),
                        error_message: "the process asked for the next event without an answer"
                            .to_owned(),
                    };
                    break (error, State::Ready(ready));
                }
                ProcessEvent::Message(Message::Answered(answer)) => {
                    answered = Some((answer, started.elapsed()));
                }
                ProcessEvent::Exit(status) => {
                    break (Answer::Exited(status.clone()), State::Ended(status));
                }
                ProcessEvent::Deadline => {
                    self.process.kill().await?;
                    // In Lambda an invocation ends when the process asks for the next event, so an
                    // earlier answer does not count.
                    answered = None;
                    let killed = "killed at the deadline".to_owned();
                    break (Answer::TimedOut, State::Ended(killed));
                }
            }
        };
        self.state = state;
        Ok(answered.unwrap_or_else(|| (unanswered, started.elapsed())))
    }
}
