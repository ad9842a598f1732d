//! The figures of a fuzzing run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};

use crate::figures::Part;

/// Options of `fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// What libFuzzer has printed with `-print_final_stats=1`: one file for each target, named by it
    #[arg(required = true)]
    logs: Vec<PathBuf>,
}

/// libFuzzer's own count.
const EXECUTED: &str = "stat::number_of_executed_units:";
const PEAK_MEMORY: &str = "stat::peak_rss_mb:";

pub(crate) fn run(options: &Options, directory: &Path) -> anyhow::Result<ExitCode> {
    let mut part = Part::new("make fuzz");
    let mut total = 0;
    let mut peak = 0;
    for path in &options.logs {
        let log =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let target = path.file_stem().unwrap_or_default().to_string_lossy();
        let executed = stat(&log, EXECUTED).with_context(|| format!("in the log of {target}"))?;
        peak = peak.max(stat(&log, PEAK_MEMORY).unwrap_or_default());
        total += executed;
        part.count(format!("executions of {target}"), executed);
    }
    ensure!(total > 0, "nothing was executed");
    part.count("executions", total);
    // libFuzzer ends at the first finding, and `make fuzz` with it, before anything is counted.
    part.count("panics, hangs and excesses of memory", 0);
    part.text("peak memory, fuzzer included", format!("{peak} MiB"));
    println!("{}", part.table());
    part.write(directory, "fuzz")?;
    Ok(ExitCode::SUCCESS)
}

fn stat(log: &str, name: &str) -> anyhow::Result<usize> {
    let value = log.lines().rev().find_map(|line| line.strip_prefix(name));
    let value = value.with_context(|| format!("there is no `{name}`"))?;
    Ok(value.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_count_of_a_log_is_read() {
        let log = "Done 3 runs\nstat::number_of_executed_units: 12\nstat::peak_rss_mb:  41\n";
        assert_eq!(stat(log, EXECUTED).unwrap(), 12);
        assert_eq!(stat(log, PEAK_MEMORY).unwrap(), 41);
        assert!(stat("Done 3 runs", EXECUTED).is_err());
    }
}
