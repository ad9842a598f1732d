//! Simulated time: tokio's paused clock, which jumps to the next timer when nothing else is left to
//! do, and everything else that asks for the time derives from it.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_async::time::TimeSource;
use chrono::{DateTime, Utc};
use secret_replicator_emulator::Time;
use tokio::time::Instant;

/// When every world begins: 2026-01-01T00:00:00Z.
const BEGINNING: Time = Time(1_767_225_600_000);

thread_local! {
    /// The runtime's time at the beginning of the thread's world.
    static ORIGIN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Begins a world on this thread.
pub fn begin() {
    ORIGIN.set(Some(Instant::now()));
}

/// How long the thread's world has lasted.
#[must_use]
pub fn elapsed() -> Duration {
    ORIGIN
        .get()
        .map_or(Duration::ZERO, |origin| origin.elapsed())
}

/// The time in the thread's world, for the emulator.
#[must_use]
pub fn now() -> Time {
    BEGINNING + elapsed()
}

/// The time in the thread's world, for the function.
#[must_use]
pub fn date() -> DateTime<Utc> {
    let milliseconds = i64::try_from(now().0).unwrap_or_default();
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}

/// The time in the thread's world, for the SDK.
#[derive(Debug, Clone, Copy)]
pub struct SimulatedTime;

impl TimeSource for SimulatedTime {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(now().0)
    }
}
