//! `soak`: plays random worlds and checks the invariants in each.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use secret_replicator_simulation::check::Violation;
use secret_replicator_simulation::keep;
use secret_replicator_simulation::scenario::Scenario;
use secret_replicator_simulation::soak;

/// Plays random worlds and checks the invariants in each.
#[derive(Debug, Parser)]
struct Arguments {
    /// The number of worlds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The seed of the first one.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Plays only the world of this seed, and shrinks it if an invariant does not hold.
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Plays only the world of this file.
    #[arg(long, conflicts_with_all = ["seeds", "first", "seed"])]
    scenario: Option<PathBuf>,
    /// The number of threads. Defaults to the number of processors.
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// The directory for the smallest scenario that fails.
    #[arg(long, default_value = "target/simulation")]
    failures: PathBuf,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(path) = &arguments.scenario {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let scenario: Scenario = serde_json::from_str(&text)?;
        return Ok(verdict(&soak::violations(&scenario)));
    }
    if let Some(seed) = arguments.seed {
        return one(seed, &arguments.failures);
    }
    let started = Instant::now();
    let seeds = arguments.first..arguments.first + arguments.seeds;
    let threads = arguments.threads.map_or_else(available_parallelism, Ok)?;
    let tally = soak::soak(seeds, threads, |seed, violations| {
        for violation in violations {
            eprintln!("seed {seed}: {violation}");
        }
    });
    println!("{tally}");
    println!("{:.1} s", started.elapsed().as_secs_f64());
    Ok(code(tally.violations == 0))
}

fn one(seed: u64, failures: &Path) -> anyhow::Result<ExitCode> {
    let Some(failure) = soak::shrink(seed) else {
        println!("seed {seed}: every invariant holds");
        return Ok(ExitCode::SUCCESS);
    };
    println!("seed {seed}:");
    for violation in &failure.first {
        println!("  {violation}");
    }
    println!("smallest scenario with the same violation:");
    let path = failures.join(format!("{seed}.json"));
    keep::write(&path, &failure.scenario)?;
    println!("{}", failure.scenario.policy_text());
    println!("{}", serde_json::to_string(&failure.scenario)?);
    for violation in &failure.violations {
        println!("  {violation}");
    }
    println!("written to {}", path.display());
    Ok(ExitCode::FAILURE)
}

fn verdict(violations: &[Violation]) -> ExitCode {
    for violation in violations {
        println!("{violation}");
    }
    code(violations.is_empty())
}

fn code(holds: bool) -> ExitCode {
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
