//! The Lambda Runtime API around a real process.

mod answer;
mod environment;
mod output;
mod process;
mod runtime_api;
mod settings;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

pub use answer::{Answer, InitFailure, Invocation};
pub use settings::LambdaSettings;

use environment::Environment;
use process::{Lines, Process};
use runtime_api::{ErrorReport, Event, Message, RuntimeApi};

/// A sandbox: one process of the function. The process is killed when this is dropped.
///
/// One invocation at a time, as in Lambda. Lambda would put a new sandbox in the place of one whose
/// process has ended; here that is the caller's choice.
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

#[derive(Debug)]
enum State {
    /// The process waits for an event.
    Ready(oneshot::Sender<Event>),
    /// The process works on an event, or its invocation was abandoned by the caller.
    Busy,
    /// The process has ended, in this way.
    Ended(String),
}

/// An event in the life of a process.
enum ProcessEvent {
    Message(Message),
    Exit(String),
    Deadline,
}

/// The end of an invocation.
enum End {
    /// The process asked for the next event.
    Next(oneshot::Sender<Event>),
    Exited(String),
    TimedOut,
}

impl Lambda {
    /// Starts the process and waits until it asks for its first event.
    ///
    /// # Errors
    /// [`InitFailure`] (downcast it) if the process reports an init error, ends or takes too long;
    /// any other error if it cannot be started at all.
    pub async fn start(settings: LambdaSettings) -> anyhow::Result<Lambda> {
        let (api, messages) = RuntimeApi::start()
            .await
            .context("cannot open a socket for the Runtime API")?;
        let environment = Environment::new(&settings, api.address())
            .with_context(|| format!("no such path: {}", settings.bootstrap.display()))?;
        let started = Instant::now();
        let process = Process::start(&environment)
            .with_context(|| format!("cannot start {}", environment.bootstrap.display()))?;
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
        let ready = lambda
            .initialise(started + lambda.settings.init_timeout)
            .await?;
        lambda.init_duration = started.elapsed();
        lambda.idle_log = lambda.process.take_lines().stdout;
        lambda.state = State::Ready(ready);
        Ok(lambda)
    }

    /// Delivers an event and waits until the invocation is over: answered, and the process back for
    /// the next event.
    ///
    /// # Errors
    /// If an earlier invocation ended the process.
    pub async fn invoke(&mut self, event: &Value) -> anyhow::Result<Invocation> {
        self.invoke_bytes(event.to_string().as_bytes()).await
    }

    /// Delivers raw bytes as the event, which need not be JSON.
    ///
    /// # Errors
    /// If an earlier invocation ended the process.
    pub async fn invoke_bytes(&mut self, event: &[u8]) -> anyhow::Result<Invocation> {
        let ready = match std::mem::replace(&mut self.state, State::Busy) {
            State::Ready(ready) => ready,
            State::Busy => bail!("the process never came back from an earlier event"),
            State::Ended(status) => {
                self.state = State::Ended(status.clone());
                bail!("the process has ended: {status}");
            }
        };
        self.idle_log.extend(self.process.take_lines().stdout);
        self.invocations += 1;
        let request_id = format!("00000000-0000-4000-a000-{:012x}", self.invocations);
        let event = self.event(&request_id, event);
        self.api.open(&request_id);
        let started = Instant::now();
        let (answer, duration) = self.deliver(ready, event, started).await?;
        self.api.close();
        let Lines { stdout, stderr } = self.process.take_lines();
        Ok(Invocation {
            request_id,
            answer,
            log: stdout,
            stderr,
            duration,
        })
    }

    /// The process id, for measurements; `None` once it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// From starting the process to its asking for the first event.
    #[must_use]
    pub fn init_duration(&self) -> Duration {
        self.init_duration
    }

    /// The lines written to stdout outside of any invocation: while starting, and while waiting.
    #[must_use]
    pub fn idle_log(&self) -> &[String] {
        &self.idle_log
    }

    fn event(&self, request_id: &str, body: &[u8]) -> Event {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let deadline = since_epoch + self.settings.timeout;
        let body = Bytes::copy_from_slice(body);
        Event::new(request_id, &self.settings.function_arn, deadline, body)
    }

