//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures the function side by side with the alternatives.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure, print the tables, and save the results.
    Run(Box<Run>),
    /// Fail if the function executes more instructions than a limit until its first event.
    Budget(Budget),
    /// Compare `secret-replicator plan` with dry runs of the function in three Regions.
    Plan(Plan),
}

/// A part of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PartName {
    /// Cold start, first event, warm events, calls, memory.
    #[value(alias = "cold")]
    Events,
    /// Instructions until the first event, counted by callgrind.
    Instructions,
    /// Binaries and zips.
    Sizes,
    /// The sweep on the emulated AWS.
    Sweep,
    /// Events and sweeps under the processor share of several memory sizes.
    Memory,
    /// The benchmark of the policy.
    Policy,
}

/// A run of the measurements.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) programs: Programs,
    #[command(flatten)]
    pub(crate) amounts: Amounts,
    /// Measure only these parts and keep the results of the others
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<PartName>,
    /// The numbers of secrets to sweep
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1000,10000,100000,500000"
    )]
    pub(crate) sweep_secrets: Vec<usize>,
    /// The directory for `results.json` and files of the run
    #[arg(long, default_value = "target/bench")]
    pub(crate) output: PathBuf,
    /// The directory for `PERFORMANCE.md` and its plots, which are written only if it is given
    #[arg(long)]
    pub(crate) document: Option<PathBuf>,
}

/// The programs to measure.
#[derive(Debug, Args)]
pub(crate) struct Programs {
    /// The function's binary
    #[arg(long, default_value = "target/release/bootstrap")]
    pub(crate) bootstrap: PathBuf,
    /// The bare `lambda_runtime`
    #[arg(long, default_value = "target/release/hello")]
    pub(crate) hello: PathBuf,
    /// The bare SDK
    #[arg(long, default_value = "target/release/sdk")]
    pub(crate) sdk: PathBuf,
    /// A Python with the packages of `crates/bench/peer/requirements.txt`
    #[arg(long, default_value = "target/bench/peer/bin/python")]
    pub(crate) python: PathBuf,
}

/// The size of the measurements.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Amounts {
    /// Processes of each contender
    #[arg(long, default_value_t = 25)]
    pub(crate) rounds: usize,
    /// Warm events of each kind per process
    #[arg(long, default_value_t = 100)]
    pub(crate) events: usize,
    /// The number of secrets without replicas in a first sweep
    #[arg(long, default_value_t = 1000)]
    pub(crate) sweep_writes: usize,
    /// Secrets for the Python loop
    #[arg(long, default_value_t = 1000)]
    pub(crate) peer_secrets: usize,
    /// Secrets for a quick sweep with each memory size
    #[arg(long, default_value_t = 20_000)]
    pub(crate) memory_secrets: usize,
}

/// A check of the start against a limit.
#[derive(Debug, Args)]
pub(crate) struct Budget {
    /// The function's binary
    #[arg(long, default_value = "target/release/bootstrap")]
    pub(crate) bootstrap: PathBuf,
    /// The maximum number of instructions until it requests its first event
    #[arg(long)]
    pub(crate) limit: u64,
    /// The directory for files of the run
    #[arg(long, default_value = "target/bench")]
    pub(crate) output: PathBuf,
}

/// A comparison of a plan with dry runs.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The command-line tool's binary
    #[arg(long, default_value = "target/release/secret-replicator")]
    pub(crate) cli: PathBuf,
    /// The function's binary
    #[arg(long, default_value = "target/release/bootstrap")]
    pub(crate) bootstrap: PathBuf,
    /// The number of secrets in all Regions
    #[arg(long, default_value_t = 100_000)]
    pub(crate) secrets: usize,
    /// The number of secrets of which one has no replica; 1 is an account before its first sweep
    #[arg(long, default_value = "100")]
    pub(crate) missing_every: NonZeroUsize,
}

impl Run {
    /// Returns the parts to measure.
    pub(crate) fn parts(&self) -> &[PartName] {
        if self.only.is_empty() {
            PartName::value_variants()
        } else {
            &self.only
        }
    }
}
