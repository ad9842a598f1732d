//! What a run has measured, as it is written to `results.json`.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::contender::{Contender, Transport};
use crate::machine::Machine;
use crate::statistics::Summary;

/// The parts that have been measured. Each keeps its own circumstances, as a part may be repeated
/// alone.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) events: Option<Part<EventResult>>,
    pub(crate) instructions: Option<Part<InstructionsResult>>,
    pub(crate) profile: Option<Part<ProfileResult>>,
    pub(crate) sizes: Option<Part<SizeResult>>,
    pub(crate) sweep: Option<Part<SweepResult>>,
    pub(crate) policy: Option<Part<PolicyResult>>,
    pub(crate) build: Option<Part<BuildResult>>,
}

/// One part of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Part<T> {
    pub(crate) machine: Machine,
    pub(crate) rows: Vec<T>,
}

/// A contender's start and events over one transport.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EventResult {
    pub(crate) contender: Contender,
    pub(crate) transport: Transport,
    /// From starting the process to its asking for the first event.
    pub(crate) cold_ms: Summary,
    /// The first event, with a write.
    pub(crate) first_ms: Summary,
    /// Later events with nothing to do.
    pub(crate) unchanged_ms: Summary,
    pub(crate) unchanged_calls: f64,
    /// Later events with a write.
    pub(crate) write_ms: Summary,
    pub(crate) write_calls: f64,
    /// Time on a processor for a later event, the mean of both kinds.
    pub(crate) cpu_ms: f64,
    /// Which share of it was the kernel's, if that can be told.
    pub(crate) system_share: Option<f64>,
    pub(crate) peak_memory_mib: Summary,
    /// Heap and stack in the end, without the code.
    pub(crate) anonymous_memory_mib: Summary,
}

/// A contender's work up to its first request for an event.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct InstructionsResult {
    pub(crate) contender: Contender,
    pub(crate) instructions: u64,
}

/// The instructions of one library in the function.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ProfileResult {
    pub(crate) name: String,
    /// Until it asks for its first event.
    pub(crate) start: u64,
    /// For an event with nothing to do.
    pub(crate) unchanged: u64,
    /// For an event with a write.
    pub(crate) write: u64,
    /// Bytes of code.
    pub(crate) code: u64,
}

/// What a contender weighs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SizeResult {
    pub(crate) contender: Contender,
    /// The binary; for Python its packages and the handler.
    pub(crate) bytes: u64,
    pub(crate) zip_bytes: u64,
}

/// A sweep over so many secrets.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SweepResult {
    pub(crate) contender: Contender,
    pub(crate) secrets: usize,
    /// How long it takes to see that nothing is to be done.
    pub(crate) unchanged_seconds: f64,
    pub(crate) unchanged_calls: usize,
    /// How many replicas were missing in the sweep before.
    pub(crate) writes: usize,
    /// Writes per second between the first and the last one.
    pub(crate) write_rate: f64,
    /// How many it was allowed.
    pub(crate) allowed_rate: f64,
    pub(crate) throttles: usize,
    pub(crate) peak_memory_mib: f64,
}

impl SweepResult {
    pub(crate) fn secrets_per_second(&self) -> f64 {
        number(self.secrets) / self.unchanged_seconds
    }
}

/// One function of the policy over one number of rules.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PolicyResult {
    pub(crate) function: String,
    pub(crate) rules: usize,
    pub(crate) fastest_us: f64,
    pub(crate) median_us: f64,
    pub(crate) slowest_us: f64,
}

/// How long one profile takes to build.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BuildResult {
    pub(crate) profile: String,
    /// With every dependency.
    pub(crate) clean_seconds: f64,
    /// After a change of one file of the function.
    pub(crate) incremental_seconds: f64,
}

impl<T> Part<T> {
    /// Notes the machine, and how busy it is now that the part is over.
    pub(crate) fn new(rows: Vec<T>) -> anyhow::Result<Part<T>> {
        let machine = Machine::look()?;
        Ok(Part { machine, rows })
    }
}

impl Results {
    /// The results so far; none if there is no such file, or one of another version.
    pub(crate) fn read(path: &Path) -> Results {
        let text = fs::read_to_string(path).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The events of one contender over one transport.
    pub(crate) fn event(&self, contender: Contender, transport: Transport) -> Option<&EventResult> {
        let mut rows = self.events.iter().flat_map(|part| &part.rows);
        rows.find(|row| row.contender == contender && row.transport == transport)
    }
}

/// A count as a number to divide.
#[expect(clippy::cast_precision_loss, reason = "no count here has 16 digits")]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}
