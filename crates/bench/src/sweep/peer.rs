//! The sequential loop in Python.

use std::process::Stdio;

use anyhow::{Context, ensure};
use secret_replicator_emulator::Emulator;
use serde::Deserialize;
use tokio::process::Command;

use super::population::Population;
use super::{Writes, aws, throttles};
use crate::contender::{Contender, Programs};
use crate::event::REGION;
use crate::results::SweepResult;

/// The output of the loop.
#[derive(Debug, Deserialize)]
struct LoopRun {
    seen: usize,
    written: usize,
    seconds: f64,
    peak_memory_kib: f64,
}

/// Runs the same two sweeps as for the function.
pub(super) async fn measure(
    programs: &Programs,
    population: Population,
) -> anyhow::Result<SweepResult> {
    let aws = aws(population).await?;
    let repairing = run(programs, &aws).await?;
    ensure!(repairing.written == population.drifted, "{repairing:?}");
    let writes = Writes::of(&aws.calls());
    aws.forget_calls();
    let idle = run(programs, &aws).await?;
    ensure!(idle.seen == population.secrets, "{idle:?}");
    let calls = aws.calls();
    Ok(SweepResult {
        contender: Contender::Python,
        secrets: population.secrets,
        unchanged_seconds: idle.seconds,
        unchanged_calls: calls.len(),
        writes: writes.count,
        write_rate: writes.rate,
        allowed_rate: f64::from(super::ALLOWED_RATE),
        throttles: writes.throttles + throttles(&calls),
        peak_memory_mib: repairing.peak_memory_kib.max(idle.peak_memory_kib) / 1024.0,
    })
}

async fn run(programs: &Programs, aws: &Emulator) -> anyhow::Result<LoopRun> {
    let output = Command::new(programs.python())
        .args(["-c", include_str!("../../peer/sweep.py")])
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.endpoint())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(output.status.success(), "sweep.py: {}", output.status);
    serde_json::from_slice(&output.stdout).context("what sweep.py printed")
}
