//! Plays random worlds, as many as are asked for.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use comfy_table::Table;
use secret_replicator_simulation::check::Violation;
use secret_replicator_simulation::keep;
use secret_replicator_simulation::scenario::Scenario;
use secret_replicator_simulation::soak;
use secret_replicator_simulation::tally::Tally;
use serde_json::json;

/// Plays random worlds and checks the invariants in each.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many worlds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The seed of the first one.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Only the world of this seed, made as small as it can be if something does not hold in it.
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Only the world of this file.
    #[arg(long, conflicts_with_all = ["seeds", "first", "seed"])]
    scenario: Option<PathBuf>,
    /// On how many threads; as many as there are processors, if it is not said.
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// Where the numbers are written as JSON, besides the table that is printed.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the smallest scenario that fails is written.
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
    let seconds = started.elapsed().as_secs_f64();
    print(&tally, seconds);
    if let Some(path) = &arguments.json {
        let mut object = json!(tally);
        object["first_seed"] = json!(arguments.first);
        object["faults_in_all"] = json!(tally.all_faults());
        object["seconds"] = json!(seconds);
        keep::write(path, &object)?;
    }
    Ok(code(tally.violations == 0))
}

fn one(seed: u64, failures: &Path) -> anyhow::Result<ExitCode> {
    let Some(failure) = soak::shrink(seed) else {
        println!("seed {seed}: everything holds");
        return Ok(ExitCode::SUCCESS);
    };
    println!("seed {seed}:");
    for violation in &failure.first {
        println!("  {violation}");
    }
    println!("smallest:");
    let path = failures.join(format!("{seed}.json"));
    keep::write(&path, &failure.scenario)?;
    println!("{}", failure.scenario.policy_text());
    println!("{}", serde_json::to_string(&failure.scenario)?);
    for violation in &failure.violations {
        println!("  {violation}");
    }
    println!("kept as {}", path.display());
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

fn print(tally: &Tally, seconds: f64) {
    let mut table = Table::new();
    table.set_header(["what", "number"]);
    let rows = [
        ("worlds simulated", tally.worlds),
        ("events delivered", tally.events),
        ("events in the failure queue", tally.failure_queue),
        ("invocations", tally.invocations),
        ("invocations that answered an error", tally.errors),
        ("invocations killed", tally.kills),
        ("sweeps", tally.sweeps),
        ("calls", tally.calls),
        ("writes among them", tally.writes),
        ("records", tally.records),
        ("faults injected", tally.all_faults()),
    ];
    for (what, number) in rows {
        table.add_row([what.to_owned(), number.to_string()]);
    }
    for (kind, number) in &tally.faults {
        table.add_row([format!("  {kind}"), number.to_string()]);
    }
    table.add_row(["worlds with a violation", &tally.violations.to_string()]);
    println!("{table}");
    println!("{seconds:.1} s");
}
