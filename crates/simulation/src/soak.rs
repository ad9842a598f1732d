//! Plays many worlds, and shrinks a scenario that violates an invariant.

use std::fs;
use std::num::NonZero;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, available_parallelism};
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use proptest::strategy::ValueTree;

use crate::check::{self, Violation};
use crate::generate::{self, failover::with_failover};
use crate::run;
use crate::scenario::Scenario;
use crate::tally::Tally;

/// Limits the scenarios that shrinking plays.
const MAX_STEPS: u32 = 4000;

/// Plays random worlds and checks the invariants in each.
#[derive(Debug, Parser)]
pub struct Options {
    /// The number of worlds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The seed of the first one.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Plays only the world of this seed, and shrinks it if it violates an invariant.
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Adds a failover to each world: overwriting is allowed, and replicas are promoted.
    #[arg(long)]
    failover: bool,
    /// Plays only the world in this file.
    #[arg(long, conflicts_with_all = ["seeds", "first", "seed"])]
    scenario: Option<PathBuf>,
    /// The number of threads. Defaults to the number of processors.
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// The directory for the smallest scenario that fails.
    #[arg(long, default_value = "target/simulation")]
    failures: PathBuf,
}

/// The worlds to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worlds {
    /// As generated.
    Any,
    /// With a failover in each.
    Failovers,
}

impl Worlds {
    fn new(failover: bool) -> Self {
        if failover { Self::Failovers } else { Self::Any }
    }

    fn of(self, scenario: Scenario) -> Scenario {
        match self {
            Self::Any => scenario,
            Self::Failovers => with_failover(scenario),
        }
    }
}

/// Plays the worlds and prints the violations. The exit code is a failure if there are any.
///
/// # Errors
/// If a scenario cannot be read or written.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let holds = if let Some(path) = &options.scenario {
        let violations = violations(&read(path)?);
        print(&violations);
        violations.is_empty()
    } else if let Some(seed) = options.seed {
        let failure = shrink(seed, Worlds::new(options.failover));
        match &failure {
            None => println!("seed {seed}: no violations"),
            Some(failure) => report(seed, failure, &options.failures)?,
        }
        failure.is_none()
    } else {
        let started = Instant::now();
        let seeds = options.first..options.first + options.seeds;
        let threads = options.threads.map_or_else(available_parallelism, Ok)?;
        let (tally, failed) = soak(seeds, Worlds::new(options.failover), threads);
        print!("{tally}");
        println!("{:.1} s", started.elapsed().as_secs_f64());
        failed.is_empty()
    };
    Ok(ExitCode::from(u8::from(!holds)))
}

fn report(seed: u64, failure: &Failure, directory: &Path) -> anyhow::Result<()> {
    println!("seed {seed}:");
    print(&failure.first);
    println!("smallest scenario with the same violation:");
    println!("{}", failure.scenario.policy_text());
    print(&failure.violations);
    let path = directory.join(format!("{seed}.json"));
    let text = serde_json::to_string_pretty(&failure.scenario)? + "\n";
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(&path, text))
        .with_context(|| format!("failed to write {}", path.display()))?;
    println!("written to {}", path.display());
    Ok(())
}

fn print(violations: &[Violation]) {
    for violation in violations {
        println!("  {violation}");
    }
}

/// Reads a scenario from a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Scenario> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("failed to read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("failed to parse {}", path.display()))
}

/// Plays the scenarios of these seeds on this many threads, and prints violations as they are found.
/// Returns the counts and the seeds with violations.
///
/// # Panics
/// If anything but the function panics.
pub(crate) fn soak(
    seeds: Range<u64>,
    worlds: Worlds,
    threads: NonZero<usize>,
) -> (Tally, Vec<u64>) {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let (mut tally, mut failed) = (Tally::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return (tally, failed);
            }
            let scenario = worlds.of(generate::tree(seed).current());
            let run = run::play(&scenario);
            let violations = check::violations(&scenario, &run);
            tally.count(&scenario, &run, violations.len());
            for violation in &violations {
                eprintln!("seed {seed}: {violation}");
            }
            failed.extend((!violations.is_empty()).then_some(seed));
        }
    };
    let (mut sum, mut all_failed) = (Tally::default(), Vec::new());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get()).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (tally, failed) = worker.join().expect("no panic outside the function");
            sum.merge(&tally);
            all_failed.extend(failed);
        }
    });
    (sum, all_failed)
}

/// Plays a scenario and returns its violations.
pub(crate) fn violations(scenario: &Scenario) -> Vec<Violation> {
    check::violations(scenario, &run::play(scenario))
}

/// A scenario that violates an invariant.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The violations in the seed's scenario.
    first: Vec<Violation>,
    /// The smallest scenario found that violates the same invariant.
    pub(crate) scenario: Scenario,
    /// The violations in the smallest scenario.
    pub(crate) violations: Vec<Violation>,
}

/// Returns the smallest scenario found that violates the same invariant as the seed's scenario.
/// `None` if that one has no violation.
pub(crate) fn shrink(seed: u64, worlds: Worlds) -> Option<Failure> {
    let mut tree = generate::tree(seed);
    let scenario = worlds.of(tree.current());
    let first = violations(&scenario);
    let invariant = first.first()?.invariant;
    let mut smallest = Failure {
        first: first.clone(),
        scenario,
        violations: first,
    };
    let mut is_failing = true;
    for _ in 0..MAX_STEPS {
        let has_moved = if is_failing {
            tree.simplify()
        } else {
            tree.complicate()
        };
        if !has_moved {
            break;
        }
        let scenario = worlds.of(tree.current());
        let violations = violations(&scenario);
        is_failing = violations.iter().any(|found| found.invariant == invariant);
        if is_failing {
            smallest.scenario = scenario;
            smallest.violations = violations;
        }
    }
    Some(smallest)
}
