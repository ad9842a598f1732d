//! The sweep on the emulated AWS, with its quota and a latency.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use secret_replicator_emulator::{
    Answer, Call, Emulator, Fault, FaultKind, Lambda, SecretSeed, WorldSettings,
};
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use crate::contender::{Contender, Programs};
use crate::event::REGION;
use crate::measure::process;
use crate::options::Amounts;
use crate::results::{SweepResult, number};

/// The approximate latency of a call to AWS in the same Region.
const LATENCY: Duration = Duration::from_millis(20);

/// The share of AWS's quota of 50 writes per second that the sweep may use; the account shares it.
const ALLOWED_RATE: u32 = 45;

/// The Region of the replicas.
const REPLICA: &str = "eu-west-1";

/// A policy without a list filter, so that the sweep reads every secret.
const POLICY: &str = "{version: 1, rules: [
    {name: by-tag, when: {tags: {replicate-to: '*'}}, replicate-to: eu-west-1},
    {name: by-name, when: {secret-name: 'shared/*'}, replicate-to: eu-west-1}]}";

/// Sweeps each number of secrets with the function, and a sample with the Python loop.
pub(crate) async fn measure(
    programs: &Programs,
    amounts: Amounts,
    sizes: &[usize],
) -> anyhow::Result<Vec<SweepResult>> {
    let mut rows = Vec::new();
    for &secrets in sizes {
        let drifted = secrets.min(amounts.sweep_writes);
        rows.push(sweep_twice(programs, Contender::SecretReplicator, secrets, drifted).await?);
    }
    let sample = amounts.peer_secrets;
    rows.push(sweep_twice(programs, Contender::Python, sample, sample.div_ceil(3)).await?);
    Ok(rows)
}

/// Runs two sweeps of a contender: one that writes the missing replicas, and one without writes.
async fn sweep_twice(
    programs: &Programs,
    contender: Contender,
    secrets: usize,
    drifted: usize,
) -> anyhow::Result<SweepResult> {
    eprintln!("{contender}: {secrets} secrets, {drifted} of them without their replica");
    let aws = start_aws(secrets, drifted).await?;
    let first = sweep(programs, contender, &aws).await?;
    ensure!(first.written == drifted, "{first:?}");
    let writes = aws.calls_to("ReplicateSecretToRegions");
    let throttled = throttles(&aws.calls());
    aws.forget_calls();
    let second = sweep(programs, contender, &aws).await?;
    ensure!((second.seen, second.written) == (secrets, 0), "{second:?}");
    let calls = aws.calls();
    Ok(SweepResult {
        contender,
        secrets,
        unchanged_seconds: second.seconds,
        unchanged_calls: calls.len(),
        writes: writes.len(),
        write_rate: rate(&writes),
        allowed_rate: f64::from(ALLOWED_RATE),
        throttles: throttled + throttles(&calls),
        peak_memory_mib: first.peak_memory_mib.max(second.peak_memory_mib),
    })
}

/// Starts an AWS with these secrets. The policy covers all of them, so each needs a `DescribeSecret`.
/// The drifted ones come first, so that the writes reach the allowed rate.
async fn start_aws(secrets: usize, drifted: usize) -> anyhow::Result<Emulator> {
    let aws = Emulator::start(WorldSettings {
        replication_delay: LATENCY,
        ..WorldSettings::default()
    })
    .await?;
    for index in 0..secrets {
        let name = format!("app/{index:06}");
        let mut seed = SecretSeed::new(REGION, name).with_tag("replicate-to", REPLICA);
        if index >= drifted {
            seed = seed.with_replica_in(REPLICA);
        }
        aws.with(|world, now| world.seed(now, seed));
    }
    aws.script(Fault::on_any(FaultKind::Latency(LATENCY)).always());
    Ok(aws)
}

/// The result of one sweep; `sweep.py` prints it as JSON.
#[derive(Debug, Deserialize)]
struct SweepRun {
    seconds: f64,
    seen: usize,
    written: usize,
    peak_memory_mib: f64,
}

/// Runs a complete sweep in a new process.
async fn sweep(
    programs: &Programs,
    contender: Contender,
    aws: &Emulator,
) -> anyhow::Result<SweepRun> {
    match contender {
        Contender::Python => sweep_by_python(programs, aws).await,
        _ => sweep_by_function(programs, contender, aws).await,
    }
}

async fn sweep_by_function(
    programs: &Programs,
    contender: Contender,
    aws: &Emulator,
) -> anyhow::Result<SweepRun> {
    let settings = programs
        .lambda(programs.entry(contender), &aws.endpoint())
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
    let count = |field| {
        let count = summary[field].as_u64();
        let count = count.with_context(|| format!("{field} is missing in {summary}"))?;
        anyhow::Ok(usize::try_from(count)?)
    };
    Ok(SweepRun {
        seconds: started.elapsed().as_secs_f64(),
        seen: count("seen")?,
        written: count("repaired")?,
        peak_memory_mib: process::peak_mib(function.pid())?,
    })
}

async fn sweep_by_python(programs: &Programs, aws: &Emulator) -> anyhow::Result<SweepRun> {
    let output = Command::new(programs.python())
        .args(["-c", include_str!("../peer/sweep.py")])
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.endpoint())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(
        output.status.success(),
        "sweep.py failed: {}",
        output.status
    );
    serde_json::from_slice(&output.stdout).context("failed to read the output of sweep.py")
}

/// Returns the calls per second between the first and the last one.
fn rate(calls: &[Call]) -> f64 {
    let times = || calls.iter().map(|call| call.time.0);
    let (first, last) = (
        times().min().unwrap_or_default(),
        times().max().unwrap_or_default(),
    );
    let seconds = Duration::from_millis(last - first).as_secs_f64();
    number(calls.len().saturating_sub(1)) / seconds.max(0.001)
}

fn throttles(calls: &[Call]) -> usize {
    let codes = calls.iter().filter_map(|call| call.outcome.code());
    codes.filter(|code| code.contains("Throttling")).count()
}
