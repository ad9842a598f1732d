//! The figures that show how far the function can be trusted.
//!
//! * [`burst`]: ten thousand events at once, with AWS's quotas and faults; `make burst`.
//! * [`fuzz`] and [`mutants`]: what `make fuzz` and `make mutants` have found, as figures.
//! * [`figures`]: the form that every part writes its figures in, and the table of them all;
//!   `make evidence`.

mod burst;
mod figures;
mod fuzz;
mod mutants;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Gathers and prints the figures behind docs/RELIABILITY.md.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where the parts keep their figures
    #[arg(long, default_value = "target/evidence", global = true)]
    figures: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send a burst of events to the function on a local AWS, and account for each.
    Burst(burst::Options),
    /// Count the executions in the logs of a fuzzing run.
    Fuzz(fuzz::Options),
    /// Count the mutants of a run of cargo-mutants.
    Mutants(mutants::Options),
    /// Print the figures of every part.
    Table,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let directory = &arguments.figures;
    match &arguments.command {
        Command::Burst(options) => burst::run(options, directory).await,
        Command::Fuzz(options) => fuzz::run(options, directory),
        Command::Mutants(options) => mutants::run(options, directory),
        Command::Table => {
            println!("{}", figures::all(directory)?);
            Ok(ExitCode::SUCCESS)
        }
    }
}
