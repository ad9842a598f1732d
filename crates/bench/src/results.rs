//! The results of a run, in the format of `results.json`.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::contender::Contender;
use crate::machine::Machine;
use crate::server::Transport;
use crate::statistics::Summary;

/// The measured parts. Each has its own machine and date, because a run can repeat one part.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Results {
    pub(crate) events: Option<Part<EventResult>>,
    pub(crate) instructions: Option<Part<InstructionsResult>>,
    pub(crate) sizes: Option<Part<SizeResult>>,
    pub(crate) sweep: Option<Part<SweepResult>>,
    pub(crate) memory: Option<Part<MemoryResult>>,
    /// The output of divan.
    pub(crate) policy_tree: Option<Part<String>>,
}

/// One part of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Part<T> {
    pub(crate) machine: Machine,
    pub(crate) rows: Vec<T>,
}

/// A contender's start and events over one transport.
#[derive(Debug, Serialize)]
pub(crate) struct EventResult {
    pub(crate) contender: Contender,
    pub(crate) transport: Transport,
    /// The time from the start of the process to its request for the first event.
    pub(crate) cold_ms: Summary,
    /// The first event, with a write.
    pub(crate) first_ms: Summary,
    /// Warm events without a write.
    pub(crate) unchanged_ms: Summary,
    pub(crate) unchanged_calls: f64,
    /// Warm events with a write.
    pub(crate) write_ms: Summary,
    pub(crate) write_calls: f64,
    /// The mean processor time of a warm event of both kinds.
    pub(crate) cpu_ms: f64,
    /// The kernel's share of it, if there are enough samples.
    pub(crate) system_share: Option<f64>,
    pub(crate) peak_memory_mib: Summary,
    /// Heap and stack at the end, without the code.
    pub(crate) anonymous_memory_mib: Summary,
}

/// The instructions of a contender until its request for the first event.
#[derive(Debug, Serialize)]
pub(crate) struct InstructionsResult {
    pub(crate) contender: Contender,
    pub(crate) instructions: u64,
}

/// The size of a contender.
#[derive(Debug, Serialize)]
pub(crate) struct SizeResult {
    pub(crate) contender: Contender,
    /// The binary; for Python its packages and the handler.
    pub(crate) bytes: u64,
    pub(crate) zip_bytes: u64,
}

/// What a sweep does, and what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SweepKind {
    /// Compares lists, and finds all replicas in sync.
    Quick,
    /// The same with half a processor and twice the latency.
    SlowMotion,
    /// Describes each secret, and finds all replicas in sync.
    Thorough,
    /// Compares lists, and finds that some replicas are missing and some secrets are young.
    Drift,
    /// Compares lists, and finds no replica.
    First,
    /// The loop in Python, which describes each secret and finds all replicas in sync.
    Loop,
}

impl SweepKind {
    /// Returns whether the sweep finds secrets that are not in sync.
    pub(crate) fn has_work(self) -> bool {
        matches!(self, SweepKind::Drift | SweepKind::First)
    }
}

impl fmt::Display for SweepKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            SweepKind::Quick => "quick sweep",
            SweepKind::SlowMotion => "quick sweep in slow motion",
            SweepKind::Thorough => "thorough sweep",
            SweepKind::Drift => "quick sweep, 1 % drift",
            SweepKind::First => "first sweep",
            SweepKind::Loop => "Python, boto3",
        })
    }
}

/// A sweep over a number of secrets.
#[derive(Debug, Serialize)]
pub(crate) struct SweepResult {
    pub(crate) contender: Contender,
    pub(crate) kind: SweepKind,
    pub(crate) secrets: usize,
    pub(crate) run: SweepRun,
    pub(crate) usd_for_calls: f64,
    /// The price of Lambda with the memory that has one processor.
    pub(crate) usd_for_lambda: f64,
    /// The allowed number of writes per second.
    pub(crate) allowed_rate: f64,
}

/// The calls of a sweep, as the emulated AWS counts them.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) calls: usize,
    pub(crate) lists: usize,
    pub(crate) writes: usize,
    pub(crate) throttles: usize,
    /// The times of the first and the last write, in milliseconds.
    pub(crate) write_times: Option<(u64, u64)>,
}

/// The result of one sweep; `sweep.py` prints a part of it as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SweepRun {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_memory_mib: f64,
    pub(crate) seen: usize,
    pub(crate) written: usize,
    #[serde(default)]
    pub(crate) described: usize,
    #[serde(default)]
    pub(crate) slices: usize,
    #[serde(default)]
    pub(crate) counts: Counts,
}

/// Events and sweeps under the processor share of a memory size. Prices are in USD for 100,000 secrets.
#[derive(Debug, Serialize)]
pub(crate) struct MemoryResult {
    pub(crate) memory_mb: u32,
    /// The part of one processor.
    pub(crate) share: f64,
    pub(crate) cold_ms: Summary,
    /// The first event, until its replicas are in sync.
    pub(crate) first_ms: Summary,
    pub(crate) unchanged_ms: Summary,
    /// A warm event, until its replicas are in sync.
    pub(crate) write_ms: Summary,
    pub(crate) event_usd: f64,
    /// Secrets per second.
    pub(crate) quick_rate: f64,
    pub(crate) quick_usd: f64,
    /// Secrets per second.
    pub(crate) thorough_rate: f64,
    pub(crate) thorough_usd: f64,
    /// Writes per second of a first sweep.
    pub(crate) write_rate: f64,
    pub(crate) peak_memory_mib: f64,
}

impl<T> Part<T> {
    /// Adds the machine, with its load at the end of the measurement.
    pub(crate) fn new(rows: Vec<T>) -> anyhow::Result<Part<T>> {
        let machine = Machine::read()?;
        Ok(Part { machine, rows })
    }
}

impl Results {
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
    }

    /// Returns the events of one contender over one transport.
    pub(crate) fn event(&self, contender: Contender, transport: Transport) -> Option<&EventResult> {
        let mut rows = self.events.iter().flat_map(|part| &part.rows);
        rows.find(|row| row.contender == contender && row.transport == transport)
    }
}

/// Converts a count to a floating-point number.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts here have fewer than 16 digits"
)]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}
