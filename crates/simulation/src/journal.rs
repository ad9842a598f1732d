//! Everything that was observed of the function: calls, records, invocations and results of events.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::clock;

/// The observations of a world, in order.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Journal {
    order: usize,
    /// The calls in the order of their requests.
    pub(crate) calls: Vec<Call>,
    /// Records and metrics, each with the number of its invocation.
    lines: Vec<(u64, String)>,
    /// The invocations in the order of their ends.
    pub(crate) invocations: Vec<Invocation>,
    pub(crate) events: Vec<EventEnd>,
    pub(crate) sweeps: Vec<Sweep>,
}

/// A sweep that has ended.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Sweep {
    /// The numbers of its invocations.
    pub(crate) invocations: BTreeSet<u64>,
    pub(crate) max_changes: u64,
    /// Whether it reached the last secret.
    pub(crate) is_complete: bool,
}

/// The end of an invocation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    /// The function returned this answer.
    Answer(Value),
    /// The function returned an error of this type.
    Error(String),
    /// The scenario killed the process.
    Killed,
    /// Lambda stopped the function at its deadline.
    TimedOut,
}

/// The purpose of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Event,
    /// An event about a replica.
    ReplicaEvent,
    Reconcile,
    /// A dry run or an explanation. It must not write.
    ReadOnly,
    /// A slice of a sweep.
    Sweep,
    /// A promotion of all covered replicas in a Region.
    Promotion,
}

/// A finished invocation. Times are in milliseconds since the beginning of the world.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Invocation {
    pub(crate) number: u64,
    pub(crate) purpose: Purpose,
    /// The Region of the function.
    pub(crate) region: &'static str,
    /// The ARN in the event's `resources`.
    pub(crate) resource: Option<String>,
    pub(crate) began: u64,
    pub(crate) ended: u64,
    pub(crate) end: End,
    /// The version that the event reported as current.
    pub(crate) version: Option<String>,
}

/// The end of a delivered event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventEnd {
    /// An invocation returned an answer.
    Handled,
    /// All invocations returned an error or were stopped.
    FailureQueue,
}

/// A call that the function's client sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The time in milliseconds since the beginning of the world.
    pub(crate) at: u64,
    /// The number of the invocation.
    pub(crate) invocation: u64,
    /// The Region in the signature.
    pub(crate) region: String,
    pub(crate) operation: String,
    /// The request.
    pub(crate) body: Value,
    /// The position of the request among the requests and answers of all calls.
    pub(crate) sent: usize,
    /// The answer, if one reached the client.
    pub(crate) answer: Option<Answer>,
}

/// An answer that reached the client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// The position of the answer among the requests and answers of all calls.
    pub(crate) received: usize,
    /// The time in milliseconds since the beginning of the world.
    pub(crate) at: u64,
    /// The HTTP status; `None` for a broken connection.
    status: Option<u16>,
    /// The body; `null` if it is not JSON.
    pub(crate) body: Value,
}

impl Call {
    /// Returns whether the operation changes anything.
    pub(crate) fn is_write(&self) -> bool {
        !matches!(&self.operation[..], "DescribeSecret" | "ListSecrets")
    }

    /// Returns `SecretId` of the request.
    pub(crate) fn secret_id(&self) -> Option<&str> {
        self.body["SecretId"].as_str()
    }

    /// Returns the Regions in a field of the request, as plain names or as objects with `Region`.
    pub(crate) fn regions(&self, field: &str) -> impl Iterator<Item = &str> {
        let listed = self.body[field].as_array().into_iter().flatten();
        listed.filter_map(|item| item["Region"].as_str().or(item.as_str()))
    }

    /// Returns the answer if the call succeeded.
    pub(crate) fn success(&self) -> Option<&Answer> {
        let answer = self.answer.as_ref()?;
        (answer.status == Some(200) && answer.body.is_object()).then_some(answer)
    }

    /// Returns whether AWS rejected the call, so that another attempt cannot succeed a moment later.
    pub(crate) fn is_rejected(&self) -> bool {
        let answer = self.answer.as_ref();
        answer.is_some_and(|answer| {
            answer.status == Some(400) && answer.body["__type"] != "ThrottlingException"
        })
    }

    /// Returns whether AWS answered that it has not executed the call.
    pub(crate) fn is_refused(&self) -> bool {
        let answer = self.answer.as_ref();
        answer.is_some_and(|answer| answer.status == Some(400))
    }

    /// Returns the answer if it came before the request of another call.
    pub(crate) fn answer_before(&self, other: &Call) -> Option<&Answer> {
        let answer = self.answer.as_ref();
        answer.filter(|answer| answer.received < other.sent)
    }
}

impl Journal {
    /// Adds a request. Returns the index of its call.
    pub(crate) fn sent(&mut self, mut call: Call) -> usize {
        self.order += 1;
        call.sent = self.order;
        self.calls.push(call);
        self.calls.len() - 1
    }

    /// Adds the answer to a call.
    pub(crate) fn answered(&mut self, index: usize, status: Option<u16>, body: Value) {
        self.order += 1;
        self.calls[index].answer = Some(Answer {
            received: self.order,
            at: clock::milliseconds(),
            status,
            body,
        });
    }

    /// Returns the invocation with this number, if it has ended.
    pub(crate) fn invocation(&self, number: u64) -> Option<&Invocation> {
        let mut invocations = self.invocations.iter();
        invocations.find(|invocation| invocation.number == number)
    }

    /// Returns the calls of an invocation.
    pub(crate) fn calls_of(&self, invocation: u64) -> impl Iterator<Item = &Call> {
        let calls = self.calls.iter();
        calls.filter(move |call| call.invocation == invocation)
    }

    /// Returns the records that the wanted invocations wrote.
    pub(crate) fn records(&self, is_wanted: impl Fn(u64) -> bool) -> Vec<Value> {
        let lines = self.lines.iter();
        lines
            .filter(|(invocation, _)| is_wanted(*invocation))
            .filter(|(_, text)| text.starts_with("{\"timestamp\""))
            .filter_map(|(_, text)| serde_json::from_str(text).ok())
            .collect()
    }
}

/// The journal of a world, shared by everything that writes to it.
#[derive(Debug, Default, Clone)]
pub(crate) struct SharedJournal(Arc<Mutex<Journal>>);

impl SharedJournal {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Journal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sandbox's standard output.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) journal: SharedJournal,
    /// The number of the sandbox's current invocation.
    pub(crate) invocation: Arc<AtomicU64>,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let invocation = self.invocation.load(Ordering::Relaxed);
        let lines = text.lines().map(|line| (invocation, line.to_owned()));
        self.journal.lock().lines.extend(lines);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
