//! Scripted faults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wire::ApiRequest;
use crate::world::{adds_if_set, equals_if_set, is_named, secret_id};

/// Whether a call with a fault is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Execution {
    /// Not executed.
    Skipped,
    /// Executed. Only the answer is lost or wrong.
    Done,
}

/// A kind of fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// An error answer.
    Answer {
        /// HTTP status.
        status: u16,
        /// AWS error code, sent as `__type`.
        code: String,
        /// Error message.
        message: String,
        /// Whether the call is executed nevertheless.
        execution: Execution,
    },
    /// `ThrottlingException` "Rate exceeded"; not executed.
    Throttle,
    /// Executed and answered after this delay.
    Latency(Duration),
    /// Never answered. The connection stays open.
    Hang(Execution),
    /// The connection is closed without an answer.
    CloseConnection(Execution),
    /// Status 200 with a body that is not JSON.
    MalformedBody(Execution),
}

impl FaultKind {
    /// An error answer to a call that is not executed.
    pub fn answer(status: u16, code: impl Into<String>, message: impl Into<String>) -> FaultKind {
        FaultKind::Answer {
            status,
            code: code.into(),
            message: message.into(),
            execution: Execution::Skipped,
        }
    }
}

/// A fault that waits for calls. Every field that is set must match the call. The oldest fault that
/// matches affects the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The operation.
    pub operation: Option<String>,
    /// The Region of the call.
    pub region: Option<String>,
    /// The name of the secret. The request may contain the name or an ARN.
    pub secret_name: Option<String>,
    /// A Region in `AddReplicaRegions`.
    pub replica_region: Option<String>,
    /// The remaining number of calls; `None` for no limit.
    pub times: Option<u32>,
    /// The kind of the fault.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault of the next call of `operation`.
    pub fn on(operation: impl Into<String>, kind: FaultKind) -> Fault {
        Fault {
            operation: Some(operation.into()),
            ..Fault::on_any(kind)
        }
    }

    /// A fault of the next call of any operation.
    #[must_use]
    pub fn on_any(kind: FaultKind) -> Fault {
        Fault {
            operation: None,
            region: None,
            secret_name: None,
            replica_region: None,
            times: Some(1),
            kind,
        }
    }

    /// Restricts it to calls about the secret of this name.
    #[must_use]
    pub fn on_secret(mut self, name: impl Into<String>) -> Fault {
        self.secret_name = Some(name.into());
        self
    }

    /// Restricts it to calls with `region` in `AddReplicaRegions`.
    #[must_use]
    pub fn on_replica_region(mut self, region: impl Into<String>) -> Fault {
        self.replica_region = Some(region.into());
        self
    }

    /// Affects this many calls instead of one.
    #[must_use]
    pub fn times(mut self, times: u32) -> Fault {
        self.times = Some(times);
        self
    }

    /// Affects all calls that match.
    #[must_use]
    pub fn always(mut self) -> Fault {
        self.times = None;
        self
    }

    pub(super) fn matches(&self, request: &ApiRequest) -> bool {
        let id = secret_id(&request.body);
        let is_about = |name: &str| id.is_some_and(|id| is_named(id, name));
        self.times != Some(0)
            && equals_if_set(self.operation.as_deref(), Some(&request.operation))
            && equals_if_set(self.region.as_deref(), Some(&request.region))
            && self.secret_name.as_deref().is_none_or(is_about)
            && adds_if_set(self.replica_region.as_deref(), &request.body)
    }

    /// Counts one call, and returns its fault.
    pub(super) fn take(&mut self) -> FaultKind {
        self.times = self.times.map(|times| times.saturating_sub(1));
        self.kind.clone()
    }
}
