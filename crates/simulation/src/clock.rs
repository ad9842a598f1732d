//! Simulated time.
//!
//! Tokio's paused clock jumps to the next timer when no task is ready. All other clocks derive from it.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_async::time::TimeSource;
use chrono::{DateTime, Utc};
use secret_replicator_emulator::Time;
use tokio::time::Instant;

/// The beginning of every world: 2026-01-01T00:00:00Z.
const BEGINNING: Time = Time(1_767_225_600_000);

thread_local! {
    /// The runtime's time at the beginning of the thread's world.
    static ORIGIN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Begins a world on this thread.
pub(crate) fn begin() {
    ORIGIN.set(Some(Instant::now()));
}

/// Returns the time since the beginning of the thread's world.
pub(crate) fn elapsed() -> Duration {
    let origin = ORIGIN.get();
    origin.map_or(Duration::ZERO, |origin| origin.elapsed())
}

/// Returns [`elapsed`] in milliseconds.
pub(crate) fn milliseconds() -> u64 {
    since_beginning(now())
}

/// Returns a time of the emulator in milliseconds since the beginning of the thread's world.
pub(crate) fn since_beginning(at: Time) -> u64 {
    at.0.saturating_sub(BEGINNING.0)
}

/// Returns the current time for the emulator.
pub(crate) fn now() -> Time {
    BEGINNING + elapsed()
}

/// Returns the current time for the function.
pub(crate) fn date() -> DateTime<Utc> {
    SimulatedTime.now().into()
}

/// The current time for the SDK.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SimulatedTime;

impl TimeSource for SimulatedTime {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(now().0)
    }
}