    async fn initialise(&mut self, deadline: Instant) -> anyhow::Result<oneshot::Sender<Event>> {
        let mut report = None;
        loop {
            match self.next_event(deadline).await? {
                ProcessEvent::Message(Message::Next(ready)) if report.is_none() => {
                    return Ok(ready);
                }
                ProcessEvent::Message(Message::InitError(error)) => report = Some(error),
                ProcessEvent::Message(_) => {}
                ProcessEvent::Exit(status) => {
                    return Err(self.init_failure(report, Some(status)).into());
                }
                ProcessEvent::Deadline => {
                    self.process.kill().await?;
                    return Err(self.init_failure(report, None).into());
                }
            }
        }
    }

    /// Waits for the next message, the exit or the deadline, and collects output meanwhile.
    async fn next_event(&mut self, deadline: Instant) -> anyhow::Result<ProcessEvent> {
        tokio::select! {
            biased;
            Some(message) = self.messages.recv() => Ok(ProcessEvent::Message(message)),
            status = self.process.ended() => {
                let status = status.context("cannot wait for the process")?;
                // What the process said before it ended goes first.
                Ok(match self.messages.try_recv() {
                    Ok(message) => ProcessEvent::Message(message),
                    Err(_) => ProcessEvent::Exit(status.to_string()),
                })
            }
            () = tokio::time::sleep_until(deadline) => Ok(ProcessEvent::Deadline),
        }
    }

    /// Returns the error that the process reported, or else that of Lambda.
    fn init_failure(&mut self, report: Option<ErrorReport>, exit: Option<String>) -> InitFailure {
        let report = report.unwrap_or_else(|| match &exit {
            Some(status) => ErrorReport {
                error_type: "Runtime.ExitError".to_owned(),
                error_message: format!("Runtime exited with error: {status}"),
            },
            None => ErrorReport {
                error_type: "Sandbox.Timedout".to_owned(),
                error_message: format!("Init timed out after {:?}", self.settings.init_timeout),
            },
        });
        let Lines { stdout, stderr } = self.process.take_lines();
        InitFailure {
            error_type: report.error_type,
            error_message: report.error_message,
            exit,
            log: stdout,
            stderr,
        }
    }

    /// Hands the event over and waits for the end.
    async fn deliver(
        &mut self,
        ready: oneshot::Sender<Event>,
        event: Event,
        started: Instant,
    ) -> anyhow::Result<(Answer, Duration)> {
        let deadline = started + self.settings.timeout;
        let mut undelivered = ready.send(event).err();
        let mut answered = None;
        let end = loop {
            match self.next_event(deadline).await? {
                // The process gave up the connection that the event was meant for.
                ProcessEvent::Message(Message::Next(ready)) if undelivered.is_some() => {
                    undelivered = undelivered.take().and_then(|event| ready.send(event).err());
                }
                ProcessEvent::Message(Message::Next(ready)) => break End::Next(ready),
                ProcessEvent::Message(message) => {
                    answered = message
                        .into_answer()
                        .map(|answer| (answer, started.elapsed()));
                }
                ProcessEvent::Exit(status) => break End::Exited(status),
                ProcessEvent::Deadline => break End::TimedOut,
            }
        };
        self.finish(end, answered, started).await
    }

    async fn finish(
        &mut self,
        end: End,
        answered: Option<(Answer, Duration)>,
        started: Instant,
    ) -> anyhow::Result<(Answer, Duration)> {
        let unanswered = match end {
            End::Next(ready) => {
                self.state = State::Ready(ready);
                Answer::Error {
                    error_type: "Runtime.NoResponse".to_owned(),
                    error_message: "the process asked for the next event without an answer"
                        .to_owned(),
                }
            }
            End::Exited(status) => {
                self.state = State::Ended(status.clone());
                Answer::Exited(status)
            }
            End::TimedOut => {
                self.process.kill().await?;
                self.state = State::Ended("killed at the deadline".to_owned());
                // Lambda counts an invocation as over only when the process asks for the next
                // event, so an answer that it has given already does not help.
                return Ok((Answer::TimedOut, started.elapsed()));
            }
        };
        Ok(answered.unwrap_or_else(|| (unanswered, started.elapsed())))
    }
}

impl Message {
    fn into_answer(self) -> Option<Answer> {
        match self {
            Message::Response(body) => Some(Answer::Success(match serde_json::from_slice(&body) {
                Ok(value) => value,
                Err(_) => Value::String(String::from_utf8_lossy(&body).into_owned()),
            })),
            Message::Error(report) | Message::InitError(report) => Some(Answer::Error {
                error_type: report.error_type,
                error_message: report.error_message,
            }),
            Message::Next(_) => None,
        }
    }
}
