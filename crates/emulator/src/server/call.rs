//! The log of calls.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fault::FaultKind;
use super::wire::ApiRequest;
use crate::world::secret_id;
use crate::{ApiError, Time};

/// Members of a request that the log omits.
const SECRET_MEMBERS: [&str; 4] = [
    "SecretString",
    "SecretBinary",
    "ClientRequestToken",
    "RotationToken",
];

/// Returns a request without secret values and tokens.
pub(super) fn without_secrets(body: &Value) -> Value {
    let mut body = body.clone();
    if let Value::Object(members) = &mut body {
        members.retain(|name, _| !SECRET_MEMBERS.contains(&name.as_str()));
    }
    body
}

/// The outcome of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Not answered yet. A call that hangs stays pending.
    Pending,
    /// Succeeded.
    Success,
    /// Failed with this error code.
    Error(String),
    /// The connection was closed without an answer.
    Closed,
    /// Answered with a body that is not JSON.
    Malformed,
}

/// One API call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The time of arrival.
    pub time: Time,
    /// The Region that it was signed for.
    pub region: String,
    /// The operation, for example `DescribeSecret`.
    pub operation: String,
    /// `SecretId` or, for `CreateSecret`, `Name`, as in the request.
    pub secret_id: Option<String>,
    /// The request without secret values and tokens.
    pub body: Value,
    /// The fault that affected the call.
    pub fault: Option<FaultKind>,
    /// The outcome.
    pub outcome: Outcome,
}

impl Call {
    pub(super) fn new(time: Time, request: &ApiRequest, fault: Option<FaultKind>) -> Call {
        let body = without_secrets(&request.body);
        Call {
            time,
            region: request.region.clone(),
            operation: request.operation.clone(),
            secret_id: secret_id(&body).map(str::to_owned),
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

    /// Returns the error code, if the call failed with one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Outcome::Error(code) => Some(code),
            _ => None,
        }
    }
}

/// The calls since the log was last cleared. A call keeps its number.
#[derive(Debug, Default)]
pub(super) struct CallLog {
    next: usize,
    calls: BTreeMap<usize, Call>,
}

impl CallLog {
    pub(super) fn push(&mut self, call: Call) -> usize {
        let number = self.next;
        self.next += 1;
        self.calls.insert(number, call);
        number
    }

    pub(super) fn set_outcome(&mut self, number: usize, outcome: Outcome) {
        if let Some(call) = self.calls.get_mut(&number) {
            call.outcome = outcome;
        }
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.values().cloned().collect()
    }

    pub(super) fn clear(&mut self) {
        self.calls.clear();
    }
}
