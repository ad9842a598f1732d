//! The log of calls.

use serde_json::Value;

use super::fault::FaultKind;
use super::wire::ApiRequest;
use crate::{ApiError, Time};

/// Members of a request that never reach the log.
const SECRET_MEMBERS: [&str; 3] = ["SecretString", "SecretBinary", "ClientRequestToken"];

/// The outcome of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Not answered yet; a call that hangs stays so.
    Pending,
    /// Answered with success.
    Success,
    /// Answered with this error code.
    Error(String),
    /// The connection was closed without an answer.
    Closed,
    /// Answered with a body that is not JSON.
    Malformed,
}

/// One API call that arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// When it arrived.
    pub time: Time,
    /// The Region it was signed for.
    pub region: String,
    /// The operation, for example `DescribeSecret`.
    pub operation: String,
    /// `SecretId` or, for `CreateSecret`, `Name`, as the request spells it.
    pub secret_id: Option<String>,
    /// The request without `SecretString`, `SecretBinary` and `ClientRequestToken`.
    pub body: Value,
    /// The scripted fault that it met.
    pub fault: Option<FaultKind>,
    /// Its outcome.
    pub outcome: Outcome,
}

impl Call {
    pub(super) fn new(time: Time, request: &ApiRequest, fault: Option<FaultKind>) -> Call {
        let mut body = request.body.clone();
        if let Value::Object(members) = &mut body {
            members.retain(|name, _| !SECRET_MEMBERS.contains(&name.as_str()));
        }
        Call {
            time,
            region: request.region.clone(),
            operation: request.operation.clone(),
            secret_id: request.secret_id().map(str::to_owned),
            body,
            fault,
            outcome: Outcome::Pending,
        }
    }
}

impl Outcome {
    pub(super) fn of(result: &Result<Value, ApiError>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(error) => Outcome::Error(error.code.clone()),
        }
    }

    /// The error code, if the call was answered with one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Outcome::Error(code) => Some(code),
            _ => None,
        }
    }
}

/// The calls since the log was last emptied. A call keeps its number.
#[derive(Debug, Default)]
pub(super) struct CallLog {
    forgotten: usize,
    calls: Vec<Call>,
}

impl CallLog {
    pub(super) fn push(&mut self, call: Call) -> usize {
        self.calls.push(call);
        self.forgotten + self.calls.len() - 1
    }

    pub(super) fn set_outcome(&mut self, number: usize, outcome: Outcome) {
        let index = number.checked_sub(self.forgotten);
        if let Some(call) = index.and_then(|index| self.calls.get_mut(index)) {
            call.outcome = outcome;
        }
    }

    pub(super) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(super) fn forget(&mut self) {
        self.forgotten += self.calls.len();
        self.calls.clear();
    }
}
