//! The sweep on the emulated AWS, with its quota and a latency.

mod peer;
mod population;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use secret_replicator_emulator::{Answer, Call, Emulator, Fault, FaultKind, Lambda, WorldSettings};
use serde_json::{Value, json};

use crate::contender::{Contender, Programs};
use crate::measure::process;
use crate::options::Effort;
use crate::results::{SweepResult, number};
use population::Population;

/// The approximate latency of a call to AWS in the same Region.
const LATENCY: Duration = Duration::from_millis(20);

/// The part of AWS's 50 writes per second that the sweep may use; the account shares the quota.
const ALLOWED_RATE: u32 = 45;

/// A policy without a list filter, so that the sweep reads every secret.
const POLICY: &str = "{version: 1, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: eu-west-1},
    {name: by-name, when: {secret-name: 'shared/*'}, replicate-to: eu-west-1}]}";

/// Sweeps the numbers of secrets in the options, and a sample with the peer.
pub(crate) async fn measure(
    programs: &Programs,
    effort: &Effort,
    sizes: &[usize],
) -> anyhow::Result<Vec<SweepResult>> {
    let mut rows = Vec::new();
    for &secrets in sizes {
        let drifted = secrets.min(effort.sweep_writes);
        eprintln!("sweep: {secrets} secrets, {drifted} of them without their replica");
        rows.push(replicator(programs, Population { secrets, drifted }).await?);
    }
    let secrets = effort.peer_secrets;
    let drifted = secrets.div_ceil(3);
    eprintln!("sweep: {secrets} secrets with Python");
    rows.push(peer::measure(programs, Population { secrets, drifted }).await?);
    Ok(rows)
}

/// Starts an AWS with these secrets.
async fn aws(population: Population) -> anyhow::Result<Emulator> {
    let aws = Emulator::start(WorldSettings {
        replication_delay: LATENCY,
        ..WorldSettings::default()
    })
    .await?;
    population.create(&aws);
    aws.script(Fault::on_any(FaultKind::Latency(LATENCY)).always());
    Ok(aws)
}

/// Runs two sweeps of the function: one that repairs, and one that finds nothing to do.
async fn replicator(programs: &Programs, population: Population) -> anyhow::Result<SweepResult> {
    let aws = aws(population).await?;
    let bootstrap = programs.entry(Contender::SecretReplicator);
    let repairing = sweep(programs, bootstrap, &aws).await?;
    ensure!(repairing.repaired == population.drifted, "{repairing:?}");
    let writes = Writes::of(&aws.calls());
    aws.forget_calls();
    let idle = sweep(programs, bootstrap, &aws).await?;
    ensure!(idle.repaired == 0, "{idle:?}");
    ensure!(idle.seen == population.secrets, "{idle:?}");
    let calls = aws.calls();
    Ok(SweepResult {
        contender: Contender::SecretReplicator,
        secrets: population.secrets,
        unchanged_seconds: idle.seconds,
        unchanged_calls: calls.len(),
        writes: writes.count,
        write_rate: writes.rate,
        allowed_rate: f64::from(ALLOWED_RATE),
        throttles: writes.throttles + throttles(&calls),
        peak_memory_mib: repairing.peak_memory_mib.max(idle.peak_memory_mib),
    })
}

/// The result of one sweep.
#[derive(Debug)]
struct SweepRun {
    seconds: f64,
    seen: usize,
    repaired: usize,
    peak_memory_mib: f64,
}

/// Runs a complete sweep in a new process.
async fn sweep(programs: &Programs, bootstrap: &Path, aws: &Emulator) -> anyhow::Result<SweepRun> {
    let settings = programs
        .lambda(bootstrap, &aws.endpoint())
        .with_env("REPLICATION_POLICY", POLICY)
        .with_env("SWEEP_WRITES_PER_SECOND", ALLOWED_RATE.to_string())
        .with_env("REPLICATION_WAIT_SECONDS", "5");
    let mut function = Lambda::start(settings).await?;
    let mut action = json!({ "action": "sweep", "maxChanges": 1_000_000 });
    let started = Instant::now();
    let summary = loop {
        let invocation = function.invoke(&action).await?;
        let Answer::Success(summary) = invocation.answer else {
            bail!("the sweep failed: {:#?}", invocation.answer);
        };
        if summary["nextToken"].is_null() {
            break summary;
        }
        action["nextToken"] = summary["nextToken"].clone();
    };
    Ok(SweepRun {
        seconds: started.elapsed().as_secs_f64(),
        seen: count(&summary, "seen")?,
        repaired: count(&summary, "repaired")?,
        peak_memory_mib: process::peak_mib(function.pid())?,
    })
}

fn count(summary: &Value, member: &str) -> anyhow::Result<usize> {
    let count = summary[member].as_u64();
    let count = count.with_context(|| format!("no {member} in {summary}"))?;
    Ok(usize::try_from(count)?)
}

/// The writes among some calls.
struct Writes {
    count: usize,
    /// Per second between the first and the last one.
    rate: f64,
    throttles: usize,
}

impl Writes {
    fn of(calls: &[Call]) -> Writes {
        let writes = calls
            .iter()
            .filter(|call| call.operation == "ReplicateSecretToRegions");
        let times: Vec<u64> = writes.map(|call| call.time.0).collect();
        let span = match (times.iter().min(), times.iter().max()) {
            (Some(first), Some(last)) => Duration::from_millis(last - first),
            _ => Duration::ZERO,
        };
        let gaps = number(times.len().saturating_sub(1));
        Writes {
            count: times.len(),
            rate: gaps / span.as_secs_f64().max(0.001),
            throttles: throttles(calls),
        }
    }
}

fn throttles(calls: &[Call]) -> usize {
    let codes = calls.iter().filter_map(|call| call.outcome.code());
    codes.filter(|code| code.contains("Throttling")).count()
}
