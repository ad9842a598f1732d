//! The results of a sandbox.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// A finished invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The request ID.
    pub request_id: String,
    /// The result.
    pub answer: Answer,
    /// The lines written to stdout.
    pub log: Vec<String>,
    /// The lines written to stderr.
    pub stderr: Vec<String>,
    /// The time from handing out the event to the answer.
    pub duration: Duration,
}

/// The result of an invocation.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The function's response. Text that is not JSON becomes a JSON string.
    Success(Value),
    /// The function reported an error.
    Error {
        /// `errorType`.
        error_type: String,
        /// `errorMessage`.
        error_message: String,
    },
    /// The process was killed at the deadline.
    TimedOut,
    /// The process ended without an answer, with this exit status.
    Exited(String),
}

/// The function did not ask for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitFailure {
    /// `errorType`: the function's own, or Lambda's `Runtime.ExitError` or `Sandbox.Timedout`.
    pub error_type: String,
    /// `errorMessage`.
    pub error_message: String,
    /// The exit status, unless the process was killed at the deadline.
    pub exit: Option<String>,
    /// The lines written to stdout.
    pub log: Vec<String>,
    /// The lines written to stderr.
    pub stderr: Vec<String>,
}

impl fmt::Display for InitFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.error_type, self.error_message)?;
        for line in self.log.iter().chain(&self.stderr) {
            write!(formatter, "\n  {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InitFailure {}
