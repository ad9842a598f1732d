//! Complete sweeps of an account.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use secret_replicator_emulator::{Answer, Emulator, Lambda, LambdaSettings};
use serde_json::{Value, json};
use tokio::process::Command;

use super::account::{Account, POLICY};
use crate::contender::{Contender, Programs};
use crate::event::REGION;
use crate::measure::process::{self, Cpu};
use crate::processor_share::ProcessorShare;
use crate::results::{Counts, SweepRun, number};

/// The share of AWS's quota of 50 writes per second that the sweep may use; the account shares it.
pub(super) const ALLOWED_RATE: u32 = 45;

/// The timeout of the function in the template.
const TIMEOUT: Duration = Duration::from_mins(3);

/// The function on an account. Starts a process for each sweep.
pub(crate) struct Sandbox {
    settings: LambdaSettings,
}

impl Sandbox {
    /// Prepares the function, with a share of a processor if there is one.
    pub(crate) fn new(
        programs: &Programs,
        account: &Account,
        share: Option<&ProcessorShare>,
    ) -> anyhow::Result<Sandbox> {
        let program = programs.entry(Contender::SecretReplicator);
        let starter: Option<PathBuf> = share.map(|share| share.starter(program)).transpose()?;
        let program = starter.as_deref().unwrap_or(program);
        let settings = programs
            .lambda(program, &account.aws().endpoint())
            .with_env("REPLICATION_POLICY", POLICY)
            .with_env("SWEEP_WRITES_PER_SECOND", ALLOWED_RATE.to_string())
            .with_env("REPLICATION_WAIT_SECONDS", "5")
            .with_timeout(TIMEOUT);
        Ok(Sandbox { settings })
    }

    /// Starts a process.
    pub(crate) async fn start(&self) -> anyhow::Result<Lambda> {
        Lambda::start(self.settings.clone()).await
    }

    /// Runs a complete sweep in a new process.
    pub(crate) async fn sweep(
        &self,
        account: &Account,
        thorough: bool,
    ) -> anyhow::Result<SweepRun> {
        let aws = account.aws();
        let mut function = self.start().await?;
        let mut action =
            json!({ "action": "sweep", "maxChanges": 1_000_000, "thorough": thorough });
        let mut counts = Counts::default();
        let (started, cpu) = (Instant::now(), Cpu::of(function.pid())?);
        let mut slices = 0;
        let summary = loop {
            let invocation = function.invoke(&action).await?;
            // After each slice, because the log of half a million calls takes much memory.
            counts.take(aws);
            slices += 1;
            let Answer::Success(summary) = invocation.answer else {
                bail!("the sweep failed: {:#?}", invocation.answer);
            };
            if summary["nextToken"].is_null() {
                break summary;
            }
            action["nextToken"] = summary["nextToken"].clone();
        };
        let seconds = started.elapsed().as_secs_f64();
        Ok(SweepRun {
            seconds,
            cpu_seconds: (Cpu::of(function.pid())?.ms - cpu.ms) / 1e3,
            peak_memory_mib: process::peak_mib(function.pid())?,
            seen: count(&summary, "seen")?,
            written: count(&summary, "repaired")?,
            described: count(&summary, "described")?,
            slices,
            counts,
        })
    }
}

impl Counts {
    /// Adds the calls in the log, and empties it.
    fn take(&mut self, aws: &Emulator) {
        for call in aws.calls() {
            self.calls += 1;
            self.lists += usize::from(call.operation == "ListSecrets");
            let code = call.outcome.code().unwrap_or_default();
            self.throttles += usize::from(code.contains("Throttling"));
            if call.operation == "ReplicateSecretToRegions" {
                self.writes += 1;
                let (first, _) = self.write_times.unwrap_or((call.time.0, 0));
                self.write_times = Some((first, call.time.0));
            }
        }
        aws.forget_calls();
    }

    /// Returns the writes per second between the first and the last one. `None` without two writes.
    pub(crate) fn write_rate(&self) -> Option<f64> {
        let (first, last) = self.write_times.filter(|_| self.writes > 1)?;
        let seconds = Duration::from_millis(last - first).as_secs_f64();
        Some(number(self.writes - 1) / seconds.max(0.001))
    }
}

fn count(summary: &Value, field: &str) -> anyhow::Result<usize> {
    let count = summary[field].as_u64();
    let count = count.with_context(|| format!("{field} is missing in {summary}"))?;
    Ok(usize::try_from(count)?)
}

/// Runs the loop of `sweep.py`.
pub(super) async fn by_python(programs: &Programs, account: &Account) -> anyhow::Result<SweepRun> {
    let output = Command::new(programs.python())
        .args(["-c", include_str!("../../peer/sweep.py")])
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", account.aws().endpoint())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(
        output.status.success(),
        "sweep.py failed: {}",
        output.status
    );
    let mut counts = Counts::default();
    counts.take(account.aws());
    let run: SweepRun =
        serde_json::from_slice(&output.stdout).context("failed to read the output of sweep.py")?;
    Ok(SweepRun {
        described: run.seen,
        slices: 1,
        counts,
        ..run
    })
}
