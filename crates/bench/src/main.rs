//! The measurements behind `docs/PERFORMANCE.md`; `make bench` runs them all.
//!
//! * [`server`]: a Secrets Manager with fixed answers, over HTTP and HTTPS.
//! * [`contender`]: the programs that are compared.
//! * [`measure`]: start, events, instructions, sizes, memory sizes, policy.
//! * [`sweep`]: the sweep on the emulated AWS.
//! * [`plan`]: the plan of the command-line tool on the emulated AWS.
//! * [`report`]: tables, plots and the document.

mod contender;
mod event;
mod machine;
mod measure;
mod options;
mod plan;
mod prices;
mod processor_share;
mod report;
mod results;
mod server;
mod statistics;
mod sweep;

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use clap::Parser;
use measure::memory;
use options::{Budget, Command, Options, PartName, Run};
use processor_share::ProcessorShare;
use results::{Part, Results};
use server::Authority;

/// One thread: while a function works, this process only answers its calls.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Options::parse().command {
        Command::Run(options) => run(&options).await,
        Command::Budget(options) => budget(&options).await,
        Command::Plan(options) => plan::compare(&options).await,
    }
}

async fn run(options: &Run) -> anyhow::Result<()> {
    let (work, amounts) = (&options.output, options.amounts);
    create(work)?;
    let authority = Authority::new(work)?;
    let programs = contender::Programs::new(&options.programs, work, &authority)?;
    let file = work.join("results.json");
    let mut results = Results::default();
    for part in options.parts() {
        eprintln!("measuring {part:?}");
        match part {
            PartName::Events => {
                let rows = measure::events::measure(&programs, &authority, amounts).await?;
                results.events = Some(Part::new(rows)?);
            }
            PartName::Instructions => {
                let rows = measure::instructions::measure(&programs, work).await?;
                results.instructions = Some(Part::new(rows)?);
            }
            PartName::Sizes => {
                results.sizes = Some(Part::new(measure::sizes::measure(&programs, work)?)?);
            }
            PartName::Sweep => {
                let rows = sweep::measure(&programs, amounts, &options.sweep_secrets).await?;
                results.sweep = Some(Part::new(rows)?);
            }
            PartName::Memory => match ProcessorShare::check() {
                Ok(()) => {
                    let rows = memory::measure(&programs, amounts.into()).await?;
                    results.memory = Some(Part::new(rows)?);
                }
                Err(error) => eprintln!("not measured: {error:#}"),
            },
            PartName::Policy => {
                let tree = measure::policy::measure()?;
                results.policy_tree = Some(Part::new(vec![tree])?);
            }
        }
        // After each part, so that an error in a later one does not lose it.
        results.write(&file)?;
        if let Some(directory) = &options.document {
            report::write(&results, directory)?;
        }
    }
    report::print(&results);
    Ok(())
}

async fn budget(options: &Budget) -> anyhow::Result<()> {
    create(&options.output)?;
    let authority = Authority::new(&options.output)?;
    // The test root alone: the cost of reading others depends on the machine.
    let endpoint = measure::instructions::UNREACHABLE;
    let function = contender::lambda(&options.bootstrap, endpoint, authority.root());
    let count = measure::instructions::to_first_event(function, &options.output).await?;
    let limit = options.limit;
    println!("{count} instructions until the first event; the limit is {limit}");
    ensure!(
        count <= limit,
        "the start exceeds its limit: find the cause, or raise the limit and give the reason"
    );
    Ok(())
}

fn create(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("failed to create {}", directory.display()))
}
