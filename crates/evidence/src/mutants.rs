//! The figures of a run of cargo-mutants.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use serde::Deserialize;

use crate::figures::Part;

/// Options of `mutants`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The `outcomes.json` of each run
    #[arg(required = true)]
    outcomes: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Outcomes {
    outcomes: Vec<Outcome>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    scenario: Scenario,
    summary: Summary,
}

#[derive(Debug, Deserialize)]
enum Scenario {
    Baseline,
    Mutant(Mutant),
}

#[derive(Debug, Deserialize)]
struct Mutant {
    name: String,
    file: String,
}

/// What the tests made of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Summary {
    /// Of the baseline.
    Success,
    /// A test failed.
    CaughtMutant,
    /// The tests did not end, which nobody would overlook.
    Timeout,
    /// No test failed.
    MissedMutant,
    /// It does not compile.
    Unviable,
    /// The tools failed.
    Failure,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    caught: usize,
    missed: usize,
    unviable: usize,
}

impl Count {
    fn add(&mut self, summary: Summary) {
        match summary {
            Summary::CaughtMutant | Summary::Timeout => self.caught += 1,
            Summary::MissedMutant => self.missed += 1,
            Summary::Unviable => self.unviable += 1,
            Summary::Success | Summary::Failure => {}
        }
    }

    fn viable(self) -> usize {
        self.caught + self.missed
    }

    /// In tenths of a percent, rounded down, so that nothing is called more than it is.
    fn caught_share(self) -> String {
        let per_mille = self.caught * 1000 / self.viable().max(1);
        format!("{}.{} %", per_mille / 10, per_mille % 10)
    }
}

pub(crate) fn run(options: &Options, directory: &Path) -> anyhow::Result<ExitCode> {
    // By name, so that a later run about some of the mutants replaces what an earlier one said.
    let mut mutants = BTreeMap::new();
    for path in &options.outcomes {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let read: Outcomes =
            serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        for outcome in read.outcomes {
            if let Scenario::Mutant(mutant) = outcome.scenario {
                mutants.insert(mutant.name, (mutant.file, outcome.summary));
            }
        }
    }
    let mut files: BTreeMap<&str, Count> = BTreeMap::new();
    let mut all = Count::default();
    for (file, summary) in mutants.values() {
        files.entry(file).or_default().add(*summary);
        all.add(*summary);
    }
    println!("{}", by_file(&files));
    for (name, (_, summary)) in &mutants {
        if *summary == Summary::MissedMutant {
            println!("missed: {name}");
        }
    }
    let mut part = Part::new("make mutants");
    part.count("mutants", all.viable() + all.unviable);
    part.count("of these, viable", all.viable());
    part.count("caught", all.caught);
    part.count("missed", all.missed);
    part.text("caught, of the viable ones", all.caught_share());
    println!("{}", part.table());
    part.write(directory, "mutants")?;
    Ok(ExitCode::SUCCESS)
}

fn by_file(files: &BTreeMap<&str, Count>) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["file", "caught", "missed", "unviable", "caught of viable"]);
    for (file, count) in files {
        let Count {
            caught,
            missed,
            unviable,
        } = count;
        let counts = [caught, missed, unviable].map(usize::to_string);
        let cells = counts.into_iter().chain([count.caught_share()]);
        table.add_row(std::iter::once((*file).to_owned()).chain(cells));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unviable_mutants_do_not_count() {
        let mut count = Count::default();
        for summary in [
            Summary::CaughtMutant,
            Summary::Timeout,
            Summary::MissedMutant,
            Summary::Unviable,
        ] {
            count.add(summary);
        }
        assert_eq!(count.viable(), 3);
        assert_eq!(count.caught_share(), "66.6 %");
    }
}
