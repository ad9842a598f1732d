//! Everything that the world saw of the function: its calls with their answers, and its records.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

/// A call that the function's client has sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// When, in milliseconds since the beginning of the world.
    pub at: u64,
    /// The number of the invocation.
    pub invocation: u64,
    /// The Region that it was signed for.
    pub region: String,
    /// The operation, for example `DescribeSecret`.
    pub operation: String,
    /// The request.
    pub body: Value,
    /// Its place among the sendings and answers of all calls.
    pub sent: usize,
    /// What the client got, if it did.
    pub answer: Option<Answer>,
}

/// An answer that has reached the client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Its place among the sendings and answers of all calls.
    pub came: usize,
    /// The HTTP status; `None` is a connection that broke.
    pub status: Option<u16>,
    /// The body; `null` if it is no JSON.
    pub body: Value,
}

impl Answer {
    /// Whether the call has succeeded.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status == Some(200) && self.body.is_object()
    }

    /// AWS's error code.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        self.body["__type"].as_str()
    }
}

impl Call {
    /// `SecretId` of the request.
    #[must_use]
    pub fn secret_id(&self) -> Option<&str> {
        self.body["SecretId"].as_str()
    }

    /// The answer, if the call has succeeded.
    #[must_use]
    pub fn success(&self) -> Option<&Answer> {
        self.answer.as_ref().filter(|answer| answer.is_success())
    }
}

/// A line that the function has written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The number of the invocation.
    pub invocation: u64,
    /// The line.
    pub text: String,
}

/// Everything that the world saw of the function, in order.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub struct Journal {
    order: usize,
    /// The calls, in the order of their sending.
    pub calls: Vec<Call>,
    /// Records and metrics.
    pub lines: Vec<Line>,
}

/// The journal of a world, for all that write into it.
#[derive(Debug, Default, Clone)]
pub struct SharedJournal(Arc<Mutex<Journal>>);

impl SharedJournal {
    fn lock(&self) -> MutexGuard<'_, Journal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call; answers its number.
    pub(crate) fn sent(&self, mut call: Call) -> usize {
        let mut journal = self.lock();
        journal.order += 1;
        call.sent = journal.order;
        journal.calls.push(call);
        journal.calls.len() - 1
    }

    /// Notes the answer to a call.
    pub(crate) fn answered(&self, number: usize, status: Option<u16>, body: Value) {
        let mut journal = self.lock();
        journal.order += 1;
        let came = journal.order;
        if let Some(call) = journal.calls.get_mut(number) {
            call.answer = Some(Answer { came, status, body });
        }
    }

    /// How many calls there were so far.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.lock().calls.len()
    }

    /// The journal so far.
    #[must_use]
    pub fn take(&self) -> Journal {
        std::mem::take(&mut *self.lock())
    }
}

/// The invocation that a sandbox works on.
#[derive(Debug, Default, Clone)]
pub struct Current(Arc<AtomicU64>);

impl Current {
    /// Its number.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The sandbox begins with another.
    pub fn set(&self, invocation: u64) {
        self.0.store(invocation, Ordering::Relaxed);
    }
}

/// A sandbox's standard output.
#[derive(Debug)]
pub struct Output {
    /// Where its lines go.
    pub journal: SharedJournal,
    /// The invocation that it works on.
    pub current: Current,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let invocation = self.current.get();
        let lines = text.lines().map(|line| Line {
            invocation,
            text: line.to_owned(),
        });
        self.journal.lock().lines.extend(lines);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether an operation of Secrets Manager changes something.
#[must_use]
pub fn is_write(operation: &str) -> bool {
    !matches!(operation, "DescribeSecret" | "ListSecrets")
}
