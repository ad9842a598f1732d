//! The instructions that a process executes until it requests its first event.
//!
//! callgrind counts them, so the figure hardly depends on the load of the machine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use secret_replicator_emulator::{Lambda, LambdaSettings};

use crate::contender::{Contender, Programs, write_executable};
use crate::results::InstructionsResult;

/// An endpoint that refuses connections: no contender calls AWS before its first event.
pub(crate) const UNREACHABLE: &str = "http://127.0.0.1:9";

/// The time limit for callgrind to write its file.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Counts the instructions of every contender.
pub(crate) async fn measure(
    programs: &Programs,
    work: &Path,
) -> anyhow::Result<Vec<InstructionsResult>> {
    let mut rows = Vec::new();
    for contender in Contender::ALL {
        let settings = programs.lambda(programs.entry(contender), UNREACHABLE);
        rows.push(InstructionsResult {
            contender,
            instructions: to_first_event(settings, work).await?,
        });
    }
    Ok(rows)
}

/// Counts the instructions of one function.
pub(crate) async fn to_first_event(
    mut settings: LambdaSettings,
    work: &Path,
) -> anyhow::Result<u64> {
    let valgrind = valgrind()?;
    let output = std::path::absolute(work.join("callgrind.out"))?;
    if output.exists() {
        fs::remove_file(&output)?;
    }
    let program = std::path::absolute(&settings.bootstrap)?;
    let script = work.join("under-callgrind");
    let text = format!(
        "#!/bin/sh\nexec '{valgrind}' --tool=callgrind --callgrind-out-file='{}' '{}'\n",
        output.display(),
        program.display()
    );
    write_executable(&script, &text)?;
    let task_root = program
        .parent()
        .context("the program has no directory")?
        .to_string_lossy();
    settings = settings
        .with_env("LAMBDA_TASK_ROOT", task_root)
        .with_init_timeout(Duration::from_mins(5));
    settings.bootstrap = script;
    let function = Lambda::start(settings).await?;
    let pid = function.pid().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(Pid::from_raw).context("the process ended")?;
    // callgrind writes its file when a signal other than SIGKILL ends the process.
    kill_process(pid, Signal::TERM)?;
    written_total(&output).await
}

/// Returns the path of valgrind. The function's environment has another PATH.
fn valgrind() -> anyhow::Result<String> {
    let found = Command::new("sh")
        .args(["-c", "command -v valgrind"])
        .output()?;
    ensure!(
        found.status.success(),
        "failed to find valgrind, which counts the instructions: install the package `valgrind`"
    );
    Ok(String::from_utf8(found.stdout)?.trim().to_owned())
}

/// Waits for callgrind's file and returns its total.
async fn written_total(path: &Path) -> anyhow::Result<u64> {
    let started = Instant::now();
    while started.elapsed() < TIMEOUT {
        let text = fs::read_to_string(path).unwrap_or_default();
        if let Some(total) = total(&text) {
            return Ok(total);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("callgrind wrote no total to {}", path.display());
}

/// Returns the total. It is the last line, so the file is complete.
fn total(callgrind: &str) -> Option<u64> {
    let mut lines = callgrind.lines();
    let total = lines.find_map(|line| line.strip_prefix("totals: "));
    total?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_once_it_is_written() {
        assert_eq!(total("summary: 12\nfn=(1) main\n1 12\n"), None);
        assert_eq!(total("fn=(1) main\n1 12\n\ntotals: 12\n"), Some(12));
    }
}
