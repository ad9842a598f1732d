//! Scripted faults of the server.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wire::ApiRequest;
use crate::world::{added_regions, is_named};

/// Whether the operation was executed although its answer is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Execution {
    /// The operation was not executed.
    Skipped,
    /// The operation was executed; only its answer is lost or wrong.
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
        /// Whether the operation is executed all the same.
        execution: Execution,
    },
    /// `ThrottlingException` "Rate exceeded"; not executed.
    Throttle,
    /// The call is executed and answered, but only after this time.
    Latency(Duration),
    /// No answer ever; the connection stays open.
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

/// A fault that waits for calls. The oldest fault that matches a call takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Only this operation; `None` is any.
    pub operation: Option<String>,
    /// Only calls in this Region.
    pub region: Option<String>,
    /// Only calls about the secret of this name, however the request spells its id.
    pub secret_name: Option<String>,
    /// Only calls with this Region in `AddReplicaRegions`.
    pub replica_region: Option<String>,
    /// The number of calls that it affects; `None` for all.
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

    /// Restricts it to calls in `region`.
    #[must_use]
    pub fn in_region(mut self, region: impl Into<String>) -> Fault {
        self.region = Some(region.into());
        self
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

    /// Lets it take this many calls instead of one.
    #[must_use]
    pub fn times(mut self, times: u32) -> Fault {
        self.times = Some(times);
        self
    }

    /// Lets it take every call that matches.
    #[must_use]
    pub fn always(mut self) -> Fault {
        self.times = None;
        self
    }
}

impl Fault {
    pub(super) fn matches(&self, request: &ApiRequest) -> bool {
        let is_or_any =
            |wanted: &Option<String>, actual: &str| wanted.as_deref().is_none_or(|w| w == actual);
        let adds = |region: &str| added_regions(&request.body).any(|added| added == region);
        let is_about = |name: &str| request.secret_id().is_some_and(|id| is_named(id, name));
        self.times != Some(0)
            && is_or_any(&self.operation, &request.operation)
            && is_or_any(&self.region, &request.region)
            && self.secret_name.as_deref().is_none_or(is_about)
            && self.replica_region.as_deref().is_none_or(adds)
    }

    /// Counts one call and says what happens to it.
    pub(super) fn take(&mut self) -> FaultKind {
        self.times = self.times.map(|times| times.saturating_sub(1));
        self.kind.clone()
    }
}
