//! How many instructions a process executes until it asks for its first event.
//!
//! callgrind counts them, so the figure hardly depends on what else the machine does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use secret_replicator_emulator::{Lambda, LambdaSettings};

use crate::contender::{Contender, Programs, write_executable};
use crate::results::InstructionsResult;

/// Nothing is called before the first event; a call would be refused here.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9";

/// How long callgrind may take to write what it counted.
const PATIENCE: Duration = Duration::from_mins(1);

/// Counts every contender's.
pub(crate) async fn measure(
    programs: &Programs,
    work: &Path,
) -> anyhow::Result<Vec<InstructionsResult>> {
    let mut rows = Vec::new();
    for contender in Contender::ALL {
        let settings = programs.lambda(programs.entry(contender), NOWHERE);
        rows.push(InstructionsResult {
            contender,
            instructions: to_first_event(settings, work).await?,
        });
    }
    Ok(rows)
}

/// Counts one function's.
pub(crate) async fn to_first_event(settings: LambdaSettings, work: &Path) -> anyhow::Result<u64> {
    let counted = counted(settings, work, async |_| Ok(())).await?;
    total(&counted).context("there is a total")
}

/// What callgrind writes of a function that starts and is then given some events.
pub(super) async fn counted(
    mut settings: LambdaSettings,
    work: &Path,
    events: impl AsyncFnOnce(&mut Lambda) -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    let valgrind = valgrind()?;
    let counted = std::path::absolute(work.join("callgrind.out"))?;
    if counted.exists() {
        fs::remove_file(&counted)?;
    }
    let program = std::path::absolute(&settings.bootstrap)?;
    let script = work.join("under-callgrind");
    let text = format!(
        "#!/bin/sh\nexec '{}' --tool=callgrind --callgrind-out-file='{}' '{}'\n",
        valgrind.display(),
        counted.display(),
        program.display()
    );
    write_executable(&script, &text)?;
    let task_root = program.parent().context("a directory")?.to_string_lossy();
    settings = settings
        .with_env("LAMBDA_TASK_ROOT", task_root)
        .with_init_timeout(Duration::from_mins(5));
    settings.bootstrap = script;
    let mut function = Lambda::start(settings).await?;
    events(&mut function).await?;
    let pid = function.pid().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(Pid::from_raw).context("it has ended")?;
    // callgrind writes its file when the process ends by a signal that can be caught.
    kill_process(pid, Signal::TERM)?;
    written(&counted).await
}

/// Where valgrind is.
fn valgrind() -> anyhow::Result<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&search)
        .map(|directory| directory.join("valgrind"))
        .find(|program| program.is_file())
        .context("valgrind counts the instructions: install the package `valgrind`")?;
    let answer = Command::new(&found)
        .arg("--version")
        .stdout(Stdio::null())
        .status()?;
    ensure!(answer.success(), "{} does not run", found.display());
    Ok(found)
}

async fn written(path: &Path) -> anyhow::Result<String> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let text = fs::read_to_string(path).unwrap_or_default();
        if total(&text).is_some() {
            return Ok(text);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("callgrind wrote no total to {}", path.display());
}

/// The total is the last line, so the file is complete with it.
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
