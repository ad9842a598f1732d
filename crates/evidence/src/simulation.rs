//! The figures of random worlds, and of the model that is checked in every order.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::figures::Part;

/// Options of `simulation`.
#[derive(Debug, clap::Args)]
pub(crate) struct Worlds {
    /// What `soak --json` has written, of each run
    #[arg(required = true)]
    tallies: Vec<PathBuf>,
}

/// Options of `model`.
#[derive(Debug, clap::Args)]
pub(crate) struct Model {
    /// What `model --json` has written
    checked: PathBuf,
}

/// Of `soak --json`, what the table shows.
#[derive(Debug, Deserialize)]
struct Tally {
    first_seed: usize,
    worlds: usize,
    events: usize,
    failure_queue: usize,
    invocations: usize,
    kills: usize,
    sweeps: usize,
    calls: usize,
    writes: usize,
    records: usize,
    faults_in_all: usize,
    violations: usize,
}

/// Of `model --json`, what the table shows.
#[derive(Debug, Deserialize)]
struct Checked {
    owner_acts: usize,
    states: usize,
    steps: usize,
    violations: usize,
    never_met: Vec<String>,
}

pub(crate) fn worlds(options: &Worlds, directory: &Path) -> anyhow::Result<ExitCode> {
    let tallies: Vec<Tally> = options.tallies.iter().map(read).collect::<Result<_, _>>()?;
    let sum = |field: fn(&Tally) -> usize| tallies.iter().map(field).sum::<usize>();
    let seeds = tallies.iter().map(|tally| {
        let last = tally.first_seed + tally.worlds.saturating_sub(1);
        format!("{} to {last}", tally.first_seed)
    });
    let mut part = Part::new("make soak");
    part.text("seeds", seeds.collect::<Vec<_>>().join(", "));
    part.count("worlds simulated", sum(|tally| tally.worlds));
    part.count("events delivered", sum(|tally| tally.events));
    part.count(
        "of these, in the failure queue",
        sum(|tally| tally.failure_queue),
    );
    part.count("invocations", sum(|tally| tally.invocations));
    part.count("of these, killed", sum(|tally| tally.kills));
    part.count("sweeps", sum(|tally| tally.sweeps));
    part.count("calls", sum(|tally| tally.calls));
    part.count("of these, writes", sum(|tally| tally.writes));
    part.count("records", sum(|tally| tally.records));
    part.count("faults injected", sum(|tally| tally.faults_in_all));
    part.count("worlds with a violation", sum(|tally| tally.violations));
    part.write(directory, "simulation")?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn model(options: &Model, directory: &Path) -> anyhow::Result<ExitCode> {
    let checked: Checked = read(&options.checked)?;
    let mut part = Part::new("make model");
    part.count("things that the owner does", checked.owner_acts);
    part.count("states", checked.states);
    part.count("steps", checked.steps);
    part.count("violations", checked.violations);
    part.count("situations never met", checked.never_met.len());
    part.write(directory, "model")?;
    Ok(ExitCode::SUCCESS)
}

fn read<T: DeserializeOwned>(path: impl AsRef<Path>) -> anyhow::Result<T> {
    let path = path.as_ref();
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))
}
